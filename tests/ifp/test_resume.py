"""Runs killed at work, without warning, go on to the bytes of a run that was left alone."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest

from analysis.plain_json import json_bytes
from ifp.datasets import load_dataset

ANNEAL = (
    *("anneal", "--dataset", "dsprites", "--contexts", "2", "--factors", "shape,scale"),
    *("--max-steps", "900", "--threads", "1"),
)
TRAIN = (
    *("train", "--plan", "../plan.json", "--dataset", "dsprites-tiny", "--steps", "24", "--batch-size", "8"),
    *("--eval-every", "24", "--checkpoint-every", "6", "--threads", "1", "--network", "conv-8"),
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


def kill_once_there(folder, environment, arguments, name):
    """Run a command, kill it as soon as the file of that name is there, and give the run's directory."""
    run = folder / "run"
    command = [sys.executable, "-m", "ifp", *arguments, "--out", "run"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            while process.poll() is None and not (run / name).exists():
                time.sleep(0.002)
        finally:
            process.kill()
            code = process.wait()
    assert code == -signal.SIGKILL, (folder / "log").read_text()
    return run


def run_whole(folder, run_ifp, arguments):
    ended = run_ifp(folder, *arguments, "--out", "run")
    assert ended.returncode == 0, ended.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def killed_annealing(tmp_path_factory, environment):
    run = kill_once_there(tmp_path_factory.mktemp("anneal"), environment, ANNEAL, PIECE)
    assert sorted(path.name for path in run.glob("parts/??-?????.npz")) == ["00-00000.npz"]
    assert not (run / "freezing.csv").exists()
    return run


@pytest.fixture(scope="module")
def training_folder(tmp_path_factory, make_plan):
    """A folder with a plan of two stages for few dSprites."""
    folder = tmp_path_factory.mktemp("train")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("IFP_DATA_DIR", raising=False)
        plan = make_plan(load_dataset("dsprites-tiny"), (60.0, 4.0), (0.5, 0.5))
    (folder / "plan.json").write_bytes(json_bytes(plan))
    return folder


@pytest.fixture(scope="module")
def killed_training(training_folder, environment):
    folder = training_folder / "killed"
    folder.mkdir()
    run = kill_once_there(folder, environment, TRAIN, STATE)
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


def test_a_killed_annealing_test_goes_on_to_the_same_bytes(killed_annealing, run_ifp, tmp_path):
    for name in ("whole", "resumed"):
        (tmp_path / name).mkdir()
    kept = (killed_annealing / PIECE).stat()
    resumed = go_on(killed_annealing, tmp_path / "resumed", run_ifp, "anneal")
    expected = files(run_whole(tmp_path / "whole", run_ifp, ANNEAL))
    assert set(expected) == {
        "config.json", "spectral.csv", "mixing.csv", "curves.npz", "freezing.csv", PIECE, "parts/01-00000.npz",
        "equilibrium.npz", "parts/equilibrium-00.npz",
    }  # fmt: skip
    assert files(resumed) == expected
    assert (resumed / PIECE).stat().st_mtime_ns == kept.st_mtime_ns  # not measured again


def test_a_killed_training_run_goes_on_to_the_same_bytes(killed_training, training_folder, run_ifp):
    for name in ("whole", "resumed"):
        (training_folder / name).mkdir()
    resumed = go_on(killed_training, training_folder / "resumed", run_ifp, "train")
    expected = files(run_whole(training_folder / "whole", run_ifp, TRAIN))
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
