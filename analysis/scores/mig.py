"""Mutual information gap."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import mutual_info_score

from analysis.information import information
from analysis.scores.codes import LabelledCodes, SampleSizes
from analysis.scores.measure import Measure
from annealing.errors import IFPError

_BINS = 20


def discretise(codes: NDArray[np.number], bins: int = _BINS) -> NDArray[np.int64]:
    """Each column of ``codes`` (samples, latents) in ``bins`` equal-width bins between its own minimum and maximum."""
    exact = codes.astype(np.float64)  # edges rounded to float32 would put a code that lies on one into another bin
    edges = [np.linspace(code.min(), code.max(), bins + 1)[:-1] for code in exact.T]
    return np.stack([np.digitize(code, edge) for code, edge in zip(exact.T, edges, strict=True)], axis=1)


def binned_information(
    codes: NDArray[np.floating], factors: NDArray[np.integer], bins: int = _BINS
) -> NDArray[np.float64]:
    """Plug-in information in nats of mean codes (samples, latents) in bins about factors, (latents, factors)."""
    return np.array([[mutual_info_score(labels, code) for labels in factors.T] for code in discretise(codes, bins).T])


def mutual_information_gap(codes: NDArray[np.floating], factors: NDArray[np.integer], bins: int = _BINS) -> float:
    r"""MIG by the field's protocol: mean over factors of the gap between the two most informative latents.

    .. math:: \frac1K \sum_k \frac{I(z_{(1)}; v_k) - I(z_{(2)}; v_k)}{H(v_k)}

    Mean codes in 20 equal-width bins per latent, plug-in information, no bias correction. A binned mean code
    is scale-free, so that a silent latent may look informative: use it as a score, never to diagnose diffusion. A
    factor of more than 20 values cannot reach 1. Source: Chen et al. 2018, arXiv:1802.04942, as in Locatello et
    al. 2019, arXiv:1811.12359.

    Args:
        codes: posterior means, shape (samples, latents); with one latent, the second one's information is 0.
        factors: classes, shape (samples, factors); those that do not vary are left out.
        bins: of each latent; the protocol's are 20.

    Raises:
        IFPError: shapes that do not fit, codes that are not finite, no bin, or no factor that varies.
    """
    if bins < 1:
        raise IFPError(f"need one bin or more, got {bins}")
    varying = _varying(codes, factors)
    return _mean_gap(binned_information(codes, varying, bins), varying)


def mig_chen(mean: NDArray[np.floating], logvar: NDArray[np.floating], factors: NDArray[np.integer]) -> float:
    r"""MIG as its authors define it: with z_j drawn from the posterior of an image, not its mean in bins.

    .. math:: \frac1K \sum_k \frac{I(z_{(1)}; v_k) - I(z_{(2)}; v_k)}{H(v_k)}, \quad
        q(z_j | v_k) = E_{x | v_k}\, q(z_j | x)

    Information is that of :func:`analysis.information.information`, in the place of the source's estimate from
    sampled codes: a silent latent has none, and a factor of many values can reach 1. The source leaves the shape of
    dSprites out; here the caller chooses the factors. Source: Chen et al. 2018, arXiv:1802.04942.

    Args:
        mean, logvar: of the posteriors, shape (samples, latents); with one latent, the second one's information is 0.
        factors: classes, shape (samples, factors); those that do not vary are left out.

    Raises:
        IFPError: shapes that do not fit, a posterior that is not finite, or no factor that varies.
    """
    varying = _varying(mean, factors)
    if logvar.shape != mean.shape:
        raise IFPError(f"need mean and logvar of one shape, got {mean.shape} and {logvar.shape}")
    # latent by latent: one needs 512 bins for every sample
    latents = [slice(j, j + 1) for j in range(mean.shape[1])]
    return _mean_gap(np.vstack([information(mean[:, j], logvar[:, j], varying) for j in latents]), varying)


def _varying(codes: NDArray[np.floating], factors: NDArray[np.integer]) -> NDArray[np.integer]:
    """The factors that vary, of codes and factors that fit."""
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or not codes.size:
        raise IFPError(f"need codes (samples, latents), factors (samples, factors), got {codes.shape}, {factors.shape}")
    if not np.isfinite(codes).all():
        raise IFPError("need finite codes for a score, got NaN or infinity")
    varying = factors[:, [bool(np.ptp(labels) > 0) for labels in factors.T]]
    if not varying.size:
        raise IFPError("need at least one factor that varies for a score, got none")
    return varying


def _mean_gap(nats: NDArray[np.float64], factors: NDArray[np.integer]) -> float:
    """Of information (latents, factors): largest less second largest, over the factor's entropy, mean over factors."""
    second, first = np.sort(np.vstack([nats, np.zeros_like(nats[:1])]), axis=0)[-2:]
    entropies = [mutual_info_score(labels, labels) for labels in factors.T]
    return float(np.mean((first - second) / entropies))


def _mig(data: LabelledCodes, *, seed: int, sizes: SampleSizes) -> float:
    train = data.train(seed, sizes)
    return mutual_information_gap(train.codes, train.factors)


def _mig_chen(data: LabelledCodes, *, seed: int, sizes: SampleSizes) -> float:
    if data.logvar is None:
        raise IFPError("need the posteriors' logvar for mig_chen, got none")
    train = data.train(seed, sizes)
    return mig_chen(train.codes, data.logvar[train.rows], train.factors)


MEASURES = (
    Measure.of("mig", _mig, place=0, rows="samples"),
    Measure.of("mig_chen", _mig_chen, when="posteriors", place=0, rows="samples"),
)
