"""The stage of nuisances in a plan: whether there is one, where, of how many latents, at which pressure."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.conclusions import conclude_spectrum
from analysis.findings import Findings, NuisanceFindings
from analysis.plain_json import json_bytes, read_json
from analysis.records import read_record
from analysis.stage_plan import FORMAT, StagePlan
from analysis.stages import plan_stages
from annealing.errors import IFPError

POINTS = {"posX": 100.0, "scale": 40.0, "shape": 8.0}


def known(values, points=POINTS, names=("background",)):
    """Findings by conditional values, with points about them in 30 contexts, and freezing points of the nuisances."""
    spread = np.geomspace(0.9, 1 / 0.9, 30)
    table = [(name, number, point * turn) for name, point in points.items() for number, turn in enumerate(spread)]
    return conclude_spectrum(
        pd.DataFrame(table, columns=["factor", "context", "spectral_beta"]).assign(dataset="shapes"),
        seed=3,
        fingerprint="abc",
        image_shape=(64, 64, 1),
        likelihood="bernoulli",
        conditional=points,
        nuisances=NuisanceFindings(names, tuple(values)),
    )


def rows(plan):
    return [(stage.factors, len(stage.latents), stage.pressure) for stage in plan.stages]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            (400.0, 150.0, 60.0),
            [(("background",), 2, 75.0), (("posX",), 1, 40.0), (("scale",), 1, 8.0), (("shape",), 1, 1.0)],
        ),
        (
            (90.0, 60.0, 45.0, 30.0),
            [(("posX",), 1, 50.0), (("background",), 3, 22.5), (("scale",), 1, 8.0), (("shape",), 1, 1.0)],
        ),
        (
            (30.0, 20.0, 16.0, 12.0, 9.0),  # no more latents than factors
            [(("posX",), 1, 40.0), (("scale",), 1, 20.0), (("background",), 3, 8.0), (("shape",), 1, 1.0)],
        ),
    ],
)
def test_the_stage_stands_before_what_it_hides_with_a_latent_per_freezing_point_above_that(values, expected):
    plan = plan_stages(known(values))
    assert [row[:2] for row in rows(plan)] == [row[:2] for row in expected]
    assert [stage.pressure for stage in plan.stages] == pytest.approx([row[2] for row in expected])
    assert plan.format == FORMAT
    assert StagePlan.from_json(plan.to_json()) == StagePlan.from_json(StagePlan.from_json(plan.to_json()).to_json())


def test_the_stage_before_is_held_at_the_first_freezing_point_of_the_nuisance():
    assert plan_stages(known((45.0, 42.0))).stages[0].pressure == 45.0


@pytest.mark.parametrize("values", [(7.9, 3.0), (0.5,)])
def test_a_nuisance_that_freezes_below_all_factors_has_no_stage(values):
    assert plan_stages(known(values)) == plan_stages(replace(known(values), nuisances=None))


def test_a_factor_below_the_final_pressure_is_not_hidden():
    found = known((1.5,), {"posX": 100.0, "shape": 0.8})
    assert rows(plan_stages(found)) == rows(plan_stages(replace(found, nuisances=None)))


def test_a_nuisance_too_near_the_final_pressure_has_no_stage_but_a_warning():
    found = known((1.6,), {"posX": 100.0, "shape": 1.2})
    plan = plan_stages(found)
    assert rows(plan) == rows(plan_stages(replace(found, nuisances=None)))
    assert "background freezes at 1.6 nats, too near the final pressure 1" in " ".join(plan.warnings)
    assert ("background",) in [stage.factors for stage in plan_stages(found, stages=3).stages]


def test_without_conditional_values_of_all_factors_nothing_is_compared():
    found = known((400.0,))
    alone = replace(found, conditional={})
    assert plan_stages(alone) == plan_stages(replace(alone, nuisances=None))


def test_evidence_and_warnings_are_its_own_and_those_of_factors_as_without_it():
    plan = plan_stages(known((90.0, 60.0, 45.0, 30.0), names=("background", "colour")))
    stage = plan.stages[1]
    assert stage.factors == ("background", "colour")
    told = "\n".join(stage.evidence)
    assert "background and colour: no factor" in told
    assert "freezes by itself at 90, 60, 45, 30 nats, eigenvalues of V^-1/2 C V^-1/2" in told
    assert "3 of its freezing points lie above all factors after it, the highest at 40 nats" in told
    assert "1 more, without a latent, lie above the lowest factor after it, 8 nats" in told
    assert "known that freeze before" not in told
    assert "resamples" not in told
    assert plan.warnings == plan_stages(replace(known((1.0,)), nuisances=None)).warnings


def test_contexts_drawn_anew_group_the_factors_alone():
    found = known((400.0, 150.0))
    plan, without = plan_stages(found), plan_stages(replace(found, nuisances=None))
    assert plan.source == without.source
    kept = [[line for line in stage.evidence if "resample" in line] for stage in plan.stages]
    assert kept == [[], *([line for line in stage.evidence if "resample" in line] for stage in without.stages)]
    assert all(kept[1:])


def test_the_stage_is_as_long_as_one_of_a_single_factor():
    shares = [stage.share for stage in plan_stages(known((400.0, 390.0))).stages]
    assert shares == pytest.approx([0.25] * 4)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, [("posX", "scale", "shape")]),
        (2, [("background",), ("posX", "scale", "shape")]),
        (4, [("background",), ("posX",), ("scale",), ("shape",)]),
    ],
)
def test_it_counts_as_one_of_the_stages_that_are_asked_for(count, expected):
    assert [stage.factors for stage in plan_stages(known((400.0,)), stages=count).stages] == expected


def test_pressures_that_are_given_are_those_of_its_stage_too():
    plan = plan_stages(known((400.0, 150.0)), pressures=(90.0, 30.0, 3.0))
    assert [stage.factors[0] for stage in plan.stages] == ["background", "posX", "shape"]
    assert [stage.pressure for stage in plan.stages] == [90.0, 30.0, 3.0]
    assert "90 nats, as given" in plan.stages[0].evidence


def test_more_stages_than_factors_and_the_nuisance_are_refused():
    with pytest.raises(IFPError, match="need 1 to 4 stages for 3 factors and one of background, got 5"):
        plan_stages(known((400.0,)), stages=5)


def test_a_nuisance_among_the_factors_of_one_stage_stands_before_it_with_a_warning():
    plan = plan_stages(known((60.0,)), stages=2)
    assert [stage.factors for stage in plan.stages] == [("background",), ("posX", "scale", "shape")]
    assert "background freezes at 60 nats, among posX and scale and shape" in " ".join(plan.warnings)


def test_names_of_factors_like_those_of_the_nuisance_s_latents_do_no_harm():
    points = {"image 1": 100.0, "image 2": 40.0, "image*": 8.0}
    plan = plan_stages(known((400.0, 150.0), points, names=("image",)))
    assert [stage.factors for stage in plan.stages] == [("image",), ("image 1",), ("image 2",), ("image*",)]


def test_findings_are_read_with_nuisances_and_those_of_before_without():
    found = known((400.0, 150.0))
    told = read_json(json_bytes(found).decode())
    assert read_record(Findings, told, "findings").nuisances == found.nuisances
    del told["nuisances"]
    assert read_record(Findings, told, "findings").nuisances is None
