"""Findings of small made-up runs whose medians, brackets and curves are known."""

import functools
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import wilcoxon

from analysis.conclusions import conclude, conclude_spectrum
from analysis.distributions import overlap, summarise
from analysis.findings import Findings
from analysis.mixing import PairMixing
from analysis.plain_json import json_bytes
from analysis.records import read_record
from analysis.stages import plan_stages
from annealing.errors import IFPError
from ifp.annealing_test.columns import FREEZING_COLUMNS
from ifp.tables.findings import pairs

# spectral value, ends of the bracket, status
NO_BRACKET = (np.nan, np.nan)
CASES = {
    "pos": [
        (10.0, (9.0, 12.0), "ok"),
        (20.0, (20.9, 25.0), "ok"),  # above it
        (30.0, (20.0, 28.4), "ok"),  # below it
        (40.0, NO_BRACKET, "never_froze"),
        (50.0, NO_BRACKET, "above_range"),
    ],
    "scale": [
        (5.0, (4.0, 6.0), "ok"),
        (6.0, (4.8, 5.72), "ok"),
        (7.0, (7.4, 9.0), "ok"),
        (8.0, (2.0, 16.0), "ok"),
        (9.0, (9.0, 9.0), "ok"),
    ],
    "shape": [(2.0 + context, NO_BRACKET, "never_froze") for context in range(5)],
}
GAINS = {"pos": [1.0, 5.0, 3.0, 2.0, 4.0], "scale": [0.5, 0.1, 0.2, 0.4, 0.3], "shape": [0.0] * 5}


BETA_RD = 1.1  # over the spectral value


def freezing_table(cases=CASES, transition="continuous", source="knee"):
    """Every case at two thresholds and two latents, of which only the first threshold and latent count."""
    rows = []
    for factor, of_factor in cases.items():
        for context, (spectral, (low, high), status) in enumerate(of_factor):
            for latent in (0, 1):
                for threshold in (0.1, 0.01):
                    counts = latent == 0 and threshold == 0.1
                    rows.append(
                        {
                            "dataset": "shapes",
                            "factor": factor,
                            "context": context,
                            "latent": latent,
                            "threshold_nats": threshold,
                            "freezing_beta": low if counts else 1e4,
                            "melting_beta": high if counts else 1e4,
                            "ifp_beta": np.sqrt(low * high) if counts else 1e4,
                            "ifp_low": low if counts else 1e4,
                            "ifp_high": high if counts else 1e4,
                            "spectral_beta": spectral,
                            "beta_rd": BETA_RD * spectral,
                            "transition": transition,
                            "attributed_factor": factor,
                            "attributed_share": 1.0,
                            "protocol": "heat-cool",
                            "seed": 7,
                            "status": status if counts else "ok",
                            "ifp_source": source if counts and status == "ok" else "",
                        }
                    )
    return pd.DataFrame(rows, columns=list(FREEZING_COLUMNS))


def spectral_table(cases=CASES, contexts=12):
    """The measured contexts first, as a planning draw has them, then more."""
    return pd.DataFrame(
        [
            {
                "dataset": "shapes",
                "factor": factor,
                "context": context,
                "index": 100 + context,
                "spectral_beta": of_factor[context][0] if context < len(of_factor) else of_factor[0][0] * (1 + context),
                "second_ratio": 0.1,
            }
            for factor, of_factor in cases.items()
            for context in range(contexts)
        ]
    )


def curve_arrays(cases=CASES):
    """KL = g ln(lambda / beta) on heating, something else on the other branches; contexts in falling order."""
    relative = np.geomspace(0.25, 4.0, 41)  # holds 1, where the curve has its kink
    order = [(factor, context) for factor in cases for context in reversed(range(5))]
    beta, kl = [], []
    for factor, context in order:
        spectral, gain = cases[factor][context][0], GAINS[factor][context]
        beta.append(spectral * np.concatenate([np.full(3, 0.25), relative, relative[::-1]]))
        heat = gain * np.maximum(np.log(1 / relative), 0)
        first = np.concatenate([np.full(3, 99.0), heat, np.full(41, 77.0)])
        kl.append(np.stack([first, np.full_like(first, 55.0)], axis=1))
    return {
        "factor": np.array([factor for factor, _ in order]),
        "context": np.array([context for _, context in order]),
        "direction": np.tile(np.repeat(["learn", "heat", "cool"], [3, 41, 41]), (len(order), 1)),
        "loop": np.tile(np.repeat([0, 0, 1], [3, 41, 41]), (len(order), 1)),
        "step": np.tile(np.arange(85) * 10, (len(order), 1)),
        "beta": np.array(beta),
        "kl": np.array(kl),
    }


def concluded(cases):
    return conclude(
        freezing_table(cases),
        spectral_table(cases),
        curve_arrays(cases),
        fingerprint="abc",
        image_shape=[32, 16, 1],
        likelihood="bernoulli",
        source="anneal-shapes",
    )


@functools.cache
def findings():
    return concluded(CASES)


def of(name, found=None):
    return next(each for each in (found or findings()).factors if each.factor == name)


def test_the_run_is_named_and_its_first_threshold_is_the_main_one():
    found = findings()
    assert (found.dataset, found.fingerprint, found.image_shape) == ("shapes", "abc", (32, 16, 1))
    assert (found.likelihood, found.seed, found.threshold_nats, found.source) == ("bernoulli", 7, 0.1, "anneal-shapes")
    assert [each.factor for each in found.factors] == list(CASES)


def test_medians_of_a_factor_are_all_of_the_same_cases():
    pos = of("pos")  # one case below the sweep, one above: each keeps its place
    for summary in (pos.freezing, pos.melting, pos.ifp):
        assert (summary.n, summary.below, summary.above) == (3, 1, 1)
    assert (pos.cases, pos.freezing.median, pos.melting.median, pos.spectral.median) == (5, 20.0, 25.0, 30.0)
    np.testing.assert_allclose(pos.ifp.median, np.median([0, *np.sqrt([9.0 * 12.0, 20.9 * 25.0, 20.0 * 28.4]), 99]))
    scale = of("scale")
    assert (scale.cases, scale.freezing.n, scale.freezing.median, scale.melting.median) == (5, 5, 4.8, 9.0)


def test_diverged_cases_are_in_no_median_of_the_row():
    pos = [*CASES["pos"][:3], (40.0, NO_BRACKET, "never_melted"), (5000.0, NO_BRACKET, "diverged")]
    found = of("pos", concluded({**CASES, "pos": pos}))
    assert (found.cases, found.spectral.n, found.spectral.median) == (5, 4, 25.0)
    assert (found.ifp.n, found.ifp.below, found.ifp.above) == (3, 0, 1)


def test_closed_forms_are_summed_up_over_all_measured_cases_and_over_all_planning_contexts():
    pos = of("pos")
    assert (pos.spectral.n, pos.spectral.median) == (5, 30.0)
    planned = [10, 20, 30, 40, 50, *(10.0 * (1 + context) for context in range(5, 12))]
    assert pos.planning.n == 12
    np.testing.assert_allclose(
        [pos.planning.median, pos.planning.q25, pos.planning.q95], np.quantile(planned, [0.5, 0.25, 0.95])
    )


def test_a_factor_s_entropy_is_that_of_its_values_in_a_context():
    table = spectral_table().assign(values=[8, 8, 6] * 12)
    assert of("pos", spectrum_concluded(table)).entropy == pytest.approx(np.log(8))
    assert of("pos", spectrum_concluded(spectral_table())).entropy is None


def test_statuses_are_counted():
    assert of("pos").statuses == {"ok": 3, "never_froze": 1, "above_range": 1}
    assert of("scale").statuses == {"ok": 5}


@pytest.mark.parametrize(
    ("factor", "within", "outside", "no_knee"), [("pos", 1, 2, 2), ("scale", 3, 2, 0), ("shape", 0, 0, 5)]
)
def test_every_case_is_within_or_outside_its_network_s_bracket_or_has_no_knee(factor, within, outside, no_knee):
    found = of(factor).brackets
    assert (found.within, found.outside, found.no_knee) == (within, outside, no_knee)
    assert found.crossings == within  # here the bracket is from freezing to melting


@pytest.mark.parametrize("source", ["crossings", "equilibrium"])
def test_what_no_knee_of_a_network_says_is_not_counted_as_holding(source):
    found = conclude(
        freezing_table(source=source), spectral_table(), curve_arrays(), fingerprint="", image_shape=(1, 1, 1),
        likelihood="", source="",
    )  # fmt: skip
    counts = of("scale", found).brackets
    assert (counts.within, counts.outside, counts.no_knee) == (0, 0, 5)
    assert counts.crossings == (3 if source == "crossings" else 0)


def test_at_a_jump_crossings_count_that_reach_the_range_up_to_beta_rd():
    cases = {
        "a": [
            (10.0, (10.9, 14.0), "ok"),
            (10.0, (11.1, 14.0), "ok"),  # above 11
            (10.0, (7.0, 10.0), "ok"),
            (10.0, (7.0, 9.9), "ok"),  # below 10
            (10.0, NO_BRACKET, "never_melted"),
        ]
    }
    settings = {"fingerprint": "", "image_shape": [8, 8, 1], "likelihood": "bernoulli", "source": ""}
    curves = {name: each[:5] for name, each in curve_arrays({"pos": CASES["pos"]}).items()} | {
        "factor": np.full(5, "a")
    }
    for transition, count in (("first_order", 2), ("degenerate", 1)):
        table = freezing_table(cases, transition, "crossings")
        found = conclude(table, spectral_table(cases), curves, **settings)
        assert found.factors[0].brackets.crossings == count


@pytest.mark.parametrize(("factor", "width"), [("pos", 12 / 9), ("scale", 9 / 7.4)])
def test_the_bracket_s_width_is_the_median_ratio_of_its_ends(factor, width):
    np.testing.assert_allclose(of(factor).bracket_width, width)


def test_a_factor_that_never_froze_has_no_measured_point_but_its_closed_form():
    shape = of("shape")
    assert (shape.freezing.n, shape.ifp.median, shape.bracket_width, shape.statuses) == (
        0,
        None,
        None,
        {"never_froze": 5},
    )
    assert shape.spectral.median == 4.0


def test_nats_are_the_median_of_the_heating_curves_at_fractions_of_each_case_s_own_closed_form():
    found = findings()
    relative = np.array(found.relative_beta)
    assert relative[0] == 0.3
    assert relative[-1] == 1.0
    assert (np.diff(relative) > 0).all()
    for factor, gains in GAINS.items():
        np.testing.assert_allclose(of(factor, found).nats, np.median(gains) * np.log(1 / relative), atol=1e-9)


@pytest.mark.parametrize("basis", ["planning", "measured"])
def test_every_pair_of_factors_is_compared(basis):
    found = [pair for pair in findings().pairs if pair.basis == basis]
    assert [(pair.first, pair.second) for pair in found] == [("pos", "scale"), ("pos", "shape"), ("scale", "shape")]


def test_planning_pairs_compare_the_same_contexts_whatever_the_order_of_the_rows():
    shuffled = spectral_table().sample(frac=1, random_state=1)
    rng = np.random.default_rng(3)
    shuffled["spectral_beta"] *= rng.lognormal(0, 1, len(shuffled))
    found = conclude(
        freezing_table(), shuffled, curve_arrays(), fingerprint="", image_shape=(1, 1, 1), likelihood="", source=""
    )
    points = {
        name: rows.sort_values("context")["spectral_beta"].to_numpy() for name, rows in shuffled.groupby("factor")
    }
    p_values = []
    for pair in found.pairs[:3]:
        a, b = points[pair.first], points[pair.second]
        p_values.append(wilcoxon(np.log(a / b)).pvalue)
        np.testing.assert_allclose(
            [pair.comparison.superiority, pair.comparison.ratio, pair.comparison.p_value],
            [np.mean(a > b), np.exp(np.median(np.log(a / b))), p_values[-1]],
            rtol=1e-9,
        )
        np.testing.assert_allclose(pair.overlap, overlap(a, b))
    smallest, middle, largest = sorted(p_values)
    steps = np.maximum.accumulate([3 * smallest, 2 * middle, largest])
    np.testing.assert_allclose(sorted(pair.p_holm for pair in found.pairs[:3]), np.minimum(steps, 1))


def measured_pair(found, first, second):
    return next(each for each in found.pairs if (each.basis, each.first, each.second) == ("measured", first, second))


def test_measured_pairs_tie_cases_beyond_the_sweep_with_the_last_pressure_measured():
    pair = measured_pair(findings(), "pos", "scale")
    pos, scale = np.sqrt([9 * 12, 20.9 * 25, 20 * 28.4]), np.sqrt([4 * 6, 4.8 * 5.72, 7.4 * 9, 2 * 16, 9 * 9])
    placed = np.array([*pos, min(scale), max(pos)])  # never froze, active at the top
    expected = wilcoxon(np.log(placed / scale))
    np.testing.assert_allclose(
        [pair.comparison.n, pair.comparison.superiority, pair.comparison.ratio, pair.comparison.p_value],
        [5, 0.8, np.median(placed / scale), expected.pvalue],
    )
    np.testing.assert_allclose(pair.overlap, overlap(pos, scale))


def test_a_factor_that_never_froze_lies_below_the_others_and_has_no_overlap():
    pair = measured_pair(findings(), "scale", "shape")
    assert (pair.comparison.n, pair.comparison.superiority, pair.overlap) == (5, 0.9, None)  # one tie, at the lowest
    (shape,) = (each for each in findings().factors if each.factor == "shape")
    assert (shape.ifp.n, shape.ifp.below, shape.ifp.median) == (0, 5, None)


def test_two_factors_of_which_every_case_is_censored_are_not_compared():
    never = [(10.0, NO_BRACKET, "never_froze")] * 5
    found = concluded({**CASES, "pos": never})
    measured = [(pair.first, pair.second) for pair in found.pairs if pair.basis == "measured"]
    assert measured == [("pos", "scale"), ("scale", "shape")]


def test_a_diverged_case_has_no_curve_and_leaves_findings_that_can_be_read_back():
    curves = curve_arrays()
    curves["kl"][np.flatnonzero(curves["factor"] == "scale")[:2]] = np.nan
    tables = freezing_table(), spectral_table(), curves
    found = conclude(*tables, fingerprint="", image_shape=(1, 1, 1), likelihood="", source="")
    # the diverged cases are the last two contexts: their gains no longer count
    relative = np.array(found.relative_beta)
    np.testing.assert_allclose(of("scale", found).nats, np.median(GAINS["scale"][:3]) * np.log(1 / relative), atol=1e-9)
    assert read_record(Findings, json.loads(json_bytes(found)), "findings") == found
    curves["kl"][curves["factor"] == "scale"] = np.nan
    gone = conclude(*tables, fingerprint="", image_shape=(1, 1, 1), likelihood="", source="")
    assert of("scale", gone).nats == ()


def test_diverged_cases_are_left_out_of_pairs():
    cases = {**CASES, "pos": [*CASES["pos"][:3], (40.0, NO_BRACKET, "diverged"), (50.0, NO_BRACKET, "diverged")]}
    pair = measured_pair(concluded(cases), "pos", "scale")
    assert (pair.comparison.paired, pair.comparison.n, pair.comparison.superiority) == (True, 3, 1.0)


def test_factors_without_a_shared_context_are_compared_as_two_samples():
    pos = [*CASES["pos"][:3], (40.0, NO_BRACKET, "diverged"), (50.0, NO_BRACKET, "diverged")]
    scale = [*((5.0, NO_BRACKET, "diverged"),) * 3, *CASES["scale"][3:]]
    pair = measured_pair(concluded({**CASES, "pos": pos, "scale": scale}), "pos", "scale")
    assert (pair.comparison.paired, pair.comparison.n, pair.comparison.m, pair.comparison.superiority) == (
        False, 3, 2, 1.0,
    )  # fmt: skip


@pytest.mark.parametrize(("contexts", "least"), [(4, "0.38"), (2, "1")])
def test_the_table_of_measured_pairs_says_how_small_its_p_can_be_at_all(contexts, least):
    cases = {name: [(10.0 + number, (9.0 + number + gap, 11.0 + number + gap), "ok") for number in range(contexts)]
             for name, gap in (("pos", 50.0), ("scale", 20.0), ("shape", 0.0))}  # fmt: skip
    curves = {name: values[[5 * factor + case for factor in range(3) for case in range(contexts)]]
              for name, values in curve_arrays().items()}  # fmt: skip
    curves["context"] = np.tile(np.arange(contexts), 3)
    found = conclude(
        freezing_table(cases), spectral_table(), curves, fingerprint="", image_shape=(1, 1, 1), likelihood="", source=""
    )
    planning, measured = pairs(found)
    assert f"{contexts} contexts or fewer: p (Holm) cannot fall below {least}." in measured.title
    assert "cannot fall" not in planning.title
    assert min(row["p (Holm)"] for row in measured.rows) == pytest.approx(min(1, 3 * 2.0 ** (1 - contexts)))


def test_predicted_mixing_is_kept_of_the_factors_that_were_measured():
    told = (PairMixing("pos", "scale", 0.4), PairMixing("pos", "hue", 0.3))
    found = conclude(
        freezing_table(), spectral_table(), curve_arrays(), fingerprint="", image_shape=(1, 1, 1), likelihood="",
        source="", mixing=told,
    )  # fmt: skip
    assert found.mixing == told[:1]
    assert found.without(["scale"]).mixing == ()
    with pytest.raises(IFPError, match="need findings about pos, scale, shape, got some about 'hue'"):
        replace(found, mixing=told)


def test_findings_come_back_from_json_as_they_were():
    found = findings()
    assert read_record(Findings, json.loads(json_bytes(found)), "findings") == found


@pytest.mark.parametrize("form", ["ifp-findings/1", "ifp-findings/2", "ifp-stage-plan/1", ""])
def test_findings_of_another_format_are_refused(form):
    value = json.loads(json_bytes(findings())) | {"format": form}
    with pytest.raises(IFPError, match=r"need findings of format ifp-findings/3, got .*: diagnose the run anew"):
        read_record(Findings, value, "findings")
    with pytest.raises(IFPError, match="need findings of format"):
        replace(findings(), format=form)


def test_findings_with_a_broken_factor_are_refused_with_its_place():
    value = json.loads(json_bytes(findings()))
    value["factors"][1]["freezing"]["median"] = "4"
    with pytest.raises(IFPError, match=r"findings\.factors\[1\]\.freezing\.median, got '4'"):
        read_record(Findings, value, "findings")


def spectrum_concluded(table):
    return conclude_spectrum(table, seed=7, fingerprint="abc", image_shape=[32, 16, 1], likelihood="bernoulli")


def test_a_spectrum_alone_gives_what_is_planned_from_and_nothing_measured():
    found, measured = spectrum_concluded(spectral_table()), findings()
    for each, beside in zip(found.factors, measured.factors, strict=True):
        assert (each.factor, each.planning) == (beside.factor, beside.planning)
        assert (each.cases, each.statuses, each.nats, each.brackets, each.bracket_width) == (0, {}, (), None, None)
        assert each.freezing == each.melting == each.ifp == each.spectral == summarise(())
    assert found.pairs == tuple(pair for pair in measured.pairs if pair.basis == "planning")
    assert (found.dataset, found.seed, found.image_shape) == (measured.dataset, measured.seed, measured.image_shape)
    assert (found.threshold_nats, found.relative_beta) == (None, ())
    assert found.source == "spectrum over 12 contexts, nothing measured"
    assert read_record(Findings, json.loads(json_bytes(found)), "findings") == found


def test_a_plan_from_a_spectrum_has_the_stages_of_a_plan_from_the_run():
    plan, beside = plan_stages(spectrum_concluded(spectral_table())), plan_stages(findings())
    assert len(plan.stages) > 1
    for stage, measured in zip(plan.stages, beside.stages, strict=True):
        assert replace(stage, evidence=None, predicted_nats={}) == replace(measured, evidence=None, predicted_nats={})
        assert stage.predicted_nats == {}
        assert any("no case of its own measured" in line for line in stage.evidence)
    assert not any("measured cases" in warning for warning in plan.warnings)


def test_a_spectrum_without_rows_is_refused():
    with pytest.raises(IFPError, match="need closed-form freezing points of one factor or more, got none"):
        spectrum_concluded(pd.DataFrame(columns=["dataset", "factor", "context", "spectral_beta"]))
