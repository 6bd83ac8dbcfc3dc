"""``ifp.encode``: posteriors of every image of a training run's data set."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ifp.evaluation.encoding import encoded_run
from ifp.machine.progress import Watch, unwatched
from ifp.models.networks import Network
from ifp.run_directory.run import RunDirectory, open_run


def encode(
    run: RunDirectory | str | Path,
    data_dir: Path | None = None,
    watch: Watch = unwatched,
    network: Network | None = None,
) -> dict[str, NDArray[Any]]:
    """Posteriors of every image of a training run's data set, in its order, as arrays by name.

    ``codes`` and ``logvar`` (images, latents), the means and log-variances, float32; where the data have labels
    ``factors`` (images, factors) and ``factor_names`` too: ::

        found = ifp.encode(run)
        ifp.score(found["codes"], found["factors"], logvar=found["logvar"])

    Args:
        run: finished, or its directory.
        data_dir: folder of the data set's public files.
        watch: passes the batches through, to follow them.
        network: of a run that was trained with an own one: the same.

    Raises:
        IFPError: the run is not finished or not of training, or its data set is not at hand.
    """
    directory = run if isinstance(run, RunDirectory) else open_run(Path(run))
    return encoded_run(directory, data_dir, watch, network)
