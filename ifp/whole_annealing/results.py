"""Files of a whole-data annealing run, and what is concluded from them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import save as save_tensors
from torch import Tensor

from analysis.information_trace import InformationTrace
from analysis.whole_findings import WholeFindings, conclude_whole, cooling_trace
from annealing.errors import RunError
from ifp.annealing_test.columns import FREEZING_COLUMNS
from ifp.datasets.row_dataset import is_rows
from ifp.files.npz import load_arrays, npz_bytes
from ifp.files.plain import csv_bytes
from ifp.models.row_network import RowStart
from ifp.objectives import cooling, heating
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import described
from ifp.run_directory.opening import OpenRun
from ifp.run_directory.run import RunDirectory, open_run
from ifp.training.drawing import Drawing, RowDrawing
from ifp.training.loop import Course
from ifp.training.probe import Probe, probe_arrays, probed_images
from ifp.whole_annealing.config import WholeConfig

# what is read of curves.npz
WHOLE_CURVES = {
    "step": "whole numbers: records", "direction": "names: records", "beta": "floats: 1 records",
    "kl": "floats: 1 records latents", "reconstruction": "floats: 1 records", "silent_reconstruction": "floats: 1",
    "mi": "floats: records latents factors", "mi_null": "floats: records latents factors", "factors": "names: factors",
    "entropy": "floats: factors",
}  # fmt: skip


def write_whole_results(opened: OpenRun[WholeConfig], course: Course, drawing: Drawing) -> None:
    """curves.npz, model.safetensors and, last of all files, freezing.csv.

    The arrays of curves.npz, in nats: step and direction (records,), which is learn, heat or cool, or else hold or
    cool; beta and reconstruction (1, records), kl (1, records, latents), mi and mi_null (records, latents, factors),
    the factors' names and their entropy, and silent_reconstruction (1,): of a decoder that draws the mean image, or
    what is best of rows, whatever its latents.
    """
    run, probe, trace = opened.run, course.probe, course.trace
    silent = float(drawing.nats(_silent_output(opened, probe, drawing), probe.images).double().sum())
    silent /= len(probe.images)
    stages = heating.STAGES if opened.config.heats else cooling.STAGES
    curves = {
        "step": np.array([each.step for each in trace]),
        "direction": np.array([stages[each.stage] for each in trace]),
        "beta": np.array([[each.pressure for each in trace]]),
        "kl": np.array([[each.kl for each in trace]]),
        "reconstruction": np.array([[each.reconstruction for each in trace]]),
        "silent_reconstruction": np.array([silent]),
        "mi": np.array([each.mi for each in trace]),
        "mi_null": np.array([each.mi_null for each in trace]),
        **probe_arrays(opened.dataset, probe),
    }
    run.write("curves.npz", npz_bytes(curves))
    weights = {name: value.detach().cpu().contiguous() for name, value in course.learner.model.state_dict().items()}
    run.write("model.safetensors", save_tensors(weights))
    run.finish(csv_bytes(FREEZING_COLUMNS, list(_freezing_rows(AnnealedWhole(run).findings, opened.config.protocol))))


def _silent_output(opened: OpenRun[WholeConfig], probe: Probe, drawing: Drawing) -> Tensor:
    """What a decoder gives that draws the probe set's mean image or, of rows, as the best silent one does."""
    if not isinstance(drawing, RowDrawing):
        return drawing.output_for(probe.images.mean(dim=0))
    assert is_rows(opened.dataset)  # what such a likelihood is of
    return RowStart.of(opened.dataset.rows, drawing.layout).output.expand(len(probe.images), -1, -1)


def _freezing_rows(findings: WholeFindings, protocol: str) -> Iterator[dict[str, object]]:
    """Rows of freezing.csv, one per latent and threshold; no case, so neither factor nor context.

    The point, what it is about and the status are those of the melting, where there was a heating: what a latent melted
    about, it need not freeze about again.
    """
    for latent in findings.latents:
        melted = findings.latents_melting[latent.latent] if findings.latents_melting else None
        statuses, held = (latent.statuses, latent.frozen) if melted is None else (melted.statuses, melted.melted)
        for number, (threshold, status) in enumerate(zip(findings.thresholds, statuses, strict=True)):
            freezing = latent.freezing[number]
            point, source = freezing, "freezing"
            if melted is not None:
                point, source = (
                    (melted.knee, "knee") if np.isfinite(melted.knee) else (melted.melting[number], "melting")
                )
            yield {
                "dataset": findings.dataset,
                "latent": latent.latent,
                "threshold_nats": threshold,
                "freezing_beta": freezing,
                "melting_beta": None if melted is None else melted.melting[number],
                "ifp_beta": point if status == "ok" else None,
                "ifp_source": source if status == "ok" else "",
                "knee_beta": None if melted is None else melted.knee,
                "spectral_beta": None if held.factor is None else findings.predicted.get(held.factor),
                "attributed_factor": held.factor,
                "attributed_share": held.share,
                "protocol": protocol,
                "seed": findings.seed,
                "status": status,
            }


@dataclass(frozen=True, eq=False)
class AnnealedWhole:
    """A finished run of whole-data annealing; every property reads its file when it is first asked for, and raises
    RunError where that is missing or damaged."""

    run: RunDirectory

    @cached_property
    def config(self) -> WholeConfig:
        """Its settings."""
        return self.run.settings(WholeConfig)

    @cached_property
    def curves(self) -> Mapping[str, NDArray[Any]]:
        """The arrays of curves.npz, see :func:`write_whole_results`."""
        return load_arrays(self.run.path / "curves.npz", WHOLE_CURVES)

    @cached_property
    def findings(self) -> WholeFindings:
        """What its curves say."""
        return conclude_whole(
            self.curves,
            dataset=self.run.data.name,
            fingerprint=self.run.data.fingerprint,
            seed=self.config.seed,
            thresholds=self.config.thresholds,
            predicted=self.config.predicted,
            images=probed_images(self.run, self.config.probe),
        )

    @cached_property
    def information(self) -> InformationTrace | None:
        """What its curves say of information; None where the data were unlabelled."""
        return cooling_trace(self.curves, probed_images(self.run, self.config.probe))


def annealed_whole(run: RunDirectory | str | Path) -> AnnealedWhole:
    """The finished run of whole-data annealing in a directory; RunError where it is something else."""
    run = run if isinstance(run, RunDirectory) else open_run(Path(run))
    if run.kind != Kind.WHOLE_ANNEALING or not run.finished:
        raise RunError(f"need a finished run of whole-data annealing, {run.path} is {described(run)}")
    return AnnealedWhole(run)
