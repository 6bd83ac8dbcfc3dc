"""Which factors are measured, and whether the data let any of them vary: told before a run is made."""

from collections.abc import Sequence

import numpy as np

from annealing.errors import DataError, IFPError
from ifp.closed_form.contexts import draw_contexts
from ifp.datasets.dataset import Dataset, require_labelled


def require_images(dataset: Dataset) -> None:
    """DataError where there is one image alone: nothing varies, so that nothing can freeze."""
    if len(dataset) < 2:
        raise DataError(f"need two images or more for freezing points, {dataset.name} has {len(dataset)}: add images")


def chosen_factors(dataset: Dataset, names: Sequence[str] | None) -> tuple[str, ...]:
    """The factors named, or all of the data set's.

    Raises:
        IFPError: an unlabelled data set, one image, no name, an unknown one, or one named that has a single value.
    """
    known = require_labelled(dataset).factors
    require_images(dataset)
    if names is None:
        return known.names
    if not names:
        raise IFPError(f"need one factor or more out of {', '.join(known.names)}, got none")
    names = (names,) if isinstance(names, str) else tuple(names)
    for name in names:
        if known.sizes[known.position(name)] < 2:
            vary = [each for each, size in zip(known.names, known.sizes, strict=True) if size > 1]
            instead = f"take --factors {','.join(vary)}" if vary else "nothing else varies: `ifp anneal --mode full`"
            raise DataError(f"need a factor of two values or more, {name} has one in {dataset.name}: {instead}")
    return names


def require_action(dataset: Dataset, names: Sequence[str], contexts: int, seed: int) -> None:
    """DataError where none of the factors has images for two of its values in any of the contexts to be measured."""
    labelled = require_labelled(dataset)
    known = labelled.factors
    labels = labelled.factors_at(draw_contexts(dataset, contexts, seed))
    for name in names:
        column = known.position(name)
        for row in labels:
            rows = np.repeat(row[None], known.sizes[column], axis=0)
            rows[:, column] = np.arange(known.sizes[column])
            if np.count_nonzero(dataset.holds(rows)) > 1:
                return
    raise DataError(
        f"need contexts in which a factor varies while the others stay, got none among {contexts} "
        f"for {', '.join(names)}: take more --contexts, or --mode full, which anneals all data at once"
    )
