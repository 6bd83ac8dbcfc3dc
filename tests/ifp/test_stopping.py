"""Ctrl-C and SIGTERM: the exit code that shells expect, the command that goes on, and the same bytes after it."""

import shlex
import signal
import time

import pytest

from annealing.errors import RunError
from ifp.cli.progress import Following
from ifp.cli.stopping import Stopped, exit_code

TRAIN = (
    *("train", "--objective", "beta-vae", "--network", "conv-8", "--latents", "2", "--steps", "400"),
    *("--batch-size", "8", "--eval-every", "200", "--checkpoint-every", "40", "--threads", "1", "--out", "run"),
)
WALL_CLOCK = ("config.json", "timing.csv", "checksums.json")


def contents(path):
    files = (each for each in sorted(path.rglob("*")) if each.is_file() and each.name not in WALL_CLOCK)
    return {str(each.relative_to(path)): each.read_bytes() for each in files}


@pytest.fixture(scope="module")
def whole(run_ifp, bars_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    ended = run_ifp(folder, *TRAIN, "--dataset", bars_file)
    assert ended.returncode == 0, ended.stderr
    return contents(folder / "run")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_that_goes_on_to_the_same_bytes(number, code, whole, run_ifp, starter, bars_file, tmp_path):
    process = starter.start(tmp_path, "-m", "ifp", *TRAIN, "--dataset", bars_file)
    while process.poll() is None and not (tmp_path / "run" / "parts" / "state.safetensors").exists():
        time.sleep(0.005)
    process.send_signal(number)
    ended = process.wait()
    told = ended.stderr
    assert ended.returncode == code
    again = "ifp train --resume --out run"
    assert told.endswith(f"\nstopped; nothing finished is lost. Go on with:\n  {again}\n")
    assert "Traceback" not in told
    assert not (tmp_path / "run" / "checkpoint.json").exists()
    assert run_ifp(tmp_path, *shlex.split(again)[1:]).returncode == 0
    assert contents(tmp_path / "run") == whole


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_that_writes_no_run(number, code, starter, tmp_path):
    process = starter.start(tmp_path, "-m", "ifp", "spectrum", "--dataset", "dsprites", "--contexts", "100000")
    while process.poll() is None and "writing tables" not in process.told():
        time.sleep(0.005)
    time.sleep(0.3)  # it is at work, which takes minutes
    process.send_signal(number)
    ended = process.wait()
    told = ended.stderr
    assert (ended.returncode, told.endswith("\nstopped\n"), "Traceback" in told) == (code, True, False)


def test_codes_are_128_and_the_signals_number():
    assert [exit_code(each) for each in (KeyboardInterrupt(), Stopped(2), Stopped(15))] == [130, 130, 143]


def test_a_disk_that_is_full_is_told_with_the_command_that_goes_on(tmp_path):
    full = OSError(28, "No space left on device")
    told = pytest.raises(RunError, match=r"No space.*; nothing finished is lost. Go on, .*: ifp anneal --resume --out")
    watch = Following()
    watch.begun("bars", tmp_path)
    with told, watch.resumable("anneal"):
        raise RunError(f"need to write x, got: {full}") from full
    with pytest.raises(RunError, match=r"^other$"), watch.resumable("anneal"):
        raise RunError("other")
