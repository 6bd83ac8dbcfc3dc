"""Published protocols: their pressures, their batches and where they stop."""

import math

import numpy as np
import pytest
import torch

from annealing.errors import IFPError
from annealing.likelihood import Bernoulli
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
    assert {record.direction for record in records} == {("cool",)}
    assert records[0].kl.shape == (1, 1)


def test_the_first_loss_is_that_of_an_untrained_network_on_random_batches():
    (record,) = published_sweep(IMAGES, protocol(1), Bernoulli(), seed=0)
    assert record.reconstruction[0] == pytest.approx(256 * math.log(2), rel=0.02)  # logits near 0


def test_the_sweep_stops_once_the_reconstruction_is_low_enough():
    records = list(published_sweep(IMAGES, protocol(50, stop_below=1e9), Bernoulli(), seed=0, record_every=1))
    assert [record.step for record in records] == [0]


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
