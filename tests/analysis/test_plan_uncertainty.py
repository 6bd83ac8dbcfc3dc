"""How sure a plan is: against the binomial law, a bootstrap written out in numpy, and contexts where nothing varies."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.conclusions import conclude_spectrum
from analysis.findings import Findings
from analysis.groups import NEGLIGIBLE, natural_groups
from analysis.plain_json import json_bytes
from analysis.plan_uncertainty import RESAMPLES, resample
from analysis.records import read_record
from analysis.stages import plan_stages
from annealing.errors import IFPError


def made_findings(points, **more):
    """Findings of closed-form points over shared contexts; NaN where a factor has none."""
    rows = [(name, context, beta) for name, each in points.items() for context, beta in enumerate(each)]
    table = pd.DataFrame(rows, columns=["factor", "context", "spectral_beta"]).assign(dataset="made")
    about = {"seed": 0, "fingerprint": "", "image_shape": (8, 8, 1), "likelihood": "bernoulli"}
    return conclude_spectrum(table, **about, **more)


def groups_of(points):
    """The rule written out: medians order, shares of contexts join."""
    groups = []
    for name in sorted(points, key=lambda each: (-np.nanmedian(points[each]), each)):
        for other in groups[-1] if groups else ():
            there = ~np.isnan(points[name] + points[other]) & (points[name] > 0) & (points[other] > 0)
            a, b = points[name][there], points[other][there]
            if abs(np.mean(a > b) - np.mean(a < b)) >= NEGLIGIBLE:
                groups.append([name])
                break
        else:
            groups = [*groups[:-1], [*groups[-1], name]] if groups else [[name]]
    return groups


DRAWN = 1000


def bootstrap(points, resamples=DRAWN, seed=11):
    """The groups of every resample, contexts drawn whole."""
    contexts = len(next(iter(points.values())))
    drawn = np.random.default_rng(seed).integers(contexts, size=(resamples, contexts))
    return [groups_of({name: each[row] for name, each in points.items()}) for row in drawn]


def near(share, other, resamples=DRAWN):
    """Whether two shares, one of 500 resamples, differ by no more than four standard errors."""
    return abs(share - other) <= 4 * np.sqrt(other * (1 - other) * (1 / RESAMPLES + 1 / resamples)) + 1e-9


def factors_of(plan):
    return [set(stage.factors) for stage in plan.stages]


@pytest.mark.parametrize("wins", [61, 66, 75])
def test_two_constant_factors_are_told_apart_as_often_as_the_binomial_law_says(wins):
    contexts = 101
    a = np.where(np.arange(contexts) < wins, 51.0, 49.0)
    plan = plan_stages(made_findings({"a": a, "b": np.full(contexts, 50.0)}))
    least = int(np.ceil((1 + NEGLIGIBLE) / 2 * contexts))  # resampled contexts in which a must be first
    share = stats.binom.sf(least - 1, contexts, wins / contexts)
    assert factors_of(plan) == [{"a"}, {"b"}]
    assert near(plan.source["kept"], share, np.inf)
    said = f"kept in {plan.source['kept']:.0%} of 500 resamples of the contexts"
    assert all(said in stage.evidence for stage in plan.stages)
    warned = [each for each in plan.warnings if each == f"the boundary between a and b is {said}"]
    assert len(warned) == (plan.source["kept"] < 0.8)


@pytest.mark.parametrize("shift", [1.05, 1.02])
def test_a_shifted_factor_parts_as_often_as_in_a_bootstrap_written_out(shift):
    noise = np.random.default_rng(3).normal(0, 0.1, (2, 60))
    points = {"a": 50 * shift * np.exp(noise[0]), "b": 50 * np.exp(noise[1]), "c": np.full(60, 5.0)}
    found = made_findings(points)
    groups, every = natural_groups(found), bootstrap(points)
    expected = np.mean([each == groups_of(points) for each in every])
    assert [[each.factor for each in group] for group in groups] == groups_of(points)
    assert near(resample(found).share_kept(groups), expected)


def test_each_resample_is_grouped_as_its_contexts_alone_would_be():
    noise = np.random.default_rng(5).normal(0, 0.3, (5, 30))
    points = {f"f{k}": (30 + 3 * k) * np.exp(row) for k, row in enumerate(noise)}
    points["f1"][4:12] = np.nan
    points["f2"][10:20] = 0.0
    found = resample(made_findings(points), 100)
    every = bootstrap(points, 100, seed=0)  # the same draws
    for name in points:
        assert found.place[name].tolist() == [
            next(at for at, group in enumerate(groups) if name in group) for groups in every
        ]


def test_contexts_are_drawn_whole():
    low = 50 * np.exp(np.random.default_rng(2).normal(0, 1.0, 40))  # spreads by far more than the two lie apart
    plan = plan_stages(made_findings({"a": 1.01 * low, "b": low}))
    assert plan.source["kept"] == 1.0
    assert not any("resamples" in each for each in plan.warnings)


def unstable():
    """Three factors of one distribution of which two were joined, and one that lies far below."""
    noise = np.random.default_rng(8).normal(0, 0.3, (3, 20))
    return {**{name: 50 * np.exp(row) for name, row in zip("xyz", noise, strict=True)}, "low": np.full(20, 8.0)}


def test_a_boundary_that_most_resamples_lack_is_none_unless_the_stages_were_counted():
    points = unstable()
    first, second, *_ = groups_of(points)
    kept = np.mean(
        [
            max(i for i, group in enumerate(groups) if {*first} & {*group})
            < min(i for i, group in enumerate(groups) if {*second} & {*group})
            for groups in bootstrap(points)
        ]
    )
    assert kept < 0.5
    found = made_findings(points)
    plan = plan_stages(found)
    assert {*first, *second} in factors_of(plan)
    assert plan.stages[-1].factors == ("low",)
    assert any("one stage for all of them" in each for each in plan.warnings)
    counted = plan_stages(found, stages=len(groups_of(points)))
    assert factors_of(counted) == [set(group) for group in groups_of(points)]
    warned = next(each for each in counted.warnings if each.startswith("the boundary between"))
    assert near(int(warned.split("% of")[0].split()[-1]) / 100, kept)


def test_no_merging_puts_together_what_freezes_one_after_the_other():
    noise = np.random.default_rng(254).normal(0, 0.03, (3, 30))
    points = {"a": 50.6 * np.exp(noise[0]), "b": 50.2 * np.exp(4 * noise[1]), "c": 49 * np.exp(noise[2])}
    found = resample(made_findings(points))
    kept = {x + y: float(np.mean(found.place[x] < found.place[y])) for x, y in ("ab", "bc", "ac")}
    assert max(kept["ab"], kept["bc"]) < 0.5 < 0.8 < kept["ac"]
    a, b, c = found.findings.factors
    assert found.merged([[a], [b], [c]])[0] == [[a], [b, c]]  # though a's boundary is not kept in half of them either


def test_findings_without_points_are_planned_as_before_and_tell_no_uncertainty():
    found = made_findings(unstable())
    value = json.loads(json_bytes(found))
    assert read_record(Findings, value, "findings") == found
    for factor in value["factors"]:
        del factor["planning_points"]
    old = read_record(Findings, value, "findings")
    plan = plan_stages(old)
    assert factors_of(plan) == [set(group) for group in groups_of(unstable())]
    assert "kept" not in plan.source
    assert not any("resampl" in line for stage in plan.stages for line in (*stage.evidence, *plan.warnings))


def test_one_set_of_findings_has_one_plan_in_whatever_order():
    points = unstable()
    plans = [plan_stages(made_findings({name: points[name] for name in order})) for order in (points, [*points][::-1])]
    assert plans[0] == plans[1] == plan_stages(made_findings(points))


def test_values_of_the_whole_order_are_not_resampled_and_the_plan_says_so():
    points = unstable()
    order = {"low": 90.0, "x": 60.0, "y": 40.0, "z": 20.0}
    plan = plan_stages(made_findings(points, conditional=order))
    assert [stage.factors for stage in plan.stages] == [("low",), ("x",), ("y",), ("z",)]
    (said,) = (line for line in plan.stages[0].evidence if "resampl" in line)
    assert said == (
        "conditional values are of all images, not of contexts, and not resampled; by each factor alone in its "
        "context the stage is kept in 0% of 500 resamples of the contexts"
    )
    assert not any("resampl" in each for each in plan.warnings)
    known = plan_stages(made_findings(points, conditional={"x": 60.0, "low": 8.0}))
    assert any("conditional values of x, low as they are" in line for line in known.stages[0].evidence)


def test_points_of_other_contexts_are_refused():
    found = made_findings({"a": [3.0, 4.0], "b": [1.0, 2.0]})
    a, b = found.factors
    with pytest.raises(IFPError, match="need points of all factors in the same planning contexts"):
        replace(found, factors=(a, replace(b, planning_points=(1.0,))))
    with pytest.raises(IFPError, match="need pressures from 0 on as freezing points of b"):
        replace(found, factors=(a, replace(b, planning_points=(1.0, -2.0))))
