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
from ifp.evaluation import probed_images
from ifp.run_arrays import LABELLED, TRACE, WHOLE_CURVES, load_arrays
from ifp.runs import PATIENCE, Run, open_run
from ifp.whole_results import KIND as WHOLE
from ifp.whole_results import require_whole_run


def information_trace(run: Run | str | Path) -> InformationTrace:
    """What a run recorded of its latents' information.

    Raises:
        RunError: an unfinished run, one of another kind, of unlabelled data, or of a version that recorded less.
    """
    run = run if isinstance(run, Run) else open_run(Path(run))
    images = probed_images(run) if run.kind in ("train", WHOLE) else 0
    if run.kind == WHOLE:
        trace = cooling_trace(load_arrays(require_whole_run(run).path / "curves.npz", WHOLE_CURVES), images)
        if trace is None:
            raise RunError(f"need a run whose curves tell of labelled factors, those of {run.path} do not")
        return trace
    if run.kind != "train" or not run.finished:
        state = "a" if run.finished else "an unfinished"
        raise RunError(f"need a finished run of training, {run.path} is {state} run of kind {run.kind}")
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


def diagnose_training(run: Run | str | Path) -> Diffusion:
    """Diffusion in a finished training run, also written to its diffusion.json.

    Raises:
        RunError: as for :func:`information_trace`.
    """
    run = run if isinstance(run, Run) else open_run(Path(run))
    found = diagnose_diffusion(information_trace(run))
    with run.writing(wait=PATIENCE):
        run.write("diffusion.json", json_bytes(found))
    return found
