"""Scores of codes and of trained runs, with what they can reach and how sure they are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.kl_decomposition import decompose_kl
from analysis.scores.all_scores import (
    SEEDS,
    asked_scores,
    exact_scores,
    measured,
    of_samples_alone,
    require_scores,
    sample_spread,
)
from analysis.scores.codes import LabelledCodes
from analysis.scores.matrix import information_matrix
from analysis.scores.notes import score_notes
from analysis.scores.protocol import STUDY, SampleSizes, sampled_rows
from analysis.scores.scores import FORMAT
from annealing.bottleneck import gaussian_kl
from annealing.choices import require_seed
from annealing.errors import IFPError
from ifp.evaluation.codes import codes_of_run
from ifp.evaluation.encoding import keep_codes
from ifp.evaluation.kept_scores import (
    APART,
    LIBRARIES,
    MATRIX,
    MISLEADING,
    beside_scores,
    is_complete,
    known_scores,
    library_versions,
    save_scores,
)
from ifp.evaluation.seen import seen_scores
from ifp.machine.progress import UNWATCHED, Watch
from ifp.machine.threads import use_threads
from ifp.models.networks import Network
from ifp.run_directory.opening import run_dataset
from ifp.run_directory.run import RunDirectory, open_run
from ifp.training.silence import Silence, found_silence, trained_silence
from ifp.training.trained import trained_run

_SAMPLES = 512  # of z, for the parts of the KL: each is compared with every image


def score_codes(
    data: LabelledCodes,
    *,
    seed: int = 0,
    only: Collection[str] | None = None,
    sizes: SampleSizes = STUDY,
    n_jobs: int = 1,
    apart: bool | None = None,
    ceilings: bool = True,
    spread: bool = False,
    names: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Scores by name, then what they were measured with: protocol, sample sizes, seed, versions of the libraries.

    Where log-variances are known and no scores are named, the KL term taken apart comes with them
    (``kl_decomposition``), or where ``apart`` says so. Beside all scores stand ``matrix``, the information of every
    latent about every factor (called ``names``), and ``notes``, where a score misleads. Other arguments and errors are
    those of :func:`analysis.scores.all_scores.score` and :func:`ifp.score`.
    """
    given: dict[str, Any] = {"seed": seed, "sizes": sizes, "n_jobs": n_jobs}
    require_scores(only, n_jobs)
    require_seed(seed)
    found = measured(data, only=only, **given)
    record: dict[str, Any] = {
        "format": FORMAT,
        "protocol": data.protocol,
        **found,
        "intervals": {name: [*ends] for name, ends in found.intervals.items()},  # lists: as JSON gives them back
        "exact": exact_scores(data, only=found, **given) if ceilings else {},
        "spreads": sample_spread(data, found, **given) if spread else {},
        "samples": asdict(sizes),
        "seed": seed,
        **library_versions(),
        **_of_codes(data, seed, sizes, names),
    }
    if data.logvar is None:
        return record | _noted(None, record, found)
    if only is None if apart is None else apart:
        record[APART] = asdict(decompose_kl(data.codes, data.logvar, seed=seed, samples=_SAMPLES))
    return record | _noted(found_silence(latent_nats(data.codes, data.logvar)), record, found)


def _of_codes(data: LabelledCodes, seed: int, sizes: SampleSizes, names: Sequence[str] | None) -> dict[str, Any]:
    """The information of every latent about every factor, and where a score misleads on such codes."""
    matrix = information_matrix(data, seed=seed, sizes=sizes, names=names)
    rows = data.counted(seed, sizes).rows  # those of a run that are encoded for sure
    silence = None if data.logvar is None else found_silence(latent_nats(data.codes[rows], data.logvar[rows]))
    notes = score_notes(data, matrix, seed=seed, sizes=sizes, silent=silence.silent if silence else ())
    return {MATRIX: matrix.to_record(), MISLEADING: [each.to_record() for each in notes]}


def latent_nats(codes: NDArray[np.floating], logvar: NDArray[np.floating]) -> NDArray[np.floating]:
    """KL of each latent (latents,), mean over the rows of codes and logvar (rows, latents)."""
    mean, log_variance = (torch.from_numpy(np.array(each, np.float64)) for each in (codes, logvar))  # of any byte order
    return gaussian_kl(mean, log_variance).mean(dim=0).numpy()


def _noted(silence: Silence | None, record: Mapping[str, Any], asked: Collection[str]) -> dict[str, Any]:
    """The lines of a record: of codes that carry no information, and of what misleads among the scores asked for."""
    misleading = (each["text"] for each in record.get(MISLEADING, ()) if set(each["scores"]).intersection(asked))
    lines = [*(() if silence is None else (str(silence),)), *misleading]
    return {"notes": lines} if lines else {}


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
    ceilings: bool = True,
    spread: bool = False,
    matrix: bool = False,
) -> dict[str, Any]:
    """Score a finished training run: see :func:`score_codes`.

    Samples are drawn from the codes of every image, which on a full lattice is exactly the field's protocol. Where no
    score looks at others, only those of the samples are encoded. Beside the exact factors' scores stand those of what
    can be seen, ``seen`` (:func:`ifp.evaluation.seen.seen_scores`). What scores.json says was measured like this
    before is not measured again. Torch and BLAS use the run's threads.

    Args:
        run: finished.
        seed, only, n_jobs, ceilings, spread, matrix: as :func:`ifp.score` has them.
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
    asked = (*asked_scores(only, posteriors=True), *((APART,) if only is None else ()))
    if not asked:
        raise IFPError("need the name of a score or more, got none")
    known = {} if anew else known_scores(trained, seed)
    missing = [name for name in asked if not is_complete(known, name, ceilings=ceilings, spread=spread)]
    missing += [MATRIX] if matrix and MATRIX not in known else []
    found: dict[str, Any] = {}
    if missing:
        scores = [name for name in missing if name not in (APART, MATRIX)]
        whole = APART in missing or not of_samples_alone(scores)
        seeds = range(seed, seed + (SEEDS if spread else 1))

        def rows(factors: NDArray[np.int64]) -> NDArray[np.int64]:
            return np.unique(np.concatenate([sampled_rows(factors, each, STUDY) for each in seeds]))

        codes = codes_of_run(run, data_dir, watch, network, None if whole else rows)
        with use_threads(trained.config.threads):
            found = score_codes(
                codes,
                seed=seed,
                only=scores,
                n_jobs=n_jobs,
                apart=APART in missing,
                ceilings=ceilings,
                spread=spread,
                names=trained.trace.names,
            )
            if ceilings:
                found["seen"] = seen_scores(run_dataset(run, data_dir), codes, seed=seed, only=scores)
        if save and keep and whole and codes.logvar is not None:
            keep_codes(run, codes.codes, codes.logvar)
    values = {**known, **found}
    told = {
        **{name: values[name] for name in ("format", "protocol")},
        **{name: values[name] for name in asked},
        **beside_scores(asked, known, found),
        **{name: values[name] for name in ("samples", "seed", *LIBRARIES)},
        **{name: values[name] for name in (MATRIX, MISLEADING) if name in values},
        **_noted(trained_silence(trained, data_dir), values, asked),
    }
    if save and found:
        save_scores(trained, told, asked)
    return told
