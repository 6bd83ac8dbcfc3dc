"""``ifp.ScoreBatches``: scores of codes that come in batches, as in a training loop."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.scores.all_scores import require_scores
from analysis.scores.protocol import STUDY, SampleSizes
from analysis.scores.scores import Scores
from annealing.choices import require_seed
from annealing.errors import IFPError
from ifp.api.score import score
from ifp.datasets import require_bins
from ifp.files.arrays import in_memory, labels_in_memory


@dataclass(frozen=True)
class _Batch:
    """Rows of one batch, copies of what was given."""

    codes: NDArray[Any]
    labels: NDArray[Any]
    logvar: NDArray[Any] | None

    @property
    def form(self) -> tuple[object, ...]:
        """What must be the same in every batch: the shape of a row of each array, and whether codes are classes."""
        logvar = None if self.logvar is None else self.logvar.shape[1:]
        return self.codes.shape[1:], self.labels.shape[1:], logvar, np.issubdtype(self.codes.dtype, np.integer)

    def __str__(self) -> str:
        kind = "whole numbers as " if np.issubdtype(self.codes.dtype, np.integer) else ""
        logvar = "" if self.logvar is None else f", logvar {self.logvar.shape}"
        return f"{kind}codes {self.codes.shape}, factors {self.labels.shape}{logvar}"


class ScoreBatches:
    """Scores of codes that come in batches: the same numbers as :func:`ifp.score` gives for all rows in that order.

    >>> import numpy as np
    >>> grid = np.array([[a, b] for a in range(4) for b in range(4)])
    >>> batches = ScoreBatches(only=["mig"])
    >>> for rows in np.split(grid, 4):
    ...     batches.update(rows + 0.0, rows)
    >>> len(batches), batches.compute() == __import__("ifp").score(grid + 0.0, grid, only=["mig"])
    (16, True)

    No score is a mean over batches. All rows are kept (4 bytes per float32 latent, 8 per label), and ``compute``
    takes as long as that single call. In a training loop, choose cheap scores with ``only``; ``ceilings=False`` halves
    the time.

    Args:
        bins, missing, seed, only, sizes, n_jobs, ceilings, spread: as in :func:`ifp.score`.

    Raises:
        IFPError: a name is unknown, or a seed or number is out of range.
    """

    def __init__(
        self,
        *,
        bins: int | None = None,
        missing: str | int | float | None = None,
        seed: int = 0,
        only: Collection[str] | None = None,
        sizes: SampleSizes = STUDY,
        n_jobs: int = -1,
        ceilings: bool = True,
        spread: bool = False,
    ) -> None:
        require_scores(only, n_jobs)
        require_seed(seed)
        require_bins(bins)
        self._settings: dict[str, Any] = {
            "bins": bins, "missing": missing, "seed": seed, "only": only, "sizes": sizes, "n_jobs": n_jobs,
            "ceilings": ceilings, "spread": spread,
        }  # fmt: skip
        self._batches: list[_Batch] = []

    def update(self, codes: ArrayLike, factors: ArrayLike, logvar: ArrayLike | None = None) -> None:
        """Add the rows of a batch, copied to the CPU without gradients. A refused batch adds nothing.

        Args:
            codes: posterior means (rows, latents), numpy or torch on any device.
            factors: labels (rows, factors) or (rows,), as :func:`ifp.score` takes them.
            logvar: posterior log-variances (rows, latents), with every batch or with none.

        Raises:
            IFPError: shapes do not fit each other or the earlier batches; the error numbers batches from 1.
        """
        batch = _Batch(
            in_memory(codes).copy(),  # the caller may fill the same array anew
            labels_in_memory(factors).copy(),
            None if logvar is None else in_memory(logvar).copy(),
        )
        number = len(self._batches) + 1
        fits = batch.codes.ndim == 2 and batch.labels.ndim in (1, 2) and len(batch.labels) == len(batch.codes)
        if not fits or (batch.logvar is not None and batch.logvar.shape != batch.codes.shape):
            wanted = "codes (rows, latents), factors (rows, factors) and, if given, logvar as codes"
            raise IFPError(f"need {wanted} in batch {number}, got {batch}")
        if self._batches and batch.form != self._batches[0].form:
            raise IFPError(f"need batch {number} like the first, {self._batches[0]}, but for its rows, got {batch}")
        self._batches.append(batch)

    def compute(self) -> Scores:
        """Scores of all rows so far, with the same record as :func:`ifp.score`; you can add more rows afterwards.

        Raises:
            IFPError: there are no rows yet, or as in :func:`ifp.score`.
        """
        if not len(self):
            raise IFPError("need rows to score, got none: update(codes, factors) adds those of a batch")
        logvar = [batch.logvar for batch in self._batches if batch.logvar is not None]
        return score(
            np.concatenate([batch.codes for batch in self._batches]),
            _joined([batch.labels for batch in self._batches]),
            logvar=np.concatenate(logvar) if logvar else None,
            **self._settings,
        )

    def reset(self) -> None:
        """Forget all rows, for the next epoch; the settings stay."""
        self._batches = []

    def __len__(self) -> int:
        """Rows so far."""
        return sum(len(batch.codes) for batch in self._batches)


def _joined(labels: list[NDArray[Any]]) -> NDArray[Any]:
    """Labels of all batches; if some are text, numbers become text in the digits in which they were given."""
    if len({each.dtype.kind == "U" for each in labels}) == 1:
        return np.concatenate(labels)
    return labels_in_memory(np.concatenate([each.astype(object) for each in labels]))
