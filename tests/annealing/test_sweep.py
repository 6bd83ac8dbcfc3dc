"""Sweeps of data whose freezing points have closed forms, and of stacks against their cases alone."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import Generator

from annealing.errors import IFPError
from annealing.freezing import crossing, freezing_point
from annealing.likelihood import Bernoulli, Gaussian
from annealing.stack import Case
from annealing.sweep import SweepConfig, sweep

SHORT = SweepConfig(learn_steps=200, heat_steps=200, cool_steps=200, record_every=20)
MEASURED = SweepConfig(learn_steps=300, heat_steps=1200, cool_steps=1200, record_every=10)
SEEDS = (0, 1, 2)


def small_case(seed, threshold):
    """12 images of 8 x 8: blobs of a size that depends on the threshold."""
    generator = Generator().manual_seed(seed)
    fields = torch.nn.functional.interpolate(torch.rand(12, 1, 3, 3, generator=generator), 8, mode="bilinear")
    return Case((fields > threshold).float().permute(0, 2, 3, 1), 0.5, 60.0, seed)


def curves(records, name):
    return np.array([getattr(record, name) for record in records])


def branch(records, direction, case):
    chosen = [record for record in records if record.direction == direction]
    return curves(chosen, "beta")[:, case], curves(chosen, "kl")[:, case, 0]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Networks this small only wait for a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def correlated_binary_pixels():
    """8 images of 30 pixels, 0 and 1 in turn: the freezing point is 30."""
    images = torch.tensor([0.0, 1.0]).repeat(4)[:, None].repeat(1, 30)
    images[:, ::2] = 1 - images[:, ::2]
    return list(sweep([Case(images, 9.0, 90.0, seed) for seed in SEEDS], MEASURED, Bernoulli()))


@pytest.fixture(scope="module")
def grey_line():
    """8 images evenly spaced on a line, of total variance 12 / 7; at decoder variance 0.1 they freeze at 120 / 7."""
    images = 0.5 + torch.linspace(-0.5, 0.5, 8)[:, None].repeat(1, 16)
    lam = 120 / 7
    return list(sweep([Case(images, 0.3 * lam, 3 * lam, seed) for seed in SEEDS], MEASURED, Gaussian(0.1)))


@pytest.mark.parametrize("case", range(len(SEEDS)))
def test_binary_pixels_melt_above_and_freeze_below_their_closed_form_point(correlated_binary_pixels, case):
    melting = crossing(*branch(correlated_binary_pixels, "heat", case), 0.1)
    freezing = crossing(*branch(correlated_binary_pixels, "cool", case), 0.1)
    point = freezing_point(melting, freezing)
    assert point.status == "ok"
    assert 0.95 * 30 < point.melting < 1.4 * 30
    assert 0.5 * 30 < point.freezing < 1.05 * 30
    assert 0.75 * 30 < point.ifp < 1.1 * 30


@pytest.mark.parametrize("case", range(len(SEEDS)))
def test_a_gaussian_line_melts_and_freezes_where_its_closed_form_kl_passes_the_threshold(grey_line, case):
    expected = 120 / 7 * np.exp(-2 * 0.1)  # KL of the linear optimum: ln(lam / beta) / 2
    melting = crossing(*branch(grey_line, "heat", case), 0.1)
    freezing = crossing(*branch(grey_line, "cool", case), 0.1)
    assert melting.status == freezing.status == "ok"
    assert 0.95 < melting.beta / expected < 1.25
    assert 0.85 < freezing.beta / expected < 1.1


def test_pressure_is_low_while_learning_then_rises_to_high_and_falls_back_in_equal_ratios():
    cases = [small_case(1, 0.5), dataclasses.replace(small_case(2, 0.5), low=2.0, high=5.0)]
    config = SweepConfig(learn_steps=3, heat_steps=7, cool_steps=5, record_every=1, hidden=4)
    records = list(sweep(cases, config, Bernoulli()))
    assert [record.step for record in records] == list(range(config.steps))
    assert [record.direction for record in records] == ["learn"] * 3 + ["heat"] * 7 + ["cool"] * 5
    for index, case in enumerate(cases):
        expected = [[case.low] * 3, np.geomspace(case.low, case.high, 7), np.geomspace(case.high, case.low, 5)]
        np.testing.assert_allclose(curves(records, "beta")[:, index], np.concatenate(expected), rtol=1e-9)


@pytest.mark.parametrize(("every", "steps"), [(4, [0, 4, 8, 12]), (20, [0])])
def test_records_are_taken_at_every_so_many_steps_and_have_the_shapes_of_the_stack(every, steps):
    config = SweepConfig(learn_steps=3, heat_steps=7, cool_steps=5, record_every=every, hidden=4, latents=3)
    records = list(sweep([small_case(1, 0.5), small_case(2, 0.4)], config, Bernoulli()))
    assert [record.step for record in records] == steps
    for record in records:
        assert (record.beta.shape, record.kl.shape, record.reconstruction.shape) == ((2,), (2, 3), (2,))


def test_silent_binary_pixels_cost_the_entropy_of_the_mean_image():
    images = small_case(5, 0.55).images
    p = images.mean(dim=0).double().clamp(1e-12, 1 - 1e-12)
    entropy = -(p * p.log() + (1 - p) * (1 - p).log()).sum().item()
    config = SweepConfig(learn_steps=50, heat_steps=400, cool_steps=100)
    records = list(sweep([Case(images, 20.0, 500.0, 0)], config, Bernoulli()))
    top = [record for record in records if record.direction == "cool"][:3]
    assert curves(top, "kl").max() < 0.02
    np.testing.assert_allclose(curves(top, "reconstruction"), entropy, rtol=0.03)


def test_silent_gaussian_pixels_cost_half_their_variance_over_that_of_the_decoder(grey_line):
    top = [record for record in grey_line if record.direction == "cool"][:30]
    np.testing.assert_allclose(curves(top, "reconstruction").mean(axis=0), 120 / 7 / 2, rtol=0.03)


def test_a_case_takes_the_same_steps_alone_and_in_a_stack():
    cases = [small_case(1, 0.5), small_case(2, 0.62)]
    together = list(sweep(cases, SHORT, Bernoulli()))
    for index, case in enumerate(cases):
        alone = list(sweep([case], SHORT, Bernoulli()))
        for name in ("kl", "reconstruction"):
            found, expected = curves(together, name)[:, index], curves(alone, name)[:, 0]
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("network", ["dense", "conv"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(network):
    config = SweepConfig(network=network, learn_steps=10, heat_steps=10, cool_steps=10, record_every=5)
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
    config = SweepConfig(network="conv", learn_steps=120, heat_steps=1, cool_steps=1, record_every=10)
    records = list(sweep([Case(images, 0.1, 1.0, 0)], config, Bernoulli()))
    learn = curves([record for record in records if record.direction == "learn"], "reconstruction")[:, 0]
    entropy = 256 * -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert learn[0] > entropy  # the network starts without knowing the mean image
    assert learn[-1] < 0.5 * entropy  # and tells the images apart


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


def test_images_too_small_for_the_conv_network_are_refused():
    with pytest.raises(IFPError, match="multiples of 16 for a conv network, got 8x8"):
        next(sweep([small_case(1, 0.5)], dataclasses.replace(SHORT, network="conv"), Bernoulli()))


def test_an_unknown_network_is_refused():
    with pytest.raises(IFPError, match="network out of dense, conv, got 'transformer'"):
        SweepConfig(network="transformer")


@pytest.mark.parametrize(
    "name", ["learn_steps", "heat_steps", "cool_steps", "samples", "hidden", "latents", "record_every"]
)
def test_counts_below_1_are_refused(name):
    with pytest.raises(IFPError, match=f"need {name} of at least 1, got 0"):
        SweepConfig(**{name: 0})


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_learning_rates_that_are_not_above_0_are_refused(rate):
    with pytest.raises(IFPError, match="learning rate above 0"):
        SweepConfig(learning_rate=rate)
