"""The exact loss of a tabular encoder and a free decoder, by automatic differentiation: closed forms are held to it."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

_NODES, _WEIGHTS = (torch.from_numpy(part) for part in np.polynomial.hermite_e.hermegauss(7))
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def _critical_pressure(reconstruction, rows, codes, directions, *, free=0, seen=None):
    """The pressure at which the smallest eigenvalue of the loss's Hessian at silence crosses 0.

    reconstruction(shift, moved): nats of every row (N,), of directions' outputs shift (N, directions) times the code,
    and of free parameters moved (free,). seen: which entry of the code table each row has; default its own.
    """
    seen = torch.arange(rows) if seen is None else torch.as_tensor(seen)
    share = torch.bincount(seen, minlength=codes).double() / rows

    def distortion(point):
        mean, w, moved = point[:codes], point[codes : codes + directions], point[codes + directions :]
        z = mean[seen] + _NODES[:, None]  # (nodes, rows)
        return sum(
            weight * reconstruction(code[:, None] * w, moved).mean() for weight, code in zip(_WEIGHTS, z, strict=True)
        )

    at = torch.zeros(codes + directions + free, dtype=torch.float64)
    torch.testing.assert_close(torch.func.grad(distortion)(at), at, atol=1e-7, rtol=0)  # silence is stationary
    hessian = torch.func.hessian(distortion)(at).numpy()
    rate = np.zeros_like(hessian)
    rate[:codes, :codes] = np.diag(share)  # KL = mean^2 / 2 of each code, by its frequency

    def smallest(beta):
        return np.linalg.eigvalsh(hessian + beta * rate)[0]

    top = 1.0
    while smallest(top) < -1e-13:
        top *= 2
    bottom = top / 2
    while smallest(bottom) >= -1e-13:
        bottom /= 2
    return brentq(lambda beta: smallest(beta) + 1e-13, bottom, top, xtol=1e-12, rtol=1e-12)


@pytest.fixture(scope="session")
def critical_pressure():
    """The pressure at which silence ends, by automatic differentiation of the whole loss."""
    return _critical_pressure
