"""Networks of somebody's own in a stack: what they cost, where they start, where they freeze."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Generator, nn

from annealing.errors import IFPError
from annealing.freezing import freezing_point, read_loops
from annealing.hysteresis import Pace
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.own_stack import OwnStack
from annealing.stack import Case
from annealing.sweep import sweep
from annealing.sweep_config import SweepConfig

QUICK = Pace(learn_steps=100, survey=2e-2, first_loop=6e-3, max_steps=1400)
LIKELIHOODS = pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.3)], ids=str)


class Own(nn.Module):
    """A linear encoder and decoder of images of so many pixels, one row and one column each."""

    def __init__(self, pixels, latents):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(pixels, 2 * latents), nn.Linear(latents, pixels)
        self.drop = nn.Dropout(0.5)

    def encode(self, images):
        return self.encoder(self.drop(images.flatten(1))).chunk(2, dim=1)

    def decode(self, latents):
        return self.decoder(latents)[:, None, None]


def own(pixels):
    return lambda latents: Own(pixels, latents)


def cases_of(*seeds):
    return [Case(torch.rand(4, 1, 6, 1, generator=Generator().manual_seed(seed)), 1.0, 2.0, seed) for seed in seeds]


def stack_of(cases, likelihood, latents=2):
    streams = [Generator().manual_seed(case.seed) for case in cases]
    return OwnStack(cases, own(6), latents, likelihood, streams, "cpu")


def started(seed, latents=2):
    """The module that a case with this seed starts with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**63 - 1, (), generator=Generator().manual_seed(seed))))
        return Own(6, latents)


@LIKELIHOODS
def test_posterior_and_reconstruction_are_those_of_the_modules_on_all_images(likelihood):
    cases = cases_of(3, 4)
    stack = stack_of(cases, likelihood)
    generator = Generator().manual_seed(7)
    weights = torch.rand(2, 3, 4, generator=generator)
    nodes = torch.randn(2, 3, 2, generator=generator)
    found, (mean, logvar) = stack.reconstruction(nodes, weights), stack.posterior()
    for case in range(2):
        module, images = started(cases[case].seed), cases[case].images.reshape(4, 6)
        both = images @ module.encoder.weight.T + module.encoder.bias  # dropout is off
        torch.testing.assert_close(torch.cat([mean[case], logvar[case]], dim=1), both)
        drawn = nodes[case] @ module.decoder.weight.T + module.decoder.bias
        nats = likelihood.nats(drawn[:, None], images[None]).sum(dim=2)
        torch.testing.assert_close(found[case], (weights[case] * nats).sum() / 4)


def test_a_case_starts_alike_beside_others_and_whatever_the_process_drew():
    torch.manual_seed(5)
    before, beside = torch.get_rng_state(), stack_of(cases_of(4, 3), Bernoulli())
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    alone = stack_of(cases_of(3), Bernoulli())
    for found, expected in zip(beside.parameters()[4:], alone.parameters(), strict=True):
        assert torch.equal(found, expected)


def test_an_own_linear_network_follows_the_closed_form_of_a_gaussian_line():
    images = (0.5 + torch.linspace(-0.5, 0.5, 8)[:, None].repeat(1, 16))[:, None, :, None]
    lam = 120 / 7  # over the variance 0.1; KL = ln(lam / beta) / 2
    config = SweepConfig(network="own", pace=QUICK, learning_rate=7e-2, record_every=4)
    case = Case(images, 0.3 * lam, 3 * lam, 0)
    records = list(sweep([case], config, Gaussian(0.1), build=own(16)))
    direction = np.array([record.direction[0] for record in records])
    loop, beta = (np.array([getattr(record, name)[0] for record in records]) for name in ("loop", "beta"))
    kl = np.array([record.kl[0, 0] for record in records])
    point = freezing_point(read_loops(direction, loop, beta, kl, 0.1), QUICK.slowdown)
    heating = (direction == "heat") & (loop == point.loop)
    beta, kl = beta[heating], kl[heating]
    inside = (kl > 0.05) & (kl < 0.15)
    assert inside.sum() > 3
    np.testing.assert_allclose(kl[inside], np.log(lam / beta[inside]) / 2, atol=0.02)
    assert point.melting == pytest.approx(lam * np.exp(-0.2), rel=0.05)


@pytest.mark.parametrize(("network", "build"), [("own", None), ("dense", own(6))])
def test_a_function_comes_with_the_network_own_and_with_no_other(network, build):
    config = SweepConfig(network=network, pace=replace(QUICK, max_steps=300))
    with pytest.raises(IFPError, match="a function that builds networks with the network own"):
        next(sweep(cases_of(1), config, Bernoulli(), build=build))
