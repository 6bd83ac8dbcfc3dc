"""dSprites: 737,280 binary 64x64 images of one sprite, over shape, scale, orientation, posX and posY.

Without any download the images are rendered from the geometry; where the user has the official file, that is
used instead. Either way they are cached once as packed bits (360 MiB) and mapped into memory.
"""

import hashlib
import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annealing.errors import DataError
from ifp.datasets.cache import cache_directory, write_once
from ifp.datasets.dataset import DataOptions, Factors, Index, Lattice, checked_index
from ifp.datasets.family import Family, PublicFile
from ifp.datasets.files import find_file, require_file
from ifp.datasets.public.dsprites_geometry import NAMES, SIZE, SIZES, render_all
from ifp.files.npz import open_npz, read_header, read_rows, require_c_order

OFFICIAL_FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
_IMAGES = int(np.prod(SIZES))
_BYTES = SIZE * SIZE // 8  # of one image, packed
# of a byte, (256, 8)
_PIXELS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little").astype(np.float32)


class DSprites:
    """dSprites in the official order (posY fastest), or a smaller lattice of it: one binary image per index."""

    image_shape = (SIZE, SIZE, 1)
    nuisances: tuple[str, ...] = ()
    repaints = False

    def __init__(
        self, name: str, bits: NDArray[np.uint8], sizes: tuple[int, ...], source: str, options: DataOptions
    ) -> None:
        self.name = self.reference = name
        self.options, self.source = options, source
        self.factors: Factors | None = Factors(NAMES, sizes)
        self._lattice = Lattice(sizes)
        self._bits = bits  # (images, 512)
        self.fingerprint = _fingerprint(bits, sizes)

    def __len__(self) -> int:
        return len(self._bits)

    def images(self, index: Sequence[int] | Index, nuisances_of: Index | None = None) -> NDArray[np.float32]:
        """Images (N, 64, 64, 1), float32, each pixel 0 or 1."""
        rows = self._bits[checked_index(index, len(self))]
        return np.take(_PIXELS, rows, axis=0).reshape(-1, *self.image_shape)

    def factors_at(self, index: Sequence[int] | Index) -> NDArray[np.int64]:
        """Factor classes (N, 5): shape, scale, orientation, posX, posY."""
        return self._lattice.factors_at(index)

    def lookup(self, factors: NDArray[np.integer], nuisances_of: Index | None = None) -> Index:
        """Official index (N,) of factor classes (N, 5)."""
        return self._lattice.lookup(factors)

    def holds(self, factors: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether the factor classes (N, 5) are within the lattice."""
        return self._lattice.holds(factors)


def _fingerprint(bits: NDArray[np.uint8], sizes: tuple[int, ...]) -> str:
    """Of the factors and 1,024 evenly spaced images: cheap, and one for every file that holds the same data."""
    sample = np.ascontiguousarray(bits[:: max(len(bits) // 1024, 1)])
    digest = hashlib.sha256(repr((NAMES, sizes, SIZE)).encode())
    digest.update(sample.tobytes())
    return digest.hexdigest()[:16]


def official_file(data_dir: str | Path | None) -> Path | None:
    """The official file: in ``data_dir`` it must be, elsewhere it may be."""
    if data_dir is not None:
        return require_file([OFFICIAL_FILE], "dsprites", data_dir)
    return find_file([OFFICIAL_FILE], "dsprites")


def _open_bits(official: Path | None) -> NDArray[np.uint8]:
    """Packed bits (737280, 512) mapped from the cache, which is filled first where needed."""
    if official is None:
        path, blocks = cache_directory() / "dsprites-rendered-1.bits", render_all()
    else:
        stat = official.stat()
        identity = f"{official.resolve()}|{stat.st_size}|{stat.st_mtime_ns}".encode()
        path = cache_directory() / f"dsprites-official-{hashlib.sha256(identity).hexdigest()[:16]}.bits"
        blocks = _read_official(official)
    write_once(path, blocks, _IMAGES * _BYTES)
    bits = np.memmap(path, dtype=np.uint8, mode="r", shape=(_IMAGES, _BYTES))
    bits[:: mmap.PAGESIZE // _BYTES, 0].max()  # touch every page now: a random batch would fault in 256 of them
    return bits


def _read_official(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Packed bits of the official npz, streamed; its pickled metadata is never read."""
    with open_npz(path) as archive:
        for name, shape, dtype in (
            ("imgs", (_IMAGES, SIZE, SIZE), np.uint8),
            ("latents_classes", (_IMAGES, len(SIZES) + 1), np.int64),
        ):
            header = read_header(archive, name, path)
            require_c_order(header, name, path)
            if header.shape != shape or header.dtype != np.dtype(dtype):
                raise DataError(
                    f"need {name} of shape {shape} and type {np.dtype(dtype)} in {path}, "
                    f"got {header.shape} and {header.dtype}"
                )
        _check_order(path, read_rows(archive, "latents_classes", path))
        for rows in read_rows(archive, "imgs", path):
            if rows.max(initial=0) > 1:
                raise DataError(f"need pixels 0 or 1 in {path}, got {rows.max()}")
            yield np.packbits(rows.reshape(-1, SIZE * SIZE), axis=1, bitorder="little")


def _check_order(path: Path, classes: Iterator[NDArray[np.int64]]) -> None:
    lattice = Lattice(SIZES)
    start = 0
    for rows in classes:
        expected = lattice.factors_at(np.arange(start, start + len(rows)))
        if not np.array_equal(rows[:, 1:], expected):
            raise DataError(f"need dSprites in its official order, {path} departs from it after image {start}")
        start += len(rows)


def load(name: str, data_dir: Path | None, options: DataOptions) -> DSprites:
    """dSprites itself: from the official file where it is found, else rendered."""
    official = official_file(data_dir)
    source = f"official file {official}" if official else "rendered from the geometry"
    return DSprites(name, _open_bits(official), SIZES, source, options)


_TINY = {"shapes": range(3), "scales": (0, 2, 5), "orientations": range(0, 40, 5), "positions": range(2, 32, 4)}


def load_tiny(name: str, data_dir: Path | None, options: DataOptions) -> DSprites:
    """Every few classes of dSprites, 4,608 images: rendered in a moment, not cached."""
    sizes = (*(len(classes) for classes in _TINY.values()), len(_TINY["positions"]))
    return DSprites(name, np.concatenate(list(render_all(**_TINY))), sizes, "rendered from the geometry", options)


CITATION = "Matthey, Higgins, Hassabis, Lerchner: dSprites, 2017, github.com/google-deepmind/dsprites-dataset"

FAMILY = {
    "dsprites": Family(
        load=load,
        summary="shape 3, scale 6, orientation 40, posX 32, posY 32",
        images=_IMAGES,
        image_shape=(SIZE, SIZE, 1),
        size="none, or 27 MB; 0.4 GB in the cache",
        licence="Apache-2.0 (zlib in earlier copies)",
        citation=CITATION,
        homepage="https://github.com/google-deepmind/dsprites-dataset",
        files=(
            PublicFile(
                name=OFFICIAL_FILE,
                urls=(
                    f"https://github.com/google-deepmind/dsprites-dataset/raw/master/{OFFICIAL_FILE}",
                    f"https://raw.githubusercontent.com/google-deepmind/dsprites-dataset/master/{OFFICIAL_FILE}",
                ),
                checksum="md5:7da33b31b13a06f4b04a70402ce90c2e",
                checksum_from="Latte",
            ),
        ),
        made_here=True,
    ),
    "dsprites-tiny": Family(
        load=load_tiny,
        summary="shape 3, scale 3, orientation 8, posX 8, posY 8: for tests and tutorials",
        images=4608,
        image_shape=(SIZE, SIZE, 1),
        size="none",
        licence="Apache-2.0",
        citation=CITATION,
        made_here=True,
    ),
}
