"""Mutual information gap."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import mutual_info_score

from annealing.errors import IFPError

_BINS = 20


def discretise(codes: NDArray[np.floating], bins: int = _BINS) -> NDArray[np.int64]:
    """Each latent's codes (samples, latents) in ``bins`` equal-width bins between its own minimum and maximum."""
    edges = [np.linspace(code.min(), code.max(), bins + 1)[:-1] for code in codes.T]
    return np.stack([np.digitize(code, edge) for code, edge in zip(codes.T, edges, strict=True)], axis=1)


def mutual_information_gap(codes: NDArray[np.floating], factors: NDArray[np.integer]) -> float:
    r"""MIG by the field's protocol: mean over factors of the gap between the two most informative latents.

    .. math:: \frac1K \sum_k \frac{I(z_{(1)}; v_k) - I(z_{(2)}; v_k)}{H(v_k)}

    Mean codes in 20 equal-width bins per latent, plug-in information, no bias correction. A binned mean code
    is scale-free, so that a silent latent may look informative: use it as a score, never to diagnose diffusion. A
    factor of more than 20 values cannot reach 1. Source: Chen et al. 2018, arXiv:1802.04942, as in Locatello et
    al. 2019.

    Args:
        codes: posterior means, shape (samples, latents); with one latent, the second one's information is 0.
        factors: classes, shape (samples, factors); those that do not vary are left out.

    Raises:
        IFPError: shapes that do not fit, codes that are not finite, or no factor that varies.
    """
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or not codes.size:
        raise IFPError(f"need codes (samples, latents), factors (samples, factors), got {codes.shape}, {factors.shape}")
    if not np.isfinite(codes).all():
        raise IFPError("need finite codes for a score, got NaN or infinity")
    varying = [labels for labels in factors.T if np.ptp(labels) > 0]
    if not varying:
        raise IFPError("need at least one factor that varies for a score, got none")
    binned = discretise(codes).T
    gaps = []
    for labels in varying:
        nats = sorted([mutual_info_score(labels, code) for code in binned] + [0.0], reverse=True)
        gaps.append((nats[0] - nats[1]) / mutual_info_score(labels, labels))
    return float(np.mean(gaps))
