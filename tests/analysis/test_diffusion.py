"""The diffusion index on traces whose answer is known, its events, and the chance level that it is counted above."""

import itertools

import numpy as np
import pytest

from analysis.diffusion import diagnose_diffusion
from analysis.information import chance_deviation, information, shuffle_null
from analysis.information_trace import InformationTrace, boundaries, gated, rises
from analysis.leakage import leakages
from annealing.errors import IFPError

NAMES = ("a", "b", "c")
ENTROPY = np.log([3, 6, 40])


def growth(records, start, end, nats):
    """Nothing until ``start``, then a straight rise to ``nats`` at ``end``."""
    return nats * np.clip((np.arange(records) - start) / (end - start), 0, 1)


def trace_of(above, *, ends=(), deviation=0.002):
    records, _, factors = above.shape
    return InformationTrace(
        step=100 * np.arange(records),
        pressure=np.geomspace(100, 1, records),
        above=above,
        deviation=np.full(above.shape, deviation),
        names=NAMES[:factors],
        entropy=ENTROPY[:factors],
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


@pytest.mark.parametrize("ends", [(), (4000, 8000, 16000)])
def test_a_perfect_code_has_no_diffusion(ends):
    found = diagnose_diffusion(trace_of(perfect(), ends=ends))
    assert found.index == 0
    assert found.latents == (0, 1, 2)
    assert [each.owner for each in found.factors] == [0, 1, 2]
    assert found.events == found.mixed == ()
    for each, entropy in zip(found.factors, ENTROPY, strict=True):
        np.testing.assert_allclose([each.nats, each.share, each.effective, each.lost], [0.9 * entropy, 1, 1, 0])


@pytest.mark.parametrize("latents", [2, 4, 10])
def test_information_spread_evenly_has_an_index_of_1(latents):
    found = diagnose_diffusion(trace_of(spread(latents)))
    np.testing.assert_allclose(found.index, 1)
    np.testing.assert_allclose([each.effective for each in found.factors], latents)


def test_one_latent_that_learns_everything_has_no_diffusion():
    assert diagnose_diffusion(trace_of(perfect().sum(axis=1, keepdims=True))).index == 0


def test_where_nothing_is_gained_there_is_no_index():
    found = diagnose_diffusion(trace_of(np.zeros((20, 4, 3))))
    assert found.index is None
    assert found.latents == ()
    assert all(each.owner is None and each.index is None for each in found.factors)


def test_the_index_is_the_formula_on_gains_written_out():
    above = np.zeros((3, 3, 2))
    above[1] = [[1.0, 0.0], [0.2, 0.0], [0.0, 0.0]]
    above[2] = [[0.7, 0.0], [0.5, 0.8], [0.1, 0.4]]
    found = diagnose_diffusion(trace_of(above, ends=(100, 200)))
    gains = np.array([[1.0, 0.0], [0.5, 0.8], [0.1, 0.4]])
    owned = np.array([1.0, 0.8])
    each = 3 / 2 * (1 - owned / gains.sum(axis=0))
    weights = gains.sum(axis=0) / ENTROPY[:2]
    np.testing.assert_allclose(found.index, weights @ each / weights.sum())
    np.testing.assert_allclose([factor.index for factor in found.factors], each)
    np.testing.assert_allclose([factor.lost for factor in found.factors], [0.3, 0.0], atol=1e-12)


def test_the_index_before_the_last_stage_counts_what_came_before_it():
    above = perfect()
    above[:, 3, 0] = growth(161, 85, 120, 0.5)  # spreads in the last stage
    found = diagnose_diffusion(trace_of(above, ends=(4000, 8000, 16000)))
    assert found.before_last == 0
    assert found.index > 0.05
    above[:, 3, 0] = growth(161, 45, 75, 0.5)  # in the one before
    trace = trace_of(above, ends=(4000, 8000, 16000))
    assert diagnose_diffusion(trace).before_last == diagnose_diffusion(trace.until(8000)).index > 0.05
    assert diagnose_diffusion(trace_of(above)).before_last is None


def test_a_stage_that_ends_before_a_second_record_has_no_index_before_it():
    found = diagnose_diffusion(trace_of(perfect(), ends=(10, 16000)))
    assert found.before_last is None
    assert found.index == 0


def test_nothing_spreads_from_an_owner_that_holds_nothing_yet():
    above = np.zeros((4, 2, 1))
    above[1:, 1, 0] = 0.15
    above[2:, 0, 0] = 1.0
    found = diagnose_diffusion(trace_of(above))
    assert found.factors[0].owner == 0
    assert found.events == ()
    assert found.index > 0.2  # what the other latent gained counts all the same


def test_leakage_is_what_ended_with_the_owner_of_another_factor():
    above = perfect()
    above[:, 1, 0] = growth(161, 100, 140, 0.3)
    found = {(each.factor, each.other): each.nats for each in leakages(trace_of(above))}
    assert len(found) == 6
    np.testing.assert_allclose(found["a", "b"], 0.3)
    assert sum(found.values()) == pytest.approx(0.3)


def test_events_say_when_at_which_pressure_and_where_to_information_began_to_spread():
    above = perfect()
    above[:, 3, 0] = growth(161, 100, 140, 0.5)
    trace = trace_of(above)
    (event,) = diagnose_diffusion(trace).events
    assert (event.factor, event.owner, event.into) == ("a", 0, 3)
    assert 10000 < event.step < 11500
    assert event.pressure == trace.pressure[event.step // 100]
    np.testing.assert_allclose(event.nats, 0.5)


@pytest.mark.parametrize("every", [2, 4])
@pytest.mark.parametrize("make", [perfect, spread])
def test_fewer_checkpoints_give_the_same_index(make, every):
    rng = np.random.default_rng(0)
    above = make() + 0.005 * rng.standard_normal((161, 4, 3))
    above[:, 3, 0] += growth(161, 100, 140, 0.4)
    whole = diagnose_diffusion(trace_of(above, deviation=0.006)).index
    thinned = diagnose_diffusion(trace_of(above[::every], deviation=0.006)).index
    assert abs(whole - thinned) < 0.02


@pytest.mark.parametrize("records", [11, 41, 161, 641])
def test_noise_is_not_counted_however_often_it_is_looked_at(records):
    noise = 0.005 * np.random.default_rng(records).standard_normal((records, 4, 3))
    clean = perfect(records) if records > 120 else np.zeros((records, 4, 3))
    found = diagnose_diffusion(trace_of(clean + noise, deviation=0.006))
    assert found.index is None or found.index < 0.01


def test_relabelling_latents_and_factors_changes_nothing():
    rng = np.random.default_rng(1)
    above = perfect() + spread() / 3
    found = diagnose_diffusion(trace_of(above))
    latents = rng.permutation(4)
    again = diagnose_diffusion(trace_of(above[:, latents]))
    np.testing.assert_allclose(again.index, found.index)
    assert [latents[each.owner] for each in again.factors] == [each.owner for each in found.factors]


def codes(images, seed):
    """Posteriors of codes that hold a factor of 6 and one of 4 values, sharply."""
    rng = np.random.default_rng(seed)
    factors = np.stack([rng.integers(0, 6, images), rng.integers(0, 4, images)], axis=1)
    mean = np.stack([factors[:, 0] / 2, factors[:, 1] / 2, rng.standard_normal(images)], axis=1)
    return mean + 0.05 * rng.standard_normal(mean.shape), np.full(mean.shape, -4.0), factors


def test_shuffled_labels_give_an_empty_index():
    for seed in range(10):
        mean, logvar, factors = codes(1000, seed)
        rng = np.random.default_rng(seed)
        shuffled = factors[rng.permutation(len(factors))]
        null = shuffle_null(mean, logvar, shuffled, seed=seed)
        above = information(mean, logvar, shuffled) - null
        trace = InformationTrace(
            step=np.arange(2),
            pressure=np.array([10.0, 1.0]),
            above=np.stack([np.zeros_like(above), above]),
            deviation=np.stack([chance_deviation(null, 1000)] * 2),
            names=NAMES[:2],
            entropy=ENTROPY[:2],
        )
        assert diagnose_diffusion(trace).index is None


def test_the_sign_of_a_code_changes_no_information():
    mean, logvar, factors = codes(500, 0)
    np.testing.assert_allclose(information(mean, logvar, factors), information(-mean, logvar, factors), atol=2e-3)


def test_the_deviation_of_chance_is_at_most_the_bound_and_near_it_for_a_sharp_code():
    mean, logvar, factors = codes(800, 1)
    shown = np.array([shuffle_null(mean, logvar, factors, seed=seed, shuffles=1) for seed in range(80)])
    bound = chance_deviation(shown.mean(axis=0), 800)
    assert (shown.std(axis=0) < 1.25 * bound).all()  # 80 shuffles know a deviation to 8%
    assert (shown.std(axis=0) > 0.5 * bound).all()


def test_what_a_silent_latent_seems_to_hold_is_not_counted():
    above = np.full((2, 3, 1), 0.3)
    kl = np.array([[0.0, 0.0099, 0.0101], [1.0, 0.0, 0.02]])
    np.testing.assert_array_equal(gated(above, kl)[:, :, 0], [[0, 0, 0.3], [0.3, 0, 0.3]])
    np.testing.assert_array_equal(gated(above, kl, 0.02)[:, :, 0], [[0, 0, 0], [0.3, 0, 0.3]])


def test_boundaries_are_ends_of_stages_or_steps_of_a_tenth_nat():
    above = np.zeros((9, 1, 1))
    above[:, 0, 0] = [0, 0.05, 0.09, 0.11, 0.15, 0.19, 0.22, 0.22, 0.22]
    assert boundaries(trace_of(above)) == [0, 3, 6, 8]
    assert boundaries(trace_of(above, ends=(300, 800))) == [0, 3, 8]


def test_rises_are_told_from_noise_as_a_slow_count_tells_them():
    rng = np.random.default_rng(2)
    values = np.cumsum(rng.standard_normal(60))
    found = rises(values.tolist(), [0.5] * 60)
    assert found
    for each, after in itertools.pairwise(found):
        assert each.end < after.start or each.end <= after.start
    for each in found:
        inside = values[each.start : each.end + 1]
        assert values[each.start] == inside.min()
        assert values[each.end] == inside.max()
        assert each.nats > 0.5
        drops = [inside[: i + 1].max() - inside[i] for i in range(len(inside))]
        assert max(drops) <= 0.5
        assert values[each.seen] - values[each.start] > 0.5


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


def test_the_figure_of_gains_parts_the_owners_from_those_of_others():
    above = np.zeros((161, 3, 3))
    above[:, 0, 0] = growth(161, 0, 40, 0.9)
    above[:, 1, 0] = growth(161, 80, 120, 0.3)  # into a second latent
    above[:, 2, 1] = growth(161, 0, 40, 0.8)
    bars = diagnose_diffusion(trace_of(above)).plot().axes[0].patches
    own, elsewhere = ([bar.get_width() for bar in row] for row in (bars[:3], bars[3:6]))
    np.testing.assert_allclose(own, [0.9, 0.8, 0], atol=1e-9)
    np.testing.assert_allclose(elsewhere, [0.3, 0, 0], atol=1e-9)
