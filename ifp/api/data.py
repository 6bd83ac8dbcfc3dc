"""What ``ifp data`` does: list the known data sets, show one, fetch its public files."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ifp.datasets import families, family_of, load_dataset
from ifp.datasets.cache import CacheUse, cache_directory, cache_use, clear_cache
from ifp.datasets.dataset import Dataset
from ifp.datasets.download import Fetched, Report, fetch_files, files_at, folder_of
from ifp.datasets.family import Family
from ifp.files.names import file_name
from ifp.machine.progress import UNWATCHED, Watch

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class AtHand:
    """The known data sets, and what the cache holds.

    Attributes:
        rows: one for each data set.
        cache: folder of the cache.
        use: what is in the cache, in bytes.
    """

    rows: list[dict[str, Any]]
    cache: Path
    use: CacheUse


def data_at_hand(data_dir: Path | None = None) -> AtHand:
    """What is known about each data set without opening it, whether it can be opened, and what the cache holds."""
    rows = [_row(name, family, data_dir) for name, family in families().items()]
    return AtHand(rows, cache_directory(), cache_use())


def _row(name: str, family: Family, data_dir: Path | None) -> dict[str, Any]:
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


def _presence(name: str, family: Family, data_dir: Path | None) -> str:
    """The folders of its public files, "made here", or "no"."""
    there = files_at(name, family, data_dir)
    if there is None:
        return "made here" if family.made_here else "no"
    cache = cache_directory()
    folders = dict.fromkeys(path.parent for path in there)
    shown = (f"cache/{path.relative_to(cache)}" if path.is_relative_to(cache) else str(path) for path in folders)
    return f"in {' and '.join(shown)}"


@dataclass(frozen=True, eq=False)
class Look:
    """A look at a data set.

    Attributes:
        facts: name and value of each fact about it.
        figure: random images and, for labelled data, one row per factor that runs through its values in one context.
        file_name: the data set's name in a form that a file name can hold.
    """

    facts: Mapping[str, str]
    figure: "Figure"
    file_name: str


def look_at(name: str | Path, data_dir: Path | None = None, **options: Any) -> Look:
    """Open a data set by its name or path, with options as :func:`ifp.load_dataset` takes them, and draw it."""
    from analysis.figures.samples import draw_samples
    from ifp.closed_form.samples import sample_rows

    dataset = load_dataset(name, data_dir, **options)
    unlabelled = dataset.factors is None
    title = dataset.name if unlabelled else f"{dataset.name}: random images; then each factor alone in one context"
    return Look(_facts(dataset), draw_samples(sample_rows(dataset), title), file_name(dataset.name))


def _facts(dataset: Dataset) -> Mapping[str, str]:
    """Name and value of each fact about an open data set."""
    factors = dataset.factors
    named = (
        [] if factors is None else [f"{name} {size}" for name, size in zip(factors.names, factors.sizes, strict=True)]
    )
    return {
        "data set": dataset.name,
        "images": f"{len(dataset):,} of {'x'.join(map(str, dataset.image_shape))}",
        "factors": ", ".join(named) or "none: unlabelled",
        "nuisances": ", ".join(dataset.nuisances) or "none",
        "source": dataset.source,
        "fingerprint": dataset.fingerprint,
        "likelihood": "bernoulli, unless --likelihood says otherwise",
    }


def empty_cache(*, everything: bool = False) -> tuple[CacheUse, CacheUse]:
    """Remove from the cache what can be made again; returns what it held before, and what it holds now.

    Args:
        everything: also remove fetched public files and data given as arrays, which runs on them need to go on.

    Raises:
        DataError: something cannot be removed.
    """
    return clear_cache(everything=everything), cache_use()


def fetch_dataset(
    name: str, data_dir: Path | None = None, report: Report = lambda received: None, watch: Watch = UNWATCHED
) -> Iterator[Fetched]:
    """Fetch the public files of a data set one after the other, by :func:`ifp.datasets.download.fetch_files`.

    Raises:
        DataError: there is no such data set, or as in that function.
    """
    family = family_of(name)
    if family.files:
        files = [file.name for file in family.files]
        watch.begun(f"{name}: {family.size}", folder_of(name, data_dir), files)
    else:
        watch.begun(f"nothing to fetch: {name} is made here")
    yield from fetch_files(name, family, data_dir, report)
