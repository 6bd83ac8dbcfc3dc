"""Information diffusion along a finished run of training, or of whole-data annealing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.diffusion import Diffusion, diagnose_diffusion
from analysis.information import chance_deviation
from analysis.information_trace import InformationTrace, gated
from analysis.plain_json import json_bytes
from analysis.whole_findings import cooling_trace
from annealing.errors import RunError
from ifp.files.npz import load_arrays
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import described
from ifp.run_directory.run import PATIENCE, RunDirectory, open_run
from ifp.training.probe import LABELLED, TRACE, probed_images
from ifp.whole_annealing.results import WHOLE_CURVES, require_whole_run


def information_trace(run: RunDirectory | str | Path) -> InformationTrace:
    """What a run recorded of its latents' information.

    Raises:
        RunError: an unfinished run, one of another kind, of unlabelled data, or of a version that recorded less.
    """
    run = run if isinstance(run, RunDirectory) else open_run(Path(run))
    images = probed_images(run) if run.kind in (Kind.TRAINING, Kind.WHOLE_ANNEALING) else 0
    if run.kind == Kind.WHOLE_ANNEALING:
        trace = cooling_trace(load_arrays(require_whole_run(run).path / "curves.npz", WHOLE_CURVES), images)
        if trace is None:
            raise RunError(f"need a run whose curves tell of labelled factors, those of {run.path} do not")
        return trace
    if run.kind != Kind.TRAINING or not run.finished:
        raise RunError(f"need a finished run of training, {run.path} is {described(run)}")
    arrays = load_arrays(run.path / "trace.npz", TRACE)
    if "entropy" not in arrays or not arrays["entropy"].size:
        raise RunError(f"need a run whose trace tells of labelled factors, that of {run.path} does not")
    arrays = load_arrays(run.path / "trace.npz", TRACE | LABELLED)
    return InformationTrace(
        step=arrays["step"],
        pressure=arrays["pressure"],
        above=gated(arrays["mi"] - arrays["mi_null"], arrays["kl"]),
        deviation=chance_deviation(arrays["mi_null"], images),
        names=tuple(arrays["factors"].tolist()),
        entropy=arrays["entropy"],
        ends=_stage_ends(arrays),
    )


def _stage_ends(arrays: Mapping[str, NDArray[Any]]) -> tuple[int, ...]:
    """Steps at which stages ended, each of which has a record; none where there was one stage throughout."""
    last = np.append(np.flatnonzero(np.diff(arrays["stage"])), len(arrays["stage"]) - 1)
    return tuple(arrays["step"][last].tolist()) if len(last) > 1 else ()


def diagnose_training(run: RunDirectory | str | Path) -> Diffusion:
    """Diffusion in a finished training run, also written to its diffusion.json.

    Raises:
        RunError: as for :func:`information_trace`.
    """
    run = run if isinstance(run, RunDirectory) else open_run(Path(run))
    found = diagnose_diffusion(information_trace(run))
    with run.writing(wait=PATIENCE):
        run.write("diffusion.json", json_bytes(found))
    return found
