"""Several runs on one page: what each is and what it found, side by side, then a section for each."""

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.diffusion import diagnose_diffusion
from annealing.thresholds import ACTIVE
from ifp.annealing_test.annealed import annealed_test
from ifp.pages.page import Section, Text
from ifp.run_directory.kinds import Kind
from ifp.run_directory.run import RunDirectory
from ifp.tables.runs import runs_at_hand
from ifp.tables.table import Table
from ifp.training.trained import trained_run


def sections_of_runs(runs: Sequence[tuple[RunDirectory, str, list[Section]]]) -> list[Section]:
    """A summary, then one section per run that holds those of its own page.

    Args:
        runs: each with the sentence that its page begins with, and the page's sections.
    """
    names = _names([run for run, _, _ in runs])
    by_name = dict(zip(names, (run for run, _, _ in runs), strict=True))
    parts = [runs_at_hand(list(by_name.values()), "the runs of this page, in the order given")]
    parts += [table for table in (_freezing(by_name), _training(by_name)) if table.rows]
    inner = zip(names, runs, strict=True)
    return [
        Section("Summary", tuple(parts)),
        *(Section(name, (Text(lead), *sections)) for name, (_, lead, sections) in inner),
    ]


def _names(runs: Sequence[RunDirectory]) -> list[str]:
    """Names of the directories; of two with one name their paths, and numbers where these are one, too."""
    names = [run.path.name for run in runs]
    longer = [name if names.count(name) == 1 else str(run.path) for name, run in zip(names, runs, strict=True)]
    return [
        name if longer.count(name) == 1 else f"{name} ({longer[: number + 1].count(name)})"
        for number, name in enumerate(longer)
    ]


def _freezing(runs: Mapping[str, RunDirectory]) -> Table:
    """A row per factor, a column per annealing test: the median freezing point."""
    medians = {
        name: {factor.factor: factor.ifp.median for factor in annealed_test(run).findings.factors}
        for name, run in runs.items()
        if run.kind == Kind.ANNEALING_TEST
    }
    return _side_by_side(
        "median freezing point of each factor's cases; pressures beta in nats, reconstruction summed over pixels",
        "factor",
        medians,
    )


def _training(runs: Mapping[str, RunDirectory]) -> Table:
    """A row per measure, a column per training run: how it was trained, and what its latents hold at the end."""
    measures = {name: _measured(run) for name, run in runs.items() if run.kind == Kind.TRAINING}
    return _side_by_side(
        "training runs at their end: beta, reconstruction and what all latents hold of a factor in nats, MIG, and the "
        "diffusion index (0: every factor in one latent, 1: spread evenly)",
        "measure",
        measures,
    )


def _measured(run: RunDirectory) -> dict[str, object]:
    trained = trained_run(run)
    trace = trained.trace
    found: dict[str, object] = {
        "objective": trained.config.objective,
        "steps": trained.config.steps,
        "beta": float(trace.pressure[-1]),
        "reconstruction": float(trace.reconstruction[-1]),
        "awake latents": f"{int(np.sum(trace.kl[-1] >= ACTIVE))} of {trace.kl.shape[1]}",
    }
    if not trace.names:
        return found
    diffusion = diagnose_diffusion(trained.information)
    held = {f"held of {factor.factor}": factor.nats for factor in diffusion.factors}
    return {**found, "MIG": trained.scores.get("mig"), "diffusion index": diffusion.index, **held}


def _side_by_side(title: str, row: str, columns: Mapping[str, Mapping[str, object]]) -> Table:
    """Values by name in a column per run; none where a run has no such value."""
    names = dict.fromkeys(name for values in columns.values() for name in values)
    rows = tuple({row: name, **{f"run {run}": values.get(name) for run, values in columns.items()}} for name in names)
    return Table(title, rows)
