"""Unsupervised disentanglement ranking (UDR): models that agree with others, latent by latent, without labels."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.linear_model import Lasso

from annealing.errors import IFPError
from annealing.thresholds import SILENT

Similarity = Literal["spearman", "lasso"]

_PENALTY = 0.1  # of the lasso, on standardised codes


def udr(
    codes: Sequence[NDArray[np.floating]],
    *,
    kl: Sequence[NDArray[np.floating]] | None = None,
    similarity: Similarity = "spearman",
) -> NDArray[np.float64]:
    """Each model's score: the median of its :func:`agreement` with every other one, shape (models,).

    Models are those of one setting and several seeds. What they agree on, up to order and sign of the latents, is
    taken to be disentangled. It ranks models; a model may also score high by holding little. Source: Duan et al.
    2020, arXiv:1905.12614.

    Args:
        codes: per model, posterior means of the same images in one order, shape (images, latents); models may
            have different numbers of latents.
        kl: per model, mean nats of KL of each latent, shape (latents,); latents of 0.01 nats or less take no part.
            Without it, all do but those that do not move.
        similarity: ``spearman``, :func:`rank_correlation`; or ``lasso``, :func:`lasso_weights`, from the codes of
            each other model to those of the model scored.

    Raises:
        IFPError: fewer than two models, shapes that do not fit, codes or KLs that are not finite, or a similarity
            that is not known.
    """
    if similarity not in ("spearman", "lasso"):
        raise IFPError(f"need the similarity spearman or lasso, got {similarity!r}")
    _check(codes, kl)
    kept = [_informative(model, None if kl is None else kl[i]) for i, model in enumerate(codes)]
    measure = rank_correlation if similarity == "spearman" else lasso_weights
    pairs = [
        [agreement(measure(other, model)) for i, other in enumerate(kept) if i != scored]
        for scored, model in enumerate(kept)
    ]
    return np.median(pairs, axis=1)


def agreement(similarity: NDArray[np.floating]) -> float:
    r"""How far each latent of two models has one counterpart, from similarities R between them.

    .. math:: \frac12 \left( \frac1{d_b} \sum_b \frac{\max_a R_{ab}^2}{\sum_a R_{ab}}
        + \frac1{d_a} \sum_a \frac{\max_b R_{ab}^2}{\sum_b R_{ab}} \right)

    1 if each latent is like one of the other model's and like no other; a latent like none counts 0, and a model
    without latents agrees with none. As in the authors' code; their paper divides the sum of both by d_a + d_b,
    which is the same for equal numbers of latents.

    Args:
        similarity: R, not negative, shape (latents of one model, latents of the other).

    Raises:
        IFPError: another shape, or a similarity below 0.
    """
    if similarity.ndim != 2 or not (similarity >= 0).all():
        raise IFPError(f"need similarities (latents, latents), none below 0 or NaN, got shape {similarity.shape}")
    if not similarity.size:
        return 0.0
    return float(np.mean([_strength(similarity).mean(), _strength(similarity.T).mean()]))


def rank_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Absolute Spearman correlation of each latent of ``first`` with each of ``second``; 0 if one does not move."""
    a, b = (_standardised(rankdata(codes, axis=0)) for codes in (first, second))
    return np.abs(a.T @ b) / len(a)


def lasso_weights(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Absolute weight of each latent of ``first`` in a lasso (penalty 0.1) for each of ``second``, standardised."""
    if not (first.shape[1] and second.shape[1]):
        return np.zeros((first.shape[1], second.shape[1]))
    fitted = Lasso(alpha=_PENALTY).fit(_standardised(first), _standardised(second))
    return np.abs(fitted.coef_).reshape(second.shape[1], first.shape[1]).T


def _strength(similarity: NDArray[np.floating]) -> NDArray[np.float64]:
    """Per row, the largest similarity times its share of the row."""
    best, total = similarity.max(axis=1), similarity.sum(axis=1)
    return np.divide(best**2, total, out=np.zeros(len(best)), where=total > 0)


def _standardised(codes: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean 0 and variance 1 per latent; 0 for one that does not move."""
    moves = np.ptp(codes, axis=0) > 0
    centred = np.where(moves, codes - codes.mean(axis=0, dtype=np.float64), 0.0)
    return centred / np.where(moves, codes.std(axis=0, dtype=np.float64), 1.0)


def _informative(codes: NDArray[np.floating], kl: NDArray[np.floating] | None) -> NDArray[np.floating]:
    return codes[:, np.ptp(codes, axis=0) > 0 if kl is None else kl > SILENT]


def _check(codes: Sequence[NDArray[np.floating]], kl: Sequence[NDArray[np.floating]] | None) -> None:
    if len(codes) < 2:
        raise IFPError(f"need the codes of two or more models to rank them, got {len(codes)}")
    shapes = [model.shape for model in codes]
    if any(len(shape) != 2 or shape[0] != shapes[0][0] or not min(shape) for shape in shapes):
        raise IFPError(f"need codes (images, latents) of the same images from every model, got shapes {shapes}")
    if not all(np.isfinite(model).all() for model in codes):
        raise IFPError("need finite codes to rank models, got NaN or infinity")
    if kl is None:
        return
    if [each.shape for each in kl] != [shape[1:] for shape in shapes]:
        raise IFPError(f"need one KL per latent of every model, got shapes {[each.shape for each in kl]} for {shapes}")
    if not all(np.isfinite(each).all() for each in kl):
        raise IFPError("need finite KLs to rank models, got NaN or infinity")
