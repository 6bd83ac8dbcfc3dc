"""Where a data set comes from, said so that another process can open the same one."""

import functools
from dataclasses import asdict, dataclass
from pathlib import Path

from annealing.errors import DataError
from ifp.datasets import load_dataset
from ifp.datasets.dataset import DataOptions, Dataset


@dataclass(frozen=True)
class DataSource:
    """How to open a data set, and the fingerprint by which it is known to be the same."""

    reference: str  # its name, or the path of the user's own
    data_dir: Path | None
    options: DataOptions
    fingerprint: str

    @classmethod
    def of(cls, dataset: Dataset, data_dir: Path | None = None) -> "DataSource":
        """The source of a data set that was opened with ``data_dir``."""
        folder = None if data_dir is None else data_dir.expanduser().resolve()
        return cls(dataset.reference, folder, dataset.options, dataset.fingerprint)

    def open(self) -> Dataset:
        """The data set; opened once in a process. DataError where it is not at hand here, or is another one."""
        return _opened(self)


@functools.lru_cache(maxsize=1)
def _opened(source: DataSource) -> Dataset:
    dataset = load_dataset(source.reference, source.data_dir, **asdict(source.options))
    if dataset.fingerprint != source.fingerprint:
        raise DataError(
            f"need the data set of the run, {source.reference} with fingerprint {source.fingerprint}, got "
            f"{dataset.source}, fingerprint {dataset.fingerprint}"
        )
    return dataset
