"""Images that show what a data set is like: random ones, then each factor by itself."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifp.closed_form.contexts import action_sequence, draw_contexts
from ifp.datasets.dataset import Dataset, to_float

COLUMNS = 12
_LABELLED, _UNLABELLED = 2, 5  # rows of random images


def sample_rows(dataset: Dataset) -> list[tuple[str, NDArray[np.floating[Any]]]]:
    """Rows of a label and images (n, H, W, C) in 0..1, drawn from the seed in the data set's options.

    Random images without repeats, the first row labelled; then, of a labelled data set, a row per factor under its
    name: the factor runs through its values (12 of them, evenly spaced, where it has more) about the first image.
    """
    wanted = COLUMNS * (_UNLABELLED if dataset.factors is None else _LABELLED)
    drawn = draw_contexts(dataset, min(wanted, len(dataset)), dataset.options.seed)
    images = to_float(dataset.images(drawn))
    starts = range(0, len(drawn), COLUMNS)
    rows = [("" if start else "random", images[start : start + COLUMNS]) for start in starts]
    for factor in () if dataset.factors is None else dataset.factors.names:
        values = action_sequence(dataset, factor, int(drawn[0])).numpy()
        rows.append((factor, values[_evenly(len(values))]))
    return rows


def _evenly(count: int) -> NDArray[np.int64]:
    """At most COLUMNS places out of ``count``, the first and the last among them."""
    return np.rint(np.linspace(0, count - 1, min(count, COLUMNS))).astype(np.int64)
