"""Where a data set comes from, said so that another process can open the same one; and the processes that do."""

import functools
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing import current_process
from pathlib import Path
from typing import Any

from annealing.errors import DataError
from ifp.datasets import load_dataset, opened_by_name, opened_from
from ifp.datasets.dataset import DataOptions, Dataset, DataWarning
from ifp.machine.pool import HERE, Pool, jobs_for


@dataclass(frozen=True)
class DataSource:
    """How to open a data set, and the fingerprint by which it is known to be the same."""

    reference: str  # its name, or the path of the user's own
    data_dir: Path | None
    options: DataOptions
    fingerprint: str
    dataset: Dataset | None = field(  # in this process, where it is open
        default=None, compare=False, repr=False, metadata={"sent": False}
    )

    @classmethod
    def of(cls, dataset: Dataset, data_dir: Path | None = None) -> "DataSource":
        """The source of a data set; ``data_dir`` where it was not opened by :func:`ifp.datasets.load_dataset`."""
        folder = opened_from(dataset) if data_dir is None else data_dir
        whole = None if folder is None else folder.expanduser().resolve()
        return cls(dataset.reference, whole, dataset.options, dataset.fingerprint, dataset)

    def open(self) -> Dataset:
        """The data set; opened once in a process. DataError where it is not at hand here, or is another one."""
        return _opened(self) if self.dataset is None else self.dataset

    def __reduce__(self) -> tuple[type["DataSource"], tuple[Any, ...]]:  # another process opens its own
        return type(self), (self.reference, self.data_dir, self.options, self.fingerprint)


@functools.lru_cache(maxsize=1)
def _opened(source: DataSource) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # given where it was first opened
        dataset = load_dataset(source.reference, source.data_dir, **asdict(source.options))
    if dataset.fingerprint != source.fingerprint:
        raise DataError(
            f"need the data set of the run, {source.reference} with fingerprint {source.fingerprint}, got "
            f"{dataset.source}, fingerprint {dataset.fingerprint}"
        )
    return dataset


@contextmanager
def pool_for(
    dataset: Dataset, jobs: int | None, cluster: Pool | None = None, *, threads: int = 1, device: str = "cpu"
) -> Iterator[Pool]:
    """Where pieces of work on a data set are done.

    Args:
        dataset: one of a user's own class, which no other process could open, is worked on here.
        jobs: processes of this machine; None: as many as the cores at hand allow.
        cluster: workers that are there already; they are taken.
        threads: that each process uses.
        device: of any other than the CPU there is one, which pieces share only if ``jobs`` says so.

    Raises:
        IFPError: no job.
    """
    count = jobs_for(1 if jobs is None and device != "cpu" else jobs, threads=threads)
    # a frozen program would begin anew, and a daemon of multiprocessing may have no processes
    able = bool(sys.executable) and not getattr(sys, "frozen", False) and not current_process().daemon
    if cluster is not None or count == 1 or not opened_by_name(dataset) or not able:
        yield cluster or HERE
        return
    from ifp.machine.processes import Processes

    with Processes(count) as processes:
        yield processes
