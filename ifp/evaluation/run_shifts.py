"""Two annealing tests side by side: what differs between them, and which of their contexts are the same."""

import dataclasses
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from analysis.conclusions import main_rows
from analysis.run_shifts import RunCases, RunShifts, compare_runs
from annealing.errors import IFPError
from ifp.annealing_test.annealed import AnnealedTest
from ifp.datasets.dataset import Dataset
from ifp.run_directory.opening import run_dataset

_INSIDE = ("sweep", "pace")  # settings of settings that are told by their own names
_TOLD = ("dataset", "factors", "likelihood", "protocol", "network")  # in words of their own
_Contexts = tuple[Mapping[int, Hashable], Mapping[int, Hashable], str]


def run_shifts(first: AnnealedTest, second: AnnealedTest) -> RunShifts:
    """The second test against the first, factor by factor.

    Cases are pairs where their contexts are the same image of the same data or, of two data sets with the same factors
    and as many values of each, have the same values of all.

    Raises:
        RunError: a file of a run is missing or damaged.
        IFPError: the two have no factor in common.
    """
    *contexts, pairing = _contexts(first, second)
    named = first.run.path.name != second.run.path.name
    told = [_settings(test) for test in (first, second)]
    if told[0]["data set"] == told[1]["data set"]:
        told = [{**each, "data": test.run.data.fingerprint} for each, test in zip(told, (first, second), strict=True)]
    cases = [
        RunCases(test.run.path.name if named else str(test.run.path), main_rows(test.tables.freezing), known, settings)
        for test, known, settings in zip((first, second), contexts, told, strict=True)
    ]
    return compare_runs(cases[0], cases[1], pairing)


def _settings(test: AnnealedTest) -> dict[str, str]:
    """Every setting in words, those first that matter most."""
    config, data = test.config, test.run.data
    network = {"heat-cool": config.sweep.network, "equilibrium": "optimal"}.get(config.protocol, "the protocol's")
    return {
        "data set": data.name,
        "image size": "x".join(map(str, data.image_shape)),
        "likelihood": config.likelihood,
        "network": network,
        "protocol": config.protocol,
        **dict(_flat(dataclasses.asdict(config))),
    }


def _flat(settings: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, "" if name in _INSIDE else f"{name}.")
        elif within or name not in _TOLD:
            several = isinstance(value, (list, tuple))
            yield within + name, ", ".join(map(str, value)) or "none" if several else str(value)


def _contexts(first: AnnealedTest, second: AnnealedTest) -> _Contexts:
    """What the contexts of either test are known by, and how they are known, or why not."""
    tests = first, second
    index = [_images(test) for test in tests]
    if first.run.data.fingerprint == second.run.data.fingerprint:
        if all(index):
            return _numbered(index[0]), _numbered(index[1]), "pairs: cases of the same factor in the same image"
        if first.config.seed == second.config.seed:
            number = [dict.fromkeys(test.tables.freezing["context"]) for test in tests]
            known = [{each: each for each in numbers} for numbers in number]
            return known[0], known[1], "pairs: cases of the same factor in the context of the same number"
    if not all(index):
        return {}, {}, _two_samples("spectral.csv of one does not say which images the contexts are")
    try:
        data = [run_dataset(test.run) for test in tests]
    except IFPError as error:
        return {}, {}, _two_samples(f"the data are not at hand ({error})")
    sizes = [_sizes(each) for each in data]
    if sizes[0] != sizes[1]:
        told = " and ".join(", ".join(f"{name} {size}" for name, size in each.items()) for each in sizes)
        return {}, {}, _two_samples(f"the data have not the same factors: {told}")
    values = [_values(dataset, images) for dataset, images in zip(data, index, strict=True)]
    return _numbered(values[0]), _numbered(values[1]), "pairs: cases of the same factor in contexts of the same values"


def _two_samples(why: str) -> str:
    return f"no pairs, the runs are compared as two samples: {why}"


def _images(test: AnnealedTest) -> dict[int, Hashable]:
    """Image of each context, by its number; nothing where the table does not say."""
    spectral = test.tables.spectral
    if "index" not in spectral:
        return {}
    measured = spectral[spectral["context"].isin(test.tables.freezing["context"])].drop_duplicates("context")
    return dict(zip(measured["context"].tolist(), measured["index"].tolist(), strict=True))


def _sizes(dataset: Dataset) -> dict[str, int]:
    """Of a data set's factors, by name and in the order of names."""
    factors = dataset.factors
    return {} if factors is None else dict(sorted(zip(factors.names, factors.sizes, strict=True)))


def _values(dataset: Dataset, images: Mapping[int, Hashable]) -> dict[int, Hashable]:
    """Values of all factors, in the order of their names, of each context."""
    labels = dataset.factors_at(list(images.values()))  # type: ignore[arg-type]  # image indices
    if dataset.factors is None or labels is None:
        return {}
    columns = [dataset.factors.position(name) for name in _sizes(dataset)]
    return dict(zip(images, map(tuple, labels[:, columns].tolist()), strict=True))


def _numbered(known: Mapping[int, Hashable]) -> dict[int, Hashable]:
    """With how often the same has come before: a small data set's contexts are drawn again and again."""
    seen: Counter[Hashable] = Counter()
    found: dict[int, Hashable] = {}
    for number, each in known.items():
        found[number] = (each, seen[each])
        seen[each] += 1
    return found
