"""Runs killed at work, without warning, go on to the bytes of a run that was left alone."""

import json
import shutil
import signal
import time

import pytest

from analysis.plain_json import json_bytes
from ifp.datasets import load_dataset

ANNEAL = """
import ifp
ifp.anneal(DATA, contexts=2, planning_contexts=3, max_steps=900, threads=1, out="run")  # commands plan over 1000
"""
TRAIN = (  # of batches so large that a step takes a while, in which it is killed
    *("-m", "ifp", "train", "--plan", "../plan.json", "--steps", "24", "--batch-size", "256", "--eval-every", "24"),
    *("--checkpoint-every", "6", "--threads", "1", "--network", "conv-8", "--out", "run"),
)
PIECE = "parts/00-00000.npz"
STATE = "parts/state.safetensors"


def files(run):
    """Content of every file of a run; of config.json without the time of its creation; no timings."""
    found = {}
    for path in sorted(run.rglob("*")):
        if path.is_file() and path.name not in ("timing.csv", "checksums.json"):
            found[path.relative_to(run).as_posix()] = path.read_bytes()
    config = json.loads(found["config.json"])
    del config["created"]
    return found | {"config.json": config}


@pytest.fixture(scope="module")
def anneal(bars_file):
    """Words that ``python`` runs an annealing test by."""
    return "-c", ANNEAL.replace("DATA", repr(str(bars_file)))


@pytest.fixture(scope="module")
def train(bars_file):
    """Words that ``python`` runs a training by."""
    return *TRAIN, "--dataset", bars_file


def kill_once_there(folder, starter, words, name):
    """Run ``python``, kill it as soon as the file of that name is there, and give the run's directory."""
    run = folder / "run"
    process = starter.start(folder, *words)
    try:
        while process.poll() is None and not (run / name).exists():
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        ended = process.wait()
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    return run


def run_whole(folder, starter, words):
    ended = starter.run(folder, *words)
    assert ended.returncode == 0, ended.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def killed_annealing(tmp_path_factory, starter, anneal):
    run = kill_once_there(tmp_path_factory.mktemp("anneal"), starter, anneal, PIECE)
    assert sorted(path.name for path in run.glob("parts/??-?????.npz")) == ["00-00000.npz"]
    assert not (run / "freezing.csv").exists()
    return run


@pytest.fixture(scope="module")
def training_folder(tmp_path_factory, make_plan, bars_file):
    """A folder with a plan of two stages for the bars."""
    folder = tmp_path_factory.mktemp("train")
    (folder / "plan.json").write_bytes(json_bytes(make_plan(load_dataset(bars_file), (60.0, 4.0), (0.5, 0.5))))
    return folder


@pytest.fixture(scope="module")
def killed_training(training_folder, starter, train):
    folder = training_folder / "killed"
    folder.mkdir()
    run = kill_once_there(folder, starter, train, STATE)
    assert not (run / "checkpoint.json").exists()
    assert not (run / "trace.npz").exists()
    return run


def go_on(killed, folder, run_ifp, command):
    """Resume a copy of a killed run, in which something was being written too."""
    run = shutil.copytree(killed, folder / "run")
    (run / "parts" / ".partial-abc123.npz").write_bytes(b"half a fi")
    (run / ".partial-def456.csv").write_bytes(b"")
    ended = run_ifp(folder, command, "--resume", "--out", "run")
    assert ended.returncode == 0, ended.stderr
    return run


def test_a_killed_annealing_test_goes_on_to_the_same_bytes(killed_annealing, anneal, starter, run_ifp, tmp_path):
    for name in ("whole", "resumed"):
        (tmp_path / name).mkdir()
    kept = (killed_annealing / PIECE).stat()
    resumed = go_on(killed_annealing, tmp_path / "resumed", run_ifp, "anneal")
    expected = files(run_whole(tmp_path / "whole", starter, anneal))
    assert set(expected) == {
        "config.json", "spectral.csv", "mixing.csv", "curves.npz", "freezing.csv", PIECE, "parts/01-00000.npz",
        "equilibrium.npz", "parts/equilibrium-00.npz",
    }  # fmt: skip
    assert files(resumed) == expected
    assert (resumed / PIECE).stat().st_mtime_ns == kept.st_mtime_ns  # not measured again


def test_a_killed_training_run_goes_on_to_the_same_bytes(killed_training, training_folder, train, starter, run_ifp):
    for name in ("whole", "resumed"):
        (training_folder / name).mkdir()
    resumed = go_on(killed_training, training_folder / "resumed", run_ifp, "train")
    expected = files(run_whole(training_folder / "whole", starter, train))
    assert set(expected) == {
        "config.json", "plan.json", "trace.npz", "metrics.csv", "scores.json", "traversal.png", "checkpoint.json",
        "checkpoint.safetensors", STATE,
    }  # fmt: skip
    assert files(resumed) == expected
    steps = int((resumed / "timing.csv").read_text().splitlines()[1].split(",")[0])
    assert steps < 24  # those before the kill were not taken again


@pytest.mark.parametrize(
    ("command", "options", "reason"),
    [
        ("anneal", ("--contexts", "3"), "contexts is 2 there and 3 here"),
        ("anneal", ("--max-steps", "400"), "max_steps is 900 there and 400 here"),
        ("train", ("--steps", "30"), "steps is 24 there and 30 here"),
    ],
)
def test_a_killed_run_does_not_go_on_with_another_setting(command, options, reason, request, run_ifp):
    run = request.getfixturevalue({"anneal": "killed_annealing", "train": "killed_training"}[command])
    before = files(run)
    ended = run_ifp(run.parent, command, "--resume", "--out", "run", *options)
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("ifp: need the run's own settings to resume run: ")
    assert reason in line
    assert files(run) == before
