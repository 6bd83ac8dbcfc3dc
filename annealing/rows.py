"""Rows of any data: values of so many features, dense or sparse, with each row's exposure and condition."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annealing.errors import DataError


@dataclass(frozen=True)
class Rows:
    """N rows of D features: what an autoencoder is given and draws.

    Attributes:
        values: (N, D), a numpy array or a scipy sparse matrix; sparse ones are kept as csr and never made dense as a
            whole.
        exposure: (N,), above 0: what a row's rates are multiplied by (its library size, the time it was watched);
            None where rows are exposed alike.
        condition: what the decoder is told of each row beside the code: integer categories (N,), or numbers (N, C)
            that may take any value; None where there is none.

    Raises:
        DataError: shapes that do not fit, fewer than two rows, values that are not finite numbers, an exposure that
            is not above 0.
    """

    values: NDArray[Any] | sparse.csr_array
    exposure: NDArray[np.float64] | None = None
    condition: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        values = sparse.csr_array(self.values) if sparse.issparse(self.values) else np.asarray(self.values)
        if values.ndim != 2 or values.shape[1] < 1:
            raise DataError(f"need values (rows, features), got shape {values.shape}")
        if values.shape[0] < 2:
            raise DataError(f"need at least 2 rows for a freezing point, got {values.shape[0]}")
        if values.dtype.kind not in "biuf":
            raise DataError(f"need values that are numbers, got {values.dtype}")
        stored = values.data if sparse.issparse(values) else values
        if not np.isfinite(stored).all():
            raise DataError("need finite values, got NaN or infinity among them: drop or fill those rows")
        object.__setattr__(self, "values", values)
        if self.exposure is not None:
            object.__setattr__(self, "exposure", self._checked_exposure(self.exposure))
        if self.condition is not None:
            object.__setattr__(self, "condition", self._checked_condition(self.condition))

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @property
    def features(self) -> int:
        """D."""
        return int(self.values.shape[1])

    @property
    def sparse(self) -> bool:
        """Whether the values are a sparse matrix."""
        return bool(sparse.issparse(self.values))

    @property
    def categories(self) -> bool:
        """Whether the condition is one of integer categories."""
        return self.condition is not None and self.condition.ndim == 1

    def part(self, index: NDArray[np.integer]) -> "Rows":
        """The rows of these indices, with what is known of each."""
        return Rows(
            self.values[index],
            None if self.exposure is None else self.exposure[index],
            None if self.condition is None else self.condition[index],
        )

    def without_condition(self) -> "Rows":
        """The same rows, of whose condition the decoder is told nothing."""
        return Rows(self.values, self.exposure)

    def column_range(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Least and largest value of each feature, float64 (D,) each."""
        if sparse.issparse(self.values):
            low, high = (getattr(self.values, which)(axis=0).toarray().ravel() for which in ("min", "max"))
        else:
            low, high = self.values.min(axis=0), self.values.max(axis=0)
        return low.astype(np.float64), high.astype(np.float64)

    def column_mean(self) -> NDArray[np.float64]:
        """Mean of each feature, float64 (D,)."""
        return np.asarray(self.values.sum(axis=0, dtype=np.float64)).ravel() / len(self)

    def column_variance(self) -> NDArray[np.float64]:
        """Variance of each feature, float64 (D,); by differences from the mean, so that nothing cancels."""
        mean = self.column_mean()
        if isinstance(self.values, np.ndarray):
            return np.square(self.values - mean).mean(axis=0)
        stored = self.values.tocsc().astype(np.float64)
        count = np.diff(stored.indptr)
        stored.data = np.square(stored.data - np.repeat(mean, count))
        return (np.asarray(stored.sum(axis=0)).ravel() + (len(self) - count) * np.square(mean)) / len(self)

    def row_sums(self) -> NDArray[np.float64]:
        """Sum of each row, float64 (N,)."""
        return np.asarray(self.values.sum(axis=1, dtype=np.float64)).ravel()

    def _checked_exposure(self, given: NDArray[np.float64] | Sequence[float]) -> NDArray[np.float64]:
        exposure = np.asarray(given, np.float64)
        if exposure.shape != (len(self),):
            raise DataError(f"need an exposure for each of {len(self)} rows, got shape {exposure.shape}")
        if not ((exposure > 0) & np.isfinite(exposure)).all():
            worst = exposure[~((exposure > 0) & np.isfinite(exposure))][0]
            raise DataError(f"need exposures above 0, got {worst:g} among them: drop rows that were never exposed")
        return exposure

    def _checked_condition(self, given: NDArray[Any]) -> NDArray[Any]:
        condition = np.asarray(given)
        if condition.ndim not in (1, 2) or len(condition) != len(self):
            raise DataError(f"need a condition for each of {len(self)} rows, (N,) or (N, C), got {condition.shape}")
        if condition.ndim == 1:
            if condition.dtype.kind not in "biu":
                raise DataError(
                    f"need integer categories as the condition (N,), got {condition.dtype}: numbers that may take any "
                    "value are given as (N, 1)"
                )
            return condition.astype(np.int64)
        if condition.dtype.kind not in "biuf" or not np.isfinite(condition).all():
            raise DataError("need finite numbers as the condition (N, C), got others among them")
        return condition.astype(np.float64)
