"""The diffusion index on traces whose answer is known, its events, and the chance level that it is counted above."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from analysis.diffusion import diagnose_diffusion, diffusion_curve, diffusion_measures
from analysis.diffusion_events import owners, turns
from analysis.information import (
    adjusted_information,
    chance_deviation,
    factor_entropy,
    information,
    information_and_chance,
    shuffle_null,
)
from analysis.information_trace import InformationTrace, gated
from analysis.leakage import leakages
from annealing.errors import IFPError

NAMES = ("a", "b", "c")
ENTROPY = np.log([3, 6, 40])


def growth(records, start, end, nats):
    """Nothing until ``start``, then a straight rise to ``nats`` at ``end``."""
    return nats * np.clip((np.arange(records) - start) / (end - start), 0, 1)


def trace_of(above, *, ends=(), deviation=0.002, entropy=ENTROPY):
    above = np.asarray(above, float)
    records, _, factors = above.shape
    return InformationTrace(
        step=100 * np.arange(records),
        pressure=np.geomspace(100, 1, records),
        above=above,
        deviation=np.full(above.shape, deviation),
        names=NAMES[:factors],
        entropy=entropy[:factors],
        ends=ends,
    )


def perfect(records=161):
    """Each factor in a latent of its own, one after the other."""
    above = np.zeros((records, 4, 3))
    for k, entropy in enumerate(ENTROPY):
        above[:, k, k] = growth(records, 40 * k, 40 * k + 40, 0.9 * entropy)
    return above


def spread(latents=4, records=161):
    return np.repeat(perfect(records).sum(axis=1)[:, None], latents, axis=1) / latents


def one_factor(*latents):
    """A trace of one factor of 32 values from its nats in each latent, a series each."""
    return trace_of(np.stack(latents, axis=1)[:, :, None], entropy=np.log([32]))


GROWS = growth(41, 5, 15, 2.0)
MOVES = growth(41, 20, 30, 2.0)
EVEN = np.full(41, 2.0)
# name: trace, D, the part of it since freezing, kinds of its events; values worked out by hand from the definition
TRAJECTORIES = {
    "stays": (one_factor(GROWS, 0 * GROWS), 0, 0, []),
    "moves gradually": (one_factor(2.0 - MOVES, MOVES), 0, 0, ["move"]),
    "moves at once": (one_factor(2.0 * (MOVES < 1), 2.0 * (MOVES >= 1)), 0, 0, ["move"]),
    "ends half-way through a move": (one_factor(2.0 - MOVES / 2, MOVES / 2), 1, 1, ["spread"]),
    "informed, spreads": (one_factor(EVEN - MOVES / 2, MOVES / 2, 0 * MOVES), 1, 1, ["spread"]),
    "starts spread, stays": (one_factor(EVEN / 2, EVEN / 2), 1, 0, []),
    "a rival that held more at freezing": (one_factor([0, 0.1, 2.0, 2.0], [0, 0.12, 0, 0]), 0, 0, []),
    "even over two": (one_factor(GROWS, GROWS), 1, 0, []),
    "even over five": (one_factor(*[GROWS / 5] * 5), 1, 0, []),
    "even over ten": (one_factor(*[GROWS / 4] * 10), 1, 0, []),
    "spreads, then gathers": (
        one_factor(EVEN, growth(41, 5, 15, 0.9) - growth(41, 20, 35, 0.9)), 0, 0, ["spread", "gather"]
    ),
    "a leak of 0.03 of 2 nats": (one_factor(EVEN, growth(41, 5, 15, 0.03)), 0.03 / 2.03 * 2, 0.03 / 2.03 * 2, []),
}  # fmt: skip


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_trajectories_have_the_index_and_the_events_worked_out_for_them(name):
    trace, index, since, kinds = TRAJECTORIES[name]
    found = diagnose_diffusion(trace)
    np.testing.assert_allclose([found.index, found.since_freezing], [index, since], atol=1e-9)
    assert [event.kind for event in found.events] == kinds


@pytest.mark.parametrize("every", [2, 4])
@pytest.mark.parametrize("name", [name for name in TRAJECTORIES if "rival" not in name])
def test_trajectories_seen_less_often_have_the_same_index(name, every):
    trace, index, since, kinds = TRAJECTORIES[name]
    thinned = diagnose_diffusion(trace.at(np.arange(0, 41, every)))
    np.testing.assert_allclose([thinned.index, thinned.since_freezing], [index, since], atol=1e-9)
    assert [event.kind for event in thinned.events] == kinds


def test_a_factor_that_spreads_beside_one_that_does_not_counts_by_its_share_of_what_is_known():
    above = np.zeros((41, 3, 2))
    above[:, 0, 0], above[:, 1, 0], above[:, 2, 1] = EVEN - MOVES / 2, MOVES / 2, 0.3
    found = diagnose_diffusion(trace_of(above, entropy=np.log([32, 3])))
    weight = (2 / np.log(32)) / (2 / np.log(32) + 0.3 / np.log(3))
    np.testing.assert_allclose(found.index, weight * 0.5 / (1 - 1 / 3))  # three latents are in use
    np.testing.assert_allclose(found.index, 0.509, atol=5e-4)
    assert [event.kind for event in found.events] == ["spread"]


@pytest.mark.parametrize("ends", [(), (4000, 8000, 16000)])
def test_a_perfect_code_has_no_diffusion(ends):
    found = diagnose_diffusion(trace_of(perfect(), ends=ends))
    assert found.index == found.since_freezing == 0
    assert found.latents == (0, 1, 2)
    assert [factor.owner for factor in found.factors] == [0, 1, 2]
    assert found.events == found.mixed == ()
    for factor, entropy in zip(found.factors, ENTROPY, strict=True):
        np.testing.assert_allclose([factor.nats, factor.share, factor.effective, factor.lost], [0.9 * entropy, 1, 1, 0])


@pytest.mark.parametrize("latents", [2, 4, 10])
def test_information_spread_evenly_has_an_index_of_1(latents):
    found = diagnose_diffusion(trace_of(spread(latents)))
    np.testing.assert_allclose([found.index, found.since_freezing], [1, 0], atol=1e-9)
    np.testing.assert_allclose([factor.effective for factor in found.factors], latents)


def test_one_latent_that_learns_everything_has_no_diffusion_but_mixes():
    found = diagnose_diffusion(trace_of(perfect().sum(axis=1, keepdims=True)))
    assert found.index == 0
    assert found.mixed == (("a", "b"), ("a", "c"), ("b", "c"))


def test_where_nothing_is_held_there_is_no_index():
    found = diagnose_diffusion(trace_of(np.zeros((20, 4, 3))))
    assert (found.index, found.since_freezing, found.latents, found.events) == (None, None, (), ())
    assert all(factor.owner is None and factor.index is None for factor in found.factors)
    assert np.isnan(diffusion_curve(trace_of(np.zeros((20, 4, 3))))).all()


def random_states(count, seed):
    """States (latents, factors) of random sizes, sparse and dense, with the factors' entropies."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        latents, factors = rng.integers(1, 11), rng.integers(1, 6)
        held = rng.gamma(rng.choice([0.2, 1, 5]), 1, (latents, factors)) * (rng.random((latents, factors)) < 0.7)
        yield np.where(held >= 0.02, held, 0), rng.uniform(0.5, 4, factors)


def test_the_index_stays_in_0_to_1_and_is_0_exactly_where_each_factor_is_in_one_latent():
    names = tuple("abcdef")
    for held, entropy in random_states(2000, 0):
        above = np.stack([held, held])
        trace = InformationTrace(
            np.arange(2), np.array([2.0, 1.0]), above, np.zeros_like(above), names[: len(entropy)], entropy
        )
        index = diffusion_curve(trace)[-1]
        if not held.any():
            assert np.isnan(index)
            continue
        assert -1e-12 <= index <= 1 + 1e-12
        assert (index < 1e-12) == bool(((held > 0).sum(axis=0) <= 1).all())


def test_the_index_is_the_formula_written_out():
    held = np.array([[0.7, 0.0], [0.5, 0.8], [0.1, 0.4], [0.0, 0.05]])
    total, most = held.sum(axis=0), held.max(axis=0)
    used = max(2, 1 + 1 + 1 + 0.5, *(total / most))
    by_factor = (1 - most / total) / (1 - 1 / used)
    weights = total / ENTROPY[:2]
    found = diagnose_diffusion(trace_of([np.zeros((4, 2)), held]))
    np.testing.assert_allclose(found.index, weights @ by_factor / weights.sum())
    np.testing.assert_allclose([factor.index for factor in found.factors], by_factor)


@pytest.mark.parametrize("latents", [2, 3, 6])
def test_more_planted_spread_is_never_less_diffusion(latents):
    rng = np.random.default_rng(latents)
    for _ in range(50):
        entropy, nats = rng.uniform(0.7, 4, 3), rng.uniform(0.2, 0.9, 3)
        state = np.zeros((latents, 3))
        state[rng.integers(0, latents, 3), range(3)] = nats * entropy
        even = np.repeat((nats * entropy / latents)[None], latents, axis=0)
        path = np.array([(1 - t) * state + t * even for t in np.linspace(0, 1, 21)])
        curve = diffusion_curve(trace_of(path, deviation=0.0, entropy=entropy))
        assert (np.diff(curve) > -1e-9).all()
        np.testing.assert_allclose(curve[[0, -1]], [0, 1], atol=1e-9)


def test_the_index_before_the_last_stage_is_that_of_the_record_where_it_begins():
    above = perfect()
    above[:, 3, 0] = growth(161, 85, 120, 0.5)  # spreads in the last stage
    found = diagnose_diffusion(trace_of(above, ends=(4000, 8000, 16000)))
    assert found.before_last == 0
    assert found.index > 0.05
    trace = trace_of(above, ends=(4000, 12050, 16000))
    assert diagnose_diffusion(trace).before_last == diffusion_curve(trace)[120] > 0.05
    assert diagnose_diffusion(trace_of(above)).before_last is None


def test_records_that_only_one_of_two_runs_took_change_no_comparison():
    above = perfect()
    whole = trace_of(above, ends=(4000, 8000, 16000))
    staged = whole.at(np.unique(np.concatenate([np.arange(0, 161, 8), [3, 41, 43, 44, 45]])))
    plain = whole.at(np.arange(0, 161, 8))
    np.testing.assert_array_equal(staged.evenly().above, plain.evenly().above)
    np.testing.assert_array_equal(plain.evenly().step, plain.step)
    assert len(whole.evenly().step) == 21
    assert whole.evenly(4).step.tolist() == [0, 4000, 8000, 12000, 16000]
    odd = replace(whole.at(np.arange(21)), step=np.append(8 * np.arange(20), 164))  # 164 steps, a record every 8
    np.testing.assert_array_equal(odd.evenly().step, odd.step)


def test_leakage_is_what_ended_with_the_owner_of_another_factor():
    above = perfect()
    above[:, 1, 0] = growth(161, 100, 140, 0.3)
    found = leakages(trace_of(above))
    assert len(found) == 6
    assert {(pair.factor, pair.other): pair.nats for pair in found}["a", "b"] == pytest.approx(0.3)
    assert sum(pair.nats for pair in found) == pytest.approx(0.3)
    assert not any(pair.shared for pair in found)


def test_a_latent_that_owns_two_factors_mixes_all_of_either():
    above = perfect()
    above[:, 0, 1], above[:, 1, 1] = above[:, 1, 1].copy(), 0.0
    found = {(pair.factor, pair.other): pair for pair in leakages(trace_of(above))}
    np.testing.assert_allclose([found["a", "b"].nats, found["b", "a"].nats], 0.9 * ENTROPY[:2])
    assert found["a", "b"].shared
    assert found["b", "a"].shared
    assert found["a", "c"].nats == 0
    assert diagnose_diffusion(trace_of(above)).mixed == (("a", "b"),)


def test_events_say_when_at_which_pressure_and_where_to_information_spread():
    above = perfect()
    above[:, 3, 0] = growth(161, 100, 140, 0.52)
    trace = trace_of(above)
    (event,) = diagnose_diffusion(trace).events
    assert (event.kind, event.factor, event.out_of, event.into) == ("spread", "a", 0, 3)
    assert event.step == 10800  # the first record at which 0.1 nat has gone
    assert event.pressure == trace.pressure[108]
    np.testing.assert_allclose(event.nats, 0.52)


def test_a_factor_that_moves_and_leaves_some_behind_spread_as_well():
    moved = growth(41, 10, 20, 1.4)
    found = diagnose_diffusion(one_factor(2.0 - moved, moved))
    assert [event.kind for event in found.events] == ["spread", "move", "gather"]
    assert {(event.out_of, event.into) for event in found.events} == {(0, 1)}
    assert found.factors[0].owner == 1


def test_a_spread_goes_to_the_latent_that_gained_even_where_it_leads_at_the_end():
    gone = growth(41, 10, 20, 1.02)
    (event,) = diagnose_diffusion(one_factor(2.0 - gone, gone, 0 * gone)).events
    assert (event.kind, event.out_of, event.into) == ("spread", 0, 1)


def test_a_latent_that_lost_a_factor_owns_it_no_more_once_another_freezes_there():
    above = np.zeros((41, 2, 2))
    above[:, 0, 0] = growth(41, 0, 10, 1.0) - growth(41, 15, 20, 1.0)
    above[:, 0, 1] = growth(41, 25, 35, 1.0)
    trace = trace_of(above)
    assert diagnose_diffusion(trace).mixed == ()
    assert leakages(trace) == ()


def test_methods_are_compared_by_nats_that_spread_and_gathered_and_by_factors_that_moved():
    spreads, moves = TRAJECTORIES["spreads, then gathers"][0], TRAJECTORIES["moves gradually"][0]
    assert diffusion_measures(diagnose_diffusion(spreads)) == pytest.approx(
        {"diffusion": 0, "spread": 0.9, "gathered": 0.9, "moves": 0}
    )
    assert diffusion_measures(diagnose_diffusion(moves)) == {"diffusion": 0, "spread": 0, "gathered": 0, "moves": 1}


def test_turns_are_told_from_noise_as_a_slow_count_tells_them():
    values = np.cumsum(np.random.default_rng(2).standard_normal(80))
    found = turns(values.tolist(), 1.5)
    assert len(found) > 3
    for turn, after in itertools.pairwise(found):
        assert turn.end == after.start
        assert turn.rises != after.rises
    for turn in found:
        sign = 1 if turn.rises else -1
        inside = sign * values[turn.start : turn.end + 1]
        assert (inside[0], inside[-1]) == (inside.min(), inside.max())
        assert inside[-1] - inside[0] >= 1.5
        assert max(inside[: i + 1].max() - inside[i] for i in range(len(inside))) < 1.5
        assert sign * (values[turn.seen] - values[turn.start]) >= 1.5


def test_an_owner_is_the_first_to_lead_by_a_tenth_nat_until_another_leads_it_by_as_much():
    held = np.array([[0.3, 0.25], [0.4, 0.25], [0.4, 0.45], [0.4, 0.55], [0.5, 0.55], [0.9, 0.55]])
    assert owners(held) == [None, 0, 0, 1, 1, 0]
    assert owners(held[:, :1]) == [0] * 6


@pytest.mark.parametrize("every", [2, 4])
@pytest.mark.parametrize("make", [perfect, spread])
def test_fewer_records_give_the_same_index(make, every):
    rng = np.random.default_rng(0)
    above = make() + 0.005 * rng.standard_normal((161, 4, 3))
    above[:, 3, 0] += growth(161, 100, 140, 0.4)
    trace = trace_of(np.maximum(above, 0), deviation=0.006)
    thinned = diagnose_diffusion(trace.at(np.arange(0, 161, every)))
    whole = diagnose_diffusion(trace)
    assert thinned.index == whole.index > 0.05
    assert abs(whole.since_freezing - thinned.since_freezing) < 0.02


@pytest.mark.parametrize("records", [11, 41, 161, 641])
def test_noise_is_not_counted_however_often_it_is_looked_at(records):
    noise = 0.005 * np.random.default_rng(records).standard_normal((records, 4, 3))
    clean = perfect(records) if records > 120 else np.zeros((records, 4, 3))
    found = diagnose_diffusion(trace_of(np.maximum(clean + noise, 0), deviation=0.006))
    assert found.index in (None, 0)
    assert found.events == ()


def test_relabelling_latents_and_factors_changes_nothing():
    rng = np.random.default_rng(1)
    above = perfect() + spread() / 3
    found = diagnose_diffusion(trace_of(above))
    latents = rng.permutation(4)
    again = diagnose_diffusion(trace_of(above[:, latents]))
    np.testing.assert_allclose(again.index, found.index)
    assert [latents[factor.owner] for factor in again.factors] == [factor.owner for factor in found.factors]


def codes(images, seed):
    """Posteriors of codes that hold a factor of 6 and one of 4 values, sharply."""
    rng = np.random.default_rng(seed)
    factors = np.stack([rng.integers(0, 6, images), rng.integers(0, 4, images)], axis=1)
    mean = np.stack([factors[:, 0] / 2, factors[:, 1] / 2, rng.standard_normal(images)], axis=1)
    return mean + 0.05 * rng.standard_normal(mean.shape), np.full(mean.shape, -4.0), factors


def test_shuffled_labels_give_an_empty_index():
    for seed in range(10):
        mean, logvar, factors = codes(1000, seed)
        shuffled = factors[np.random.default_rng(seed).permutation(len(factors))]
        entropy = factor_entropy(shuffled)
        shown, null = information_and_chance(mean, logvar, shuffled, seed=seed)
        above = adjusted_information(shown, null, entropy)
        trace = InformationTrace(
            step=np.arange(2),
            pressure=np.array([10.0, 1.0]),
            above=np.stack([np.zeros_like(above), above]),
            deviation=np.stack([chance_deviation(null, 1000, entropy)] * 2),
            names=NAMES[:2],
            entropy=entropy,
        )
        assert diagnose_diffusion(trace).index is None


def test_the_sign_of_a_code_changes_no_information():
    mean, logvar, factors = codes(500, 0)
    np.testing.assert_allclose(information(mean, logvar, factors), information(-mean, logvar, factors), atol=2e-3)


def test_the_deviation_of_chance_is_at_most_the_bound_and_near_it_for_a_sharp_code():
    mean, logvar, factors = codes(800, 1)
    entropy = factor_entropy(factors)
    shown = np.array([shuffle_null(mean, logvar, factors, seed=seed, shuffles=1) for seed in range(80)])
    null = shown.mean(axis=0)
    deviation = (shown * entropy / (entropy - null)).std(axis=0)  # of the adjusted information, before it is clipped
    bound = chance_deviation(null, 800, entropy)
    assert (deviation < 1.25 * bound).all()  # 80 shuffles know a deviation to 8%
    assert (deviation > 0.5 * bound).all()


def test_what_a_silent_latent_seems_to_hold_is_not_counted():
    above = np.full((2, 3, 1), 0.3)
    kl = np.array([[0.0, 0.0099, 0.0101], [1.0, 0.0, 0.02]])
    np.testing.assert_array_equal(gated(above, kl)[:, :, 0], [[0, 0, 0.3], [0.3, 0, 0.3]])
    np.testing.assert_array_equal(gated(above, kl, 0.02)[:, :, 0], [[0, 0, 0], [0.3, 0, 0.3]])


def test_what_is_less_than_three_deviations_of_chance_or_002_nats_is_not_held():
    trace = trace_of([[[0.019, 0.05], [0.021, 0.07]]] * 2)
    np.testing.assert_array_equal(trace.held[0], [[0, 0.05], [0.021, 0.07]])
    noisy = trace_of([[[0.019, 0.05], [0.021, 0.07]]] * 2, deviation=0.02)
    np.testing.assert_array_equal(noisy.held[0], [[0, 0], [0, 0.07]])


@pytest.mark.parametrize(
    "changed",
    [
        {"above": np.zeros((3, 2, 2))},
        {"step": np.array([0, 0])},
        {"above": np.full((2, 2, 1), np.nan)},
        {"entropy": np.zeros(2)},
    ],
)
def test_traces_that_do_not_fit_are_refused(changed):
    fitting = {
        "step": np.arange(2), "pressure": np.array([2.0, 1.0]), "above": np.zeros((2, 2, 1)),
        "deviation": np.zeros((2, 2, 1)), "names": ("a",), "entropy": np.ones(1),
    }  # fmt: skip
    with pytest.raises(IFPError, match="need"):
        InformationTrace(**fitting | changed)


def test_the_figure_parts_what_the_latent_with_most_holds_from_the_rest():
    above = np.zeros((161, 3, 3))
    above[:, 0, 0] = growth(161, 0, 40, 0.9)
    above[:, 1, 0] = growth(161, 80, 120, 0.3)  # into a second latent
    above[:, 2, 1] = growth(161, 0, 40, 0.8)
    bars = diagnose_diffusion(trace_of(above)).plot().axes[0].patches
    most, elsewhere = ([bar.get_width() for bar in row] for row in (bars[:3], bars[3:6]))
    np.testing.assert_allclose(most, [0.9, 0.8, 0], atol=1e-9)
    np.testing.assert_allclose(elsewhere, [0.3, 0, 0], atol=1e-9)
