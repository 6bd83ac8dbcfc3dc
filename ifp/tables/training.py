"""The table of a training run: what each latent holds at the end, and stages that ended too soon."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from annealing.thresholds import SILENT
from ifp.files.npz import load_arrays
from ifp.files.plain import load_json
from ifp.run_directory.run import RunDirectory
from ifp.tables.table import Table
from ifp.training.probe import TRACE

UNLABELLED = "the data have no labels: factor information is not available, only KL and reconstruction"


def latents(run: RunDirectory, dataset: str, names: Sequence[str]) -> Table:
    """One row per latent: the stage that opened it, its KL and its information about each factor, in nats.

    Args:
        run: finished.
        dataset: its name.
        names: of the factors; none where the data are unlabelled.
    """
    trace = load_arrays(run.path / "trace.npz", TRACE)
    groups = load_json(run.path / "checkpoint.json")["groups"]
    held = np.maximum(trace["mi"][-1] - trace["mi_null"][-1], 0.0)
    rows = tuple(
        {
            "latent": latent,
            "stage": stage + 1,
            "kl": float(trace["kl"][-1, latent]),
            **{name: round(float(nats), 3) for name, nats in zip(names, held[latent], strict=True)},
        }
        for stage, group in enumerate(groups)
        for latent in group
    )
    scores = load_json(run.path / "scores.json") if names else {}
    title = (
        f"{dataset}: nats per latent after {_course(run, trace)}; reconstruction {trace['reconstruction'][-1]:.1f} nats"
    )
    return Table(title + (f", MIG {scores['mig']:.3f}" if "mig" in scores else ""), rows)


def _course(run: RunDirectory, trace: Mapping[str, Any]) -> str:
    """The objective, and its pressure as it fell or rose: of each stage, or of the first step and the last."""
    ends = np.append(np.flatnonzero(np.diff(trace["stage"])), len(trace["stage"]) - 1)
    pressures = trace["pressure"][ends if len(ends) > 1 else [0, -1]]
    path = " -> ".join(dict.fromkeys(f"{pressure:.4g}" for pressure in pressures))
    return f"{run.setting('objective', str)}, beta {path}"


def kl_parts(parts: Mapping[str, Any]) -> Table:
    """One row per latent, of what scores.json holds of the KL taken apart."""
    columns = (parts["kl"], parts["latent_information"], parts["dimension_kl"])
    return Table(
        f"KL taken apart over all images, nats: I(x; z) {parts['information']:.4g}, total correlation "
        f"{parts['total_correlation']:.4g} (standard error {parts['error']:.2g})",
        tuple(
            {"latent": latent, "KL": kl, "I(x; z_j)": nats, "KL(q(z_j) || p)": rest}
            for latent, (kl, nats, rest) in enumerate(zip(*columns, strict=True))
        ),
    )


def silent_stages(run: RunDirectory) -> Iterator[str]:
    """A warning for each stage that ended with latents still silent."""
    trace = load_arrays(run.path / "trace.npz", TRACE)
    groups = load_json(run.path / "checkpoint.json")["groups"]
    for stage, group in enumerate(groups if len(groups) > 1 else ()):
        at_end = trace["kl"][trace["stage"] == stage][-1:]  # the record taken as the stage ended, if it had a step
        silent = [latent for latent in group if (at_end[:, latent] < SILENT).any()]
        if silent:
            yield (
                f"warning: stage {stage + 1} ended with latents {', '.join(map(str, silent))} still silent; what "
                "should have frozen there freezes later, in other groups or mixed: give it more --steps"
            )
