"""One writer at a time: who holds a run's lock is told, a stale one is not in the way."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from annealing.errors import RunError
from ifp.run_directory.lock import LOCK_FILE, is_held, locked, require_free
from ifp.run_directory.run import create_run, open_run
from ifp.tables.runs import runs_at_hand

DATA = {"name": "bars", "fingerprint": "f", "source": "memory", "image_shape": [2, 2, 1], "images": 4}
HOLD = """
import sys, time
from pathlib import Path
from ifp.run_directory.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def run(tmp_path):
    return create_run(tmp_path / "run", "train", {"seed": 0}, DATA)


@pytest.fixture
def holder(run):
    """Another process that holds the lock of the run."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(run.path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def held_elsewhere(run):
    """The lock of a process on another machine, on a file system that does not carry locks."""
    (run.path / LOCK_FILE).write_text(json.dumps({"pid": 7, "host": "elsewhere"}))


@pytest.fixture
def _short(monkeypatch):
    monkeypatch.setattr("ifp.run_directory.lock._BEAT", 0.02)
    monkeypatch.setattr("ifp.run_directory.lock._PATIENCE", 0.3)
    monkeypatch.setattr("ifp.run_directory.lock._POLL", 0.01)


def test_a_second_writer_is_told_who_the_first_is(run, holder):
    who = f"process {holder.pid} on {socket.gethostname()} is writing to it"
    with pytest.raises(RunError, match=who), run.writing():
        pass
    with pytest.raises(RunError, match=who):
        create_run(run.path, "train", {"seed": 1}, DATA, overwrite=True)
    assert open_run(run.path).config == run.config


def test_a_run_that_is_being_written_is_listed_so(run, holder):
    assert is_held(run.path)
    (row,) = runs_at_hand([run], "here").rows
    assert (row["state"], row["kind"], row["data"], row["seed"]) == ("being written", "train", "bars", 0)
    holder.kill()
    holder.wait()
    assert not is_held(run.path)
    assert runs_at_hand([run], "here").rows[0]["state"] == "unfinished"


def test_who_only_looks_changes_no_byte(run):
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.path.iterdir()}
    assert not is_held(run.path)
    require_free(run.path)
    runs_at_hand([run], "here")
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.path.iterdir()} == before


def test_who_only_looks_keeps_no_writer_out(run):
    (run.path / LOCK_FILE).write_text("{}")  # of a process that died
    handle = os.open(run.path / LOCK_FILE, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_SH)  # as a look does, for a long moment
    ended = threading.Timer(0.3, os.close, [handle])
    ended.start()
    with locked(run.path, wait=0.0):
        assert not ended.is_alive()
        assert is_held(run.path)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_process_that_died_is_stale(number, run, holder):
    holder.send_signal(number)
    holder.wait()
    assert (run.path / LOCK_FILE).exists()
    with run.writing():
        assert json.loads((run.path / LOCK_FILE).read_text()) == {"pid": os.getpid(), "host": socket.gethostname()}
    assert not (run.path / LOCK_FILE).exists()


def test_who_can_wait_gets_the_lock_when_it_is_free(run, holder):
    ended = threading.Timer(0.5, holder.kill)
    ended.start()
    with run.writing(wait=60):
        assert holder.wait() == -signal.SIGKILL


@pytest.mark.usefixtures("_short")
def test_a_lock_of_another_machine_holds_while_it_gives_signs_of_life(run):
    held_elsewhere(run)
    done = threading.Event()

    def beat():
        while not done.wait(0.02):
            os.utime(run.path / LOCK_FILE)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        with pytest.raises(RunError, match="process 7 on elsewhere is writing to it"), run.writing():
            pass
    finally:
        done.set()
        thread.join()


@pytest.mark.usefixtures("_short")
def test_a_lock_of_another_machine_without_a_sign_of_life_is_stale(run):
    held_elsewhere(run)
    with run.writing():
        assert json.loads((run.path / LOCK_FILE).read_text())["pid"] == os.getpid()


@pytest.mark.usefixtures("_short")
def test_the_holder_gives_signs_of_life_whatever_the_clock_says(run, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 0.0)  # a clock that jumped back to 1970
    with run.writing():
        before = (run.path / LOCK_FILE).stat().st_mtime_ns
        until = time.monotonic() + 30
        while (run.path / LOCK_FILE).stat().st_mtime_ns == before:
            assert time.monotonic() < until
            time.sleep(0.01)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 3}', "[" * 100_000, "\x00"])
@pytest.mark.usefixtures("_short")
def test_a_lock_file_of_any_content_is_no_obstacle(content, run):
    (run.path / LOCK_FILE).write_text(content)
    with run.writing():
        pass


def test_a_lock_that_is_a_link_is_not_followed(run, tmp_path):
    (tmp_path / "other").write_text("kept")
    (run.path / LOCK_FILE).symlink_to(tmp_path / "other")
    with pytest.raises(RunError, match="need to write to"), run.writing():
        pass
    assert (tmp_path / "other").read_text() == "kept"


def test_a_directory_that_is_not_there_is_told(tmp_path):
    with pytest.raises(RunError, match=r"need to write to .*missing"), locked(tmp_path / "missing"):
        pass


def test_a_run_that_another_has_replaced_is_not_written_to(run):
    create_run(run.path, "train", {"seed": 1}, DATA, overwrite=True)
    with pytest.raises(RunError, match="another one has replaced it since"), run.writing():
        pass


def test_threads_of_one_process_exclude_one_another(run):
    inside, most = 0, 0

    def add():
        nonlocal inside, most
        with run.writing(wait=60):
            inside += 1
            most = max(most, inside)
            time.sleep(0.01)
            inside -= 1

    threads = [threading.Thread(target=add) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert most == 1
