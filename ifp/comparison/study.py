"""Objectives compared over seeds: a study that trains and scores what is missing, and rows of runs at hand."""

import hashlib
import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.comparison import Row
from analysis.figures.comparison import draw_comparison
from analysis.plain_json import json_bytes
from analysis.scores.all_scores import require_scores
from analysis.stage_plan import StagePlan
from annealing.errors import RunError
from ifp.comparison.config import MOST_SEEDS, CompareConfig
from ifp.comparison.piece import comparison_row, keep_piece, piece_name, row_path, study_piece, train_piece
from ifp.datasets.dataset import Dataset, describe
from ifp.datasets.source import DataSource
from ifp.files.plain import csv_bytes, load_json
from ifp.machine.cluster import Cluster, Task, require_all
from ifp.machine.progress import Progress
from ifp.objectives import objective_named
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import described, new_run_path
from ifp.run_directory.resume import reopen_run
from ifp.run_directory.run import RunDirectory, create_run, open_run
from ifp.training.config import TrainConfig
from ifp.training.plan import require_fitting
from ifp.training.run import PLAN_FILE, asked_dataset, resumed_plan, run_plan

# settings that make a method of an objective
_METHOD = (
    *("objective", "steps", "batch_size", "learning_rate", "warmup", "network", "latents", "likelihood", "init_from"),
    *("precision", "processes"),
)


def open_study(
    given: Mapping[str, Any],
    plan: StagePlan | None,
    *,
    out: Path | None = None,
    runs: Path = Path("runs"),
    data_dir: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    force: bool = False,
) -> tuple[Dataset, CompareConfig, StagePlan | None, RunDirectory]:
    """Data set, config, plan and directory of a new study, or of one that goes on: as for a training run.

    Raises:
        IFPError: a setting is out of range, the plan does not fit or is missing, or the directory or its settings do
            not fit.
    """
    if resume:
        asked = {**given, **({"settings": {**given["settings"]}} if "settings" in given else {})}
        if asked.get("settings", {}).get("precision") == "auto":
            del asked["settings"]["precision"]
        dataset, config, run = reopen_run(Kind.COMPARISON, CompareConfig, asked, out, runs, data_dir)
        return dataset, config, resumed_plan(run, plan), run
    wanted = "runs to compare, or a data set to train on: --dataset NAME --objectives a,b"
    dataset = asked_dataset(given, plan, data_dir, wanted)
    config = CompareConfig(**{**given, "dataset": dataset.reference, "data_options": dataset.options})
    for objective in config.objectives:  # what cannot be trained is told before anything is
        settings = TrainConfig(**{**config.given(objective, config.seed), "data_options": dataset.options})
        if plan is not None and not force:
            require_fitting(plan, dataset, settings.likelihood)
        settings.resolved(dataset, plan)
    resolved = {"precision": settings.resolved(dataset, plan).precision}  # the same for all, wherever it goes on
    config = replace(config, settings={**config.settings, **resolved})
    path = out if out is not None else new_run_path(runs, Kind.COMPARISON, dataset.name)
    files = {PLAN_FILE: json_bytes(plan)} if plan is not None else {}
    return (
        dataset,
        config,
        plan,
        create_run(path, Kind.COMPARISON, config, describe(dataset), overwrite=overwrite, files=files),
    )


def compare_study(
    dataset: Dataset,
    config: CompareConfig,
    plan: StagePlan | None,
    run: RunDirectory,
    data_dir: Path | None = None,
    cluster: Cluster | None = None,
) -> Iterator[Progress]:
    """Train and score every objective with every seed, each kept as rows/NAME.json at once; then the comparison.

    A run that diverges has a row that says so, and the study goes on.

    Args:
        cluster: where the runs are trained; None: here, one after the other.

    Raises:
        RunError: another process writes to the study, or runs were set aside by the cluster: the others are kept.
    """
    with run.writing():
        todo = [each for each in config.pieces() if not row_path(run.path, *each).is_file()]
        total = len(config.pieces())
        if cluster is None:
            for number, (objective, seed) in enumerate(todo, total - len(todo)):
                for step in study_piece(run.path, dataset, config, plan, objective, seed, data_dir):
                    share = step.done / step.total
                    yield Progress(round((number + share) * step.total), total * step.total, step.doing)
        else:
            yield from _train_there(cluster, DataSource.of(dataset, data_dir), config, plan, run, todo, total)
        write_comparison(run, study_rows(run), dataset.name)


def _train_there(
    cluster: Cluster,
    source: DataSource,
    config: CompareConfig,
    plan: StagePlan | None,
    run: RunDirectory,
    todo: Sequence[tuple[str, int]],
    total: int,
) -> Iterator[Progress]:
    tasks = (Task(piece_name(*each), train_piece, (source, config, plan, *each)) for each in todo)
    aside = []
    for done, outcome in enumerate(cluster.outcomes(tasks), total - len(todo) + 1):
        if outcome.error is None:
            keep_piece(run, outcome.name, outcome.value)
        else:
            aside.append(outcome)
        yield Progress(done, total, outcome.name)
    require_all(aside, run.path)


def study_rows(run: RunDirectory) -> list[Row]:
    """The rows of a study that are done, in the order of its objectives, then seeds."""
    objectives, first = run.setting("objectives", tuple[str, ...]), run.setting("seed", int)
    seeds = range(first, first + min(run.setting("seeds", int), MOST_SEEDS))
    rows = []
    for objective, seed in itertools.product(map(objective_named, objectives), seeds):
        path = row_path(run.path, objective.name, seed)
        if path.is_file():
            rows.append(_checked_row(load_json(path), piece_name(objective.name, seed), path))
    return rows


def _checked_row(value: object, name: str, path: Path) -> Row:
    """The row of the study's run of that name; RunError where the file is none, or names another."""
    if not isinstance(value, dict) or value.get("run") != name or not {"method", "seed", "status"} <= set(value):
        raise RunError(f"need the row of {name} in {path}, got something else")
    if not all(isinstance(each, (str, int, float, type(None))) for each in value.values()):
        raise RunError(f"need numbers and texts as the row of {name} in {path}, got something else")
    return value


def rows_of(runs: Sequence[Path], scores: Sequence[str], data_dir: Path | None = None) -> list[Row]:
    """Rows of runs at hand: of training runs, and of studies those they hold.

    Methods are named by objective, and by those of its settings that differ among the runs.

    Raises:
        IFPError: fewer than one run, one that is not finished or of another kind, or runs on different data.
    """
    require_scores(scores, 1)
    found: list[RunDirectory] = []
    for path in runs:
        run = open_run(path)
        if run.kind == Kind.COMPARISON:
            found += [open_run(run.path / str(row["run"])) for row in study_rows(run) if row["status"] == "ok"]
        elif run.kind == Kind.TRAINING and run.finished:
            found.append(run)
        else:
            raise RunError(f"need finished runs of training to compare, {path} is {described(run)}")
    if len({run.about_data("fingerprint", str) for run in found}) != 1:
        raise RunError("need runs on the same data to compare, got " + ("none" if not found else "different data"))
    return [comparison_row(run, scores, data_dir, _method(run, found)) for run in found]


def _method(run: RunDirectory, runs: Sequence[RunDirectory]) -> str:
    """The objective, and what else tells the run from other runs of it: settings, or the plan."""
    own = _telling(run)
    alike = [each for each in map(_telling, runs) if each["objective"] == own["objective"]]
    differ = [f"{name}={value}" for name, value in own.items() if any(each.get(name) != value for each in alike)]
    return " ".join([str(own["objective"]), *differ])


def _telling(run: RunDirectory) -> dict[str, object]:
    """Settings that make a method, by name; not the seed, nor where and how often it is looked at."""
    settings, plan = run.config["settings"], run_plan(run)
    found = {name: value for name, value in settings.items() if name in _METHOD}
    if plan is not None:
        found["plan"] = hashlib.sha256(json_bytes(plan)).hexdigest()[:6]
    return {**found, **settings["parameters"]}


def write_comparison(run: RunDirectory, rows: Sequence[Row], dataset: str) -> None:
    """comparison.png and, last, comparison.csv: one row per run."""
    buffer = io.BytesIO()
    draw_comparison(rows, dataset).savefig(buffer, format="png", dpi=150)
    run.write("comparison.png", buffer.getvalue())
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    run.finish(csv_bytes(columns, rows))
