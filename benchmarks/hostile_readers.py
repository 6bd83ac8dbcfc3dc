"""How each reader is given hostile input by :mod:`benchmarks.fuzz`: what is mutated, and what reads it."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import typer

import ifp
from analysis.findings import Findings
from analysis.plain_json import json_bytes
from analysis.records import read_record
from analysis.stage_plan import StagePlan
from analysis.stages import plan_stages
from annealing.errors import IFPError, RunError
from benchmarks import hostile_seeds as seeds
from benchmarks.mutations import mutated_arrays, mutated_bytes, mutated_json, mutated_table
from ifp.annealing_test.config import AnnealConfig
from ifp.annealing_test.freezing_csv import read_curves, read_tables
from ifp.cli import UsageError, app
from ifp.datasets.public.cars3d import read_car
from ifp.evaluation.codes import codes_of_file
from ifp.files.plain import load_json
from ifp.run_directory.opening import run_dataset
from ifp.run_directory.run import open_run
from ifp.training.plan import read_plan


@dataclass(frozen=True)
class Reader:
    """How an input is drawn, and read: quietly, or with an IFPError."""

    draw: Callable[[Random], bytes]
    read: Callable[[bytes], None]


def plan_reader(folder: Path) -> Reader:
    """Stage plans; one that is taken must come back from its JSON."""
    known, path = seeds.plans(), folder / "plan.json"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        plan = read_plan(str(path))
        if StagePlan.from_json(json_bytes(plan).decode()) != plan:
            raise AssertionError("the plan is another one when it is written and read")

    return Reader(lambda stream: mutated_json(stream.choice(known), stream), read)


def findings_reader(folder: Path) -> Reader:
    """findings.json, and the plan that is made of it."""
    known, path = [json_bytes(each) for each in seeds.findings()], folder / "findings.json"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        plan_stages(read_record(Findings, load_json(path), str(path), RunError))

    return Reader(lambda stream: mutated_json(stream.choice(known), stream), read)


def freezing_reader(folder: Path) -> Reader:
    """freezing.csv and spectral.csv of a run, and the findings that are made of them."""
    run, known = seeds.annealing_run(folder / "run"), [seeds.freezing_csv(), seeds.freezing_csv(), seeds.spectral_csv()]

    def read(data: bytes) -> None:
        name, whole = ("spectral.csv", known[2]) if b"index" in data[:60] else ("freezing.csv", known[0])
        (run.path / name).write_bytes(data)
        try:
            ifp.diagnose(run.path, save=True)
        finally:
            (run.path / name).write_bytes(whole)

    return Reader(lambda stream: mutated_table(stream.choice(known), stream), read)


def curves_reader(folder: Path) -> Reader:
    """curves.npz of a run and, of every eighth length of file, the findings that are made of it: they take longer."""
    arrays, run = seeds.curves(), seeds.annealing_run(folder / "run")
    freezing = read_tables(run).freezing

    def read(data: bytes) -> None:
        (run.path / "curves.npz").write_bytes(data)
        read_curves(run, freezing)
        if len(data) % 8 == 0:
            ifp.diagnose(run, save=True)

    return Reader(lambda stream: mutated_arrays(arrays, stream), read)


def config_reader(folder: Path) -> Reader:
    """config.json of a run: its settings are read, and its data set is looked for."""
    run = seeds.annealing_run(folder / "run")
    known = (run.path / "config.json").read_bytes()

    def read(data: bytes) -> None:
        (run.path / "config.json").write_bytes(data)
        found = open_run(run.path)
        found.settings(AnnealConfig)
        try:
            run_dataset(found)
        except IFPError as error:
            if "'bars'" not in str(error):  # the data set of the valid run is none
                raise
        about = found.data
        if not found.finished:
            raise RunError(f"need a finished run on {about.name}")

    return Reader(lambda stream: mutated_json(known, stream), read)


def npz_reader(folder: Path) -> Reader:
    """The user's own npz, read into a cache that is emptied each time."""
    known, path, cache = seeds.datasets(), folder / "mine.npz", folder / "cache"
    os.environ["IFP_CACHE_DIR"] = str(cache)

    def read(data: bytes) -> None:
        path.write_bytes(data)
        try:
            found = ifp.load_dataset(str(path), bins=3 if len(data) % 2 else None)
            found.images(range(len(found)))
        finally:
            for each in cache.glob("*/*"):
                each.unlink()
            for each in cache.glob("*"):
                each.rmdir()

    return Reader(lambda stream: mutated_arrays(stream.choice(known), stream), read)


def codes_reader(folder: Path) -> Reader:
    """An npz of codes, as ``ifp score`` takes it."""
    known, path = seeds.codes(), folder / "codes.npz"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        codes_of_file(path)

    return Reader(lambda stream: mutated_arrays(stream.choice(known), stream), read)


def mat_reader(folder: Path) -> Reader:
    """A MATLAB file of Cars3D."""
    known, path = [seeds.car(packed=packed) for packed in (False, True)], folder / "car.mat"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        read_car(path)

    return Reader(lambda stream: mutated_bytes(stream.choice(known), stream), read)


def checkpoint_reader(folder: Path) -> Reader:
    """checkpoint.json or checkpoint.safetensors of a training run, and the model that is built of them."""
    run = seeds.trained_run(folder / "run")
    whole = {name: (run.path / name).read_bytes() for name in ("checkpoint.json", "checkpoint.safetensors")}
    header = 8 + int.from_bytes(whole["checkpoint.safetensors"][:8], "little")

    def draw(stream: Random) -> bytes:
        if stream.random() < 0.5:
            return mutated_json(whole["checkpoint.json"], stream)
        tensors = whole["checkpoint.safetensors"]
        return mutated_bytes(tensors[:header], stream) + tensors[header:]

    def read(data: bytes) -> None:
        name = "checkpoint.json" if len(data) < header else "checkpoint.safetensors"
        (run.path / name).write_bytes(data)
        try:
            ifp.load_model(run.path)
        finally:
            (run.path / name).write_bytes(whole[name])

    return Reader(draw, read)


def picture_reader(folder: Path) -> Reader:
    """A folder of one picture over white, read into a cache that is emptied each time."""
    known, pictures, cache = seeds.pictures(), folder / "pictures", folder / "cache"
    os.environ["IFP_CACHE_DIR"] = str(cache)
    pictures.mkdir()

    def read(data: bytes) -> None:
        (pictures / "0.png").write_bytes(data)
        try:
            found = ifp.load_dataset(str(pictures), background_color="white")
            found.images(range(len(found)))
        finally:
            if cache.is_dir():
                shutil.rmtree(cache)

    return Reader(lambda stream: mutated_bytes(stream.choice(known), stream), read)


def settings_reader(folder: Path) -> Reader:
    """A file of settings for ``ifp train``, as the command line takes it."""
    known, path = seeds.settings(), folder / "settings.toml"
    train = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]

    def read(data: bytes) -> None:
        path.write_bytes(data)
        try:
            train.make_context("train", ["--config", str(path)])
        except UsageError as error:  # a number out of an option's range, told in one line
            raise IFPError(str(error)) from error

    return Reader(lambda stream: mutated_bytes(known, stream), read)


def log_reader(folder: Path) -> Reader:
    """Somebody's log of step, beta and KL, the freezing points in it and their figure, of every eighth length."""
    known, path = seeds.log(), folder / "log.csv"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        found = ifp.freezing_points(path)
        if len(data) % 8 == 0:
            found.plot()

    return Reader(lambda stream: mutated_table(known, stream), read)


def events_reader(folder: Path) -> Reader:
    """The same log as TensorBoard's events: records changed under right checksums, or the file itself."""
    known, path = seeds.events(), folder / "log.tfevents.1"
    whole = seeds.framed(known)

    def draw(stream: Random) -> bytes:
        if stream.random() < 0.2:
            return mutated_bytes(whole, stream)
        records = list(known)
        for _ in range(stream.choice((1, 2, 8))):
            at = stream.randrange(len(records))
            records[at] = mutated_bytes(records[at], stream)
        return seeds.framed(records)

    def read(data: bytes) -> None:
        path.write_bytes(data)
        ifp.freezing_points(path)

    return Reader(draw, read)


READERS: dict[str, Callable[[Path], Reader]] = {
    "plan": plan_reader, "findings": findings_reader, "freezing": freezing_reader, "curves": curves_reader,
    "config": config_reader, "npz": npz_reader, "codes": codes_reader, "mat": mat_reader,
    "checkpoint": checkpoint_reader, "picture": picture_reader, "settings": settings_reader, "log": log_reader,
    "events": events_reader,
}  # fmt: skip
