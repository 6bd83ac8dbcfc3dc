"""What closed forms predict for whole-data annealing: where factors will freeze, and the pressures to cool through."""

from collections.abc import Mapping
from typing import Any

from ifp.closed_form.order import freezing_order, predicted_values
from ifp.closed_form.whole import whole_spectrum
from ifp.datasets.dataset import Dataset
from ifp.datasets.source import pool_for
from ifp.machine.progress import UNWATCHED, Watch
from ifp.whole_annealing.config import swept_range


def with_predictions(
    dataset: Dataset, given: Mapping[str, Any], watch: Watch = UNWATCHED, jobs: int | None = None
) -> dict[str, Any]:
    """The settings of :class:`ifp.whole_annealing.config.WholeConfig` given, and those that follow from closed forms.

    Of labelled data ``predicted``, the values in the order in which factors freeze; of unlabelled data ``pressures``,
    the range that the largest eigenvalue of all images spans. What is given stays.

    Args:
        dataset: to be annealed.
        given: settings by name.
        watch: follows the work.
        jobs: processes side by side, as :func:`ifp.spectrum` has them.
    """
    chosen = {"likelihood": given["likelihood"]} if "likelihood" in given else {}
    if dataset.factors is not None:
        if "predicted" in given:
            return dict(given)
        with pool_for(dataset, jobs) as pool:
            order = list(freezing_order(dataset, pool=pool, jobs=jobs, watch=watch, **chosen))
        return {**given, "predicted": predicted_values(order)}
    if "pressures" in given:
        return dict(given)
    (largest,) = whole_spectrum(dataset, count=1, watch=watch, **chosen)
    return {**given, "pressures": swept_range({"all": largest})}
