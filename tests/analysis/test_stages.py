"""Plans of made-up findings worked out by hand, and the strictness of the plan's reader."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.distributions import compare_paired, overlap, summarise
from analysis.findings import FORMAT as FINDINGS_FORMAT
from analysis.findings import QUANTILES, Brackets, FactorFindings, Findings
from analysis.mixing import PairMixing
from analysis.plain_json import json_bytes
from analysis.separability import PairFindings
from analysis.stage_plan import StagePlan
from analysis.stages import plan_stages
from annealing.errors import IFPError, PlanError

RELATIVE_BETA = (0.3, 0.45, 0.7, 1.0)
SPREAD = np.linspace(-1, 1, 201)  # over contexts; symmetric about 0, so that medians are exact
DSPRITES = {"shape": 73.0, "scale": 132.0, "orientation": 36.0, "posX": 181.0, "posY": 181.0}


def course(median, width=0.05, turn=1):
    """A factor's freezing points over the contexts."""
    return median * np.exp(turn * width * SPREAD)


def made_findings(points, measured=None, gains=None):
    """Findings with these freezing points over shared contexts; ``measured``: points found of 8, by factor."""
    points = {name: course(each) if np.isscalar(each) else np.asarray(each) for name, each in points.items()}
    nothing = summarise(())

    def factor(name):
        found = (measured or {}).get(name, 8)
        ifp = summarise(points[name][:found])
        gain = (gains or {}).get(name, 1.0)
        return FactorFindings(
            factor=name,
            cases=8,
            freezing=ifp,
            melting=ifp,
            ifp=ifp,
            spectral=nothing,
            planning=summarise(points[name]),
            planning_quantiles=tuple(np.quantile(points[name], QUANTILES)) if len(points[name]) else (),
            entropy=np.log(8),
            slope=2.0,
            statuses={"ok": found, "never_froze": 8 - found},
            brackets=Brackets(found, 0, 8 - found, 0),
            bracket_width=1.2,
            nats=tuple(gain * np.log(1 / ratio) for ratio in RELATIVE_BETA),
        )

    def pair(first, second):
        a, b = points[first], points[second]
        return PairFindings(first, second, "planning", overlap(a, b), compare_paired(a, b), 0.01)

    return Findings(
        format=FINDINGS_FORMAT,
        dataset="shapes",
        fingerprint="abc",
        image_shape=(64, 64, 1),
        likelihood="bernoulli",
        seed=3,
        threshold_nats=0.1,
        source="anneal-shapes",
        relative_beta=RELATIVE_BETA,
        factors=tuple(factor(name) for name in points),
        pairs=tuple(pair(*names) for names in itertools.combinations(points, 2)),
        mixing=(),
        conditional={},
    )


def dsprites_like(**settings):
    """Positions that take turns to freeze first, everything else well apart."""
    points = {**DSPRITES, "posX": course(181.0), "posY": course(181.0, turn=-1)}
    return made_findings(points, **settings)


def groups(plan):
    return [set(stage.factors) for stage in plan.stages]


def pressures(plan):
    return [stage.pressure for stage in plan.stages]


def opened(plan):
    return [len(stage.latents) for stage in plan.stages]


def test_factors_that_take_turns_freeze_in_one_stage_and_the_rest_from_the_highest_down():
    assert groups(plan_stages(dsprites_like())) == [{"posX", "posY"}, {"scale"}, {"shape"}, {"orientation"}]


def test_pressures_are_half_of_each_group_s_lowest_point_or_the_next_group_s_and_at_last_the_final_one():
    met = replace(dsprites_like(), conditional=DSPRITES)  # as the network meets them
    np.testing.assert_allclose(pressures(plan_stages(met)), [0.5 * 181, 0.5 * 132, 36.0, 1.0], rtol=1e-3)
    plan = plan_stages(dsprites_like(), depth=0.5, final_pressure=4.0)
    np.testing.assert_allclose(pressures(plan), [0.5 * 181, 0.5 * 132, 36.0, 4.0], rtol=1e-3)


def test_of_factors_alone_in_their_contexts_pressures_are_35_percent_of_each_group_s_lowest_point():
    plan = plan_stages(dsprites_like())
    np.testing.assert_allclose(pressures(plan), [0.35 * 181, 0.35 * 132, 0.35 * 73, 1.0], rtol=1e-3)
    assert plan.source["depth"] == 0.35
    some = replace(dsprites_like(), conditional={"posX": 181.0})
    assert plan_stages(some).source["depth"] == 0.35


def with_modes(findings, **modes):
    return replace(findings, factors=tuple(replace(f, modes=modes.get(f.factor, 1)) for f in findings.factors))


def test_a_stage_opens_a_latent_per_mode_and_a_larger_group_only_where_nothing_else_could_enter():
    plan = plan_stages(dsprites_like())
    assert [stage.latents for stage in plan.stages] == [(0, 1), (2,), (3,), (4,)]
    assert plan.latents == 5
    circle = replace(with_modes(dsprites_like(), orientation=2), conditional=DSPRITES)
    assert opened(plan_stages(circle)) == [2, 1, 1, 2]
    assert opened(plan_stages(circle, group_size=4)) == [2, 1, 4, 4]  # shape's stage lies at orientation's point
    assert opened(plan_stages(circle, group_size=1)) == [2, 1, 1, 2]
    assert opened(plan_stages(with_modes(dsprites_like(), posX=2, posY=2))) == [4, 1, 1, 1]
    assert "two of orientation, whose second mode" in " ".join(plan_stages(circle).stages[3].evidence)


def test_shares_are_those_of_the_factors_and_sum_to_1():
    shares = [stage.share for stage in plan_stages(dsprites_like()).stages]
    np.testing.assert_allclose(shares, [0.4, 0.2, 0.2, 0.2], rtol=1e-12)
    assert abs(sum(shares) - 1) < 1e-12


def test_the_plan_names_the_data_and_its_own_settings():
    plan = plan_stages(dsprites_like(), depth=0.3, gamma=0.25)
    assert (plan.dataset, plan.fingerprint, plan.image_shape) == ("shapes", "abc", (64, 64, 1))
    assert (plan.likelihood, plan.gamma) == ("bernoulli", 0.25)
    assert plan.source == {"findings": "anneal-shapes", "depth": 0.3, "seed": 3}


@pytest.mark.parametrize("names", list(itertools.permutations(["posX", "scale", "shape"])))
def test_the_order_of_the_findings_does_not_matter(names):
    plan = plan_stages(made_findings({name: DSPRITES[name] for name in names}))
    assert groups(plan) == [{"posX"}, {"scale"}, {"shape"}]


def test_a_group_s_pressure_is_counted_from_its_lowest_member():
    points = {"a": course(100.0, 0.3), "b": course(101.0, 0.3, turn=-1), "c": 60.0}
    plan = plan_stages(made_findings(points), depth=0.5)
    assert groups(plan)[0] == {"a", "b"}
    np.testing.assert_allclose(plan.stages[0].pressure, 50.0)


def test_a_factor_joins_only_a_group_of_which_every_member_is_like_it():
    a, b = course(100.0, 0.01), course(100.0, 0.01, turn=-1)
    c = a * 0.9999  # takes turns with b, but lies below a in every context
    assert abs(2 * np.mean(c > b) - 1) < 0.02
    plan = plan_stages(made_findings({"a": a, "b": b, "c": c}))
    assert groups(plan) == [{"a", "b"}, {"c"}]


@pytest.mark.parametrize(("wins", "together"), [(100, True), (114, True), (116, False), (201, False)])
def test_factors_share_a_stage_while_neither_is_first_in_clearly_more_contexts(wins, together):
    first = np.full(201, 50.0)
    second = np.where(np.arange(201) < wins, first / 1.01, first * 1.01) + np.linspace(-1, 1, 201) * 1e-3
    first = first + np.linspace(-1, 1, 201)[::-1] * 1e-3
    assert np.mean(first > second) == wins / 201
    found = groups(plan_stages(made_findings({"first": first, "second": second})))
    assert len(found) == (1 if together else 2)


def test_the_next_group_holds_the_pressure_where_the_depth_would_pass_it():
    plan = plan_stages(made_findings({"a": 200.0, "b": 40.0}))
    assert pressures(plan) == [40.0, 1.0]
    assert opened(plan_stages(made_findings({"a": 200.0, "b": 40.0}), group_size=2)) == [2, 2]  # b cannot enter there
    assert "held" in " ".join(plan.stages[0].evidence)


@pytest.mark.parametrize("b", [40.004, 40.006, 41.23449, 41.2351, 12.345678])
def test_a_held_pressure_lies_at_the_next_group_s_point_however_many_digits_it_has(b):
    plan = plan_stages(made_findings({"a": 200.0, "b": b}))
    assert 0.999 * b < plan.stages[0].pressure <= b


@pytest.mark.parametrize("depth", [0.1, 0.35, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_no_stage_is_held_above_the_next_group_and_pressures_fall(seed, depth):
    medians = np.random.default_rng(seed).uniform(1.5, 300, 5)
    points = {f"f{number}": float(median) for number, median in enumerate(medians)}
    plan = plan_stages(made_findings(points), depth=depth)
    for stage, after in itertools.pairwise(plan.stages):
        assert stage.pressure > after.pressure
        assert stage.pressure <= max(points[name] for name in after.factors)
    assert sorted(name for stage in plan.stages for name in stage.factors) == sorted(points)
    assert plan.stages[-1].pressure == 1.0


def test_groups_too_near_the_final_pressure_join_the_last_stage_with_a_warning():
    plan = plan_stages(dsprites_like(), depth=0.5, final_pressure=37.0)
    assert groups(plan) == [{"posX", "posY"}, {"scale"}, {"shape", "orientation"}]
    assert pressures(plan)[-1] == 37.0
    times = np.array([2 / 0.5, 1 / 0.5, 1 / (1 - 37 / 73) + 1 / (1 - 0.8)])  # orientation's point is passed
    np.testing.assert_allclose([stage.share for stage in plan.stages], times / times.sum(), rtol=1e-3)
    assert opened(plan) == [2, 1, 2]
    assert any("orientation" in warning and "final pressure 37" in warning for warning in plan.warnings)


def test_a_factor_that_freezes_below_the_final_pressure_joins_the_last_stage():
    plan = plan_stages(made_findings({"a": 181.0, "b": 60.0, "c": 0.5}))
    assert groups(plan) == [{"a"}, {"b", "c"}]
    assert pressures(plan) == pytest.approx([60.0, 1.0])
    assert any("c" in warning and "final pressure" in warning for warning in plan.warnings)


def test_a_stage_whose_rounded_pressure_is_the_final_one_is_no_stage_of_its_own():
    plan = plan_stages(made_findings({"a": 1.00001 / 0.35, "b": 2.0}))
    assert groups(plan) == [{"a", "b"}]


def test_some_factor_must_freeze_above_the_final_pressure():
    with pytest.raises(IFPError, match="final pressure"):
        plan_stages(made_findings({"a": 0.9, "b": 0.5}))


def test_a_single_factor_is_one_stage_at_the_final_pressure():
    plan = plan_stages(made_findings({"a": 50.0}), group_size=3)
    assert (groups(plan), pressures(plan), plan.latents, plan.stages[0].share) == ([{"a"}], [1.0], 3, 1.0)


def test_neighbouring_groups_that_overlap_earn_a_warning():
    points = {"a": course(100.0, 0.3), "b": course(95.0, 0.3), "c": course(20.0, 0.3)}
    plan = plan_stages(made_findings(points))
    shared = overlap(points["a"], points["b"])
    assert [each for each in plan.warnings if "overlap" in each] == [
        f"a and b overlap ({shared:.2f}): b freezes first in 0% of contexts"
    ]


def test_groups_of_which_the_lower_often_freezes_first_earn_a_warning_though_they_overlap_little():
    often = np.arange(201) % 10 < 3  # 61 of 201 contexts
    plan = plan_stages(made_findings({"b": np.where(often, 250.0, 50.0) * np.exp(SPREAD / 50), "a": 100.0}))
    assert groups(plan) == [{"a"}, {"b"}]
    assert [each for each in plan.warnings if each.endswith("b freezes first in 30% of contexts")]


def test_groups_well_apart_earn_no_warning_but_for_factors_that_no_pressure_tells_apart():
    assert plan_stages(made_findings({"a": 200.0, "b": 100.0, "c": 40.0})).warnings == []
    assert plan_stages(dsprites_like()).warnings == [
        "posX and posY cannot be told apart by pressure (posX freezes first in 50% of contexts): one stage for both"
    ]


def test_measured_cases_without_a_point_earn_a_warning():
    plan = plan_stages(dsprites_like(measured={"scale": 5, "shape": 0}))
    assert sorted(plan.warnings)[1:] == [
        "scale: 3 of 8 measured cases gave no freezing point",
        "shape: 8 of 8 measured cases gave no freezing point",
    ]


def test_nats_are_read_from_each_factor_s_curve_where_it_reaches():
    gains = {"posX": 2.0, "posY": 2.5, "scale": 1.5}
    plan = plan_stages(dsprites_like(gains=gains), depth=0.45)
    at_depth = np.log(1 / 0.45)
    first, second, *_, last = (stage.predicted_nats for stage in plan.stages)
    np.testing.assert_allclose([first["posX"], first["posY"]], [2 * at_depth, 2.5 * at_depth], rtol=1e-3)
    np.testing.assert_allclose(second["scale"], 1.5 * at_depth, rtol=1e-3)
    assert set(first) == {"posX", "posY"}
    assert last == {}  # at the final pressure the curve of orientation does not reach


def test_as_many_stages_as_asked_for_are_cut_where_factors_part_best_and_joined_where_they_part_least():
    two = plan_stages(dsprites_like(), stages=2)  # every cut is certain: those joined first are the highest
    assert groups(two) == [{"posX", "posY", "scale", "shape"}, {"orientation"}]
    wide = made_findings({"a": course(200.0, 0.5), "b": course(150.0, 0.5, turn=-1), "c": 60.0, "d": 10.0})
    assert groups(plan_stages(wide, stages=3)) == [{"a", "b"}, {"c"}, {"d"}]
    plan = plan_stages(dsprites_like(), stages=5)
    assert [len(stage.factors) for stage in plan.stages] == [1] * 5
    assert any("posX and posY overlap" in each or "posY and posX overlap" in each for each in plan.warnings)
    assert pressures(plan)[0] == pytest.approx(1.05 * pressures(plan)[1])


def test_conditional_values_decide_where_asked_for_stages_are_joined():
    found = replace(made_findings({"a": 100.0, "b": 90.0, "c": 80.0}), conditional={"a": 100.0, "b": 40.0, "c": 35.0})
    assert groups(plan_stages(found, stages=2)) == [{"a"}, {"b", "c"}]


def test_factors_that_freeze_only_below_the_pressure_of_their_stage_are_named():
    plan = plan_stages(made_findings({"a": 100.0, "b": 50.0, "c": 0.5}), stages=3)
    assert "c freezes at 0.5, not above its stage's 1" in plan.warnings
    given = plan_stages(made_findings({"a": 100.0, "b": 50.0}), pressures=(500.0, 30.0))
    assert given.warnings[0] == "a freezes at 100, not above its stage's 500"


def test_equal_factors_are_in_one_order_whatever_that_of_the_findings():
    points = {"y": course(100.0), "x": course(100.0, turn=-1)}
    plans = [plan_stages(made_findings({name: points[name] for name in order})) for order in ("xy", "yx")]
    assert [plan.stages[0].factors for plan in plans] == [("x", "y")] * 2


@pytest.mark.parametrize("stages", [0, 6])
def test_there_are_no_more_stages_than_factors(stages):
    with pytest.raises(IFPError, match=f"need 1 to 5 stages for 5 factors, got {stages}"):
        plan_stages(dsprites_like(), stages=stages)


def test_pressures_may_be_given_one_for_each_stage():
    plan = plan_stages(dsprites_like(), pressures=(70.0, 30.0, 12.0, 1.0))
    assert pressures(plan) == [70.0, 30.0, 12.0, 1.0]
    assert groups(plan) == [{"posX", "posY"}, {"scale"}, {"shape"}, {"orientation"}]
    assert "70 nats, as given" in plan.stages[0].evidence
    assert len(plan_stages(dsprites_like(), pressures=(70.0, 1.0)).stages) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pressures": (30.0, 70.0)}, "need pressures above 0 that fall from stage to stage, got 30, 70"),
        ({"pressures": (30.0, 30.0)}, "that fall"),
        ({"pressures": ()}, "got none"),
        ({"pressures": (30.0, 0.0)}, "above 0"),
        ({"pressures": (float("inf"), 1.0)}, "above 0"),
        ({"pressures": (30.0, 1.0), "stages": 3}, "need one pressure per stage, got 2 for 3 stages"),
    ],
)
def test_pressures_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(IFPError, match=message):
        plan_stages(dsprites_like(), **settings)


def test_conditional_values_make_order_groups_and_pressures_where_they_are_known():
    found = replace(
        dsprites_like(), conditional={"posX": 163.0, "posY": 162.0, "scale": 98.0, "orientation": 23.0, "shape": 34.0}
    )
    plan = plan_stages(found)
    assert groups(plan) == [{"posX", "posY"}, {"scale"}, {"shape"}, {"orientation"}]
    np.testing.assert_allclose(pressures(plan), [0.5 * 162, 34.0, 0.5 * 34, 1.0], rtol=1e-3)
    assert opened(plan) == [2, 1, 1, 1]
    assert "the factors known that freeze before: scale 98" in " ".join(plan.stages[1].evidence)
    assert any("posX and posY cannot be told apart" in each for each in plan.warnings)
    assert not any("shape" in each for each in plan.warnings)
    near = plan_stages(replace(found, conditional={**found.conditional, "orientation": 30.0}))
    assert "shape and orientation freeze near each other: 34 and 30 nats" in near.warnings
    apart = replace(found, conditional={**found.conditional, "posX": 200.0})
    assert groups(plan_stages(apart))[:2] == [{"posX"}, {"posY"}]


def test_the_chance_that_the_next_group_freezes_too_soon_is_counted_over_contexts():
    plan = plan_stages(made_findings({"a": 100.0, "b": 35.0 * np.exp(np.linspace(-1, 1, 201))}))
    shown = next(each for each in plan.stages[0].evidence if "chance over contexts" in each)
    assert shown.endswith("b 50%")
    assert not any("chance over contexts" in each for each in plan.stages[-1].evidence)


def test_the_separation_from_the_next_group_is_told_by_its_least_certain_pair():
    often = np.arange(201) % 10 < 3  # 61 of 201 contexts
    plan = plan_stages(made_findings({"b": np.where(often, 250.0, 50.0) * np.exp(SPREAD / 50), "a": 100.0}))
    assert "its factors freeze before the next group's in 70% of contexts, pair by pair, or more" in (
        plan.stages[0].evidence
    )


@pytest.mark.parametrize("gain", [2.0, 27.0])
def test_no_factor_is_predicted_to_hold_more_than_its_entropy(gain):
    found = made_findings({"a": 300.0, "b": 200.0}, gains={"a": gain})
    held = plan_stages(found, depth=0.45).stages[0].predicted_nats["a"]
    np.testing.assert_allclose(held, min(gain * np.log(1 / 0.45), np.log(8)), rtol=0.01)


def test_what_the_codes_of_a_stage_tell_of_others_is_evidence():
    told = (PairMixing("b", "a", 0.7), PairMixing("c", "a", 0.02), PairMixing("a", "b", 0.1))
    found = replace(made_findings({"a": 300.0, "b": 60.0, "c": 10.0}), mixing=told)
    first, second, third = plan_stages(found).stages
    assert "the code of a tells of others by itself: b 0.7 nats" in first.evidence
    assert "the code of b tells of others by itself: a 0.1 nats" in second.evidence
    assert not any("by itself" in line for line in third.evidence)


def test_without_curves_nats_are_those_of_the_law_where_it_holds_and_else_none():
    found = replace(made_findings({"a": 100.0, "b": 60.0}), relative_beta=())
    assert all(stage.predicted_nats == {} for stage in plan_stages(found).stages)  # 2.1 nats by a law good for 0.2
    near, _ = plan_stages(found, pressures=(95.0, 1.0)).stages
    np.testing.assert_allclose(near.predicted_nats["a"], 2.0 * np.log(1 / 0.95), rtol=1e-6)
    assert "held there by KL = g ln(beta_c / beta): a 0.1 nats" in near.evidence


SYNTHETIC = {
    "apart": ({"a": 300.0, "b": 60.0, "c": 10.0}, [{"a"}, {"b"}, {"c"}]),
    "touching": ({"a": course(100.0, 0.2), "b": course(80.0, 0.2)}, [{"a"}, {"b"}]),
    "nested": ({"wide": course(100.0, 0.8), "narrow": course(100.0, 0.1, turn=-1)}, [{"wide", "narrow"}]),
    "one": ({"a": 50.0, "b": course(50.0, turn=-1), "c": 50.0 * np.exp(0.02 * np.sin(np.arange(201)))}, None),
}


@pytest.mark.parametrize("name", SYNTHETIC)
def test_known_groups_are_found(name):
    points, expected = SYNTHETIC[name]
    plan = plan_stages(made_findings(points))
    assert groups(plan) == ([set(points)] if expected is None else expected)


def test_all_cases_censored_are_planned_by_the_closed_form_with_a_warning_each():
    plan = plan_stages(made_findings({"a": 300.0, "b": 60.0}, measured={"a": 0, "b": 0}))
    assert groups(plan) == [{"a"}, {"b"}]
    assert sum("8 of 8 measured cases gave no freezing point" in each for each in plan.warnings) == 2


def test_two_contexts_are_planned_and_said_to_be_too_few():
    plan = plan_stages(made_findings({"a": np.array([300.0, 280.0]), "b": np.array([60.0, 50.0])}))
    assert groups(plan) == [{"a"}, {"b"}]
    assert "planned over 2 contexts: order and groups are uncertain, 20 or more tell" in plan.warnings


def test_a_sweep_whose_brackets_miss_the_closed_form_is_not_trusted():
    found = made_findings({"a": 300.0, "b": 60.0})
    fast = replace(found, factors=(replace(found.factors[0], brackets=Brackets(2, 5, 1, 0)), found.factors[1]))
    (warning,) = plan_stages(fast).warnings
    assert warning == (
        "a: 2 of 7 networks' knees and crossings hold the closed form; the sweep was too fast to trust its curve"
    )


@pytest.mark.parametrize("seed", range(25))
def test_plans_of_random_findings_keep_their_promises_whatever_the_order_of_the_factors(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 7))
    points = {
        f"f{number}": float(rng.uniform(1.5, 300)) * rng.lognormal(0, rng.uniform(0.01, 0.6), 60)
        for number in range(count)
    }
    settings = {"depth": float(rng.uniform(0.1, 1)), "group_size": int(rng.integers(1, 4))}
    if seed % 3 == 0:
        settings["stages"] = int(rng.integers(1, count + 1))
    plan = plan_stages(made_findings(points), **settings)
    assert all(a > b for a, b in itertools.pairwise(pressures(plan)))
    assert sorted(name for stage in plan.stages for name in stage.factors) == sorted(points)
    assert [latent for stage in plan.stages for latent in stage.latents] == list(range(plan.latents))
    assert all(stage.evidence for stage in plan.stages)
    names = list(points)
    again = plan_stages(made_findings({name: points[name] for name in rng.permutation(names)}), **settings)
    assert groups(again) == groups(plan)
    np.testing.assert_allclose(pressures(again), pressures(plan))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"depth": 0.0}, "need a depth above 0 and at most 1, got 0"),
        ({"depth": -0.2}, "need a depth"),
        ({"depth": 1.01}, r"need a depth above 0 and at most 1, got 1\.01"),
        ({"depth": float("nan")}, "need a depth"),
        ({"final_pressure": 0.0}, "need a final pressure above 0, got 0"),
        ({"final_pressure": -1.0}, "need a final pressure"),
        ({"final_pressure": float("nan")}, "need a final pressure"),
        ({"final_pressure": float("inf")}, "final pressure"),
        ({"group_size": 0}, "need group_size of at least 1, got 0"),
        ({"gamma": -0.1}, r"need gamma in 0\.\.1"),
        ({"gamma": 1.5}, r"need gamma in 0\.\.1"),
        ({"gamma": float("nan")}, r"need gamma in 0\.\.1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(IFPError, match=message):
        plan_stages(dsprites_like(), **settings)


@pytest.mark.parametrize("values", [[np.nan], [0.0, 0.0]])
def test_a_factor_that_never_freezes_is_left_out_with_a_warning(values):
    found = made_findings({"a": 50.0, "dead": 5.0})
    dead = replace(found.factors[1], planning=summarise(values))
    found = replace(found, factors=(found.factors[0], dead))
    plan = plan_stages(found)
    assert "dead never freezes: left out" in plan.warnings
    assert [stage.factors for stage in plan.stages] == [("a",)]
    with pytest.raises(IFPError, match="need a factor that freezes above the final pressure 1, got none"):
        plan_stages(found.without(["a"]))


def test_a_plan_comes_back_from_json_as_it_was():
    plan = plan_stages(dsprites_like(measured={"scale": 5}))
    assert StagePlan.from_json(json_bytes(plan).decode()) == plan


# --- the reader


def plain_plan(**changes):
    def stage(pressure, latents, share):
        return {
            "pressure": pressure,
            "factors": ["f"],
            "latents": latents,
            "share": share,
            "predicted_nats": {"f": 1.5},
            "evidence": ["because"],
        }

    plan = {
        "format": "ifp-stage-plan/1",
        "dataset": "shapes",
        "fingerprint": "abc",
        "image_shape": [64, 64, 1],
        "likelihood": "bernoulli",
        "latents": 4,
        "gamma": 0.1,
        "stages": [stage(60.0, [0, 1], 0.5), stage(20.0, [2], 0.25), stage(1.0, [3], 0.25)],
        "source": {"free": [1, None]},
        "warnings": [],
    }
    return {**plan, **changes}


def with_stage(number, **changes):
    plan = plain_plan()
    plan["stages"][number].update(changes)
    return plan


def without(plan, *path):
    *parents, last = path
    inside = plan
    for key in parents:
        inside = inside[key]
    del inside[last]
    return plan


def test_a_well_made_plan_is_read():
    plan = StagePlan.from_json(json.dumps(plain_plan()))
    assert pressures(plan) == [60.0, 20.0, 1.0]
    assert [stage.latents for stage in plan.stages] == [(0, 1), (2,), (3,)]
    assert (plan.image_shape, plan.source) == ((64, 64, 1), {"free": [1, None]})


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (plain_plan(colour=1), "need only the keys format, .* in plan, got 'colour'"),
        (with_stage(1, colour=1), r"need only the keys pressure, .* in plan\.stages\[1\], got 'colour'"),
        (without(plain_plan(), "gamma"), "need the key 'gamma' in plan"),
        (without(plain_plan(), "stages", 2, "share"), r"need the key 'share' in plan\.stages\[2\]"),
        (without(plain_plan(), "format"), "need a plan of format ifp-stage-plan/1 or ifp-stage-plan/2, got None"),
        (plain_plan(format="ifp-stage-plan/3"), "ifp-stage-plan/1 or ifp-stage-plan/2, got 'ifp-stage-plan/3'"),
        (plain_plan(format=["x"]), "need a plan of format"),
        (plain_plan(stages=[]), "need a plan of one or more stages, got none"),
        (plain_plan(stages={}), r"need an array for plan\.stages"),
        (plain_plan(image_shape=[64, 64]), r"need an array of 3 for plan\.image_shape"),
        (plain_plan(gamma=1.5), r"need gamma in 0\.\.1, got 1\.5"),
        (plain_plan(gamma=True), r"need a finite number for plan\.gamma, got True"),
        (plain_plan(gamma=10**400), r"need a finite number for plan\.gamma"),
        (with_stage(1, pressure=70.0), "pressures that fall from stage to stage, got 60 in stage 1 and 70 after it"),
        (with_stage(1, pressure=60.0), "pressures that fall from stage to stage, got 60 in stage 1 and 60 after it"),
        (with_stage(2, pressure=20), "pressures that fall from stage to stage, got 20 in stage 2 and 20 after it"),
        (with_stage(2, pressure=0.0), "need pressures above 0, got 0"),
        (with_stage(2, pressure=-1.0), "need pressures above 0, got -1"),
        (with_stage(1, pressure=float("nan")), r"need a finite number for plan\.stages\[1\]\.pressure, got nan"),
        (with_stage(0, pressure=float("inf")), r"need a finite number for plan\.stages\[0\]\.pressure, got inf"),
        (with_stage(0, pressure="60"), r"need a finite number for plan\.stages\[0\]\.pressure, got '60'"),
        (with_stage(1, latents=[1]), "need each latent in one stage only, got latent 1 twice"),
        (with_stage(0, latents=[0, 0]), "need each latent in one stage only, got latent 0 twice"),
        (with_stage(2, latents=[4]), r"need the stages to open latents 0\.\.3, got \[0, 1, 2, 4\]"),
        (with_stage(0, latents=[1, -1]), r"need the stages to open latents 0\.\.3"),
        (plain_plan(latents=5), r"need the stages to open latents 0\.\.4, got \[0, 1, 2, 3\]"),
        (with_stage(0, latents=[0, 1.0]), r"need a whole number for plan\.stages\[0\]\.latents\[1\], got 1\.0"),
        (with_stage(0, share=0.6), r"need shares that sum to 1, got 1\.1"),
        (with_stage(0, share=0.0), "need in every stage a latent or more and a share of the steps above 0"),
        (with_stage(0, share=-0.5), "need in every stage a latent or more and a share of the steps above 0"),
        (with_stage(0, predicted_nats={"f": None}), r"need a finite number for plan\.stages\[0\]\.predicted_nats\.f"),
        (with_stage(0, factors="f"), r"need an array for plan\.stages\[0\]\.factors, got 'f'"),
        (with_stage(0, factors=[1]), r"need a text for plan\.stages\[0\]\.factors\[0\], got 1"),
    ],
)
def test_a_plan_that_is_broken_or_contradicts_itself_is_refused(plan, message):
    with pytest.raises(PlanError, match=message):
        StagePlan.from_json(json.dumps(plan))


def test_a_stage_that_opens_no_latent_is_refused():
    plan = with_stage(1, latents=[])
    plan["stages"][2]["latents"] = [2, 3]
    with pytest.raises(PlanError, match="need in every stage a latent or more"):
        StagePlan.from_json(json.dumps(plan))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "need a stage plan, got nothing"),
        (" \n\t", "need a stage plan, got nothing"),
        (json.dumps(plain_plan())[:-5], "need a stage plan in JSON, got text that is not"),
        ("stages: 3", "need a stage plan in JSON, got text that is not"),
        ("[" * 100_000, "need a stage plan in JSON, got text that is not"),
        ('{"a":' * 100_000, "need a stage plan in JSON, got text that is not"),
        ('{"latents": ' + "9" * 10_000 + "}", "need a stage plan in JSON, got text that is not"),
        ("[1, 2]", r"need an object for plan, got \[1, 2\]"),
        (json.dumps([plain_plan()]), "need an object for plan, got "),
        ("null", "need an object for plan, got None"),
        ("NaN", "need an object for plan, got nan"),
        ('"ifp-stage-plan/1"', "need an object for plan, got 'ifp-stage-plan/1'"),
        ("{}", "need a plan of format ifp-stage-plan/1 or ifp-stage-plan/2, got None"),
    ],
    ids=lambda each: each[:20],
)
def test_text_that_holds_no_plan_is_refused(text, message):
    with pytest.raises(PlanError, match=message):
        StagePlan.from_json(text)


@pytest.mark.parametrize(
    ("steps", "ends"),
    [(4, [2, 3, 4]), (1000, [500, 750, 1000]), (1001, [500, 751, 1001]), (10, [5, 8, 10]), (7, [4, 5, 7])],
)
def test_boundaries_divide_the_steps_by_share_and_end_at_the_last_step(steps, ends):
    assert StagePlan.from_json(json.dumps(plain_plan())).boundaries(steps) == ends


@pytest.mark.parametrize("steps", [1, 2, 3, 17, 999, 300_001])
def test_boundaries_never_fall_and_lie_within_half_a_step_of_the_shares(steps):
    plan = plan_stages(dsprites_like())
    ends = plan.boundaries(steps)
    assert ends[-1] == steps
    assert ends == sorted(ends)
    assert all(type(end) is int for end in ends)
    shares = np.cumsum([stage.share for stage in plan.stages])
    np.testing.assert_allclose(ends, shares * steps, atol=0.5 + 1e-6)
