"""The table of a training run: what each latent holds at the end, and stages that ended too soon."""

from collections.abc import Iterator, Mapping
from typing import Any

from annealing.thresholds import SILENT
from ifp.tables.table import Table
from ifp.training.trained import TrainedRun

UNLABELLED = "the data have no labels: factor information is not available, only KL and reconstruction"


def latents(trained: TrainedRun) -> Table:
    """One row per latent: the stage that opened it, its KL and its information about each factor, in nats."""
    trace = trained.trace
    held = trace.above[-1]
    rows = tuple(
        {
            "latent": latent,
            "stage": stage + 1,
            "kl": float(trace.kl[-1, latent]),
            **{name: round(float(nats), 3) for name, nats in zip(trace.names, held[latent], strict=True)},
        }
        for stage, group in enumerate(trained.checkpoint.groups)
        for latent in group
    )
    scores = trained.scores if trace.names else {}
    title = (
        f"{trained.run.data.name}: nats per latent after {_course(trained)}; "
        f"reconstruction {trace.reconstruction[-1]:.1f} nats"
    )
    return Table(title + (f", MIG {scores['mig']:.3f}" if "mig" in scores else ""), rows)


def _course(trained: TrainedRun) -> str:
    """The objective, and its pressure as it fell or rose: of each stage, or of the first step and the last."""
    trace, ends = trained.trace, trained.trace.stage_ends
    pressures = trace.pressure[ends if len(ends) > 1 else [0, -1]]
    path = " -> ".join(dict.fromkeys(f"{pressure:.4g}" for pressure in pressures))
    return f"{trained.config.objective}, beta {path}"


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


def silent_stages(trained: TrainedRun) -> Iterator[str]:
    """A warning for each stage that ended with latents still silent."""
    trace, groups = trained.trace, trained.checkpoint.groups
    for stage, group in enumerate(groups if len(groups) > 1 else ()):
        at_end = trace.kl[trace.stage == stage][-1:]  # the record taken as the stage ended, if it had a step
        silent = [latent for latent in group if (at_end[:, latent] < SILENT).any()]
        if silent:
            several = f"latents {', '.join(map(str, silent))} were"
            named = several if len(silent) > 1 else f"latent {silent[0]} was"
            yield (
                f"warning: {named} still silent when stage {stage + 1} ended; what should have frozen there freezes "
                "later, in another group's latents or mixed: train with more --steps"
            )
