"""Sweeps of data whose freezing points have closed forms, and of stacks against their cases alone.

Two families of images bound the reconstruction R of any encoder, decoder and latents by the KL alone, in or out of
equilibrium. N binary pixels that share one fair coin: each costs at least the coin's entropy given the code, so that
R >= N (ln 2 - KL). A strictly sub-Gaussian line of top eigenvalue lam (evenly spaced points are): R >= (1/2 - KL) lam.
"""

import dataclasses
import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Generator

from annealing.errors import IFPError
from annealing.freezing import balance, freezing_point, read_loops
from annealing.hysteresis import Pace
from annealing.knee import fit_knee
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.stack import Case, DenseStack
from annealing.sweep import sweep
from annealing.sweep_config import SweepConfig

QUICK = Pace(learn_steps=200, survey=6e-3, first_loop=4e-3, max_steps=3000)
SHORT = SweepConfig(pace=replace(QUICK, max_steps=700), record_every=20)
MEASURED = SweepConfig(pace=QUICK)
SEEDS = (0, 1, 2)


def small_case(seed, threshold):
    """12 images of 8 x 8: blobs of a size that depends on the threshold."""
    generator = Generator().manual_seed(seed)
    fields = torch.nn.functional.interpolate(torch.rand(12, 1, 3, 3, generator=generator), 8, mode="bilinear")
    return Case((fields > threshold).float().permute(0, 2, 3, 1), 0.5, 60.0, seed)


def curves(records, name):
    return np.array([getattr(record, name) for record in records])


def along(records, case):
    """direction, loop, beta and kl of one case's first latent."""
    direction = np.array([record.direction[case] for record in records])
    return direction, *(curves(records, name)[:, case] for name in ("loop", "beta")), curves(records, "kl")[:, case, 0]


def point_of(records, case, threshold=0.1):
    return freezing_point(read_loops(*along(records, case), threshold), QUICK.slowdown)


def last_heating(records, case):
    direction, loop, beta, kl = along(records, case)
    on = (direction == "heat") & (loop == point_of(records, case).loop)
    return beta[on], kl[on], curves(records, "reconstruction")[on, case]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Networks this small only wait for a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def coin_images():
    """8 images of 30 pixels, 0 and 1 in turn: the freezing point is 30."""
    images = torch.tensor([0.0, 1.0]).repeat(4)[:, None].repeat(1, 30)
    images[:, ::2] = 1 - images[:, ::2]
    return images


@pytest.fixture(scope="module")
def correlated_binary_pixels():
    """At the default pace: faster loops leave it to the last digits of a silent network when it freezes again."""
    pace = replace(QUICK, first_loop=Pace().first_loop, max_steps=Pace().max_steps)
    config = replace(MEASURED, pace=pace)
    return list(sweep([Case(coin_images(), 9.0, 90.0, seed) for seed in SEEDS], config, Bernoulli()))


@pytest.fixture(scope="module")
def two_latents():
    config = SweepConfig(pace=replace(QUICK, max_steps=1500), latents=2)
    return list(sweep([Case(coin_images(), 9.0, 90.0, seed) for seed in SEEDS], config, Bernoulli()))


@pytest.fixture(scope="module")
def grey_line():
    """8 images evenly spaced on a line, of total variance 12 / 7; at decoder variance 0.1 they freeze at 120 / 7."""
    images = 0.5 + torch.linspace(-0.5, 0.5, 8)[:, None].repeat(1, 16)
    lam = 120 / 7
    return list(sweep([Case(images, 0.3 * lam, 3 * lam, seed) for seed in SEEDS], MEASURED, Gaussian(0.1)))


@pytest.mark.parametrize("case", range(len(SEEDS)))
def test_binary_pixels_freeze_and_melt_around_their_closed_form_point(correlated_binary_pixels, case):
    point = point_of(correlated_binary_pixels, case)
    assert point.status == "ok"
    assert 0.75 * 30 < point.freezing < 1.02 * 30
    assert 0.97 * 30 < point.melting < 1.1 * 30


@pytest.mark.parametrize("case", range(len(SEEDS)))
def test_a_gaussian_line_follows_the_closed_form_of_the_linear_optimum(grey_line, case):
    lam = 120 / 7  # KL = ln(lam / beta) / 2
    beta, kl, _ = last_heating(grey_line, case)
    inside = (kl > 0.05) & (kl < 0.15)
    assert inside.sum() > 3
    np.testing.assert_allclose(kl[inside], np.log(lam / beta[inside]) / 2, atol=0.02)
    point, knee = point_of(grey_line, case), fit_knee(beta, kl)
    assert point.status == "ok"
    assert 0.95 < point.melting / (lam * np.exp(-0.2)) < 1.05
    assert 0.85 < point.freezing / (lam * np.exp(-0.2)) < 1.05
    assert 0.97 < knee.beta / lam < 1.05


@pytest.mark.parametrize("case", range(len(SEEDS)))
def test_what_a_latent_loses_on_heating_it_pays_for_at_the_pressure(grey_line, case):
    beta, kl, reconstruction = last_heating(grey_line, case)
    assert 0.9 < balance(beta, kl, reconstruction) < 1.1  # fixed nodes would show reconstruction gained at no KL


def gained_beyond(records, case, silent, gain):
    """Nats by which reconstruction falls below ``silent - gain * KL``, over silent: one value a record."""
    on = np.array([record.direction[case] != "done" for record in records])
    kl, reconstruction = (curves(records, name)[on, case] for name in ("kl", "reconstruction"))
    return 1 - (reconstruction + gain * kl.sum(axis=1)) / silent


def over_20(values):
    return np.convolve(values, np.full(20, 1 / 20), "valid")


@pytest.mark.parametrize("case", range(len(SEEDS)))
def test_on_the_grid_no_record_reconstructs_more_than_its_kl_allows(correlated_binary_pixels, grey_line, case):
    assert gained_beyond(correlated_binary_pixels, case, 30 * np.log(2), 30).max() < 2e-3
    assert gained_beyond(grey_line, case, 60 / 7, 120 / 7).max() < 2e-3


@pytest.mark.parametrize("case", range(len(SEEDS)))
def test_with_samples_no_run_of_records_reconstructs_more_than_its_kl_allows(two_latents, case):
    # single records carry the noise of the samples; samples that stayed the same would gain up to 1
    assert over_20(gained_beyond(two_latents, case, 30 * np.log(2), 30)).max() < 0.03


def test_with_very_few_nodes_no_run_of_records_reconstructs_more_than_its_kl_allows():
    config = SweepConfig(pace=replace(QUICK, max_steps=1500), nodes=6)
    records = list(sweep([Case(coin_images(), 9.0, 90.0, seed) for seed in SEEDS], config, Bernoulli()))
    for case in range(len(SEEDS)):
        assert over_20(gained_beyond(records, case, 30 * np.log(2), 30)).max() < 0.02


@pytest.mark.parametrize("case", range(len(SEEDS)))
def test_a_gaussian_line_has_little_hysteresis_and_its_latent_turns_where_the_curve_does(grey_line, case):
    direction, loop, beta, _ = along(grey_line, case)
    freezing, melting = point_of(grey_line, case).freezing, point_of(grey_line, case).melting
    assert melting / freezing < 1.08
    assert point_of(grey_line, case).gap in ("none", "lag")
    read = loop == point_of(grey_line, case).loop
    assert beta[read & (direction == "cool")].min() == pytest.approx(0.88 * freezing, rel=0.02)
    silent = point_of(grey_line, case, threshold=0.01).melting
    assert beta[read & (direction == "heat")].max() == pytest.approx(1.1 * silent, rel=0.03)


@pytest.mark.parametrize("settings", [{"nodes": 64}, {"latents": 2, "samples": 2000}], ids=["grid", "samples"])
def test_the_first_record_shows_the_expectation_over_the_posteriors_by_gauss_hermite_quadrature(settings):
    case = Case(small_case(1, 0.5).images.flatten(1), 0.5, 60.0, 3)
    config = SweepConfig(pace=Pace(learn_steps=1, max_steps=2), hidden=16, **settings)
    record = next(sweep([case], config, Bernoulli()))
    stack = DenseStack([case], 16, config.latents, Bernoulli(), [Generator().manual_seed(3)], "cpu")
    mean, logvar = (each[0] for each in stack.posterior())
    points, masses = (torch.tensor(each, dtype=torch.float32) for each in np.polynomial.hermite_e.hermegauss(30))
    grid = torch.cartesian_prod(*[points] * config.latents).reshape(-1, config.latents)
    mass = torch.cartesian_prod(*[masses / (2 * np.pi) ** 0.5] * config.latents).reshape(len(grid), -1).prod(dim=1)
    columns = {tuple(column.tolist()): index for index, column in enumerate(stack._target[0].T)}
    varying = [pixel for pixel in case.images.T if pixel.min() < pixel.max()]
    at = [columns[tuple(pixel.tolist())] for pixel in varying]
    total = 0.0
    for image in range(len(case.images)):
        output = stack._networks.decode((mean[image] + (logvar[image] / 2).exp() * grid)[None])[0][:, at].double()
        binary = torch.stack(varying)[:, image].double()
        total -= (mass.double() @ torch.distributions.Bernoulli(logits=output).log_prob(binary).sum(dim=1)).item()
    np.testing.assert_allclose(record.reconstruction[0], total / len(case.images), rtol=1e-3)


def early(network):
    """A case that ends at once, still active at its top, one that goes on, and their config."""
    if network == "conv":
        images = torch.rand(2, 4, 16, 16, 1, generator=Generator().manual_seed(0)).round()
    else:
        images = 0.5 + torch.linspace(-0.5, 0.5, 8)[:, None] * (torch.arange(32) < torch.tensor([[20], [10]]))[:, None]
    cases = [Case(images[0], 0.1, 0.1 * 1.005, 1), Case(images[1], 0.1, 60.0, 2)]
    pace = Pace(learn_steps=40, survey=6e-3, first_loop=4e-3, max_steps=60)
    return cases, SweepConfig(network=network, pace=pace, record_every=1)


@pytest.mark.parametrize("network", ["dense", "conv"])
def test_a_case_that_is_done_shows_nothing_and_the_others_go_on_as_they_would_alone(network):
    cases, config = early(network)
    together, alone = (list(sweep(each, config, Gaussian(0.1))) for each in (cases, cases[1:]))
    done = next(record.step for record in together if record.direction[0] == "done")
    assert 40 < done < 45
    assert (together[-1].step, together[-1].direction[1]) == (alone[-1].step, "heat")
    for record, expected in zip(together, alone, strict=True):
        shown = [record.beta[0], *record.kl[0], record.reconstruction[0]]
        assert np.isnan(shown).all() if record.step >= done else np.isfinite(shown).all()
        np.testing.assert_array_equal(record.beta[1], expected.beta[0])
    for name in ("kl", "reconstruction"):  # an optimizer that had lost its moments would leap
        found, expected = curves(together, name)[:, 1], curves(alone, name)[:, 0]
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_case_that_diverges_ends_and_leaves_the_others_as_they_would_be_alone():
    line = 0.5 + torch.linspace(-0.5, 0.5, 8)[:, None].repeat(1, 16)
    cases = [Case(1e25 * line, 1.0, 3.0, 0), Case(line, 5.0, 50.0, 1)]
    config = SweepConfig(pace=replace(QUICK, learn_steps=30, max_steps=60), record_every=1)
    together, alone = (list(sweep(each, config, Gaussian(0.1))) for each in (cases, cases[1:]))
    assert not np.isfinite(curves(together, "reconstruction")[:, 0]).any()
    for name in ("kl", "reconstruction"):
        found, expected = curves(together, name)[:40, 1], curves(alone, name)[:40, 0]
        np.testing.assert_allclose(found, expected, rtol=5e-3, atol=1e-4)


def test_images_that_do_not_differ_never_freeze_and_cost_nothing():
    records = list(sweep([Case(torch.full((4, 9), 0.3), 1.0, 20.0, 0)], MEASURED, Bernoulli()))
    assert point_of(records, 0).status == "never_froze"
    going = [record for record in records if record.direction[0] != "done"]
    assert (curves(going, "reconstruction") == 0).all()
    assert going[-1].beta[0] < 1.1  # it ends at the bottom of the first cooling
    assert records[-1].loop[0] == 1


def test_pressures_move_by_the_pace_within_the_bounds_and_a_case_that_is_done_shows_nothing():
    cases = [small_case(1, 0.5), dataclasses.replace(small_case(2, 0.5), low=2.0, high=5.0)]
    config = SweepConfig(pace=replace(QUICK, max_steps=400), record_every=1, hidden=4)
    records = list(sweep(cases, config, Bernoulli()))
    assert [record.step for record in records] == list(range(len(records)))
    for index, case in enumerate(cases):
        direction, loop, beta, kl = along(records, index)
        going = direction != "done"
        assert (direction[:200] == "learn").all()
        assert (beta[:200] == case.low).all()
        assert case.low <= beta[going].min() <= beta[going].max() <= case.high
        assert np.isnan(beta[~going]).all()
        assert np.isnan(kl[~going]).all()
        moved = np.abs(np.diff(np.log(beta[going])))
        assert moved.max() <= QUICK.survey * (1 + 1e-9)
        assert moved[loop[going][:-1] > 0].max(initial=0) <= QUICK.first_loop * (1 + 1e-9)


@pytest.mark.parametrize("every", [4, 20])
def test_records_are_taken_at_every_so_many_steps_and_have_the_shapes_of_the_stack(every):
    config = SweepConfig(pace=Pace(learn_steps=8, max_steps=40), record_every=every, hidden=4, latents=3)
    records = list(sweep([small_case(1, 0.5), small_case(2, 0.4)], config, Bernoulli()))
    assert [record.step for record in records] == list(range(0, records[-1].step + 1, every))
    for record in records:
        assert (record.beta.shape, record.kl.shape, record.reconstruction.shape) == ((2,), (2, 3), (2,))
        assert len(record.direction) == len(record.loop) == 2


def test_silent_binary_pixels_cost_the_entropy_of_the_mean_image():
    images = small_case(5, 0.55).images
    p = images.mean(dim=0).double().clamp(1e-12, 1 - 1e-12)
    entropy = -(p * p.log() + (1 - p) * (1 - p).log()).sum().item()
    records = list(sweep([Case(images, 100.0, 500.0, 0)], SHORT, Bernoulli()))
    silent = [record for record in records if record.kl[0, 0] < 1e-3][-3:]
    np.testing.assert_allclose(curves(silent, "reconstruction"), entropy, rtol=0.01)


def test_silent_gaussian_pixels_cost_half_their_variance_over_that_of_the_decoder(grey_line):
    silent = [record for record in grey_line if record.direction[0] != "done" and record.kl[0, 0] < 1e-3]
    np.testing.assert_allclose([record.reconstruction[0] for record in silent], 120 / 7 / 2, rtol=0.01)


@pytest.mark.parametrize("case", range(len(SEEDS)))
def test_of_two_latents_one_takes_the_only_mode_and_the_other_stays_silent(two_latents, case):
    learnt = next(record for record in two_latents if record.direction[case] == "heat")
    assert learnt.kl[case].max() > 0.5
    looped = [record for record in two_latents if record.loop[case] > 0 and record.direction[case] != "done"]
    silent, active = np.sort(curves(looped, "kl")[:, case], axis=1).max(axis=0)  # which is which may change
    assert active > 0.1
    assert silent < 0.2 * active


@pytest.mark.parametrize("case", range(len(SEEDS)))
def test_of_two_latents_the_more_active_one_steers(two_latents, case):
    cooled = [record for record in two_latents if (record.direction[case], record.loop[case]) == ("cool", 1)]
    beta, highest = curves(cooled, "beta")[:, case], curves(cooled, "kl")[:, case].max(axis=1)
    assert beta.max() > 30  # heated until the active latent had melted
    assert beta.min() == pytest.approx(0.88 * beta[highest >= 0.1].max(), rel=0.05)


def test_a_case_has_the_same_freezing_point_alone_and_in_a_stack_whose_cases_end_before_it():
    line = torch.linspace(-0.5, 0.5, 8)[:, None]
    cases = [Case(0.5 + line * (torch.arange(32) < 4 * k), 1.5 * k, 15.0 * k, k) for k in (3, 5, 8)]
    together = list(sweep(cases, MEASURED, Gaussian(0.1)))
    for index, case in enumerate(cases):
        alone = list(sweep([case], MEASURED, Gaussian(0.1)))
        found, expected = point_of(together, index), point_of(alone, 0)
        assert (found.status, expected.status) == ("ok", "ok")
        assert found.melting == pytest.approx(expected.melting, rel=0.02)
        assert found.freezing == pytest.approx(expected.freezing, rel=0.02)


def test_a_case_takes_the_same_first_steps_alone_and_in_a_stack():
    cases = [small_case(1, 0.5), small_case(2, 0.62)]
    together = list(itertools.islice(sweep(cases, SHORT, Bernoulli()), 3))  # later rounding tells
    for index, case in enumerate(cases):
        alone = list(itertools.islice(sweep([case], SHORT, Bernoulli()), 3))
        for name in ("kl", "reconstruction"):
            found, expected = curves(together, name)[:, index], curves(alone, name)[:, 0]
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("network", "latents"), [("dense", 1), ("dense", 2), ("conv", 1), ("conv", 2)])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(network, latents):
    config = SweepConfig(network=network, latents=latents, pace=Pace(learn_steps=10, max_steps=30), record_every=5)
    images = torch.rand(4, 16, 16, 1, generator=Generator().manual_seed(0)).round()

    def curve(seed):
        return curves(list(sweep([Case(images, 1.0, 9.0, seed)], config, Bernoulli())), "kl").tobytes()

    first = curve(3)
    torch.manual_seed(12345)  # the global stream plays no part
    assert curve(3) == first
    assert curve(4) != first


def test_a_conv_network_learns_its_images_at_low_pressure():
    images = torch.zeros(4, 16, 16, 1)
    for index in range(4):
        images[index, 4 * index : 4 * index + 4] = 1
    config = SweepConfig(network="conv", pace=Pace(learn_steps=300, max_steps=301), record_every=10)
    records = list(sweep([Case(images, 0.1, 1.0, 0)], config, Bernoulli()))
    learn = curves([record for record in records if record.direction[0] == "learn"], "reconstruction")[:, 0]
    entropy = 256 * -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert learn[0] > entropy  # the network starts without knowing the mean image
    assert learn[-1] < 0.5 * entropy  # and tells the images apart


@pytest.fixture(scope="module")
def conv_coin():
    """Two images of 16 x 16 binary pixels that share one coin: the freezing point is 256."""
    images = torch.stack([torch.zeros(16, 16, 1), torch.ones(16, 16, 1)])
    images[:, ::2] = 1 - images[:, ::2]
    pace = Pace(learn_steps=90, survey=1e-2, first_loop=7e-3, max_steps=480)
    config = SweepConfig(network="conv", pace=pace, record_every=5)
    return list(sweep([Case(images, 25.0, 600.0, 0)], config, Bernoulli()))


def test_conv_networks_freeze_and_melt_around_the_closed_form_point(conv_coin):
    survey, loop = read_loops(*along(conv_coin, 0), 0.1)
    assert (survey.heating.status, loop.cooling.status) == ("ok", "ok")
    assert 0.98 * 256 < survey.heating.beta < 1.3 * 256
    assert 0.55 * 256 < loop.cooling.beta < 1.02 * 256


def test_conv_networks_reconstruct_no_more_than_their_kl_allows_and_know_the_mean_image_when_silent(conv_coin):
    assert gained_beyond(conv_coin, 0, 256 * np.log(2), 256).max() < 2e-3
    silent = [record for record in conv_coin if record.loop[0] == 1 and record.kl[0, 0] < 1e-4]
    np.testing.assert_allclose(curves(silent, "reconstruction"), 256 * np.log(2), rtol=0.01)


@pytest.mark.parametrize(("thresholds", "silent"), [((0.4, 0.1), 0.1), ((0.1, 0.4), 0.4)])
def test_a_case_turns_where_it_is_active_by_the_first_threshold_and_silent_by_the_lowest(thresholds, silent):
    images, lam = 0.5 + torch.linspace(-0.5, 0.5, 8)[:, None].repeat(1, 16), 120 / 7
    config = SweepConfig(pace=replace(QUICK, max_steps=900), record_every=5)
    records = list(sweep([Case(images, 0.2 * lam, 3 * lam, 0)], config, Gaussian(0.1), thresholds=thresholds))
    direction, loop, beta, _ = along(records, 0)  # KL = ln(lam / beta) / 2
    lowest = beta[(loop == 1) & (direction == "cool")].min()
    highest = beta[(loop <= 1) & (direction == "heat")].max()
    assert 0.9 < lowest / (0.88 * lam * np.exp(-2 * thresholds[0])) < 1.05
    assert 0.97 < highest / (1.1 * lam * np.exp(-2 * min(silent, thresholds[0]))) < 1.12


def test_cases_with_images_of_different_shapes_are_refused():
    cases = [Case(torch.zeros(3, 8, 8, 1), 1.0, 2.0, 0), Case(torch.zeros(4, 8, 8, 1), 1.0, 2.0, 0)]
    with pytest.raises(IFPError, match=r"images of one shape, got \[\(3, 8, 8, 1\), \(4, 8, 8, 1\)\]"):
        next(sweep(cases, SHORT, Bernoulli()))


def test_a_sweep_of_no_case_is_refused():
    with pytest.raises(IFPError, match="images of one shape, got no case"):
        next(sweep([], SHORT, Bernoulli()))


def test_a_pressure_range_that_does_not_rise_is_refused():
    with pytest.raises(IFPError, match=r"0 < low < high, got 2\.0 and 2\.0"):
        dataclasses.replace(small_case(1, 0.5), low=2.0, high=2.0)


def test_an_unknown_network_is_refused():
    with pytest.raises(IFPError, match="network out of dense, conv, got 'transformer'"):
        SweepConfig(network="transformer")


@pytest.mark.parametrize("name", ["nodes", "samples", "hidden", "latents", "record_every"])
def test_counts_below_1_are_refused(name):
    with pytest.raises(IFPError, match=f"need {name} of at least 1, got 0"):
        SweepConfig(**{name: 0})


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_learning_rates_that_are_not_above_0_are_refused(rate):
    with pytest.raises(IFPError, match="learning rate above 0"):
        SweepConfig(learning_rate=rate)
