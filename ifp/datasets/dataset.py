"""What every data set offers: images and factors as pure functions of an index."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from analysis.records import ADDED
from annealing.choices import require_one_of
from annealing.errors import DataError, IFPError

Index = NDArray[np.int64]


def _later() -> Any:
    """An option that runs of before do not record."""
    return field(default=None, metadata={ADDED: True})


@dataclass(frozen=True)
class Factors:
    """Names and sizes of the factors of variation, in the order of the label columns."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)

    def position(self, name: str) -> int:
        """Column of the factor ``name``; IFPError where there is none of that name."""
        require_one_of("a factor", name, self.names)
        return self.names.index(name)


class DataWarning(UserWarning):
    """A non-fatal problem with the data that the user should know of."""


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """How a data set is opened, beyond its name: what a run records to open it again."""

    background: str | None = None  # path of the picture behind scream-dsprites
    correlate: tuple[str, ...] = ()  # A:B:SIGMA, pairs of factors whose joint distribution is tilted
    background_color: str | None = _later()  # #rrggbb seen through transparent pixels of pictures
    resize: str | None = _later()  # HxW that pictures of a folder are resized to
    bins: int | None = None  # classes that a continuous factor's range is cut into
    missing: str | None = _later()  # a label that means there is none, beside NaN and empty text
    factors_from: str | None = _later()  # arrays or columns that hold the labels, by names with commas between
    images_from: str | None = _later()  # the array that holds the images
    exposure: str | None = _later()  # of rows: a column, or total
    labels: str | None = _later()  # columns of rows that are no features, by names with commas between
    layer: str | None = _later()  # of annotated counts, instead of X
    seed: int = 0  # of drawn nuisances, and of which images a tilted distribution repeats


class Dataset(Protocol):
    """The interface of a data set.

    What varies from image to image and is no factor is a *nuisance*: a colour, a background, which of several
    objects of a category. Each image has its own, and another image's can be asked for: that is how a nuisance is
    held while a factor runs through its values.
    """

    name: str
    image_shape: tuple[int, int, int]  # height, width, channels
    fingerprint: str
    nuisances: tuple[str, ...]  # names; none: ``nuisances_of`` is never given
    repaints: bool  # ``images`` shows any image with another's nuisances; where not, only ``lookup`` can choose them
    source: str  # where the images come from, in words
    reference: str  # what load_dataset takes to open it again: its name, or the path of the user's data
    options: DataOptions

    @property
    def factors(self) -> Factors | None:
        """Names and sizes of the factors of variation; None where unlabelled."""
        ...

    def __len__(self) -> int: ...

    def images(
        self, index: Sequence[int] | Index, nuisances_of: Index | None = None
    ) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Images (N, H, W, C), uint8 (0..255) or float32 (0..1): a pure function of the index.

        ``nuisances_of`` (N,): images whose drawn nuisances are painted instead of their own.
        """
        ...

    def factors_at(self, index: Sequence[int] | Index) -> NDArray[np.int64] | None:
        """Factor classes (N, K), or None where unlabelled."""
        ...

    def lookup(self, factors: NDArray[np.integer], nuisances_of: Index | None = None) -> Index:
        """Index (N,) of images with the factor classes (N, K); IFPError where a cell is empty.

        ``nuisances_of`` (N,): where a cell holds several images, take the one that is to its cell what this image is
        to its own.
        """
        ...

    def holds(self, factors: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether any image has the factor classes, (N,) of (N, K)."""
        ...


class LabelledDataset(Dataset, Protocol):
    """A data set whose images have known factors."""

    @property
    def factors(self) -> Factors:
        """Names and sizes of the factors of variation."""
        ...

    def factors_at(self, index: Sequence[int] | Index) -> NDArray[np.int64]:
        """Factor classes (N, K)."""
        ...


class PaintedDataset(LabelledDataset, Protocol):
    """Images that are painted over those of another data set: pixel by pixel, nuisance by nuisance, in an affine way.

    So the mean of many images of one painting is what the painting makes of the mean of what is painted over.
    """

    @property
    def canvas(self) -> Dataset:
        """What is painted over: another image at each index, of the same factors."""
        ...

    def painted(self, canvases: NDArray[np.float32], nuisances_of: Index) -> NDArray[np.float32]:
        """Each row of canvases (M, N, h, w, c), in 0..1, painted as one image (M,) is: (M, N, H, W, C)."""
        ...


def is_painted(dataset: Dataset) -> TypeGuard[PaintedDataset]:
    """Whether a data set can paint means of images, too."""
    return dataset.repaints and getattr(dataset, "canvas", None) is not None


def is_labelled(dataset: Dataset) -> TypeGuard[LabelledDataset]:
    """Whether a data set has factors."""
    return dataset.factors is not None


def require_labelled(dataset: Dataset) -> LabelledDataset:
    """The data set, which has factors; IFPError where it has none."""
    if not is_labelled(dataset):
        raise IFPError(f"need a data set with labelled factors for action sequences, {dataset.name} has none")
    return dataset


def nuisance_names(dataset: Dataset) -> tuple[str, ...]:
    """What plans, which name both, call a data set's nuisances: those that are called as a factor is are marked."""
    factors = () if dataset.factors is None else dataset.factors.names
    return tuple(f"{name} (nuisance)" if name in factors else name for name in dataset.nuisances)


@dataclass(frozen=True)
class RowDescription:
    """What a run's config.json says of rows: how many features, and whether an exposure stands behind them."""

    features: int
    exposed: bool


@dataclass(frozen=True)
class DataDescription:
    """What a run's config.json says of its data."""

    name: str
    fingerprint: str
    image_shape: tuple[int, int, int]  # height, width, channels
    images: int
    source: str  # where they come from, in words
    rows: RowDescription | None = field(default=None, metadata={ADDED: True})  # None: images


def describe(dataset: Dataset) -> DataDescription:
    """What a run's config records of its data."""
    return DataDescription(
        name=dataset.name,
        fingerprint=dataset.fingerprint,
        image_shape=dataset.image_shape,
        images=len(dataset),
        source=dataset.source,
        rows=getattr(dataset, "row_description", None),
    )


def to_float(images: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Pixels in 0..1 as float32, from bytes (0..255) or from floats that are so already."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / np.float32(255)
    return images.astype(np.float32, copy=False)


def checked_index(index: Sequence[int] | Index, length: int) -> Index:
    """The index as int64 (N,); IFPError where it leaves 0..length-1 or is no row of whole numbers."""
    array = np.atleast_1d(np.asarray(index))
    if array.ndim != 1:
        raise IFPError(f"need an image index of shape (N,), got {array.shape}")
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise IFPError(f"need whole numbers as image index, got {array.dtype}")
    array = array.astype(np.int64)
    if array.size and not (array.min() >= 0 and array.max() < length):
        raise IFPError(f"need an image index in 0..{length - 1}, got {array.min()}..{array.max()}")
    return array


def within(classes: NDArray[np.integer], sizes: tuple[int, ...]) -> NDArray[np.bool_]:
    """Whether all classes of a row are from 0 on and below their sizes, (N,) of (N, K)."""
    return np.all((classes >= 0) & (classes < np.array(sizes, np.int64)), axis=1)


@dataclass(frozen=True)
class Lattice:
    """A full grid of factor classes, the last factor fastest, as index and back.

    >>> lattice = Lattice((2, 3))
    >>> lattice.factors_at([4]).tolist(), lattice.lookup(np.array([[1, 1]])).tolist()
    ([[1, 1]], [4])
    """

    sizes: tuple[int, ...]

    def __len__(self) -> int:
        return int(np.prod(self.sizes))

    def factors_at(self, index: Sequence[int] | Index) -> NDArray[np.int64]:
        """Classes (N, K) of the flat index (N,)."""
        return np.stack(np.unravel_index(checked_index(index, len(self)), self.sizes), axis=1)

    def lookup(self, factors: NDArray[np.integer]) -> Index:
        """Flat index (N,) of classes (N, K); IFPError where a class is out of range."""
        classes = np.atleast_2d(np.asarray(factors))
        if classes.ndim != 2 or classes.shape[1] != len(self.sizes):
            raise IFPError(f"need factors of shape (N, {len(self.sizes)}), got {classes.shape}")
        if classes.size and not np.issubdtype(classes.dtype, np.integer):
            raise IFPError(f"need whole numbers as factor classes, got {classes.dtype}")
        if not within(classes, self.sizes).all():
            raise DataError(f"need factor classes below {self.sizes}, got a class outside")
        return np.ravel_multi_index(tuple(classes.T.astype(np.int64)), self.sizes).astype(np.int64)

    def holds(self, factors: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether the classes (N, K) are within the sizes, (N,)."""
        classes = np.atleast_2d(np.asarray(factors))
        return within(classes, self.sizes)
