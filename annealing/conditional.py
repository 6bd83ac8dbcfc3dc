r"""Freezing point of a code that is shared by many contexts: what a factor is worth when others are known, or none.

Let the classes a of a factor k be coded by the same :math:`\mu(a)` whatever the other factors are, and let the
decoder know the factors S. In each context :math:`c_S` it may draw with another direction :math:`w(c_S)` around the
context's mean image; the code has to serve all contexts. To second order, as in :mod:`annealing.spectral`, the best
directions leave a loss :math:`\tfrac12 \mu^\top (\beta F - B) \mu` of the code alone, with

.. math:: B_{ab} = \sum_{c_S} P(c_S)\, f(a|c_S)\, f(b|c_S)\, d_a^\top V(c_S)^{-1} d_b, \qquad
          d_a = E[x | a, c_S] - E[x | c_S], \qquad F = \mathrm{diag}\, f(a),

f the frequencies of the classes in a context and in all, V the decoder's own variance when it draws the context's
mean image. The code starts to carry information at :math:`\beta_k = \lambda_{\max}(F^{-1/2} B F^{-1/2})`: the
*conditional* value given S, the *marginal* value where S is empty. On a full lattice of n classes that equals
:math:`\lambda_{\max}(E_{c_S} K(c_S))` with K the Gram matrix of the whitened d, divided by n. With every other factor
in S, in a single context, it is the closed-form freezing point of that action sequence.

An idealisation: S is known perfectly, where latents that have frozen hold only part of it.

Everything here is a sum over contexts, so images stream: no more than one context's mean images is ever needed.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from annealing.errors import IFPError
from annealing.likelihoods.pixels import Likelihood


def context_gram(means: Tensor, counts: Tensor, likelihood: Likelihood) -> Tensor:
    r"""What some contexts add to the matrix B, times the number of all images: float64 (classes, classes).

    .. math:: \sum_{c_S} n(c_S)\, f(a|c_S)\, f(b|c_S)\, d_a^\top V(c_S)^{-1} d_b, \qquad f(a|c_S) = n(a, c_S) / n(c_S)

    Arguments and errors are those of :func:`context_courses`, whose products they are.
    """
    courses = context_courses(means, counts, likelihood)
    return (courses @ courses.mT).sum(dim=0)


def context_courses(means: Tensor, counts: Tensor, likelihood: Likelihood) -> Tensor:
    r""":math:`n(c_S)^{1/2} f(a|c_S)\, V(c_S)^{-1/2} d_a` of some contexts: float64 (contexts, classes, moving pixels).

    Args:
        means: mean image of each class, (..., classes, pixels); leading axes run over contexts. A class that a context
            lacks has count 0, its row may hold anything finite. float32 is enough where the mean is a quotient of
            exact sums, or nearly so: a rounding of 6e-8 in d adds 4e-15 / V per pixel; all from d on is float64.
        counts: images n(a, c_S) behind each mean, (..., classes).

    Raises:
        IFPError: shapes that do not fit, a context without images, or means that the likelihood cannot draw.
    """
    if means.ndim < 2 or means.shape[:-1] != counts.shape:
        raise IFPError(
            f"need means (..., classes, pixels) and counts (..., classes), got {tuple(means.shape)} and "
            f"{tuple(counts.shape)}"
        )
    classes, pixels = means.shape[-2:]
    means, counts = means.reshape(-1, classes, pixels), counts.reshape(-1, classes).to(torch.float64)
    images = counts.sum(dim=1, keepdim=True)
    if not (images > 0).all():
        raise IFPError("need contexts of one image or more, got one without any")
    # a pixel that is the same in all classes adds nothing; most are, once positions are known
    moving = (means.amax(dim=1) != means.amin(dim=1)).any(dim=0).nonzero()[:, 0]
    means = means.reshape(-1, pixels).index_select(1, moving).reshape(len(counts), classes, -1).to(torch.float64)
    centre = (counts[:, None] @ means)[:, 0] / images  # a pixel of 1 in every class stays 1, not 1 + 2e-16
    variance = likelihood.variance(centre)
    if not (torch.isfinite(centre).all() and (variance >= 0).all()):
        raise IFPError(f"need mean images that a {likelihood.name} decoder can draw, got {_span(centre)}")
    whitening = torch.where(variance > 0, variance, torch.inf).rsqrt()  # a pixel without variance never varies
    weights = counts / images.sqrt()
    return (means - centre[:, None]).mul_(whitening[:, None]).mul_(weights[:, :, None])


def shared_code_value(gram: Tensor, counts: Tensor) -> float:
    r"""Pressure in nats below which the shared code carries information: :math:`\lambda_{\max}(F^{-1/2} B F^{-1/2})`.

    0 where the images never vary with the class, or no context shows two classes.

    Args:
        gram: the sum of :func:`context_gram` over all contexts, (classes, classes).
        counts: images of each class in all contexts, those with a single image too, (classes,). A class without
            images is left out.
    """
    there = counts > 0
    root = counts[there].to(torch.float64).sqrt()
    matrix = gram[there][:, there] / (root[:, None] * root)
    return max(float(torch.linalg.eigvalsh(matrix)[-1]), 0.0) if len(root) else 0.0


def shared_code_error(grams: Tensor, counts: Tensor, images: Tensor) -> float:
    r"""Standard error of :func:`shared_code_value` of a sum of parts, each of other contexts, to first order.

    With u the leading eigenvector the parts' own values are :math:`q_g = u^\top F^{-1/2} B_g F^{-1/2} u`, whose sum is
    the value; a part of :math:`n_g` images misses its share of it by :math:`r_g = q_g - \lambda n_g / n`, and

    .. math:: \mathrm{error}^2 = \frac{G}{G - 1} \sum_g r_g^2

    Args:
        grams: sums of :func:`context_gram` over the contexts of each part, (parts, classes, classes).
        counts: images of each class in all of them, (classes,).
        images: of each part, (parts,).
    """
    there = counts > 0
    root = counts[there].to(torch.float64).sqrt()
    if len(grams) < 2 or not len(root):
        return 0.0
    parts = grams[:, there][:, :, there] / (root[:, None] * root)
    leading = torch.linalg.eigh(parts.sum(dim=0)).eigenvectors[:, -1]
    values = torch.einsum("i,gij,j->g", leading, parts, leading)
    missed = values - values.sum() * images.to(torch.float64) / images.sum()
    return float((missed.square().sum() * len(grams) / (len(grams) - 1)).sqrt())


def shared_code_value_by_courses(parts: Sequence[tuple[Tensor, Tensor]], counts: Tensor) -> float:
    r""":func:`shared_code_value` of a factor of so many classes that B would not fit into memory.

    By Lanczos' method on products with :math:`F^{-1/2} B F^{-1/2}`, to 1e-9.

    Args:
        parts: of each context the classes that it has, (there,), and their :func:`context_courses`, (there, pixels).
        counts: images of each class in all contexts, (classes,).
    """
    root = counts.to(torch.float64).clamp(min=1).sqrt()
    scaled = [(classes, courses / root[classes, None]) for classes, courses in parts if courses.any()]
    if not scaled:
        return 0.0

    def times(code: NDArray[np.float64]) -> NDArray[np.float64]:
        given = torch.from_numpy(code).reshape(-1)
        product = torch.zeros_like(given)
        for classes, courses in scaled:
            product.index_add_(0, classes, courses @ (courses.T @ given[classes]))
        return product.numpy()

    matrix = LinearOperator((len(counts), len(counts)), matvec=times, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(len(counts))
    return float(eigsh(matrix, k=1, v0=start, tol=1e-9, return_eigenvectors=False)[0])


def _span(values: Tensor) -> str:
    return f"{float(values.min()):g}..{float(values.max()):g}" if values.numel() else "none"
