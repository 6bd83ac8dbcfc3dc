"""Every likelihood's closed form against the exact loss of a tabular encoder, and sparse rows against dense ones."""

import numpy as np
import pytest
import torch
from scipy import sparse

from annealing.likelihoods import row_likelihood
from annealing.rows import Rows
from annealing.score_spectrum import score_spectrum

N, D = 36, 4
SOFTMAX = ("softmax", "softmax-rates", "softmax-negative-binomial")
CASES = [
    ("bernoulli", {}),
    ("gaussian", {"variance": 0.3}),
    ("gaussian-shared", {}),
    ("gaussian-each", {}),
    ("gaussian-decoded", {}),
    ("poisson", {}),
    ("negative-binomial", {"dispersion": 1.7}),
    ("negative-binomial", {}),
    ("softmax", {}),
    ("softmax", {"per_token": True}),
    ("softmax-rates", {}),
    ("softmax-negative-binomial", {"dispersion": 1.7}),
    ("softmax-negative-binomial", {}),
]


def drawn(name):
    """Rows of two hidden groups: depth goes with the group, exposure varies, a third of the counts is set to 0."""
    rng = np.random.default_rng(3)
    group = rng.integers(0, 2, N)
    if name.startswith("gaussian"):
        spread = np.where(group[:, None] == 1, [1.0, 3.0, 1.0, 0.5], 1.0)
        return Rows(rng.normal(size=(N, D)) * spread + group[:, None] * [1.0, 0.0, -1.0, 0.0])
    if name == "bernoulli":
        return Rows((rng.random((N, D)) < np.where(group[:, None] == 1, 0.7, 0.3)).astype(float))
    rates = np.array([[2.0, 1.0, 4.0, 3.0], [5.0, 2.0, 1.0, 6.0]])[group]
    exposure = rng.uniform(0.3, 2.0, N) * (1 + 2 * group)
    counts = rng.negative_binomial(1.7, 1.7 / (1.7 + exposure[:, None] * rates))
    counts[rng.random((N, D)) < 0.3] = 0
    counts[counts.sum(axis=1) == 0] += 1
    return Rows(counts, None if name == "softmax" else exposure)


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_silence_ends_where_the_exact_loss_says(name, settings, critical_pressure):
    rows, likelihood = drawn(name), row_likelihood(name, **settings)
    silence = likelihood.silence(rows)
    values = torch.from_numpy(rows.values.astype(np.float64))
    exposure = None if rows.exposure is None else torch.from_numpy(rows.exposure)[:, None]
    fitted = {key: torch.as_tensor(value, dtype=torch.float64) for key, value in silence.free.items()}
    learned = "dispersion" not in settings  # what is not decoded may move as it likes
    outputs = torch.from_numpy(silence.outputs)
    parameters = len(likelihood.parameters)
    pinned = name in SOFTMAX  # a constant added to all logits is none: the last one stays

    def reconstruction(shift, moved):
        if pinned:
            shift = torch.nn.functional.pad(shift, (0, 1))
        free = fitted
        if len(moved):
            parts = moved.split([value.numel() for value in fitted.values()])
            free = {
                key: fitted[key] * part.reshape(fitted[key].shape).exp()
                for key, part in zip(fitted, parts, strict=True)
            }
        return likelihood.nats(outputs + shift.reshape(-1, parameters, D), values, exposure, free)

    directions = D - 1 if pinned else parameters * D
    free = sum(value.numel() for value in fitted.values()) if learned else 0
    exact = critical_pressure(reconstruction, N, N, directions, free=free)
    assert score_spectrum(rows, likelihood, 1).points[0] == pytest.approx(exact, rel=1e-6)
    stored = Rows(sparse.csr_matrix(rows.values), rows.exposure)
    assert score_spectrum(stored, likelihood, 1).points[0] == pytest.approx(exact, rel=1e-6)
