r"""Two factors made to occur together: a data set whose joint distribution of a pair is tilted.

With both factors' classes scaled to 0..1, the pair has the density

.. math:: p(a, b) \propto p_0(a, b) \exp\left(-\frac{(a - b)^2}{2 \sigma^2}\right)

of Traeuble et al. 2021 (arXiv 2006.07886, section 3.1): a Gaussian of width sigma about the diagonal, cut to the
lattice; 0.2 is strong, 0.7 weak. The tilted data set has as many images as the whole: each cell of the pair holds
its share of them, some images several times, some never.
"""

import copy
import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from annealing.errors import IFPError
from ifp.datasets.cells import Cells
from ifp.datasets.dataset import (
    Dataset,
    Factors,
    Index,
    LabelledDataset,
    checked_index,
    is_labelled,
    is_painted,
    require_labelled,
)


def parse_pair(text: str, factors: Factors) -> tuple[int, int, float]:
    """Columns and sigma of A:B:SIGMA; IFPError where it is none, or a factor is unknown."""
    try:
        parts = text.split(":")
        first, second, sigma = parts[0], parts[1], float(parts[2])
    except (AttributeError, IndexError, ValueError):
        raise IFPError(f"need A:B:SIGMA, two factors and a width, got {text!r}") from None
    if len(parts) != 3 or first == second or not 0.001 <= sigma <= 1000:
        raise IFPError(f"need A:B:SIGMA, two different factors and a width of 0.001 to 1000, got {text!r}")
    return factors.position(first), factors.position(second), sigma


def tilted(
    labels: NDArray[np.int64], sizes: tuple[int, ...], pair: tuple[int, int, float], seed: int
) -> NDArray[np.int64]:
    """Index (N,), rising, of the images that make up the tilted data set.

    Shares are rounded to whole images by the largest remainder; within a cell of the pair every image is taken as
    often as any other, give or take one, drawn from the seed.
    """
    first, second, sigma = pair
    scaled = [labels[:, column] / max(sizes[column] - 1, 1) for column in (first, second)]
    key = labels[:, first] * sizes[second] + labels[:, second]
    _, start, images = np.unique(key, return_index=True, return_counts=True)
    apart = (scaled[0] - scaled[1])[start]
    weight = images * np.exp(-(apart**2 - (apart**2).min()) / (2 * sigma**2))
    share = len(labels) * weight / weight.sum()
    quota = np.floor(share).astype(np.int64)
    quota[np.argsort(quota - share, kind="stable")[: len(labels) - quota.sum()]] += 1
    order = np.argsort(key, kind="stable")
    ends = np.cumsum(images)
    stream = np.random.default_rng([seed, 6])
    times = np.zeros(len(labels), np.int64)
    for cell, wanted in enumerate(quota.tolist()):
        members = order[ends[cell] - images[cell] : ends[cell]]
        times[members] = wanted // len(members)
        times[stream.permutation(members)[: wanted % len(members)]] += 1
    return np.repeat(np.arange(len(labels)), times)


class Correlated:
    """The images of a labelled data set, as often as its tilted distribution asks for."""

    def __init__(self, whole: LabelledDataset) -> None:
        """IFPError where ``whole.options.correlate`` names a factor that is not there, or one twice."""
        self._whole = whole
        self.name, self.reference, self.options = whole.name, whole.reference, whole.options
        self.factors = whole.factors
        self.image_shape, self.nuisances, self.repaints = whole.image_shape, whole.nuisances, whole.repaints
        pairs = [parse_pair(text, whole.factors) for text in self.options.correlate]
        columns = [column for pair in pairs for column in pair[:2]]
        if len(set(columns)) < len(columns):
            raise IFPError(f"need each factor in one pair at most, got {', '.join(self.options.correlate)}")
        taken = np.arange(len(whole))
        for pair in pairs:
            labels = whole.factors_at(taken)
            taken = taken[tilted(labels, whole.factors.sizes, pair, self.options.seed)]
        self._taken = taken
        self._cells = Cells(whole.factors_at(taken).astype(np.int32), whole.factors.sizes)
        said = ", ".join(self.options.correlate)
        self.source = f"{whole.source}, correlated {said}"
        identity = repr((whole.fingerprint, self.options.correlate, self.options.seed))
        self.fingerprint = hashlib.sha256(identity.encode()).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self._taken)

    def images(
        self, index: Sequence[int] | Index, nuisances_of: Index | None = None
    ) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Images (N, H, W, C) of the index into the tilted data set."""
        rows = self._taken[checked_index(index, len(self))]
        if nuisances_of is None:
            return self._whole.images(rows)
        return self._whole.images(rows, self._taken[checked_index(nuisances_of, len(self))])

    @cached_property
    def canvas(self) -> Dataset | None:
        """What the images are painted over, as often; None where they are not painted."""
        if not is_painted(self._whole):
            return None
        found = copy.copy(self)  # the same images of it, whatever it was opened with
        found._whole = require_labelled(self._whole.canvas)
        found.image_shape, found.nuisances, found.repaints = found._whole.image_shape, (), False
        return found

    def painted(self, canvases: NDArray[np.float32], nuisances_of: Index) -> NDArray[np.float32]:
        """Each row of canvases (M, N, h, w, c) painted as one image (M,) of the tilted data set is."""
        assert is_painted(self._whole)  # else there is no canvas
        return self._whole.painted(canvases, self._taken[nuisances_of])

    def factors_at(self, index: Sequence[int] | Index) -> NDArray[np.int64]:
        """Factor classes (N, K)."""
        return self._cells.factors_at(index)

    def lookup(self, factors: NDArray[np.integer], nuisances_of: Index | None = None) -> Index:
        """Index (N,) of factor classes (N, K); DataError where the tilted data set has no such image.

        The image that holds the nuisances is taken where the tilted data set has it, else another of its cell.
        """
        found = self._cells.lookup(factors)
        if nuisances_of is None:
            return found
        wanted = self._whole.lookup(factors, self._taken[checked_index(nuisances_of, len(self))])
        place = np.searchsorted(self._taken, wanted).clip(max=len(self) - 1)
        return np.where(self._taken[place] == wanted, place, found)

    def holds(self, factors: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether the tilted data set has an image of the factor classes."""
        return self._cells.holds(factors)


def correlated(dataset: Dataset) -> Dataset:
    """The data set tilted as its options ask for, or itself; IFPError where it has no factors to tilt."""
    if not dataset.options.correlate:
        return dataset
    if not is_labelled(dataset):
        raise IFPError(f"need labelled factors for --correlate, {dataset.name} has none")
    return Correlated(dataset)
