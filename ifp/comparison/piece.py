"""One piece of a study: a method trained with one seed and scored, here or on a worker, and its row."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from analysis.comparison import Row
from analysis.plain_json import json_bytes
from analysis.stage_plan import StagePlan
from annealing.errors import DivergenceError, RunError
from ifp.comparison.config import CompareConfig
from ifp.datasets.dataset import Dataset
from ifp.datasets.source import DataSource
from ifp.evaluation.diffusion import diagnose_training
from ifp.evaluation.scoring import read_scores, score_run
from ifp.files.atomic import new_folder, write_atomically, write_into_folder
from ifp.files.npz import load_arrays
from ifp.machine.progress import Progress
from ifp.run_directory.run import RunDirectory
from ifp.training.loop import train_run
from ifp.training.probe import LABELLED, TRACE
from ifp.training.run import open_training_run, read_training_run


def piece_name(objective: str, seed: int) -> str:
    """What a piece's run in the study is called."""
    return f"{objective}-{seed}"


def row_path(study: Path, objective: str, seed: int) -> Path:
    """Where a piece's row is kept."""
    return study / "rows" / f"{piece_name(objective, seed)}.json"


def study_piece(
    study: Path,
    dataset: Dataset,
    config: CompareConfig,
    plan: StagePlan | None,
    objective: str,
    seed: int,
    data_dir: Path | None = None,
) -> Iterator[Progress]:
    """Train and score one method with one seed, from where its run in the folder stands, and write its row."""
    name = piece_name(objective, seed)
    path = study / name
    if (path / "config.json").is_file():
        opened = read_training_run(path, data_dir)
    else:
        given = {**config.given(objective, seed), "data_options": asdict(dataset.options)}
        opened = open_training_run(given, plan, out=path, data_dir=data_dir, force=True)
    _, trained, used, run = opened
    try:
        for step in () if run.finished else train_run(dataset, trained, used, run):
            yield Progress(step.done, step.total, f"{name}, {step.doing}")
        yield Progress(trained.steps, trained.steps, f"{name}, scores")
        row = comparison_row(run, config.scores, data_dir)
    except DivergenceError as error:
        status = f"diverged at step {error.step}"
        row = {"method": objective, "seed": seed, "run": name, "steps": trained.steps, "status": status}
    write_into_folder(row_path(study, objective, seed), json_bytes(row))


def train_piece(
    source: DataSource, config: CompareConfig, plan: StagePlan | None, objective: str, seed: int
) -> dict[str, bytes]:
    """The whole of a piece in a folder of this process's own: what a worker does. Its files, the row's among them.

    Raises:
        DataError: the data set is not at hand here, or is another one.
    """
    with TemporaryDirectory() as folder:
        for _ in study_piece(Path(folder), source.open(), config, plan, objective, seed, source.data_dir):
            pass
        files = (each for each in sorted(Path(folder).rglob("*")) if each.is_file())
        return {each.relative_to(folder).as_posix(): each.read_bytes() for each in files}


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
    run: RunDirectory, scores: Sequence[str], data_dir: Path | None = None, method: str | None = None
) -> Row:
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
