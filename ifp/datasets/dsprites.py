"""dSprites: 737,280 binary 64x64 images of one sprite, over shape, scale, orientation, posX and posY.

Without any download the images are rendered from the geometry; where the user has the official file, that is
used instead. Either way they are cached once as packed bits (360 MiB) and mapped into memory.
"""

import hashlib
import lzma
import mmap
import os
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annealing.errors import DataError
from ifp.datasets.cache import cache_directory, write_once
from ifp.datasets.dataset import Factors, Index, Lattice, checked_index
from ifp.datasets.dsprites_geometry import NAMES, SIZE, SIZES, render_all

OFFICIAL_FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
_IMAGES = int(np.prod(SIZES))
_BYTES = SIZE * SIZE // 8  # of one image, packed
_CHUNK = 4096  # images read from the official file at a time


class DSprites:
    """dSprites in the official order (posY fastest), one image per index."""

    image_shape = (SIZE, SIZE, 1)
    nuisances: tuple[str, ...] = ()

    def __init__(self, data_dir: str | Path | None = None) -> None:
        self.name = "dsprites"
        self.factors: Factors | None = Factors(NAMES, SIZES)
        official = _official_file(data_dir)
        self.source = f"official file {official}" if official else "rendered from the geometry"
        self._lattice = Lattice(SIZES)
        self._bits = _open_bits(official)
        self.fingerprint = _fingerprint(self._bits)

    def __len__(self) -> int:
        return _IMAGES

    def images(self, index: Sequence[int] | Index) -> NDArray[np.float32]:
        """Images (N, 64, 64, 1), float32, each pixel 0 or 1."""
        rows = self._bits[checked_index(index, len(self))]
        pixels = np.unpackbits(rows, axis=1, bitorder="little")
        return pixels.reshape(-1, *self.image_shape).astype(np.float32)

    def factors_at(self, index: Sequence[int] | Index) -> NDArray[np.int64]:
        """Factor classes (N, 5): shape, scale, orientation, posX, posY."""
        return self._lattice.factors_at(index)

    def lookup(self, factors: NDArray[np.integer]) -> Index:
        """Official index (N,) of factor classes (N, 5)."""
        return self._lattice.lookup(factors)


def _fingerprint(bits: NDArray[np.uint8]) -> str:
    """Of the factors and 1,024 evenly spaced images: cheap, and one for every file that holds the same data."""
    sample = np.ascontiguousarray(bits[:: _IMAGES // 1024])
    digest = hashlib.sha256(repr((NAMES, SIZES, SIZE)).encode())
    digest.update(sample.tobytes())
    return digest.hexdigest()[:16]


def _official_file(data_dir: str | Path | None) -> Path | None:
    """The official file: in ``data_dir`` it must be, in IFP_DATA_DIR it may be."""
    if data_dir is not None:
        path = Path(data_dir).expanduser()
        path = path / OFFICIAL_FILE if path.is_dir() else path
        if not path.is_file():
            raise DataError(f"need {OFFICIAL_FILE} in the data directory, found no file {path}")
        return path
    shared = os.environ.get("IFP_DATA_DIR")
    if not shared:
        return None
    path = Path(shared).expanduser() / OFFICIAL_FILE
    return path if path.is_file() else None


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
    try:
        with zipfile.ZipFile(path) as archive:
            missing = {"imgs.npy", "latents_classes.npy"} - set(archive.namelist())
            if missing:
                raise DataError(f"need arrays imgs and latents_classes in {path}, {min(missing)} is not there")
            _check_order(archive, path)
            for chunk in _stream(archive, "imgs.npy", (_IMAGES, SIZE, SIZE), np.uint8, path):
                if chunk.max(initial=0) > 1:
                    raise DataError(f"need pixels 0 or 1 in {path}, got {chunk.max()}")
                yield np.packbits(chunk.reshape(-1, SIZE * SIZE), axis=1, bitorder="little")
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError) as error:
        # zipfile raises RuntimeError (NotImplementedError) where a damaged entry claims encryption or a method unknown
        raise DataError(f"need a whole dSprites npz, {path} is truncated or damaged: {error}") from error


def _check_order(archive: zipfile.ZipFile, path: Path) -> None:
    lattice = Lattice(SIZES)
    start = 0
    for chunk in _stream(archive, "latents_classes.npy", (_IMAGES, len(SIZES) + 1), np.int64, path):
        expected = lattice.factors_at(np.arange(start, start + len(chunk)))
        if not np.array_equal(chunk[:, 1:], expected):
            raise DataError(f"need dSprites in its official order, {path} departs from it after image {start}")
        start += len(chunk)


def _stream(
    archive: zipfile.ZipFile, member: str, shape: tuple[int, ...], dtype: type, path: Path
) -> Iterator[NDArray[Any]]:
    """Rows of one array of an npz, some thousand at a time, checked against the shape it must have."""
    with archive.open(member) as stream:
        try:
            version = np.lib.format.read_magic(stream)
            read_header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            found, fortran, found_dtype = read_header(stream)
        except (ValueError, KeyError, tokenize.TokenError) as error:
            raise DataError(f"need a numpy array {member} in {path}, its header is damaged: {error}") from error
        if found != shape or found_dtype != dtype or fortran:
            raise DataError(
                f"need {member} of shape {shape} and type {np.dtype(dtype)} in {path}, "
                f"got {found} and {found_dtype}{' in Fortran order' if fortran else ''}"
            )
        row = int(np.prod(shape[1:])) * np.dtype(dtype).itemsize
        for start in range(0, shape[0], _CHUNK):
            rows = min(_CHUNK, shape[0] - start)
            data = stream.read(rows * row)
            if len(data) < rows * row:
                raise EOFError(f"{member} ends after {start} of {shape[0]} rows")
            yield np.frombuffer(data, dtype).reshape(rows, *shape[1:])


def load(name: str, data_dir: str | Path | None) -> DSprites:
    """The data set of this family called ``name``."""
    return DSprites(data_dir)


FAMILY = {"dsprites": load}
