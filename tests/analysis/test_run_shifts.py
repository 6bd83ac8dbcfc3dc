"""Two annealing runs side by side, against planted shifts, scipy's tests and intervals, and simulated pairs of runs."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from scipy.stats import mannwhitneyu, quantile_test, wilcoxon

from analysis.distributions import holm
from analysis.plain_json import json_bytes
from analysis.run_shifts import RunCases, compare_runs
from analysis.shifts import paired_shift, unpaired_shift
from annealing.errors import IFPError

PLANTED = {"posX": np.log(4.0), "scale": np.log(4.9), "shape": 0.0}


def run_of(name, betas, contexts=None, statuses=None, known=None, **settings):
    """A run whose cases have these pressures by factor; contexts are known by their own numbers."""
    rows = []
    for factor, values in betas.items():
        numbers = range(len(values)) if contexts is None else contexts
        for number, beta in zip(numbers, values, strict=True):
            status = (statuses or {}).get((factor, number), "ok")
            rows.append(
                {
                    "dataset": "planted", "factor": factor, "context": number, "status": status,
                    "ifp_beta": beta if status == "ok" else np.nan, "spectral_beta": 1.1 * beta,
                }
            )  # fmt: skip
    frame = pd.DataFrame(rows)
    labels = {number: number for number in frame["context"]} if known is None else known
    return RunCases(name, frame, labels, {"likelihood": "bernoulli", **settings})


def planted(seed=0, contexts=10, noise=0.05):
    """Two runs over the same contexts, which differ far more among each other than the runs do."""
    rng = np.random.default_rng(seed)
    first = {factor: rng.lognormal(4, 0.7, contexts) for factor in PLANTED}
    second = {
        factor: first[factor] * np.exp(shift + noise * rng.standard_normal(contexts))
        for factor, shift in PLANTED.items()
    }
    return first, second


# The shift and its interval


@pytest.mark.parametrize("n", [6, 7, 10, 31])
def test_a_paired_shift_is_the_median_difference_with_the_order_statistics_of_scipy(n):
    rng = np.random.default_rng(n)
    first, second = rng.lognormal(3, 1, n), rng.lognormal(3.5, 1, n)
    found = paired_shift(first, second)
    difference = np.log(second / first)
    np.testing.assert_allclose(found.shift, np.median(difference), rtol=1e-12)
    np.testing.assert_allclose(found.ratio, np.exp(np.median(difference)), rtol=1e-12)
    kept = quantile_test(difference, p=0.5).confidence_interval(0.95)
    np.testing.assert_allclose([found.low, found.high], [kept.low, kept.high], rtol=1e-12)


@pytest.mark.parametrize(("n", "m"), [(4, 4), (3, 8), (7, 10), (12, 9)])
def test_an_unpaired_interval_holds_the_shifts_that_the_test_of_scipy_does_not_reject(n, m):
    rng = np.random.default_rng(100 * n + m)
    first, second = rng.lognormal(3, 1, n), rng.lognormal(3.5, 1, m)
    found = unpaired_shift(first, second)
    differences = np.log(second)[:, None] - np.log(first)
    np.testing.assert_allclose(found.shift, np.median(differences), rtol=1e-10)

    def p_at(shift):
        return mannwhitneyu(np.log(first) + shift, np.log(second), method="exact").pvalue

    assert min(p_at(found.low + 1e-9), p_at(found.high - 1e-9)) > 0.05
    assert max(p_at(found.low - 1e-9), p_at(found.high + 1e-9)) <= 0.05


def test_the_interval_of_large_samples_is_that_of_smaller_ones_by_the_same_rule():
    rng = np.random.default_rng(5)
    first, second = rng.lognormal(3, 0.3, 310), rng.lognormal(3.4, 0.3, 330)  # more than are counted out
    found = unpaired_shift(first, second)
    np.testing.assert_allclose(found.shift, np.median(np.log(second)[:, None] - np.log(first)), rtol=1e-9)
    for end, outside in ((found.low, -1e-3), (found.high, 1e-3)):
        ps = [mannwhitneyu(np.log(first) + end + step, np.log(second)).pvalue for step in (-outside, outside)]
        assert ps[0] > 0.05 > ps[1]


def test_too_few_cases_have_a_shift_and_no_interval():
    rng = np.random.default_rng(3)
    first, second = rng.lognormal(3, 1, 5), rng.lognormal(3, 1, 5)
    found = [paired_shift(first, second), unpaired_shift(first[:3], second[:4])]
    assert [(each.low, each.high) for each in found] == [(None, None)] * 2
    differences = np.log(second / first), np.log(second[:4])[:, None] - np.log(first[:3])
    np.testing.assert_allclose([each.shift for each in found], [np.median(each) for each in differences], rtol=1e-10)


def test_cases_beyond_the_sweep_keep_their_place_at_the_end_of_the_differences():
    first = np.array([10.0, 20, 30, 40, 50, 60, 70, 80, 90])
    second = np.array([20.0, 40, 60, 80, 100, 120, -np.inf, 160, 180])  # the seventh never froze
    found = paired_shift(first, second)
    differences = np.array([np.log(2)] * 8 + [-np.inf])
    kept = quantile_test(differences, p=0.5).confidence_interval(0.95)
    np.testing.assert_allclose([found.shift, found.low, found.high], [np.log(2), kept.low, kept.high])
    below = paired_shift(first, np.where(np.arange(9) < 6, -np.inf, second))
    assert (below.n, below.shift, below.low) == (9, None, None)


@pytest.mark.parametrize("shift", [paired_shift, unpaired_shift])
def test_a_shift_of_cases_beyond_one_end_in_both_holds_whatever_they_are(shift):
    rng = np.random.default_rng(8)
    first, second = rng.lognormal(3, 0.2, 12), rng.lognormal(4, 0.2, 12)
    censored = [np.where(np.arange(12) < 2, -np.inf, values) for values in (first, second)]
    found = shift(*censored)
    for low in itertools.product((1e-3, 1e-2), repeat=2):  # wherever below all others the two were in truth
        uncensored = [
            np.where(np.arange(12) < 2, end, values) for end, values in zip(low, (first, second), strict=True)
        ]
        true = shift(*uncensored)
        assert found.low <= true.low <= true.high <= found.high
    assert found.low < found.shift < found.high


def test_missing_pressures_are_left_out_and_rows_of_other_lengths_refused():
    found = paired_shift([1.0, np.nan, 4.0], [2.0, 3.0, np.nan])
    assert (found.n, found.ratio) == (1, pytest.approx(2.0))
    assert unpaired_shift([1.0, np.nan], [2.0, 3.0, np.nan]).m == 2
    assert unpaired_shift([np.nan], [2.0]).shift is None
    with pytest.raises(
        IFPError, match=r"need two rows of one length to compare in pairs, got shapes \(1,\) and \(2,\)"
    ):
        paired_shift([1.0], [1.0, 2.0])


def test_intervals_hold_the_shift_of_what_the_runs_are_drawn_from_as_often_as_they_say():
    held = {"paired": 0, "unpaired": 0}
    for seed in range(300):
        rng = np.random.default_rng([seed, 1])
        first = rng.normal(4, 0.5, 10)
        skewed = rng.exponential(0.3, 10) - 0.3 * np.log(2)  # its median is 0
        paired = paired_shift(np.exp(first), np.exp(first + 1.5 + skewed))
        held["paired"] += paired.low <= 1.5 <= paired.high
        unpaired = unpaired_shift(np.exp(first), np.exp(rng.normal(5.5, 0.5, 9)))
        held["unpaired"] += unpaired.low <= 1.5 <= unpaired.high
    # 97.9% and 95.7% by the exact distributions; 300 runs have a standard error of 0.8% and 1.2%
    assert 0.95 <= held["paired"] / 300 <= 1.0
    assert 0.92 <= held["unpaired"] / 300 <= 0.99


# Runs


def test_planted_shifts_are_found_in_pairs_with_the_p_of_scipy():
    first, second = planted()
    found = compare_runs(run_of("a", first), run_of("b", second), "pairs")
    frame = found.to_frame().set_index("factor")
    p_values = [wilcoxon(np.log(second[name] / first[name])).pvalue for name in PLANTED]
    np.testing.assert_allclose(frame["p_value"], p_values, rtol=1e-12)
    np.testing.assert_allclose(frame["p_holm"], holm(p_values), rtol=1e-12)
    for name, shift in PLANTED.items():
        row, difference = frame.loc[name], np.log(second[name] / first[name])
        assert (row["n"], row["m"], bool(row["paired"])) == (10, 10, True)
        np.testing.assert_allclose(row["shift"], np.median(difference), rtol=1e-12)
        np.testing.assert_allclose([row["first"], row["second"]], [np.median(first[name]), np.median(second[name])])
        np.testing.assert_allclose(row["predicted"], np.exp(np.median(difference)), rtol=1e-12)
        np.testing.assert_allclose(row["superiority"], np.mean(difference > 0))
        assert row["shift_low"] <= shift <= row["shift_high"]
        np.testing.assert_allclose([row["ratio_low"], row["ratio_high"]], np.exp([row["shift_low"], row["shift_high"]]))


def test_the_runs_exchanged_have_the_opposite_shift():
    first, second = (run_of(name, betas) for name, betas in zip("ab", planted(), strict=True))
    one, other = (compare_runs(*runs, "pairs").to_frame() for runs in ((first, second), (second, first)))
    np.testing.assert_allclose(other["shift"], -one["shift"], rtol=1e-12)
    np.testing.assert_allclose(other["shift_low"], -one["shift_high"], rtol=1e-12)
    np.testing.assert_allclose(other["p_holm"], one["p_holm"])


def test_contexts_pair_by_what_they_are_not_by_their_numbers():
    first, second = planted()
    mixed = np.random.default_rng(2).permutation(10)
    moved = {name: values[mixed] for name, values in second.items()}
    known = {number: int(mixed[number]) for number in range(10)}
    straight = compare_runs(run_of("a", first), run_of("b", second), "pairs")
    found = compare_runs(run_of("a", first), run_of("b", moved, known=known), "pairs")
    assert found == straight


def test_a_longer_run_is_compared_where_it_has_the_shorter_ones_contexts():
    first, second = planted(contexts=30)
    short = {name: values[:8] for name, values in first.items()}
    found = compare_runs(run_of("a", short), run_of("b", second), "pairs").factors[0]
    assert (found.shift.paired, found.shift.n, found.shared, found.left_out) == (True, 8, 8, (0, 22))
    np.testing.assert_allclose(found.shift.shift, np.median(np.log(second["posX"][:8] / short["posX"])))


@pytest.mark.parametrize("known", [{}, {number: 100 + number for number in range(10)}, {0: 0, 1: 1, 2: 2}])
def test_runs_of_other_contexts_are_two_samples(known):
    first, second = planted()
    found = compare_runs(run_of("a", first), run_of("b", second, known=known), "why")
    each = found.factors[0]
    assert (each.shift.paired, each.shift.n, each.shift.m, each.left_out) == (False, 10, 10, (0, 0))
    np.testing.assert_allclose(each.p_value, mannwhitneyu(first["posX"], second["posX"]).pvalue)
    assert each.shared == len(set(known) & set(known.values()))
    few = "3 contexts in both, less than half" if each.shared else "no context is in both"
    assert found.notes == (f"no pairs, the runs are compared as two samples: {few}" if known else "why",)


def test_a_factor_with_few_contexts_in_both_is_two_samples_beside_others_in_pairs():
    first, second = planted()
    later = run_of("b", {"posX": second["posX"]}, contexts=range(7, 17)).rows
    others = run_of("b", {name: second[name] for name in ("scale", "shape")}).rows
    known = {number: number for number in range(17)}
    found = compare_runs(run_of("a", first), RunCases("b", pd.concat([later, others]), known, {}), "pairs")
    assert [each.shift.paired for each in found.factors] == [False, True, True]
    assert found.notes == ("pairs", "posX: 3 contexts in both, less than half: compared as two samples")


def test_factors_go_by_name_and_those_of_one_run_alone_are_told():
    first, second = planted()
    backwards = {name: second[name] for name in reversed(list(second))}
    found = compare_runs(
        run_of("a", {**first, "hue": first["posX"]}), run_of("b", {"floor": second["posX"], **backwards}), "pairs"
    )
    assert [each.factor for each in found.factors] == list(PLANTED)
    assert found.factors == compare_runs(run_of("a", first), run_of("b", second), "pairs").factors
    assert found.notes[1:] == ("only a has hue", "only b has floor")
    with pytest.raises(IFPError, match="need two runs with a factor in common, got posX and hue: diagnose each"):
        compare_runs(run_of("a", {"posX": [1.0]}), run_of("b", {"hue": [1.0]}), "pairs")


def test_cases_that_did_not_freeze_or_diverged_are_counted_where_they_belong():
    first, second = planted()
    statuses = {("posX", 0): "never_froze", ("posX", 1): "above_range", ("posX", 2): "never_melted",
                ("posX", 3): "diverged"}  # fmt: skip
    each = compare_runs(run_of("a", first), run_of("b", second, statuses=statuses), "pairs").factors[0]
    assert (each.shift.n, each.second.below, each.second.above, each.left_out) == (9, 1, 2, (1, 1))
    difference = np.log(second["posX"] / first["posX"])
    difference[[0, 1, 2]] = -np.inf, np.inf, np.inf
    assert each.shift.shift == pytest.approx(np.median(np.delete(difference, 3)))
    pressures = np.concatenate([first["posX"][np.arange(10) != 3], np.delete(second["posX"], [0, 1, 2, 3])])
    tied = np.delete(second["posX"], 3)
    tied[:3] = pressures.min(), pressures.max(), pressures.max()
    expected = wilcoxon(np.log(tied) - np.log(np.delete(first["posX"], 3)), zero_method="zsplit").pvalue
    assert each.p_value == pytest.approx(expected)


def test_a_factor_without_any_point_has_no_test_and_does_not_weigh_on_the_others():
    first, second = planted()
    none = {("scale", context): "never_froze" for context in range(10)}
    found = compare_runs(run_of("a", first, statuses=none), run_of("b", second, statuses=none), "pairs")
    rows = found.to_frame().set_index("factor")
    assert rows.loc["scale", ["beyond_first", "beyond_second"]].tolist() == [10, 10]
    assert rows.loc["scale", ["shift", "p_value", "p_holm"]].isna().all()
    tested = rows.loc[["posX", "shape"]]
    np.testing.assert_allclose(tested["p_holm"], holm(tested["p_value"].tolist()))


def test_settings_that_differ_come_first_and_no_others():
    first, second = (
        run_of(name, betas, network=network, seed="0")
        for name, betas, network in zip("ab", planted(), ("dense", "conv"), strict=True)
    )
    found = compare_runs(first, second, "pairs")
    assert str(found) == "a (first) and b (second); differ in: network dense / conv"
    assert repr(found).startswith(f"Shifts of {found} (pressures beta in nats)\n")
    assert repr(found).splitlines()[-1] == "pairs"
    assert str(compare_runs(first, first, "pairs")).endswith("differ in: no setting")


def test_shifts_are_plain_json():
    first, second = planted()
    statuses = {("posX", 0): "never_froze"}
    found = compare_runs(run_of("a", first, statuses=statuses), run_of("b", second), "pairs")
    held = json.loads(json_bytes(found))
    assert held["format"] == "ifp-run-shifts/1"
    assert [each["factor"] for each in held["factors"]] == list(PLANTED)
    assert held["factors"][0]["first_beta"] == [None, *first["posX"][1:].tolist()]
    assert held["factors"][1]["shift"]["shift"] == found.factors[1].shift.shift


# The figure


@pytest.mark.parametrize("kind", ["box", "violin"])
def test_the_figure_has_every_case_and_the_ratio_of_every_factor(kind):
    first, second = planted()
    statuses = {("posX", 0): "never_froze"}
    found = compare_runs(run_of("a", first), run_of("b", second, statuses=statuses), "pairs")
    axes = found.plot(kind).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(PLANTED)
    dots = [each.get_offsets() for each in axes.collections if isinstance(each, PathCollection)]
    measured = [np.ma.getdata(each)[:, 0] for each in dots[::2]]
    expected = [values[name] for name in PLANTED for values in (first, second)]
    expected[1] = expected[1][1:]
    for seen, betas in zip(measured, expected, strict=True):
        np.testing.assert_allclose(np.sort(seen[np.isfinite(seen)]), np.sort(betas))
    said = [text.get_text() for text in axes.texts]
    rows = found.to_frame().set_index("factor").loc["scale"]
    ratio, low, high = (f"{rows[name]:.3g}" for name in ("ratio", "ratio_low", "ratio_high"))
    assert said[1].startswith(f"{ratio} [{low}, {high}], shift {rows['shift']:.3f}\n")
    assert "beyond the sweep 0, 1" in said[0]


def test_a_figure_of_nothing_is_refused():
    none = {("posX", context): "never_froze" for context in range(2)}
    runs = [run_of(name, {"posX": [1.0, 2.0]}, statuses=none) for name in "ab"]
    with pytest.raises(IFPError, match="need at least one freezing point to draw, got none"):
        compare_runs(*runs, "pairs").plot()
    with pytest.raises(IFPError, match="need a kind out of box, violin"):
        compare_runs(*(run_of(name, {"posX": [1.0, 2.0]}) for name in "ab"), "pairs").plot("pie")
