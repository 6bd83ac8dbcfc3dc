"""What ``ifp data list`` and ``ifp data show`` tell of data sets."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ifp.cli.terminal import console

if TYPE_CHECKING:
    from ifp.datasets.cache import CacheUse
    from ifp.datasets.download import Fetched


def show_families(rows: Sequence[Mapping[str, Any]]) -> None:
    """A table on stderr: what is long stands in one column, line under line."""
    from rich.table import Table

    table = Table(title="Data sets", title_justify="left", show_lines=True)
    table.add_column("name", no_wrap=True)
    table.add_column("images", justify="right", no_wrap=True)
    table.add_column("shape", no_wrap=True)
    table.add_column("present", overflow="fold", max_width=30)
    table.add_column("factors; size; licence; citation", overflow="fold")
    for row in rows:
        about = "\n".join((row["factors"], f"size: {row['size']}; licence: {row['licence']}", row["citation"]))
        table.add_row(row["name"], f"{row['images']:,}", _times(row["image_shape"]), row["present"], about)
    console().print(table, highlight=False)


def cache_line(folder: Path, use: "CacheUse") -> str:
    """What the cache holds, and where it is."""
    parts = [f"{_size(size)} {what}" for what, size in _parts(use) if size]
    return f"cache {folder}: {', '.join(parts) or 'empty'}" + (" (ifp data clear)" if parts else "")


def cleared_line(before: "CacheUse", after: "CacheUse") -> str:
    """What has gone from the cache, and what is left."""
    gone = sum(size for _, size in _parts(before)) - sum(size for _, size in _parts(after))
    parts = [f"{_size(size)} {what}" for what, size in _parts(after) if size]
    return f"removed {_size(gone)}; left: {', '.join(parts) or 'nothing'}" + (" (--all)" if parts else "")


def _parts(use: "CacheUse") -> tuple[tuple[str, int], ...]:
    return (
        ("of prepared images", use.prepared),
        ("of fetched files", use.fetched),
        ("of data given as arrays", use.arrays),
        ("unfinished", use.left),
    )


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def fetched_line(file: "Fetched") -> str:
    """What is known of a public file that is there now."""
    if file.checksum is not None:
        known = f"its {file.checksum.partition(':')[0]} is the public one"
    elif file.sha256 is not None:
        known = f"no public checksum is known; sha256:{file.sha256}"
    else:
        known = "unpacked, not checked"
    return f"{file.path.name}: {'was there' if file.already else 'fetched'}, {known}"


def _times(shape: Sequence[int]) -> str:
    return "x".join(str(each) for each in shape)
