"""Stacked networks on rows: what they cost, what they see, where they start."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Generator

from annealing.errors import IFPError
from annealing.likelihoods import row_likelihood
from annealing.row_stack import RowStack
from annealing.stack import Case

POISSON = row_likelihood("poisson")


def counted(seed):
    """12 rows of 3 counts, and how long each was counted."""
    rng = np.random.default_rng(seed)
    exposure = rng.uniform(0.5, 2, 12)
    return rng.poisson(4 * exposure[:, None] * rng.uniform(0.5, 2, (12, 3))) + np.eye(12, 3), exposure


def case_of(seed):
    values, exposure = counted(seed)
    return Case(torch.tensor(values).float(), 1.0, 2.0, seed, torch.tensor(exposure).float())


def stack_of(*seeds, likelihood=POISSON):
    cases = [case_of(seed) for seed in seeds]
    return RowStack(cases, 4, 2, likelihood, [Generator().manual_seed(case.seed) for case in cases], "cpu")


def test_reconstruction_is_the_log_probability_of_each_row_at_each_node():
    stack = stack_of(3, 4)
    generator = Generator().manual_seed(7)
    nodes, weights = torch.randn(2, 5, 2, generator=generator), torch.rand(2, 5, 12, generator=generator)
    found, outputs = stack.reconstruction(nodes, weights), stack._networks.decode(nodes).detach().double().numpy()
    for case, seed in enumerate((3, 4)):
        values, exposure = counted(seed)
        rates = exposure[None, :, None] * np.exp(outputs[case][:, None])  # node row feature
        nats = -stats.poisson.logpmf(values, rates).sum(axis=2)
        assert found[case].item() == pytest.approx((weights[case].numpy() * nats).sum() / 12, rel=1e-4)


def test_networks_see_scores_at_rates_in_proportion_to_the_exposure_and_start_from_these():
    values, exposure = counted(3)
    rate = values.sum(axis=0) / exposure.sum()
    scores = values - exposure[:, None] * rate
    stack = stack_of(3)
    np.testing.assert_allclose(
        stack._rows[0], (scores - scores.mean(axis=0)) / scores.std(axis=0), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(stack._networks.decoder_straight.bias[0, 0].detach(), np.log(rate), rtol=1e-5)


def test_a_case_costs_the_same_alone_beside_others_and_after_these_are_done():
    generator = Generator().manual_seed(8)
    nodes, weights = torch.randn(2, 5, 2, generator=generator), torch.rand(2, 5, 12, generator=generator)
    together = stack_of(3, 4)
    expected = together.reconstruction(nodes, weights)
    for stack in (stack_of(4), together.kept([1])):
        torch.testing.assert_close(stack.reconstruction(nodes[1:], weights[1:]), expected[1:])


def test_likelihoods_that_learn_something_beside_the_decoder_are_refused():
    with pytest.raises(IFPError, match="without what is learned beside the decoder, gaussian-shared has variance"):
        stack_of(3, likelihood=row_likelihood("gaussian-shared"))
