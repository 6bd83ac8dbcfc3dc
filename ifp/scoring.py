"""Scores of a trained run, on the codes of its whole data set, or of codes in a file."""

import importlib.metadata
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis.kl_decomposition import decompose_kl
from analysis.plain_json import json_bytes, shown
from analysis.scores.all_scores import SCORES, VARIANTS, require_scores
from analysis.scores.all_scores import score as scores_of
from analysis.scores.codes import STUDY, LabelledCodes, SampleSizes
from analysis.scores.scores import Scores
from annealing.errors import DataError, IFPError, RunError
from ifp.arrays import in_memory
from ifp.datasets.npz_arrays import has_array, open_npz, read_whole
from ifp.encoding import encode
from ifp.networks import Network
from ifp.run_files import load_json
from ifp.runs import PATIENCE, Run, open_run
from ifp.watching import Watch, unwatched

_SAMPLES = 512  # of z, for the parts of the KL: each is compared with every image


def codes_of_run(
    run: Run, data_dir: Path | None = None, watch: Watch = unwatched, network: Network | None = None
) -> LabelledCodes:
    """Codes of every image of the data set that a training run was made with.

    Raises:
        IFPError: the run is not finished or not of training, its data set is not at hand or has no labels.
    """
    found = encode(run, data_dir, watch, network)
    if "factors" not in found:
        raise RunError(f"need a run on data with labelled factors for scores, {run.path} has none")
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


def read_scores(run: Run) -> dict[str, Any]:
    """What a run's scores.json holds; RunError where it is missing, damaged or no object."""
    path = run.path / "scores.json"
    found = load_json(path)
    if not isinstance(found, dict):
        raise RunError(f"need an object in {path}, got {shown(found)}")
    return found


def score(
    codes: ArrayLike | Run | str | Path,
    factors: ArrayLike | None = None,
    *,
    logvar: ArrayLike | None = None,
    seed: int = 0,
    only: Collection[str] | None = None,
    sizes: SampleSizes = STUDY,
    n_jobs: int = 1,
    network: Network | None = None,
) -> Scores:
    """How disentangled codes are: MIG, DCI, SAP, FactorVAE, BetaVAE, modularity, explicitness, IRS, by name.

    >>> grid = np.array([[a, b] for a in range(4) for b in range(4)])
    >>> round(score(grid + 0.0, grid, only=["mig"])["mig"], 1)  # codes that are the factors
    1.0

    Args:
        codes: posterior means (rows, latents), numpy or torch; or a finished training run or its directory, of which
            every image is encoded first, and whose scores.json keeps the scores.
        factors: classes from 0 (rows, factors), with codes.
        logvar: posterior log-variances (rows, latents), with codes: for ``mig_chen``.
        seed: of the samples drawn.
        only: names of scores; None for all (DCI by its exact protocol takes minutes on thousands of rows).
        sizes: what is drawn from the codes; another choice than the study's is another protocol.
        n_jobs: factors that DCI fits side by side; -1 for one per core.
        network: of a run that was trained with an own one: the same.

    Raises:
        IFPError: codes and factors that do not fit, an unknown name, or a run that is not finished or not of training.
    """
    if isinstance(codes, (Run, str, Path)):
        if factors is not None or logvar is not None or sizes != STUDY:
            raise IFPError("need either codes with factors or a run alone, got both")
        found = score_run(codes, seed=seed, only=only, n_jobs=n_jobs, network=network)
        return Scores({name: found[name] for name in SCORES + VARIANTS if isinstance(found.get(name), float)})
    if factors is None:
        raise IFPError("need factors (rows, factors) with codes, got none")
    known = None if logvar is None else in_memory(logvar)
    return scores_of(
        in_memory(codes), in_memory(factors), logvar=known, seed=seed, only=only, sizes=sizes, n_jobs=n_jobs
    )


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
    return {"protocol": data.protocol, **found, "samples": asdict(sizes), "seed": seed, **versions}


def score_run(
    run: Run | str | Path,
    *,
    seed: int = 0,
    only: Collection[str] | None = None,
    n_jobs: int = 1,
    data_dir: Path | None = None,
    watch: Watch = unwatched,
    network: Network | None = None,
) -> dict[str, Any]:
    """Score a finished training run, and keep the result, with scores measured before, in its scores.json.

    Every image is encoded once; samples are drawn from those codes, which on a full lattice is exactly the field's
    protocol.
    """
    require_scores(only, n_jobs)
    run = run if isinstance(run, Run) else open_run(Path(run))
    found = score_codes(codes_of_run(run, data_dir, watch, network), seed=seed, only=only, n_jobs=n_jobs)
    with run.writing(wait=PATIENCE):  # else two at once would each keep their own scores only
        before = read_scores(run) if (run.path / "scores.json").is_file() else {}
        same = all(before.get(name) == found[name] for name in ("protocol", "samples", "seed", "scikit-learn"))
        run.write("scores.json", json_bytes({**(before if same else {}), **found}))
    return found
