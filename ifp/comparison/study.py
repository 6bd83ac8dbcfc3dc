"""Objectives compared over seeds: a study that trains and scores what is missing, and rows of runs at hand."""

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.comparison import Row
from analysis.figures.comparison import draw_comparison
from analysis.plain_json import json_bytes
from analysis.records import require_settings
from analysis.scores.all_scores import require_scores
from analysis.stage_plan import StagePlan
from annealing.choices import Precision
from annealing.errors import IFPError, RunError
from ifp.comparison.config import THREADS, CompareConfig
from ifp.comparison.piece import (
    OpenStudy,
    comparison_row,
    finished_rows,
    has_row,
    keep_piece,
    piece_name,
    train_elsewhere,
    train_in_place,
)  # fmt: skip
from ifp.datasets.arrays import Data
from ifp.datasets.dataset import Dataset
from ifp.datasets.source import DataSource
from ifp.files.plain import csv_bytes
from ifp.machine.pool import HERE, Outcome, Pool, Tally, Task, Underway, require_all
from ifp.machine.progress import Progress
from ifp.run_directory.kinds import Kind
from ifp.run_directory.opening import Place, asked_dataset, new_run, resumed_run
from ifp.run_directory.run import RunDirectory, open_run
from ifp.training.config import TrainConfig
from ifp.training.plan import PLAN_FILE, require_fitting, resumed_plan
from ifp.training.run import planned_data
from ifp.training.trained import TrainedRun, trained_run

# settings that make a method of an objective
_METHOD = (
    *("objective", "steps", "batch_size", "learning_rate", "warmup", "network", "latents", "likelihood", "init_from"),
    *("precision", "processes"),
)


def open_study(
    data: Data | None,
    plan: StagePlan | None,
    given: Mapping[str, Any],
    place: Place,
    *,
    force: bool = False,
) -> OpenStudy:
    """A new study, or one that goes on: as for a training run.

    Raises:
        IFPError: a setting is out of range, the plan does not fit or is missing, or the directory or its settings do
            not fit.
    """
    if place.resume:
        opened = resumed_run(Kind.COMPARISON, CompareConfig, data, given, place, resolved=_as_recorded)
        own = resumed_plan(opened.run, plan)
        return OpenStudy(opened.dataset, opened.config, own, opened.run)
    if "objectives" not in given:
        raise IFPError("need objectives to compare: --objectives a,b, or runs at hand")
    wanted = "runs to compare, or a data set to train on: --dataset NAME --objectives a,b"
    dataset = asked_dataset(planned_data(data, given, plan), given, place.data_dir, wanted)
    require_settings(CompareConfig, given)
    config = CompareConfig(**{**given, "dataset": dataset.reference, "data_options": dataset.options})
    precisions = [_trainable(objective, config, dataset, plan, force=force) for objective in config.objectives]
    # the same for all, wherever it goes on
    config = replace(config, settings={"threads": THREADS, **config.settings, "precision": precisions[-1]})
    files = {PLAN_FILE: json_bytes(plan)} if plan is not None else {}
    run = new_run(Kind.COMPARISON, dataset, config, place, files).run
    return OpenStudy(dataset, config, plan, run)


def _trainable(
    objective: str, config: CompareConfig, dataset: Dataset, plan: StagePlan | None, *, force: bool
) -> Precision:
    """The precision that an objective is trained in; IFPError where it cannot be: told before anything is trained."""
    settings = TrainConfig(
        **{**config.given(objective, config.seed), "dataset": dataset.reference, "data_options": dataset.options}
    )
    if plan is not None and not force:
        require_fitting(plan, dataset, settings.likelihood)
    return settings.resolved(dataset, plan).precision


def _as_recorded(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings to compare with a study's: what only says that its default is wanted was resolved there."""
    if given.get("settings", {}).get("precision") != "auto":
        return dict(given)
    settings = {name: value for name, value in given["settings"].items() if name != "precision"}
    return {**given, "settings": settings}


def compare_study(study: OpenStudy, data_dir: Path | None = None, pool: Pool = HERE) -> Iterator[Progress]:
    """Train and score every objective with every seed, each kept as rows/NAME.json at once; then the comparison.

    A run that diverges has a row that says so, and the study goes on. Runs that are there already, with rows by the
    definitions of an earlier version, are scored anew.

    Args:
        study: what is compared.
        data_dir: folder of the data set's public files.
        pool: where the runs are trained.

    Raises:
        RunError: another process writes to the study, or runs were set aside by the cluster: the others are kept.
    """
    run = study.run
    with run.writing():
        pieces = study.config.pieces()
        todo = [piece for piece in pieces if not has_row(run.path, *piece, current=True)]
        trained = [piece for piece in todo if has_row(run.path, *piece)]
        tally, aside = Tally(len(pieces), len(pieces) - len(todo)), []
        source = DataSource.of(study.dataset, data_dir)
        for place, chosen in (
            (pool if pool.sees_files else HERE, trained),
            (pool, [piece for piece in todo if piece not in trained]),
        ):
            for event in place.outcomes(_tasks(study, source, chosen, place)):
                if isinstance(event, Outcome) and event.error is not None:
                    aside.append(event)
                elif isinstance(event, Outcome) and not place.sees_files:
                    keep_piece(run, event.name, event.value)
                yield tally.after(event, event.doing if isinstance(event, Underway) else event.name)
        require_all(aside, run.path)
        write_comparison(run, study.rows, study.dataset.name)


def _tasks(study: OpenStudy, source: DataSource, pieces: Sequence[tuple[str, int]], place: Pool) -> Iterator[Task]:
    for piece in pieces:
        given = (source, study.config, study.plan)
        if place.sees_files:
            yield Task(piece_name(*piece), train_in_place, (*given, study.run.path, *piece))
        else:
            yield Task(piece_name(*piece), train_elsewhere, (*given, *piece))


def study_rows(run: RunDirectory) -> list[Row]:
    """The rows of a study that are done, in the order of its objectives, then seeds."""
    return finished_rows(run.path, run.settings(CompareConfig))


def rows_of(runs: Sequence[Path], scores: Sequence[str], data_dir: Path | None = None) -> list[Row]:
    """Rows of runs at hand: of training runs, and of studies those they hold.

    Methods are named by objective, and by those of its settings that differ among the runs.

    Raises:
        IFPError: as :func:`runs_at_hand` has it, or an unknown score.
    """
    require_scores(scores, 1)
    found = runs_at_hand(runs)
    return [
        comparison_row(trained, scores, data_dir, method)
        for trained, method in zip(found, method_names(found), strict=True)
    ]


def runs_at_hand(runs: Sequence[RunDirectory | Path]) -> list[TrainedRun]:
    """Finished training runs on one data set; of a study those that it holds and that ended well.

    Raises:
        IFPError: fewer than one run, one that is not finished or of another kind, or runs on different data.
    """
    found: list[TrainedRun] = []
    for each in runs:
        run = each if isinstance(each, RunDirectory) else open_run(each)
        if run.kind == Kind.COMPARISON:
            done = [str(row["run"]) for row in study_rows(run) if row["status"] == "ok"]
            found += [trained_run(run.path / name) for name in done]
        else:
            found.append(trained_run(run, "finished runs of training to compare"))
    if len({trained.run.data.fingerprint for trained in found}) != 1:
        raise RunError("need runs on the same data to compare, got " + ("none" if not found else "different data"))
    return found


def method_names(runs: Sequence[TrainedRun]) -> list[str]:
    """What each run's method is called: its objective, and those of its settings that differ among the runs of it."""
    tellings = [_telling(trained) for trained in runs]
    return [_method(own, tellings) for own in tellings]


def _method(own: Mapping[str, object], tellings: Sequence[Mapping[str, object]]) -> str:
    """The objective, and what else tells a run from other runs of it: settings, or the plan."""
    alike = [other for other in tellings if other["objective"] == own["objective"]]
    differ = [f"{name}={value}" for name, value in own.items() if any(other.get(name) != value for other in alike)]
    return " ".join([str(own["objective"]), *differ])


def _telling(trained: TrainedRun) -> dict[str, object]:
    """Settings that make a method, by name; not the seed, nor where and how often it is looked at."""
    found = {name: getattr(trained.config, name) for name in _METHOD}
    if trained.plan is not None:
        found["plan"] = hashlib.sha256(json_bytes(trained.plan)).hexdigest()[:6]
    return {**found, **trained.config.parameters}


def write_comparison(run: RunDirectory, rows: Sequence[Row], dataset: str) -> None:
    """comparison.png and, last, comparison.csv: one row per run."""
    buffer = io.BytesIO()
    draw_comparison(rows, dataset).savefig(buffer, format="png", dpi=150)
    run.write("comparison.png", buffer.getvalue())
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    run.finish(csv_bytes(columns, rows))
