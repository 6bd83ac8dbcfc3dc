"""What ``ifp data list`` and ``ifp data show`` tell of data sets."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ifp.cli.terminal import console

if TYPE_CHECKING:
    from ifp.datasets import Dataset, Family
    from ifp.datasets.download import Fetched


def family_row(name: str, family: "Family", data_dir: Path | None) -> dict[str, Any]:
    """What is known of a data set without opening it, and whether it can be opened."""
    return {
        "name": name,
        "factors": family.summary,
        "images": family.images,
        "image_shape": family.image_shape,
        "present": _presence(name, family, data_dir),
        "made_here": family.made_here,
        "size": family.size,
        "licence": family.licence,
        "citation": family.citation,
        "homepage": family.homepage,
        "files": [asdict(file) for file in family.files],
    }


def _presence(name: str, family: "Family", data_dir: Path | None) -> str:
    """The folders of its public files, "made here", or "no"."""
    from ifp.datasets.cache import cache_directory
    from ifp.datasets.download import files_at

    there = files_at(name, family, data_dir)
    if there is None:
        return "made here" if family.made_here else "no"
    cache = cache_directory()
    folders = dict.fromkeys(path.parent for path in there)
    shown = (f"cache/{each.relative_to(cache)}" if each.is_relative_to(cache) else str(each) for each in folders)
    return f"in {' and '.join(shown)}"


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


def show_facts(dataset: "Dataset") -> None:
    """Lines on stderr about a data set that is open."""
    factors = dataset.factors
    named = (
        [] if factors is None else [f"{name} {size}" for name, size in zip(factors.names, factors.sizes, strict=True)]
    )
    facts = {
        "data set": dataset.name,
        "images": f"{len(dataset):,} of {_times(dataset.image_shape)}",
        "factors": ", ".join(named) or "none: unlabelled",
        "nuisances": ", ".join(dataset.nuisances) or "none",
        "source": dataset.source,
        "fingerprint": dataset.fingerprint,
        "likelihood": "bernoulli, unless --likelihood says otherwise",
    }
    for name, value in facts.items():
        typer.echo(f"{name + ':':13}{value}", err=True)


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
