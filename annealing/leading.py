r"""Leading eigenvalues of a set of images too large to hold: the spectrum of :mod:`annealing.spectral`, streamed.

The first is the pressure at which a latent starts to carry information about the whole set, whatever its factors.
The later ones are no freezing points of later latents: one latent of a decoder that is not linear may draw several.
"""

import itertools
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from annealing.errors import IFPError
from annealing.likelihoods.pixels import Bernoulli, Likelihood
from annealing.spectral import eigenvalues

Batches = Callable[[], Iterable[Tensor]]

EXACT = 2000  # images or pixels up to which their whole matrix is diagonalised
HELD = 2**25  # pixels of a whole set that may lie in memory
_ROUNDING = 1e-5  # of the largest value: what float32 products leave in a residual


def leading_eigenvalues(
    batches: Batches, likelihood: Likelihood, count: int = 20, *, tolerance: float = 0.01, exact: int = EXACT
) -> Tensor:
    r"""The largest eigenvalues of :math:`M = V^{-1/2} C V^{-1/2}` of all images, falling, in nats: float64 (count,).

    From the Gram matrix of the images, or from M itself, where there are few images or pixels; of very few large ones
    from the products of every two of them; else by subspace
    iteration with a block twice as wide as asked for. Each pass over the images multiplies the block by M and takes
    Ritz values and vectors of it, until every residual :math:`|M v - \lambda v|` is at most the tolerance times its
    value, plus 1e-5 of the largest (the products are float32). M has an eigenvalue within the residual of each; the
    error of one that stands alone is of the order of the residual squared. Source: Saad, Numerical Methods for Large
    Eigenvalue Problems, 2011, chapter 5.

    Args:
        batches: gives the same batches (n, ...) of images at each call: once or twice, or as often as it takes.
        count: how many values; fewer come back where there are fewer images or pixels.
        tolerance: of a residual, relative to its value.
        exact: images or pixels up to which nothing is iterated.

    Raises:
        IFPError: fewer than two images, pixels that the likelihood cannot draw, or a setting out of range.
    """
    if count < 1 or not tolerance > 0:
        raise IFPError(f"need one eigenvalue or more and a tolerance above 0, got {count} and {tolerance:g}")
    images, mean, held = _first_pass(batches, likelihood, exact)
    pixels = len(mean)
    if held is not None:
        return eigenvalues(held, likelihood)[: min(count, pixels)]
    variance = likelihood.variance(mean)
    whitening = torch.where(variance > 0, variance, torch.inf).rsqrt()  # a pixel without variance never varies

    def times(block: Tensor, dtype: torch.dtype) -> Tensor:
        product = torch.zeros_like(block)
        centre, scale, narrow = mean.to(dtype), whitening.to(dtype), block.to(dtype)
        for batch in batches():
            courses = (_flat(batch).to(dtype) - centre) * scale
            product += courses.T @ (courses @ narrow)
        return product / images

    if pixels <= exact:
        matrix = times(torch.eye(pixels, dtype=torch.float64), torch.float64)
        return torch.linalg.eigvalsh(matrix).flip(0).clamp(min=0)[:count]
    if images <= 2 * count:  # a block would be larger than all of them, of which two batches are held here
        return _of_few(batches, lambda batch: (_flat(batch) - mean) * whitening)[: min(count, pixels)]
    start = torch.randn(pixels, min(2 * count, pixels), generator=torch.Generator().manual_seed(0), dtype=mean.dtype)
    block = torch.linalg.qr(start).Q
    while True:
        product = times(block, torch.float32)
        inner = block.T @ product
        values, turn = (each.flip(-1) for each in torch.linalg.eigh((inner + inner.T) / 2))
        product, block = product @ turn, block @ turn
        residual = (product - block * values).norm(dim=0)
        if (residual <= tolerance * values.clamp(min=0) + _ROUNDING * values[0])[:count].all():
            return values.clamp(min=0)[:count]
        block = torch.linalg.qr(product).Q


def _of_few(batches: Batches, courses: Callable[[Tensor], Tensor]) -> Tensor:
    """Eigenvalues, falling, of a few images that are too large to hold together: from their Gram matrix, row by row."""
    rows: list[Tensor] = []
    while True:
        batch = next(itertools.islice(batches(), len(rows), None), None)
        if batch is None:
            break
        own = courses(batch)
        rows.append(torch.cat([own @ courses(other).T for other in batches()], dim=1))
    gram = torch.cat(rows)
    return torch.linalg.eigvalsh(gram / len(gram)).flip(0).clamp(min=0)


def _first_pass(batches: Batches, likelihood: Likelihood, exact: int) -> tuple[int, Tensor, Tensor | None]:
    """Number of images, their mean float64 (pixels,), and all of them where they are few and small."""
    images, total = 0, torch.zeros((), dtype=torch.float64)
    held: list[Tensor] | None = []
    for batch in batches():
        flat = _flat(batch)
        low, high = (float(each) for each in flat.aminmax())
        if not (low > -torch.inf and high < torch.inf):
            raise IFPError("need finite pixels, got NaN or infinity")
        if isinstance(likelihood, Bernoulli) and (low < 0 or high > 1):
            raise IFPError(f"need pixels in 0..1 for a Bernoulli likelihood, got {low:g}..{high:g}")
        images += len(flat)
        total = total + flat.sum(dim=0, dtype=torch.float64)
        if held is not None:
            held = [*held, flat] if images <= exact and images * flat.shape[1] <= HELD else None
    if images < 2:
        raise IFPError(f"need at least 2 images for a freezing point, got {images}")
    return images, total / images, None if held is None else torch.cat(held)


def _flat(images: Tensor) -> Tensor:
    return images.reshape(len(images), -1)
