"""What closed forms predict for whole-data annealing: where factors will freeze, and the pressures to cool through."""

from collections.abc import Mapping
from typing import Any

from annealing.likelihoods.likelihood import RowLikelihood
from annealing.rows import Rows
from annealing.score_spectrum import score_spectrum
from ifp.closed_form.order import freezing_order, predicted_values
from ifp.closed_form.whole import whole_spectrum
from ifp.datasets.dataset import Dataset
from ifp.datasets.row_dataset import is_rows
from ifp.datasets.source import pool_for
from ifp.machine.progress import UNWATCHED, Watch
from ifp.machine.threads import use_threads
from ifp.training.drawing import Drawing, RowDrawing
from ifp.whole_annealing.config import WholeConfig, swept_range


def with_predictions(
    dataset: Dataset, given: Mapping[str, Any], drawing: Drawing, watch: Watch = UNWATCHED, jobs: int | None = None
) -> dict[str, Any]:
    """The settings of :class:`ifp.whole_annealing.config.WholeConfig` given, and those that follow from closed forms.

    Of rows ``predicted``, the freezing points of their leading modes, as many as there are latents. Of labelled images
    the values in the order in which factors freeze; of unlabelled ones ``pressures``, the range that the largest
    eigenvalue of all images spans. What is given stays.

    Args:
        dataset: to be annealed.
        given: settings by name.
        drawing: the likelihood of the data.
        watch: follows the work.
        jobs: processes side by side, as :func:`ifp.spectrum` has them.
    """
    if isinstance(drawing, RowDrawing) and is_rows(dataset):
        if "predicted" in given:
            return dict(given)
        latents = given.get("latents", WholeConfig.latents)
        return {**given, "predicted": predicted_modes(dataset.rows, drawing.layout.likelihood, latents)}
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


def predicted_modes(rows: Rows, likelihood: RowLikelihood, latents: int) -> dict[str, float]:
    """Freezing points of the leading modes, nats, by ``mode 1``, ``mode 2``, ...: those of ``ifp.suggest``.

    Only the first is exact for any network (:mod:`annealing.score_spectrum`).
    """
    with use_threads(1):
        points = score_spectrum(rows, likelihood, min(latents, rows.features)).points
    return {f"mode {number}": float(point) for number, point in enumerate(points, start=1) if point > 0}
