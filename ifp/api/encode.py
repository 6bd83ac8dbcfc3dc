"""``ifp.encode``: posteriors of every image of a training run's data set."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from annealing.errors import IFPError
from ifp.api.run import found_run
from ifp.evaluation.encoding import encoded_run
from ifp.files.atomic import require_writable
from ifp.files.npz import npz_bytes
from ifp.machine.progress import UNWATCHED, Watch
from ifp.models.networks import Network
from ifp.run_directory.kinds import RUNS, Kind
from ifp.run_directory.run import RunDirectory, write_file
from ifp.training.silence import Silence, trained_silence
from ifp.training.trained import trained_run


class Encoded(dict[str, NDArray[Any]]):
    """Arrays by name; ``silence`` says which latents carry no information, and what to do; None if all carry some."""

    silence: Silence | None = None


def encode(
    run: RunDirectory | str | Path | None = None,
    data_dir: str | Path | None = None,
    watch: Watch = UNWATCHED,
    network: Network | None = None,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    runs: str | Path = RUNS,
) -> Encoded:
    """Posteriors of every image of a training run's data set, in its order, as arrays by name.

    ``codes`` and ``logvar`` (images, latents) are the means and log-variances, in float32. If the data have labels,
    there are also ``factors`` (images, factors) and ``factor_names``: ::

        found = ifp.encode(run)
        ifp.score(found["codes"], found["factors"], logvar=found["logvar"])

    Args:
        run: finished, or its directory; None: the newest finished training run.
        data_dir: folder of the data set's public files.
        watch: follows the batches.
        network: for a run that was trained with a network of your own: the same network.
        out: an npz to write the arrays into; None: nothing is written.
        overwrite: replace it.
        runs: where the newest run is looked for.

    Raises:
        IFPError: the run is not finished or not of training, its data set is not at hand, or ``out`` is no new .npz
            in an existing folder.
    """
    path = None if out is None else Path(out)
    if path is not None:
        if path.suffix != ".npz" or not path.parent.is_dir():
            raise IFPError(f"need a file ending in .npz in an existing folder, got {path}")
        if path.exists() and not overwrite:
            raise IFPError(f"need a new file for the codes, {path} is there (--overwrite)")
        require_writable(path.parent)
    found = found_run(run, runs, Kind.TRAINING)
    folder = None if data_dir is None else Path(data_dir)
    arrays = Encoded(encoded_run(found, folder, watch, network))
    arrays.silence = trained_silence(trained_run(found), folder)
    if path is not None:
        write_file(path, npz_bytes(arrays))
    return arrays
