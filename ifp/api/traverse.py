"""``ifp.traverse``: what each latent of a training run draws as it runs while the others stay."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from annealing.choices import require_count
from ifp.api.run import found_run
from ifp.evaluation.traversal import traverse_run
from ifp.models.networks import Network
from ifp.run_directory.kinds import RUNS, Kind
from ifp.run_directory.run import RunDirectory
from ifp.training.traversal import COUNT, SPAN


def traverse(
    run: RunDirectory | str | Path | None = None,
    *,
    image: int = 0,
    latents: Sequence[int] | None = None,
    span: tuple[float, float] = SPAN,
    count: int = COUNT,
    data_dir: str | Path | None = None,
    runs: str | Path = RUNS,
    network: Network | None = None,
) -> Figure:
    """The traversal of a finished training run from an image of its data set.

    Args:
        run: or its directory; None: the newest finished one.
        image: index of the image that the other latents stay at.
        latents: rows of the figure; all of them by default.
        span: the first and last value of a latent along its row, in prior standard deviations.
        count: images along a row.
        data_dir: folder of the data set's public files.
        runs: where the newest run is looked for.
        network: for a run that was trained with a network of your own: the same network.

    Raises:
        IFPError: the run is not finished, its data set is not at hand, or there is no such image or latent.
    """
    found = found_run(run, runs, Kind.TRAINING)
    require_count("values", count)
    values = np.linspace(*span, count).tolist()
    folder = None if data_dir is None else Path(data_dir)
    return traverse_run(found, image=image, latents=latents, values=values, data_dir=folder, network=network)
