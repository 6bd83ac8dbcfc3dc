"""Objectives compared over seeds: a study that trains and scores what is missing, and rows of runs at hand."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from analysis.comparison import Row
from analysis.scores.all_scores import SCORES, require_scores
from analysis.stage_plan import StagePlan
from annealing.errors import DivergenceError, IFPError, RunError
from ifp.comparison_results import write_comparison
from ifp.datasets.dataset import DataOptions, Dataset, describe
from ifp.objectives import objective_named
from ifp.plan_file import require_fitting
from ifp.run_arrays import LABELLED, TRACE, load_arrays
from ifp.run_files import json_bytes, load_json
from ifp.runs import Run, create_run, new_run_path, open_run, reopen_run
from ifp.scoring import read_scores, score_run
from ifp.train_config import TrainConfig
from ifp.training import Progress, train_run
from ifp.training_diagnosis import diagnose_training
from ifp.training_run import PLAN_FILE, asked_dataset, open_training_run, read_training_run, resumed_plan, run_plan

KIND = "compare"
_MOST_SEEDS = 10_000
# settings that make a method of an objective
_METHOD = (
    *("objective", "steps", "batch_size", "learning_rate", "warmup", "network", "latents", "likelihood", "init_from"),
    *("precision", "processes"),
)
# DCI's boosted trees take minutes a run, its stand-in seconds
QUICK = (*(name for name in SCORES if not name.startswith("dci_")), "dci-forest_disentanglement")


@dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """Settings of a study, as config.json records them."""

    dataset: str  # its name, or the path of the user's own
    objectives: tuple[str, ...]
    data_options: DataOptions = field(default_factory=DataOptions)
    seeds: int = 5
    seed: int = 0  # the first of them
    scores: tuple[str, ...] = QUICK
    settings: Mapping[str, Any] = field(default_factory=dict)  # of every training run
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # of objectives, by their names

    def __post_init__(self) -> None:
        if not self.objectives or len(set(self.objectives)) != len(self.objectives):
            raise IFPError(f"need objectives to compare, each once, got {', '.join(self.objectives) or 'none'}")
        for name in self.objectives:
            objective_named(name)
        if others := set(self.parameters) - set(self.objectives):
            raise IFPError(f"need settings of the objectives compared, got some of {', '.join(sorted(others))}")
        if not 1 <= self.seeds <= _MOST_SEEDS:
            raise IFPError(f"need seeds of at least 1, at most {_MOST_SEEDS}, got {self.seeds}")
        require_scores(self.scores, 1)

    def pieces(self) -> list[tuple[str, int]]:
        """Objective and seed of every run, seed by seed: a study that is stopped has whole seeds."""
        return [(name, seed) for seed in range(self.seed, self.seed + self.seeds) for name in self.objectives]

    def given(self, objective: str, seed: int) -> dict[str, Any]:
        """Settings of one training run."""
        own = self.parameters.get(objective, {})
        return {
            "dataset": self.dataset,
            "data_options": self.data_options,
            **self.settings,
            "objective": objective,
            "seed": seed,
            **({"parameters": own} if own else {}),
        }


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
) -> tuple[Dataset, CompareConfig, StagePlan | None, Run]:
    """Data set, config, plan and directory of a new study, or of one that goes on: as for a training run.

    Raises:
        IFPError: a setting is out of range, the plan does not fit or is missing, or the directory or its settings do
            not fit.
    """
    if resume:
        asked = {**given, **({"settings": {**given["settings"]}} if "settings" in given else {})}
        if asked.get("settings", {}).get("precision") == "auto":
            del asked["settings"]["precision"]
        dataset, config, run = reopen_run(KIND, CompareConfig, asked, out, runs, data_dir)
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
    path = out if out is not None else new_run_path(runs, KIND, dataset.name)
    files = {PLAN_FILE: json_bytes(plan)} if plan is not None else {}
    return dataset, config, plan, create_run(path, KIND, config, describe(dataset), overwrite=overwrite, files=files)


def compare_study(
    dataset: Dataset, config: CompareConfig, plan: StagePlan | None, run: Run, data_dir: Path | None = None
) -> Iterator[Progress]:
    """Train and score every objective with every seed, each kept as rows/NAME.json at once; then the comparison.

    A run that diverges has a row that says so, and the study goes on.
    """
    pieces = config.pieces()
    for number, (objective, seed) in enumerate(pieces):
        name = f"{objective}-{seed}"
        if (run.path / "rows" / f"{name}.json").is_file():
            continue
        path = run.path / name
        if (path / "config.json").is_file():
            opened = read_training_run(path, data_dir)
        else:
            given = {**config.given(objective, seed), "data_options": asdict(dataset.options)}
            opened = open_training_run(given, plan, out=path, data_dir=data_dir, force=True)
        _, trained, used, each = opened
        done, total = number * trained.steps, len(pieces) * trained.steps
        try:
            for step in () if each.finished else train_run(dataset, trained, used, each):
                yield Progress(done + step.done, total, f"{name}, {step.doing}")
            yield Progress(done + trained.steps, total, f"{name}, scores")
            row = comparison_row(each, config.scores, data_dir)
        except DivergenceError as error:
            status = f"diverged at step {error.step}"
            row = {"method": objective, "seed": seed, "run": name, "steps": trained.steps, "status": status}
        run.write(f"rows/{name}.json", json_bytes(row))
    write_comparison(run, study_rows(run), dataset.name)


def study_rows(run: Run) -> list[Row]:
    """The rows of a study that are done, in the order of its objectives, then seeds."""
    objectives, first = run.setting("objectives", tuple[str, ...]), run.setting("seed", int)
    seeds = range(first, first + min(run.setting("seeds", int), _MOST_SEEDS))
    rows = []
    for name in (f"{objective_named(objective).name}-{seed}" for objective in objectives for seed in seeds):
        path = run.path / "rows" / f"{name}.json"
        if path.is_file():
            rows.append(_checked_row(load_json(path), name, path))
    return rows


def _checked_row(value: object, name: str, path: Path) -> Row:
    """The row of the study's run of that name; RunError where the file is none, or names another."""
    if not isinstance(value, dict) or value.get("run") != name or not {"method", "seed", "status"} <= set(value):
        raise RunError(f"need the row of {name} in {path}, got something else")
    if not all(isinstance(each, (str, int, float, type(None))) for each in value.values()):
        raise RunError(f"need numbers and texts as the row of {name} in {path}, got something else")
    return value


def comparison_row(run: Run, scores: Sequence[str], data_dir: Path | None = None, method: str | None = None) -> Row:
    """What a finished training run is compared by: reconstruction, KL, and on labelled data scores and diffusion.

    Scores that its scores.json lacks are measured and kept there, on samples of the same seed.

    Raises:
        IFPError: the run is not finished, or its data set is not at hand.
    """
    trace = load_arrays(run.path / "trace.npz", TRACE | LABELLED | {"reconstruction": "numbers: records"})
    row: dict[str, object] = {
        "method": method or run.setting("objective", str),
        "seed": run.setting("seed", int),
        "run": run.path.name,
        "steps": run.setting("steps", int),
        "status": "ok",
        "reconstruction": float(trace["reconstruction"][-1]),
        "kl": float(trace["kl"][-1].sum()),
    }
    if len(trace["entropy"]):
        there = read_scores(run)
        missing = [name for name in scores if name not in there]
        found = {**there, **(score_run(run, seed=there["seed"], only=missing, data_dir=data_dir) if missing else {})}
        row |= {name: found[name] for name in scores}
        row["diffusion"] = diagnose_training(run).index
    return row


def rows_of(runs: Sequence[Path], scores: Sequence[str], data_dir: Path | None = None) -> list[Row]:
    """Rows of runs at hand: of training runs, and of studies those they hold.

    Methods are named by objective, and by those of its settings that differ among the runs.

    Raises:
        IFPError: fewer than one run, one that is not finished or of another kind, or runs on different data.
    """
    require_scores(scores, 1)
    found: list[Run] = []
    for path in runs:
        run = open_run(path)
        if run.kind == KIND:
            found += [open_run(run.path / str(row["run"])) for row in study_rows(run) if row["status"] == "ok"]
        elif run.kind == "train" and run.finished:
            found.append(run)
        else:
            state = "finished" if run.finished else "unfinished"
            raise RunError(f"need finished runs of training to compare, {path} is a {state} run of kind {run.kind}")
    if len({run.about_data("fingerprint", str) for run in found}) != 1:
        raise RunError("need runs on the same data to compare, got " + ("none" if not found else "different data"))
    return [comparison_row(run, scores, data_dir, _method(run, found)) for run in found]


def _method(run: Run, runs: Sequence[Run]) -> str:
    """The objective, and what else tells the run from other runs of it: settings, or the plan."""
    own = _telling(run)
    alike = [each for each in map(_telling, runs) if each["objective"] == own["objective"]]
    differ = [f"{name}={value}" for name, value in own.items() if any(each.get(name) != value for each in alike)]
    return " ".join([str(own["objective"]), *differ])


def _telling(run: Run) -> dict[str, object]:
    """Settings that make a method, by name; not the seed, nor where and how often it is looked at."""
    settings, plan = run.config["settings"], run_plan(run)
    found = {name: value for name, value in settings.items() if name in _METHOD}
    if plan is not None:
        found["plan"] = hashlib.sha256(json_bytes(plan)).hexdigest()[:6]
    return {**found, **settings["parameters"]}
