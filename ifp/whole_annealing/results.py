"""Files of a whole-data annealing run, and what is concluded from them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors.torch import save as save_tensors

from analysis.attribution import LatentFreezing
from analysis.plain_json import json_bytes
from analysis.whole_findings import WholeFindings, conclude_whole
from annealing.errors import RunError
from annealing.likelihood import likelihood_named
from ifp.annealing_test.freezing_csv import FREEZING_COLUMNS
from ifp.datasets.dataset import Dataset
from ifp.files.npz import load_arrays, npz_bytes
from ifp.files.plain import csv_bytes
from ifp.models.vae import MultiGroupVAE
from ifp.objectives.cooling import STAGES
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import described
from ifp.run_directory.run import PATIENCE, RunDirectory, open_run
from ifp.training.probe import Probe, TraceRecord, probe_arrays, probed_images

PROTOCOL = "whole-cool"
# what is read of curves.npz
WHOLE_CURVES = {
    "step": "whole numbers: records", "direction": "names: records", "beta": "floats: 1 records",
    "kl": "floats: 1 records latents", "reconstruction": "floats: 1 records", "silent_reconstruction": "floats: 1",
    "mi": "floats: records latents factors", "mi_null": "floats: records latents factors", "factors": "names: factors",
}  # fmt: skip


def write_whole_results(
    run: RunDirectory, dataset: Dataset, model: MultiGroupVAE, trace: Sequence[TraceRecord], probe: Probe
) -> None:
    """curves.npz, model.safetensors and, last of all files, freezing.csv.

    The arrays of curves.npz, in nats: step and direction (records,), beta and reconstruction (1, records), kl
    (1, records, latents), mi and mi_null (records, latents, factors), the factors' names and their entropy, and
    silent_reconstruction (1,): of a decoder that draws the mean image whatever its latents.
    """
    likelihood = likelihood_named(run.config["settings"]["likelihood"])
    mean_image = likelihood.output_for(probe.images.mean(dim=0))
    silent = float(likelihood.nats(mean_image, probe.images).double().sum()) / len(probe.images)
    curves = {
        "step": np.array([each.step for each in trace]),
        "direction": np.array([STAGES[each.stage] for each in trace]),
        "beta": np.array([[each.pressure for each in trace]]),
        "kl": np.array([[each.kl for each in trace]]),
        "reconstruction": np.array([[each.reconstruction for each in trace]]),
        "silent_reconstruction": np.array([silent]),
        "mi": np.array([each.mi for each in trace]),
        "mi_null": np.array([each.mi_null for each in trace]),
        **probe_arrays(dataset, probe),
    }
    run.write("curves.npz", npz_bytes(curves))
    weights = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    run.write("model.safetensors", save_tensors(weights))
    run.finish(csv_bytes(FREEZING_COLUMNS, list(_freezing_rows(whole_findings(run)))))


def _freezing_rows(findings: WholeFindings) -> Iterator[dict[str, object]]:
    """Rows of freezing.csv, one per latent and threshold; no case, so neither factor nor context."""
    for latent in findings.latents:
        for threshold, beta, status in zip(findings.thresholds, latent.freezing, latent.statuses, strict=True):
            yield {
                "dataset": findings.dataset,
                "latent": latent.latent,
                "threshold_nats": threshold,
                "freezing_beta": beta,
                "ifp_beta": beta,
                "spectral_beta": _predicted(latent, findings),
                "attributed_factor": latent.frozen.factor,
                "attributed_share": latent.frozen.share,
                "protocol": PROTOCOL,
                "seed": findings.seed,
                "status": status,
            }


def _predicted(latent: LatentFreezing, findings: WholeFindings) -> float | None:
    return findings.predicted.get(latent.frozen.factor) if latent.frozen.factor is not None else None


def whole_findings(run: RunDirectory) -> WholeFindings:
    """What the run's curves.npz says."""
    return conclude_whole(
        load_arrays(run.path / "curves.npz", WHOLE_CURVES),
        dataset=run.about_data("name", str),
        fingerprint=run.about_data("fingerprint", str),
        seed=run.setting("seed", int),
        thresholds=run.setting("thresholds", tuple[float, ...]),
        predicted=run.setting("predicted", Mapping[str, float]),
        images=probed_images(run),
    )


def diagnose_whole(run: RunDirectory | str | Path) -> WholeFindings:
    """Findings of a finished run of whole-data annealing, also written to its findings.json.

    Raises:
        RunError: the run is not there, not finished or of another kind.
    """
    run = require_whole_run(run)
    findings = whole_findings(run)
    with run.writing(wait=PATIENCE):
        run.write("findings.json", json_bytes(findings))
    return findings


def require_whole_run(run: RunDirectory | str | Path) -> RunDirectory:
    """The finished run of whole-data annealing in a directory; RunError where it is something else."""
    run = run if isinstance(run, RunDirectory) else open_run(Path(run))
    if run.kind != Kind.WHOLE_ANNEALING or not run.finished:
        raise RunError(f"need a finished run of whole-data annealing, {run.path} is {described(run)}")
    return run
