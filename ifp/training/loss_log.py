"""The training loss by term, as means over the steps between two records."""

from collections.abc import Mapping

import torch
from torch import Tensor

_COUNT = "count"


class Losses:
    """Sums over the steps since the last record, and the records so far."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._count = 0
        self.records: list[dict[str, float]] = []

    def add(self, terms: Mapping[str, float]) -> None:
        """One step's terms, nats per image."""
        for name, value in terms.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    @property
    def means(self) -> dict[str, float]:
        """The means since the last record; none before the first step."""
        return {name: total / self._count for name, total in self._sums.items()}

    def close_record(self) -> None:
        """Keep the means as a record, and start the next one."""
        self.records.append(self.means)
        self._sums = {}
        self._count = 0

    def state(self) -> dict[str, Tensor]:
        """Everything as tensors; a term that a record lacks is NaN."""
        names = sorted({name for each in (*self.records, self._sums) for name in each})
        columns = {
            name: torch.tensor([each.get(name, torch.nan) for each in self.records], dtype=torch.float64)
            for name in names
        }
        sums = {name: torch.tensor(total, dtype=torch.float64) for name, total in self._sums.items()}
        return {
            _COUNT: torch.tensor([self._count, len(self.records)]),
            **{f"records.{name}": column for name, column in columns.items()},
            **{f"sums.{name}": total for name, total in sums.items()},
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """As it was."""
        self._count, records = state[_COUNT].tolist()
        named = {name.removeprefix("records."): value.tolist() for name, value in state.items() if "records." in name}
        self._sums = {name.removeprefix("sums."): float(value) for name, value in state.items() if "sums." in name}
        self.records = [
            {name: column[row] for name, column in named.items() if column[row] == column[row]}
            for row in range(records)
        ]
