"""Data sets kept in files: read once, checked and hashed on the way, then taken from the user's cache.

A family only says which images and labels its public files hold (:class:`Content`). What stands in the cache is a
folder ``NAME-IDENTITY/``: images.bin (N, H, W, C), labels.npy (N, K) and header.json, written last. The identity is
made of the sources' paths, sizes and times, so that changed files are read again.
"""

import hashlib
import json
import logging
import math
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.names import in_one_line
from analysis.plain_json import read_json
from annealing.errors import DataError
from ifp.datasets.cache import cache_directory
from ifp.datasets.cells import CellLabelled, Cells
from ifp.datasets.dataset import DataOptions, DataWarning, Factors, Index, checked_index
from ifp.datasets.labels import Labels
from ifp.files.atomic import new_folder, sweep
from ifp.files.names import file_name

_FORMAT = 1
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Content:
    """What the files of a data set hold."""

    shape: tuple[int, int, int, int]  # images, height, width, channels
    dtype: type[np.uint8] | type[np.float32]  # bytes 0..255, or floats 0..1
    blocks: Iterator[NDArray[Any]]  # the images in order, some at a time
    labels: NDArray[np.int64] | None = None  # factor classes (N, K)
    factors: Factors | None = None
    said: tuple[str, ...] = ()  # what was understood, for the line of the source
    warned: tuple[str, ...] = ()  # what the user should know of, each time it is opened


def labelled_content(content: Content, labels: Labels) -> Content:
    """The content, of the rows that have all their labels, with these and what is to be said of them."""
    said, warned = list(content.said), list(content.warned)
    said += [labels.said] if labels.said else []
    if labels.left_out:
        warned.append(f"{labels.left_out:,} of {len(labels.kept):,} images lack a label and are left out")
        said.append(f"{labels.left_out:,} of {len(labels.kept):,} left out for want of a label")
    return replace(content, labels=labels.classes, factors=labels.factors, said=tuple(said), warned=tuple(warned))


class StoredDataset(CellLabelled):
    """Images and labels of a folder in the cache; several images of a cell differ by ``nuisances``."""

    repaints = False

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        source: str,
        nuisances: tuple[str, ...] = (),
        reference: str | None = None,
        options: DataOptions | None = None,
    ) -> None:
        header, labels = _read_stored(folder)
        self.name, self.reference = name, reference or name
        self.source = "; ".join((source, *header.get("said", ())))
        self._warned: tuple[str, ...] = tuple(header.get("warned", ()))
        self.options = options or DataOptions()
        self.fingerprint = str(header["fingerprint"])
        shape = header["shape"]
        self.image_shape: tuple[int, int, int] = (shape[1], shape[2], shape[3])
        self._length = int(shape[0])
        self._images, self._dtype = folder / "images.bin", np.dtype(header["dtype"])
        self.factors: Factors | None = None
        self._cells: Cells | None = None
        if labels is not None:
            self.factors = Factors(tuple(header["names"]), tuple(header["sizes"]))
            self._cells = Cells(labels, self.factors.sizes)
        self.nuisances = nuisances if self._cells is not None and self._cells.several else ()

    def __len__(self) -> int:
        return self._length

    @property
    def several(self) -> int:
        """How many factor vectors have more than one image."""
        return self._cells.several if self._cells is not None else 0

    def warn(self, file: str) -> None:
        """Warn of what the user should know of the data in the file of that name."""
        for each in self._warned:
            warnings.warn(f"{file}: {each}", DataWarning, stacklevel=3)
        if self.several:
            warnings.warn(
                f"{self.several} factor vectors of {file} have several images: which is shown is a nuisance",
                DataWarning,
                stacklevel=3,
            )

    def images(
        self, index: Sequence[int] | Index, nuisances_of: Index | None = None
    ) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Images (N, H, W, C) as stored; nothing of them is drawn."""
        rows = checked_index(index, len(self))
        found = np.empty((len(rows), *self.image_shape), self._dtype)
        jumps = np.flatnonzero(np.diff(rows) != 1) + 1  # between them rows lie one after the other
        # read, not mapped: of a map, whole stretches around each image count as this process's memory
        with self._images.open("rb") as file:
            for part, at in zip(np.split(found, jumps), np.split(rows, jumps), strict=True):
                if len(at):
                    file.seek(int(at[0]) * part[0].nbytes)
                    if file.readinto(part.data) != part.nbytes:
                        raise DataError(f"need whole images in {self._images}, it ends early: remove its folder")
        return found


def label_version(options: DataOptions) -> str:
    """What of the options decides which images and labels a file of the user's gives: of :func:`prepared`'s version."""
    chosen = options.bins, options.missing, options.factors_from, options.images_from
    return f"2 {chosen!r}"


def prepared(name: str, sources: Sequence[Path], read: Callable[[], Content], version: str = "") -> Path:
    """The cache's folder of a data set, which is filled first where it is not there.

    Args:
        name: of the data set.
        sources: the files it is read from.
        read: opens them; called only where they have not been read before.
        version: of what is made of the files, where that has settings of its own.

    Raises:
        DataError: a source is missing or damaged, or the cache has no room.
    """
    folder = cache_directory() / f"{file_name(name)}-{_identity(name, sources, version)}"
    if not (folder / "header.json").is_file():
        content = read()
        _require_room(folder.parent, content)
        try:
            _fill(folder, name, content)
            sweep(folder.parent)
        except FileExistsError:
            if not (folder / "header.json").is_file():  # else another process was faster
                raise DataError(f"need the place {folder} in the cache for {name}, remove what stands there") from None
        except OSError as error:
            raise DataError(f"need to read {name} into {folder.parent}, got: {error}") from error
    return folder


def _identity(name: str, sources: Sequence[Path], version: str) -> str:
    digest = hashlib.sha256(f"{_FORMAT}|{name}|{version}".encode("utf-8", "surrogateescape"))
    try:
        for path in sources:
            stat = path.stat()
            digest.update(f"|{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise DataError(f"need to read the files of {name}, got: {error}") from error
    return digest.hexdigest()[:16]


def _bytes(content: Content) -> int:
    return math.prod(content.shape) * np.dtype(content.dtype).itemsize


def _require_room(place: Path, content: Content) -> None:
    """DataError where the cache cannot hold the images: told before anything is written."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(place).free
    except OSError as error:
        raise DataError(f"need a writable cache directory (IFP_CACHE_DIR sets another), got: {error}") from error
    if _bytes(content) > free:
        raise DataError(
            f"need {_bytes(content):,} bytes in {place} for images of shape {content.shape}, {free:,} are free "
            f"(IFP_CACHE_DIR sets another place)"
        )


def _fill(folder: Path, name: str, content: Content) -> None:
    log.info("%s: reading %s images once, into %s", name, f"{content.shape[0]:,}", folder)
    names = None if content.factors is None else content.factors.names
    sizes = None if content.factors is None else content.factors.sizes
    digest = hashlib.sha256(repr((content.shape, np.dtype(content.dtype).name, names, sizes)).encode())
    with new_folder(folder) as temporary:
        with (temporary / "images.bin").open("wb") as file:
            for block in content.blocks:
                data = np.ascontiguousarray(block, content.dtype).tobytes()
                digest.update(data)
                file.write(data)
            if file.tell() != _bytes(content):
                raise DataError(f"need {_bytes(content):,} bytes of images for {name}, got {file.tell():,}")
            file.flush()
            os.fsync(file.fileno())
        if content.labels is not None:
            labels = np.ascontiguousarray(content.labels, np.int32)
            digest.update(labels.tobytes())
            np.save(temporary / "labels.npy", labels, allow_pickle=False)
        header = {
            "shape": [int(each) for each in content.shape],
            "dtype": np.dtype(content.dtype).name,
            "names": names,
            "sizes": sizes,
            "fingerprint": digest.hexdigest()[:16],
            "said": [in_one_line(each) for each in content.said],
            "warned": [in_one_line(each) for each in content.warned],
        }
        (temporary / "header.json").write_text(json.dumps(header), encoding="utf-8")


def _read_stored(folder: Path) -> tuple[dict[str, Any], NDArray[np.int32] | None]:
    """Header and labels of a folder in the cache; DataError where it is damaged."""
    try:
        header: dict[str, Any] = read_json((folder / "header.json").read_text(encoding="utf-8"))
        labels = None if header["names"] is None else np.load(folder / "labels.npy", allow_pickle=False)
        if header["dtype"] not in ("uint8", "float32"):
            raise ValueError(f"images of {header['dtype']!r}")
        if not all(isinstance(each, str) for name in ("said", "warned") for each in header.get(name, ())):
            raise ValueError("what is said of it is no text")
        expected = math.prod(header["shape"]) * np.dtype(header["dtype"]).itemsize
        whole = (folder / "images.bin").stat().st_size == expected and isinstance(header["fingerprint"], str)
        if labels is not None:
            whole = whole and labels.shape == (header["shape"][0], len(header["names"])) and labels.dtype == np.int32
    except (OSError, ValueError, LookupError, TypeError, EOFError) as error:
        raise DataError(f"need a whole data set in the cache, {folder} is damaged (remove it): {error}") from error
    if not whole:
        raise DataError(f"need a whole data set in the cache, {folder} has lost a part: remove it, to read it again")
    return header, labels
