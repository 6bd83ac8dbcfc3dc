"""Published protocols: their pressures, their batches and where they stop."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from annealing.errors import IFPError
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.networks import conv_decoder, conv_encoder
from annealing.published import PUBLISHED, PublishedProtocol, published_sweep

IMAGES = (torch.rand(3, 16, 16, 1, generator=torch.Generator().manual_seed(0)) > 0.5).float()


def protocol(steps, **changed):
    return PublishedProtocol("short", steps, lambda step: 5.0 - step / 100, **changed)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("deft-2022", {0: 71.0, 4000: 70 * math.exp(-7.5) + 1, 7999: 70 * math.exp(-15 * 7999 / 8000) + 1}),
        ("deft-2021", {0: 40.0, 29_999: 1.0, 10_000: 40 - 39 * 10_000 / 29_999}),
    ],
)
def test_pressures_are_the_published_ones(name, expected):
    published = PUBLISHED[name]
    assert published.steps == max(expected) + 1
    for step, beta in expected.items():
        assert published.pressure(step) == pytest.approx(beta, rel=1e-12)
    assert (published.batch_size, published.learning_rate) == (64, 1e-4)
    assert published.stop_below == (1.0 if name == "deft-2022" else -math.inf)


def test_records_cool_along_the_protocol():
    records = list(published_sweep(IMAGES, protocol(25), Bernoulli(), seed=0, record_every=10))
    assert [record.step for record in records] == [0, 10, 20]
    assert [record.beta[0] for record in records] == pytest.approx([5.0, 4.9, 4.8])
    for record in records:
        assert (record.direction, record.loop.tolist()) == (("cool",), [1])
        assert (record.beta.shape, record.kl.shape, record.reconstruction.shape) == ((1,), (1, 1), (1,))


def encoding_the_batch(protocol, likelihood, seed):
    """KL over the images and reconstruction of each step, every image of the batch encoded for itself."""
    torch.manual_seed(seed)
    encoder, decoder = conv_encoder((16, 16, 1), 2), conv_decoder((16, 16, 1), 1)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=protocol.learning_rate)
    stream = torch.Generator().manual_seed(seed)
    target, curve = IMAGES.movedim(3, 1), []
    for step in range(protocol.steps):
        drawn = torch.randint(len(target), (protocol.batch_size,), generator=stream)
        noise = torch.randn(protocol.batch_size, 1, generator=stream)

        def posterior(images):
            mean, logvar = encoder(images).T[:, :, None]
            return Normal(mean, (logvar / 2).exp())

        batch, prior = posterior(target[drawn]), Normal(0.0, 1.0)
        output = decoder(batch.mean + batch.stddev * noise)
        reconstruction = likelihood.nats(output, target[drawn]).sum(dim=(1, 2, 3)).mean()
        curve.append((kl_divergence(posterior(target), prior).mean().item(), reconstruction.item()))
        optimizer.zero_grad()
        (reconstruction + protocol.pressure(step) * kl_divergence(batch, prior).mean()).backward()
        optimizer.step()
    return np.array(curve)


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.3)], ids=str)
def test_posteriors_dealt_out_to_the_batch_train_as_encoding_the_batch_does(likelihood):
    settings = protocol(25, batch_size=5, learning_rate=3e-3)
    records = list(published_sweep(IMAGES, settings, likelihood, seed=4, record_every=1))
    found = np.array([(record.kl[0, 0], record.reconstruction[0]) for record in records])
    expected = encoding_the_batch(settings, likelihood, seed=4)
    assert expected[-1, 1] < 0.9 * expected[0, 1]  # it learns
    np.testing.assert_allclose(found, expected, rtol=3e-3, atol=1e-6)


def test_the_first_loss_is_that_of_an_untrained_network_on_random_batches():
    (record,) = published_sweep(IMAGES, protocol(1), Bernoulli(), seed=0)
    assert record.reconstruction[0] == pytest.approx(256 * math.log(2), rel=0.02)  # logits near 0


def test_the_sweep_stops_once_the_reconstruction_is_low_enough():
    records = list(published_sweep(IMAGES, protocol(50, stop_below=1e9), Bernoulli(), seed=0, record_every=1))
    assert [record.step for record in records] == [0]


def test_the_sweep_ends_with_the_first_batch_below_the_stop_and_is_the_same_until_then():
    def curve(stop_below):
        settings = protocol(30, learning_rate=2e-3, batch_size=8, stop_below=stop_below)
        records = list(published_sweep(IMAGES, settings, Bernoulli(), seed=0, record_every=1))
        return np.array([record.reconstruction[0] for record in records])

    whole = curve(-math.inf)
    first = int(np.argmin(whole[:15]))
    assert first > 2
    np.testing.assert_array_equal(curve(math.nextafter(whole[first], math.inf)), whole[: first + 1])


def test_the_global_random_stream_plays_no_part_and_is_left_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    list(published_sweep(IMAGES, protocol(2), Bernoulli(), seed=0))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_seed_alone_decides():
    def curve(seed):
        torch.manual_seed(99 + seed)
        records = list(published_sweep(IMAGES, protocol(6), Bernoulli(), seed=seed, record_every=1))
        return np.array([(record.kl[0, 0], record.reconstruction[0]) for record in records]).tobytes()

    assert curve(1) == curve(1)
    assert curve(1) != curve(2)


def test_images_and_settings_that_do_not_fit_are_refused():
    with pytest.raises(IFPError, match=r"float32 images \(n, H, W, C\), got torch.float64"):
        next(published_sweep(IMAGES.double(), protocol(1), Bernoulli(), seed=0))
    with pytest.raises(IFPError, match="steps, batch size and learning rate above 0, got 0, 64"):
        protocol(0)
