"""Closed-form freezing points with a progress bar, for the commands that start from them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ifp.closed_form.contexts import SpectralRecord
    from ifp.datasets.dataset import Dataset

DEFAULT_CONTEXTS = 1000  # as many as an annealing test plans over: both plan the same stages


@dataclass(frozen=True)
class _Counted:
    done: int
    total: int
    doing: str
    record: "SpectralRecord"


def spectral_records(
    dataset: "Dataset",
    factors: Sequence[str] | None,
    contexts: int,
    seed: int,
    likelihood: str,
    nuisance: str,
    writes: str,
) -> list["SpectralRecord"]:
    """The records of :func:`ifp.spectrum`, after a line on stderr about what is written, while it follows them.

    Raises:
        IFPError: as there.
    """
    from annealing.likelihood import likelihood_named
    from ifp.cli.progress import announce, show_progress
    from ifp.closed_form.contexts import closed_forms, require_nuisance
    from ifp.closed_form.factors import chosen_factors

    names = chosen_factors(dataset, factors)  # before there is a bar for the message to stand below
    likelihood_named(likelihood)
    require_nuisance(nuisance)
    announce(f"{dataset.name}: {dataset.source}", writes)
    records = closed_forms(
        dataset, factors=names, contexts=contexts, seed=seed, likelihood=likelihood, nuisance=nuisance
    )
    return [each.record for each in show_progress(_counted(records, len(names) * contexts), "action sequences")]


def _counted(records: Iterable["SpectralRecord"], total: int) -> Iterator[_Counted]:
    for number, record in enumerate(records, start=1):
        yield _Counted(number, total, record.factor, record)
