"""What codes score that hold what can be seen of a sprite without its labels: where its mass lies, and how much."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from analysis.scores.all_scores import POSTERIOR_SCORES, of_samples_alone
from analysis.scores.all_scores import score as scores_of
from analysis.scores.codes import LabelledCodes
from analysis.scores.dci import NAMES
from analysis.scores.protocol import STUDY, SampleSizes, sampled_rows
from annealing.errors import IFPError
from ifp.datasets.batches import batch_size
from ifp.datasets.dataset import Dataset, to_float
from ifp.datasets.row_dataset import is_rows

_LEAST = 1 / 255  # one grey level of one pixel: the mass of an image that has none
_EXACT_DCI = f"{NAMES['boosting']}_"  # minutes for a value that nobody asked for
_EMPTY = 0.5  # share of an image's pixels that are 0 where its background is empty


def seen_codes(images: NDArray[np.uint8] | NDArray[np.floating]) -> NDArray[np.float64]:
    r"""Column and row of each image's centroid, in pixels from 0, and the logarithm of its mass, (N, 3).

    .. math:: \bar x = \frac1m \sum_{xy} x\, p_{xy}, \quad \bar y = \frac1m \sum_{xy} y\, p_{xy}, \quad
        \log m, \quad m = \sum_{xy} p_{xy}

    with p the sum over the channels of a pixel's values in 0..1: of a white sprite m is the area. The centroid of an
    image without mass is the middle, and its m one grey level of one pixel.

    >>> image = np.zeros((1, 4, 6, 1), np.uint8)
    >>> image[0, 3, 1:3] = 255
    >>> seen_codes(image).round(3).tolist()
    [[1.5, 3.0, 0.693]]

    Args:
        images: (N, H, W, C), bytes in 0..255 or floats in 0..1.

    Raises:
        IFPError: images of another shape.
    """
    if images.ndim != 4:
        raise IFPError(f"need images (N, H, W, C), got {images.shape}: reshape them")
    pixels = to_float(images).sum(axis=-1, dtype=np.float64)
    mass = pixels.sum(axis=(1, 2))
    codes = np.empty((len(images), 3))
    for place, sums in enumerate((pixels.sum(axis=1), pixels.sum(axis=2))):
        size = sums.shape[1]
        middle = np.full(len(images), (size - 1) / 2)
        codes[:, place] = np.divide(sums @ np.arange(size), mass, out=middle, where=mass > 0)
    codes[:, 2] = np.log(np.maximum(mass, _LEAST))
    return codes


def as_gaussian(codes: NDArray[np.floating], among: NDArray[np.floating] | None = None) -> NDArray[np.float64]:
    r"""Each code (N, K) spread by its ranks to the Gaussian that a VAE's prior asks for: mean 0, variance 1.

    .. math:: z_n = \Phi^{-1}\left(\frac{r_n - 1/2}{M}\right)

    with the rank r among M codes, from 1; equal codes stay equal. Bins of equal width tell fewer values apart then.

    >>> as_gaussian(np.array([[5.0], [7.0], [90.0]])).round(3).ravel().tolist()
    [-0.967, 0.0, 0.967]

    Args:
        codes: (N, K).
        among: codes (M, K) that are ranked, those beyond their ends as the ends; None: the codes themselves.
    """
    ranked = np.sort(codes if among is None else among, axis=0)
    size = len(ranked)
    spread = np.empty(codes.shape)
    for k, column in enumerate(codes.T):
        below = (np.searchsorted(ranked[:, k], column) + np.searchsorted(ranked[:, k], column, side="right")) / 2
        spread[:, k] = norm.ppf(below.clip(0.5, size - 0.5) / size)
    return spread


def has_empty_background(images: NDArray[np.uint8] | NDArray[np.floating]) -> bool:
    """Whether half of every image (N, H, W, C) or more is exactly 0, so that its mass is that of what is shown.

    Of a picture, noise or a room behind it is not.
    """
    return bool((np.mean(~images.any(axis=-1), axis=(1, 2)) >= _EMPTY).all())


def _seen(dataset: Dataset, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Codes (n, 3) of these images of a data set; None where the background of one is not empty."""
    found = []
    for start in range(0, len(rows), batch_size(dataset)):
        images = dataset.images(rows[start : start + batch_size(dataset)])
        if not has_empty_background(images):
            return None
        found.append(seen_codes(images))
    return np.concatenate(found)


def seen_scores(
    dataset: Dataset,
    data: LabelledCodes,
    *,
    seed: int = 0,
    only: Collection[str],
    sizes: SampleSizes = STUDY,
) -> dict[str, float]:
    """What centroid and log mass, each spread to a Gaussian, score on the rows that the scores of ``data`` look at.

    {} where a background that is not empty drowns them. FactorVAE and BetaVAE, which may look at every image, DCI by
    its exact protocol, which takes minutes, and scores that need log-variances have none: only the images of the
    samples are rendered. Where sprites have colours of their own, brightness blurs the mass. No bound: a code that
    tells hearts from ellipses scores more.

    Args:
        dataset: whose images they are.
        data: codes of all of its images, for their factors.
        seed, only, sizes: of the scores, as :func:`analysis.scores.all_scores.score` has them.
    """
    without = tuple(name for name in only if name in POSTERIOR_SCORES or name.startswith(_EXACT_DCI))
    names = [] if is_rows(dataset) else [name for name in only if name not in without and of_samples_alone([name])]
    rows = sampled_rows(data.factors, seed, sizes)
    found = _seen(dataset, rows) if names else None
    if found is None:
        return {}
    codes = np.zeros((len(data.factors), found.shape[1]))
    codes[rows] = found
    codes[rows] = as_gaussian(found, among=codes[data.counted(seed, sizes).rows])
    return dict(scores_of(codes, data.factors, seed=seed, only=names, sizes=sizes))
