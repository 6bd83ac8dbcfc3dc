"""Scores of a trained run, on the codes of its whole data set, or of codes in a file."""

import importlib.metadata
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from analysis.kl_decomposition import decompose_kl
from analysis.plain_json import json_bytes
from analysis.scores.all_scores import require_scores
from analysis.scores.all_scores import score as scores_of
from analysis.scores.codes import STUDY, LabelledCodes, SampleSizes
from analysis.scores.scores import FORMAT
from annealing.errors import DataError, RunError
from ifp.evaluation.encoding import encoded_run
from ifp.files.npz import has_array, open_npz, read_whole
from ifp.machine.progress import UNWATCHED, Watch
from ifp.machine.threads import use_threads
from ifp.models.networks import Network
from ifp.run_directory.run import PATIENCE, RunDirectory, open_run
from ifp.training.config import TrainConfig
from ifp.training.trained import SCORES_FILE, TrainedRun

_SAMPLES = 512  # of z, for the parts of the KL: each is compared with every image


def codes_of_run(
    run: RunDirectory | str | Path,
    data_dir: Path | None = None,
    watch: Watch = UNWATCHED,
    network: Network | None = None,
) -> LabelledCodes:
    """Codes of every image of the data set that a training run was made with.

    Raises:
        IFPError: the run is not finished or not of training, its data set is not at hand or has no labels.
    """
    found = encoded_run(run, data_dir, watch, network)
    if "factors" not in found:
        where = run.path if isinstance(run, RunDirectory) else run
        raise RunError(f"need a run on data with labelled factors for scores, {where} has none")
    return LabelledCodes(found["codes"], found["factors"], found["logvar"])


def codes_of_file(path: Path) -> LabelledCodes:
    """Codes of an npz: ``codes`` (rows, latents), ``factors`` (rows, factors) and, if there, ``logvar`` as codes.

    Raises:
        IFPError: a file or an array that is not as described.
    """
    if not path.is_file():
        raise DataError(f"need an npz of codes, there is no file {path}: `ifp encode --out {path}` makes one of a run")
    with open_npz(path) as archive:
        codes, factors = (read_whole(archive, name, path) for name in ("codes", "factors"))
        logvar = read_whole(archive, "logvar", path) if has_array(archive, "logvar") else None
    for name, array in (("codes", codes), ("logvar", logvar)):
        if array is not None and not np.issubdtype(array.dtype, np.floating):
            raise DataError(f"need {name} of floats in {path}, got {array.dtype}")
    return LabelledCodes(codes, factors, logvar)


def score_codes(
    data: LabelledCodes,
    *,
    seed: int = 0,
    only: Collection[str] | None = None,
    sizes: SampleSizes = STUDY,
    n_jobs: int = 1,
) -> dict[str, Any]:
    """Scores by name, then what they were measured with: protocol, sample sizes, seed, versions of the libraries.

    Where log-variances are known and no scores are named, the KL term taken apart comes with them
    (``kl_decomposition``). Arguments and errors are those of :func:`analysis.scores.all_scores.score`.
    """
    found: dict[str, Any] = dict(
        scores_of(data.codes, data.factors, logvar=data.logvar, seed=seed, only=only, sizes=sizes, n_jobs=n_jobs)
    )
    if data.logvar is not None and only is None:
        found["kl_decomposition"] = asdict(decompose_kl(data.codes, data.logvar, seed=seed, samples=_SAMPLES))
    versions = {name: importlib.metadata.version(name) for name in ("ifp", "scikit-learn", "scipy", "numpy")}
    return {"format": FORMAT, "protocol": data.protocol, **found, "samples": asdict(sizes), "seed": seed, **versions}


def score_run(
    run: RunDirectory | str | Path,
    *,
    seed: int = 0,
    only: Collection[str] | None = None,
    n_jobs: int = 1,
    data_dir: Path | None = None,
    watch: Watch = UNWATCHED,
    network: Network | None = None,
    save: bool = False,
) -> dict[str, Any]:
    """Score a finished training run: see :func:`score_codes`.

    Every image is encoded once; samples are drawn from those codes, which on a full lattice is exactly the field's
    protocol. Torch and BLAS use the run's threads.

    Args:
        save: keep the result, with scores measured before, in the run's scores.json.
    """
    require_scores(only, n_jobs)
    run = run if isinstance(run, RunDirectory) else open_run(Path(run))
    codes = codes_of_run(run, data_dir, watch, network)
    with use_threads(run.settings(TrainConfig).threads):
        found = score_codes(codes, seed=seed, only=only, n_jobs=n_jobs)
    if save:
        with run.writing(wait=PATIENCE):  # else two at once would each keep their own scores only
            before = {"format": FORMAT} | dict(TrainedRun(run).scores if (run.path / SCORES_FILE).is_file() else {})
            measured_by = ("format", "protocol", "samples", "seed", "scikit-learn")
            same = all(before.get(name) == found[name] for name in measured_by)
            run.write(SCORES_FILE, json_bytes({**(before if same else {}), **found}))
    return found
