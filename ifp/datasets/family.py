"""What a family of data sets tells about itself, and how it is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ifp.datasets.dataset import DataOptions, Dataset


@dataclass(frozen=True, kw_only=True)
class PublicFile:
    """A file that a family reads, and where the public gets it."""

    name: str
    urls: tuple[str, ...] = ()  # mirrors, tried in this order; none: the homepage tells how to get it
    checksum: str | None = None  # "md5:..." or "sha256:...", as a well-known loader publishes it
    checksum_from: str = ""  # which loader
    unpacked: str | None = None  # the folder that stands for it, once unpacked

    @property
    def names(self) -> list[str]:
        """What it may be called where it is kept, by its name, without its compression, unpacked."""
        plain = self.name.removesuffix(".gz")
        return list(dict.fromkeys([self.name, plain, *([self.unpacked] if self.unpacked else [])]))


@dataclass(frozen=True, kw_only=True)
class Family:
    """One data set: how to open it, and what ``ifp data list`` says of it."""

    load: Callable[[str, Path | None, DataOptions], Dataset]  # its name, the folder of its files, how it is opened
    summary: str  # factors and sizes, in words
    images: int
    image_shape: tuple[int, int, int]
    size: str  # of the files to fetch and of what is kept in the cache
    licence: str
    citation: str
    homepage: str = ""
    files: tuple[PublicFile, ...] = ()  # none: it is made here
    made_here: bool = False  # opens without its files
