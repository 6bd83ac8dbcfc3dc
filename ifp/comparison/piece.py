"""One piece of a study: a method trained with one seed and scored, here or on a worker, and its row."""

import functools
import itertools
import shutil
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from analysis.comparison import Row, require_same_definitions
from analysis.diffusion import FORMAT as DIFFUSION
from analysis.diffusion import diagnose_diffusion, diffusion_measures
from analysis.plain_json import json_bytes
from analysis.scores.scores import FORMAT as SCORES
from analysis.stage_plan import StagePlan
from annealing.errors import DivergenceError, RunError
from ifp.comparison.config import MOST_SEEDS, CompareConfig
from ifp.datasets.dataset import Dataset
from ifp.datasets.source import DataSource
from ifp.evaluation.diffusion import DIFFUSION_FILE
from ifp.evaluation.scoring import score_run
from ifp.files.atomic import new_folder, write_atomically, write_into_folder
from ifp.files.plain import load_json
from ifp.machine.progress import Progress
from ifp.run_directory.opening import Place
from ifp.run_directory.run import RunDirectory
from ifp.training.run import open_training_run, read_training_run, train_run
from ifp.training.trained import TrainedRun, trained_run

DEFINITIONS = f"{DIFFUSION}, {SCORES}"  # by which a row is measured


@dataclass(frozen=True)
class OpenStudy:
    """A study that is open: what is compared on which data by which plan, and its directory."""

    dataset: Dataset
    config: CompareConfig
    plan: StagePlan | None
    run: RunDirectory

    @functools.cached_property
    def rows(self) -> list[Row]:
        """The rows of all its runs, to be asked for once they are done."""
        return finished_rows(self.run.path, self.config)


def piece_name(objective: str, seed: int) -> str:
    """What a piece's run in the study is called."""
    return f"{objective}-{seed}"


def row_path(study: Path, objective: str, seed: int) -> Path:
    """Where a piece's row is kept."""
    return study / "rows" / f"{piece_name(objective, seed)}.json"


def has_row(study: Path, objective: str, seed: int, *, current: bool = False) -> bool:
    """Whether a piece has a row; with ``current``, one by today's definitions."""
    path = row_path(study, objective, seed)
    if not path.is_file() or not current:
        return path.is_file()
    return _checked_row(load_json(path), piece_name(objective, seed), path).get("definitions") == DEFINITIONS


def finished_rows(study: Path, config: CompareConfig) -> list[Row]:
    """The rows of a study that are done, in the order of its objectives, then seeds.

    Raises:
        IFPError: a row is damaged, or some are by other definitions than others.
    """
    seeds = range(config.seed, config.seed + min(config.seeds, MOST_SEEDS))
    rows = []
    for objective, seed in itertools.product(config.objectives, seeds):
        path = row_path(study, objective, seed)
        if path.is_file():
            rows.append(_checked_row(load_json(path), piece_name(objective, seed), path))
    require_same_definitions(rows)
    return rows


def _checked_row(value: object, name: str, path: Path) -> Row:
    """The row of the study's run of that name; RunError where the file is none, or names another."""
    if not isinstance(value, dict) or value.get("run") != name or not {"method", "seed", "status"} <= set(value):
        raise RunError(f"need the row of {name} in {path}, got something else")
    if not all(isinstance(each, (str, int, float, type(None))) for each in value.values()):
        raise RunError(f"need numbers and texts as the row of {name} in {path}, got something else")
    return value


def study_piece(study: OpenStudy, objective: str, seed: int, data_dir: Path | None = None) -> Iterator[Progress]:
    """Train and score one method with one seed, from where its run in the study stands, and write its row."""
    name = piece_name(objective, seed)
    kept = row_path(study.run.path, objective, seed)
    if kept.is_file():
        before = _checked_row(load_json(kept), name, kept)
        if before["status"] != "ok":  # it diverged: there is nothing to score
            write_into_folder(kept, json_bytes({**before, "definitions": DEFINITIONS}))
            return
    path = study.run.path / name
    place = Place(out=path, data_dir=data_dir)
    if (path / "config.json").is_file():
        opened = read_training_run(path, data_dir)
    else:
        opened = open_training_run(study.dataset, study.plan, study.config.given(objective, seed), place, force=True)
    steps = opened.config.steps
    try:
        for step in () if opened.run.finished else train_run(opened):
            yield Progress(step.done, step.total, f"{name}, {step.doing}")
        yield Progress(steps, steps, f"{name}, scores")
        row = comparison_row(trained_run(opened.run), study.config.scores, data_dir, save=True)
    except DivergenceError as error:
        status = f"diverged at step {error.step}"
        row = {"method": objective, "seed": seed, "run": name, "steps": steps, "status": status}
        row["definitions"] = DEFINITIONS
    write_into_folder(row_path(study.run.path, objective, seed), json_bytes(row))


def train_in_place(
    source: DataSource, config: CompareConfig, plan: StagePlan | None, folder: Path, objective: str, seed: int
) -> Iterator[Progress]:
    """:func:`study_piece` in the study's own folder: what a process of the same machine does.

    Raises:
        DataError: the data set is not at hand here, or is another one.
    """
    study = OpenStudy(source.open(), config, plan, RunDirectory(folder, {}))
    yield from study_piece(study, objective, seed, source.data_dir)


def train_elsewhere(
    source: DataSource, config: CompareConfig, plan: StagePlan | None, objective: str, seed: int
) -> Generator[Progress, None, Mapping[str, bytes]]:
    """The whole of a piece in a folder of this process's own: what a worker of a cluster does; returns its files.

    Raises:
        DataError: the data set is not at hand here, or is another one.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        yield from train_in_place(source, config, plan, folder, objective, seed)
        files = (file for file in sorted(folder.rglob("*")) if file.is_file())
        return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def keep_piece(study: RunDirectory, name: str, files: Mapping[str, bytes]) -> None:
    """Put a worker's files in place: the run all at once, then, since it says that the piece is done, the row."""
    try:
        with new_folder(study.path / name) as folder:
            for file, content in files.items():
                if file.startswith(f"{name}/"):
                    path = folder.parent / file
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_atomically(path, content)
            shutil.rmtree(study.path / name, ignore_errors=True)  # begun here before
    except OSError as error:
        raise RunError(f"need to write {study.path / name}, got: {error}") from error
    study.write(f"rows/{name}.json", files[f"rows/{name}.json"])


def comparison_row(
    trained: TrainedRun,
    scores: Sequence[str],
    data_dir: Path | None = None,
    method: str | None = None,
    *,
    save: bool = False,
) -> Row:
    """What a finished training run is compared by: reconstruction, KL, and on labelled data scores and diffusion.

    Scores that its scores.json lacks are measured, on samples of the same seed.

    Args:
        save: keep them, and the diffusion, in the run.

    Raises:
        IFPError: a file of the run is damaged, or its data set is not at hand.
    """
    run, config, trace = trained.run, trained.config, trained.trace
    row: dict[str, object] = {
        "method": method or config.objective,
        "seed": config.seed,
        "run": run.path.name,
        "steps": config.steps,
        "status": "ok",
        "definitions": DEFINITIONS,
        "reconstruction": float(trace.reconstruction[-1]),
        "kl": float(trace.kl[-1].sum()),
    }
    if trace.names:
        there = trained.scores
        same = there.get("format", SCORES) == SCORES
        missing = [name for name in scores if name not in there or not same]
        measured = (
            score_run(run, seed=there["seed"], only=missing, data_dir=data_dir, save=save, keep=False, ceilings=False)
            if missing
            else {}
        )
        row |= {name: {**there, **measured}[name] for name in scores}
        information = trained.information
        if save:
            run.add(DIFFUSION_FILE, json_bytes(diagnose_diffusion(information, trained.staged_plan)))
        row |= diffusion_measures(diagnose_diffusion(information.evenly()))
    return row
