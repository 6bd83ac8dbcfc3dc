"""Scores of a trained run, on the codes of its whole data set, or of codes in a file."""

import importlib.metadata
import math
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.kl_decomposition import KLDecomposition, decompose_kl
from analysis.plain_json import json_bytes
from analysis.records import read_record
from analysis.scores.all_scores import SCORES, VARIANTS, asked_scores, of_samples_alone, require_scores
from analysis.scores.all_scores import score as scores_of
from analysis.scores.codes import PROTOCOLS, STUDY, LabelledCodes, SampleSizes, sampled_rows
from analysis.scores.scores import FORMAT
from annealing.bottleneck import gaussian_kl
from annealing.choices import require_seed
from annealing.errors import DataError, IFPError, RunError
from ifp.datasets import require_bins
from ifp.datasets.dataset import DataWarning
from ifp.datasets.labels import factor_classes, label_columns
from ifp.evaluation.encoding import encoded_run, keep_codes
from ifp.files.npz import has_array, open_npz, read_whole
from ifp.machine.progress import UNWATCHED, Watch
from ifp.machine.threads import use_threads
from ifp.models.networks import Network
from ifp.run_directory.checksums import file_digest
from ifp.run_directory.run import PATIENCE, RunDirectory, open_run
from ifp.training.checkpoint import MODEL_FILE
from ifp.training.silence import Silence, found_silence, trained_silence
from ifp.training.trained import SCORES_FILE, TrainedRun, trained_run

_LIBRARIES = ("ifp", "scikit-learn", "scipy", "numpy")
_APART = "kl_decomposition"
_SAMPLES = 512  # of z, for the parts of the KL: each is compared with every image


def codes_of_run(
    run: RunDirectory | str | Path,
    data_dir: Path | None = None,
    watch: Watch = UNWATCHED,
    network: Network | None = None,
    index: NDArray[np.int64] | None = None,
) -> LabelledCodes:
    """Codes of every image of the data set that a training run was made with.

    Args:
        run, data_dir, watch, network: as :func:`ifp.score` has them.
        index: images (n,) that are needed: the codes of all others may be 0.

    Raises:
        IFPError: the run is not finished or not of training, its data set is not at hand or has no labels.
    """
    found = encoded_run(run, data_dir, watch, network, index)
    if "factors" not in found:
        where = run.path if isinstance(run, RunDirectory) else run
        raise RunError(f"need a run on data with labelled factors for scores, {where} has none")
    return LabelledCodes(found["codes"], found["factors"], found["logvar"])


def labelled_codes(
    codes: NDArray[Any],
    labels: NDArray[Any],
    logvar: NDArray[Any] | None,
    *,
    bins: int | None = None,
    missing: str | int | float | None = None,
    where: str = "factors",
) -> LabelledCodes:
    """Codes with the classes of their labels; rows that lack a label are left out, which is warned of.

    Args:
        codes, logvar: (rows, latents).
        labels: (rows, factors) or (rows,), as :func:`ifp.datasets.labels.factor_classes` takes them.
        bins, missing, where: as there.

    Raises:
        IFPError: labels that are no classes, or as :class:`analysis.scores.codes.LabelledCodes` has it.
    """
    require_bins(bins)
    if codes.ndim != 2 or labels.ndim not in (1, 2) or len(labels) != len(codes) or not codes.size:
        raise IFPError(f"need codes (rows, latents) and {where} (rows, factors), got {codes.shape}, {labels.shape}")
    columns = label_columns(labels, len(codes), where)
    found = factor_classes(columns, bins=bins, missing=None if missing is None else str(missing), where=where)
    if not found.left_out:
        return LabelledCodes(codes, found.classes, logvar)
    warnings.warn(f"{found.left_out:,} of {len(codes):,} rows lack a label and are left out", DataWarning, stacklevel=3)
    kept = logvar[found.kept] if logvar is not None and len(logvar) == len(codes) else logvar
    return LabelledCodes(codes[found.kept], found.classes, kept)


def codes_of_file(path: Path, *, bins: int | None = None, missing: str | int | float | None = None) -> LabelledCodes:
    """Codes of an npz: ``codes`` (rows, latents), ``factors`` (rows, factors) and, if there, ``logvar`` as codes.

    Args:
        path: of the npz.
        bins, missing: as :func:`labelled_codes` has them.

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
    return labelled_codes(codes, factors, logvar, bins=bins, missing=missing, where=f"factors in {path}")


def score_codes(
    data: LabelledCodes,
    *,
    seed: int = 0,
    only: Collection[str] | None = None,
    sizes: SampleSizes = STUDY,
    n_jobs: int = 1,
    apart: bool | None = None,
) -> dict[str, Any]:
    """Scores by name, then what they were measured with: protocol, sample sizes, seed, versions of the libraries.

    Where log-variances are known and no scores are named, the KL term taken apart comes with them
    (``kl_decomposition``), or where ``apart`` says so. Other arguments and errors are those of
    :func:`analysis.scores.all_scores.score`.
    """
    found: dict[str, Any] = dict(
        scores_of(data.codes, data.factors, logvar=data.logvar, seed=seed, only=only, sizes=sizes, n_jobs=n_jobs)
    )
    if data.logvar is not None and (only is None if apart is None else apart):
        found[_APART] = asdict(decompose_kl(data.codes, data.logvar, seed=seed, samples=_SAMPLES))
    told = {"format": FORMAT, "protocol": data.protocol, **found, "samples": asdict(sizes), "seed": seed, **_versions()}
    return told | ({} if data.logvar is None else _noted(found_silence(_nats(data.codes, data.logvar))))


def _nats(codes: NDArray[np.floating], logvar: NDArray[np.floating]) -> NDArray[np.floating]:
    """KL of each latent (latents,), mean over the rows of codes and logvar (rows, latents)."""
    mean, log_variance = (torch.from_numpy(np.array(each, np.float64)) for each in (codes, logvar))  # of any byte order
    return gaussian_kl(mean, log_variance).mean(dim=0).numpy()


def _noted(silence: Silence | None) -> dict[str, Any]:
    """What a record says of codes that carry no information, beside their scores."""
    return {} if silence is None else {"notes": [str(silence)]}


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
    keep: bool = True,
    anew: bool = False,
) -> dict[str, Any]:
    """Score a finished training run: see :func:`score_codes`.

    Samples are drawn from the codes of every image, which on a full lattice is exactly the field's protocol. Where no
    score looks at others, only those of the samples are encoded. What scores.json says was measured like this before
    is not measured again. Torch and BLAS use the run's threads.

    Args:
        run: finished.
        seed, only, n_jobs: as :func:`ifp.score` has them.
        data_dir, watch, network: of the encoding.
        save: keep the result, with scores measured before, in the run's scores.json.
        keep: with ``save``, the codes of every image, too, where they were needed.
        anew: measure what was measured before, too.

    Raises:
        IFPError: no score is named, an unknown one, or as :func:`codes_of_run` has it.
    """
    require_scores(only, n_jobs)
    require_seed(seed)
    run = run if isinstance(run, RunDirectory) else open_run(Path(run))
    trained = trained_run(run)
    asked = (*asked_scores(only, posteriors=True), *((_APART,) if only is None else ()))
    if not asked:
        raise IFPError("need the name of a score or more, got none")
    known = {} if anew else _known(trained, seed)
    missing = [name for name in asked if name not in known]
    found: dict[str, Any] = {}
    if missing:
        scores = [name for name in missing if name != _APART]
        whole = _APART in missing or not of_samples_alone(scores)
        index = None if whole else sampled_rows(run.data.images, seed, STUDY)
        codes = codes_of_run(run, data_dir, watch, network, index)
        with use_threads(trained.config.threads):
            found = score_codes(codes, seed=seed, only=scores, n_jobs=n_jobs, apart=_APART in missing)
        if save and keep and whole and codes.logvar is not None:
            keep_codes(run, codes.codes, codes.logvar)
    head = {name: (found or known)[name] for name in ("format", "protocol")}
    tail = {name: (found or known)[name] for name in ("samples", "seed", *_LIBRARIES)}
    told = {
        **head,
        **{name: {**known, **found}[name] for name in asked},
        **tail,
        **_noted(trained_silence(trained, data_dir)),
    }
    if save and found:
        _save(trained, told, asked)
    return told


def _known(trained: TrainedRun, seed: int) -> Mapping[str, Any]:
    """What scores.json holds that was measured by :func:`score_run` on this checkpoint, with the same samples."""
    if not (trained.run.path / SCORES_FILE).is_file():
        return {}
    held = trained.scores
    same = {"format": FORMAT, "samples": asdict(STUDY), "seed": seed, **_versions()}
    current = held.get("checkpoint") == file_digest(trained.run.path / MODEL_FILE)
    if not current or held.get("protocol") not in PROTOCOLS or any(held.get(name) != same[name] for name in same):
        return {}
    scored = held.get("scored")
    names = [name for name in scored if isinstance(name, str)] if isinstance(scored, list) else []
    values = {name: held[name] for name in names if name in held and _is_measured(name, held[name])}
    return {**values, **same, "protocol": held["protocol"]}


def _is_measured(name: str, value: object) -> bool:
    """Whether a value may be what a score of that name gave: the file may be a stranger's."""
    if name == _APART:
        try:
            read_record(KLDecomposition, value, _APART, RunError)
        except RunError:
            return False
        return True
    return name in (*SCORES, *VARIANTS) and isinstance(value, float) and math.isfinite(value)


def _save(trained: TrainedRun, told: Mapping[str, Any], asked: Sequence[str]) -> None:
    """Write scores.json: what was measured, and what was before by the same protocol."""
    run = trained.run
    with run.writing(wait=PATIENCE):  # else two at once would each keep their own scores only
        before = {"format": FORMAT} | dict(TrainedRun(run).scores if (run.path / SCORES_FILE).is_file() else {})
        measured_by = ("format", "protocol", "samples", "seed", "scikit-learn")
        kept = before if all(before.get(name) == told[name] for name in measured_by) else {}
        known = _known(TrainedRun(run), told["seed"]) if kept else {}
        scored = [name for name in known if _is_measured(name, known[name])]
        mark = {"scored": [*dict.fromkeys([*scored, *asked])], "checkpoint": file_digest(run.path / MODEL_FILE)}
        run.write(SCORES_FILE, json_bytes({**kept, **told, **mark}))


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}
