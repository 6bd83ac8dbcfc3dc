"""Mutual information gaps: of the two best latents of a factor (MIG), of the two best factors of a latent (MIG-sup)."""

import numpy as np
from numpy.typing import NDArray

from analysis.information import information, information_terms
from analysis.scores.binned import BINS, binned_information, binned_table
from analysis.scores.codes import LabelledCodes
from analysis.scores.information_table import InformationTable, entropies_of, surprisals
from analysis.scores.measure import Estimate, Measure, estimate
from analysis.scores.protocol import SampleSizes, varying_columns
from annealing.errors import IFPError

MOVING = 0.01  # variance of the mean code from which a latent takes part in MIG-sup


def mutual_information_gap(codes: NDArray[np.floating], factors: NDArray[np.integer], bins: int = BINS) -> float:
    r"""MIG by the field's protocol: mean over factors of the gap between the two most informative latents.

    .. math:: \frac1K \sum_k \frac{I(z_{(1)}; v_k) - I(z_{(2)}; v_k)}{H(v_k)}

    Mean codes in 20 equal-width bins per latent, plug-in information, no bias correction. A binned mean code
    is scale-free, so that a silent latent may look informative: use it as a score, never to diagnose diffusion. A
    factor of more than 20 values cannot reach 1. Source: Chen et al. 2018, arXiv:1802.04942, as in Locatello et
    al. 2019, arXiv:1811.12359.

    Args:
        codes: posterior means, shape (samples, latents); with one latent, the second one's information is 0.
        factors: classes, shape (samples, factors), -1 for no label; those that do not vary are left out.
        bins: of each latent; the protocol's are 20.

    Raises:
        IFPError: shapes that do not fit, codes that are not finite, no bin, or no factor that varies.
    """
    if bins < 1:
        raise IFPError(f"need one bin or more, got {bins}")
    varying = _varying(codes, factors)
    return mean_gap(binned_information(codes, varying, bins), entropies_of(varying))


def mig_chen(mean: NDArray[np.floating], logvar: NDArray[np.floating], factors: NDArray[np.integer]) -> float:
    r"""MIG as its authors define it: with z_j drawn from the posterior of an image, not its mean in bins.

    .. math:: \frac1K \sum_k \frac{I(z_{(1)}; v_k) - I(z_{(2)}; v_k)}{H(v_k)}, \quad
        q(z_j | v_k) = E_{x | v_k}\, q(z_j | x)

    Information is that of :func:`analysis.information.information`, in the place of the source's estimate from
    sampled codes: a silent latent has none, and a factor of many values can reach 1. The source leaves the shape of
    dSprites out; here the caller chooses the factors. Source: Chen et al. 2018, arXiv:1802.04942.

    Args:
        mean, logvar: of the posteriors, shape (samples, latents); with one latent, the second one's information is 0.
        factors: classes, shape (samples, factors), -1 for no label; those that do not vary are left out.

    Raises:
        IFPError: shapes that do not fit, a posterior that is not finite, or no factor that varies.
    """
    varying = _varying(mean, factors)
    if logvar.shape != mean.shape:
        raise IFPError(f"need mean and logvar of one shape, got {mean.shape} and {logvar.shape}")
    return mean_gap(_posterior_information(mean, logvar, varying), entropies_of(varying))


def gap_of_latents(nats: NDArray[np.float64], entropies: NDArray[np.float64]) -> float:
    r"""MIG-sup of information (latents, factors): how far each latent tells of one factor more than of any other.

    .. math:: \frac1J \sum_j \max_k \frac{I(z_j; v_k)}{H(v_k)} - \max_{k \ne k_j} \frac{I(z_j; v_k)}{H(v_k)}

    The counterpart of MIG: a latent that holds two factors lowers it, a factor in two latents does not. Source: Li et
    al. 2020, arXiv:2002.10549, whose code takes the latents of which the mean varies by more than 0.01.

    >>> gap_of_latents(np.array([[0.6, 0.0], [0.3, 0.3]]), np.array([0.6, 0.6]))
    0.5
    """
    return float(np.mean(gaps_of_latents(nats, entropies)))


def gaps_of_latents(nats: NDArray[np.float64], entropies: NDArray[np.float64]) -> NDArray[np.float64]:
    """The terms of :func:`gap_of_latents`, (latents,)."""
    shares = nats / entropies
    second, first = np.sort(np.hstack([shares, np.zeros_like(shares[:, :1])]), axis=1)[:, -2:].T
    return first - second


def _varying(codes: NDArray[np.floating], factors: NDArray[np.integer]) -> NDArray[np.integer]:
    """The factors that vary, of codes and factors that fit."""
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or not codes.size:
        raise IFPError(f"need codes (samples, latents), factors (samples, factors), got {codes.shape}, {factors.shape}")
    if not np.isfinite(codes).all():
        raise IFPError("need finite codes for a score, got NaN or infinity")
    varying = factors[:, varying_columns(factors)]
    if not varying.size:
        raise IFPError("need at least one factor that varies for a score, got none")
    return varying


def mean_gap(nats: NDArray[np.float64], entropies: NDArray[np.float64]) -> float:
    """MIG of information (latents, factors): the mean of :func:`gaps_of_factors`."""
    return float(np.mean(gaps_of_factors(nats, entropies)))


def gaps_of_factors(nats: NDArray[np.float64], entropies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of information (latents, factors): largest less second largest, over the factor's entropy, (factors,)."""
    second, first = np.sort(np.vstack([nats, np.zeros_like(nats[:1])]), axis=0)[-2:]
    return (first - second) / entropies


def _posterior_information(
    mean: NDArray[np.floating], logvar: NDArray[np.floating], factors: NDArray[np.integer]
) -> NDArray[np.float64]:
    known = factors >= 0
    nats = np.empty((mean.shape[1], factors.shape[1]))
    for there in np.unique(known, axis=1).T:  # factors of which the same rows have a label
        same = np.flatnonzero((known == there[:, None]).all(axis=0))
        for j in range(len(nats)):  # latent by latent: one needs 512 bins for every sample
            of_latent = mean[there, j : j + 1], logvar[there, j : j + 1]
            nats[j, same] = information(*of_latent, factors[np.ix_(there, same)])[0]
    return nats


def _mig(data: LabelledCodes, *, seed: int, sizes: SampleSizes) -> Estimate:
    sample = data.counted(seed, sizes)
    return estimate(mean_gap, binned_table(sample.codes, sample.factors), sample)


def _mig_sup(data: LabelledCodes, *, seed: int, sizes: SampleSizes) -> Estimate:
    sample = data.counted(seed, sizes)
    moving = sample.codes[:, sample.codes.var(axis=0, ddof=1) > MOVING]
    if not moving.size:
        return Estimate(0.0)
    return estimate(gap_of_latents, binned_table(moving, sample.factors), sample)


def _mig_chen(data: LabelledCodes, *, seed: int, sizes: SampleSizes) -> Estimate:
    if data.logvar is None:
        raise IFPError("need the posteriors' logvar for mig_chen, got none")
    sample = data.counted(seed, sizes)
    mean, logvar, factors = sample.codes, data.logvar[sample.rows], sample.factors
    surprisal, entropies, known = surprisals(factors)

    def terms(j: int, k: int) -> NDArray[np.float64]:
        there, found = known[:, k], np.zeros(len(mean))
        found[there] = information_terms(mean[there, j], logvar[there, j], factors[there, k])
        return found

    nats = _posterior_information(mean, logvar, factors)
    return estimate(mean_gap, InformationTable(nats, entropies, terms, surprisal, known), sample)


MEASURES = (
    Measure.of("mig", _mig, place=0, rows="samples"),
    Measure.of("mig_sup", _mig_sup, place=0, rows="samples"),
    Measure.of("mig_chen", _mig_chen, when="posteriors", place=0, rows="samples"),
)
