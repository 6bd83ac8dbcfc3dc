"""Closed-form freezing points with a progress bar, for the commands that start from them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from annealing.errors import IFPError

if TYPE_CHECKING:
    from ifp.contexts import SpectralRecord
    from ifp.datasets.dataset import Dataset

DEFAULT_CONTEXTS = 1000  # as many as an annealing test plans over: both plan the same stages


@dataclass(frozen=True)
class _Counted:
    done: int
    total: int
    doing: str
    record: "SpectralRecord"


def spectral_records(
    dataset: "Dataset", factors: Sequence[str] | None, contexts: int, seed: int, likelihood: str, nuisance: str
) -> list["SpectralRecord"]:
    """The records of :func:`ifp.spectrum`, while a bar on stderr follows them; IFPError as there."""
    from annealing.likelihood import likelihood_named
    from ifp.cli.progress import show_progress
    from ifp.contexts import closed_forms, require_factors, require_nuisance

    known = require_factors(dataset)
    names = known.names if factors is None else factors
    if not names:
        raise IFPError(f"need one factor or more out of {', '.join(known.names)}, got none")
    for name in names:
        known.position(name)  # before there is a bar for the message to stand below
    likelihood_named(likelihood)
    require_nuisance(nuisance)
    records = closed_forms(
        dataset, factors=names, contexts=contexts, seed=seed, likelihood=likelihood, nuisance=nuisance
    )
    return [each.record for each in show_progress(_counted(records, len(names) * contexts), "action sequences")]


def _counted(records: Iterable["SpectralRecord"], total: int) -> Iterator[_Counted]:
    for number, record in enumerate(records, start=1):
        yield _Counted(number, total, record.factor, record)
