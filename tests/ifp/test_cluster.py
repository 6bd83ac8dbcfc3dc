"""Pieces on a Dask cluster of two workers: the same bytes as here, whatever becomes of the workers."""

import contextlib
import os
import pickle
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import dask
import numpy as np
import pytest
from distributed import LocalCluster
from distributed.utils import get_mp_context

from annealing.errors import DataError, IFPError, RunError
from ifp.annealing_test.config import nested_settings
from ifp.annealing_test.measure import annealing_test
from ifp.annealing_test.run import open_annealing_run
from ifp.comparison.study import compare_study, open_study, study_rows
from ifp.datasets import load_dataset
from ifp.datasets.source import DataSource
from ifp.machine.cluster import cluster_at
from ifp.machine.pool import TRIES, Outcome, Task, require_all
from ifp.run_directory.opening import Place
from ifp.run_directory.verify import verify

WALL_CLOCK = ("config.json", "timing.csv", "checksums.json")  # and the checksums of both
FEW = {"steps": 12, "batch_size": 8, "eval_every": 6, "threads": 1, "network": "conv-8", "latents": 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A file that every process can open: a bright bar at 4 positions, of 3 brightnesses."""
    path = tmp_path_factory.mktemp("data") / "bars.npz"
    factors = np.stack([each.ravel() for each in np.indices((4, 3))], axis=1)
    images = np.zeros((12, 16, 16), dtype=np.float32)
    for image, (position, brightness) in zip(images, factors, strict=True):
        image[4 * position : 4 * position + 3] = (brightness + 1) / 3
    np.savez(path, images=images, factors=factors, factor_names=["position", "brightness"])
    return str(path)


@pytest.fixture(scope="module", autouse=True)
def _workers_that_need_not_import():
    """Workers are forked by a process that has imported what pieces need: nearly all of what a worker's start takes."""
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        imported = ["distributed", "torch", "ifp.annealing_test.run", "ifp.comparison.study", "matplotlib.figure"]
        get_mp_context().set_forkserver_preload([*imported, "sklearn.metrics"])
        yield


@pytest.fixture(scope="module")
def workers(_workers_that_need_not_import):
    """Two workers, each a process with a nanny that begins it anew when it dies."""
    settings = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0", "memory_limit": None}
    with LocalCluster(n_workers=2, **settings) as found:
        yield found


class Stranger(socketserver.BaseRequestHandler):
    """A server of another kind."""

    def handle(self):
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def contents(run):
    files = (each for each in sorted(run.path.rglob("*")) if each.is_file() and each.name not in WALL_CLOCK)
    return {str(each.relative_to(run.path)): each.read_bytes() for each in files}


def kill_one_of(workers):
    os.kill(next(iter(workers.workers.values())).pid, signal.SIGKILL)


def opened_test(data, out):
    settings = {"contexts": 3, "planning_contexts": 3, "stack": 1, "learn_steps": 20, "max_steps": 60}
    return open_annealing_run(None, nested_settings({"dataset": data, **settings}), Place(out=out))


def test_a_killed_worker_changes_no_byte_of_an_annealing_test(data, workers, tmp_path):
    here, there = opened_test(data, tmp_path / "here"), opened_test(data, tmp_path / "there")
    for _ in annealing_test(here):
        pass
    with cluster_at(workers.scheduler_address) as cluster:
        done = []
        for progress in annealing_test(there, pool=cluster):
            if progress.done == 1:
                kill_one_of(workers)
            done.append(progress.done)
    assert done == list(range(progress.total + 1))
    assert progress.total >= 6  # two factors in three contexts
    assert contents(there.run) == contents(here.run)
    assert verify(there.run).faults == ()


def test_a_killed_worker_changes_no_byte_of_a_study(data, workers, make_plan, tmp_path):
    given = {"dataset": data, "objectives": ("beta-vae", "deft"), "seeds": 2, "scores": ("mig",), "settings": FEW}
    plan = make_plan(load_dataset(data), (9.0, 1.0), (0.5, 0.5))
    here, there = (open_study(None, plan, given, Place(out=tmp_path / name)) for name in ("here", "there"))
    for _ in compare_study(here):
        pass
    with cluster_at(workers.scheduler_address) as cluster:
        for progress in compare_study(there, pool=cluster):
            if progress.done == 1:
                kill_one_of(workers)
    assert contents(there.run) == contents(here.run)
    assert study_rows(there.run) == study_rows(here.run)
    assert verify(there.run).faults == ()


def _work(number):
    if number == 2:
        os._exit(1)  # takes its worker with it
    if number == 3:
        raise DataError("need another number")
    return number**2


def test_a_poisoned_piece_is_set_aside_and_the_rest_finishes():
    with cluster_at("local:2") as cluster:
        found = {each.name: each for each in cluster.outcomes(Task(str(n), _work, (n,)) for n in range(9))}
    assert {name: each.value for name, each in found.items() if each.error is None} == {
        str(number): number**2 for number in range(9) if number not in (2, 3)
    }
    assert f"on {TRIES} different workers" in found["2"].error
    assert found["3"].error == "DataError: need another number"


def _counted(folder):
    (Path(folder) / str(len(list(Path(folder).iterdir())))).touch()
    raise RuntimeError("again")


def test_a_failing_piece_is_tried_three_times(workers, tmp_path):
    with cluster_at(workers.scheduler_address) as cluster:
        (found,) = cluster.outcomes([Task("fails", _counted, (str(tmp_path),))])
    assert found.error == "RuntimeError: again"
    assert len(list(tmp_path.iterdir())) == TRIES == 3


def test_few_pieces_are_sent_ahead_of_those_that_are_done(workers):
    drawn, done, most = 0, 0, 0

    def tasks():
        nonlocal drawn
        for number in range(40):
            drawn += 1
            yield Task(str(number), abs, (-number,))

    with cluster_at(workers.scheduler_address) as cluster:
        for found in cluster.outcomes(tasks()):
            assert found.value == int(found.name)
            done += 1
            most = max(most, drawn - done)
    assert (drawn, done) == (40, 40)
    assert most <= 4  # two threads, two pieces each


def test_pieces_set_aside_leave_the_run_unfinished_and_are_told(tmp_path):
    aside = [Outcome(f"0{number}-00000", error="ValueError: no") for number in range(5)]
    with pytest.raises(RunError, match=r"00-00000 \(ValueError: no\); .* and 2 more; all others are done and kept"):
        require_all(aside, tmp_path)
    require_all([], tmp_path)


def test_a_test_whose_pieces_were_set_aside_goes_on(data, workers, tmp_path, monkeypatch):
    monkeypatch.setattr("ifp.annealing_test.measure.measured_piece", _counted)
    opened = opened_test(data, tmp_path / "run")
    told = pytest.raises(RunError, match=f"--resume --out {tmp_path / 'run'} tries these again")
    with cluster_at(workers.scheduler_address) as cluster, told:
        list(annealing_test(opened, pool=cluster))
    assert not opened.run.finished
    monkeypatch.undo()
    list(annealing_test(opened))
    assert opened.run.finished


def test_a_worker_with_other_data_refuses(data):
    source = DataSource.of(load_dataset(data))
    assert source.open().fingerprint == source.fingerprint
    source = pickle.loads(pickle.dumps(source))  # there it is not open yet
    with pytest.raises(DataError, match=r"need the data set of the run, .* with fingerprint other, got"):
        replace(source, fingerprint="other").open()


@pytest.mark.parametrize("address", ["local", "local:0", "local:-1", "local:x", "127.0.0.1:8786", "tcp://", "file://x"])
def test_an_address_of_another_form_is_refused(address):
    with pytest.raises(IFPError, match="need a scheduler tcp://HOST:PORT or local:WORKERS, got"), cluster_at(address):
        pass


def test_a_scheduler_that_does_not_answer_is_told(monkeypatch):
    monkeypatch.setattr("ifp.machine.cluster._CONNECTING", 1)
    address = "tcp://127.0.0.1:9"
    with pytest.raises(IFPError, match=f"need a Dask scheduler that answers at {address}, got"), cluster_at(address):
        pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Dask's own, of a client half made
def test_what_answers_and_is_no_scheduler_is_told(monkeypatch):
    monkeypatch.setattr("ifp.machine.cluster._CONNECTING", 2)
    with socketserver.TCPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told = pytest.raises(IFPError, match="need a Dask scheduler that answers at")
        with told, cluster_at(f"tcp://127.0.0.1:{server.server_address[1]}"):
            pass
        server.shutdown()


class Silent(socketserver.BaseRequestHandler):
    """Accepts, and says nothing."""

    def handle(self):
        self.request.recv(1)


def test_what_accepts_and_never_answers_is_told(monkeypatch):
    monkeypatch.setattr("ifp.machine.cluster._CONNECTING", 0.5)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Silent) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told = pytest.raises(IFPError, match=r"need a Dask scheduler that answers at .*, got: timed out")
        with told, cluster_at(f"tcp://127.0.0.1:{server.server_address[1]}"):
            pass
        server.shutdown()


def test_a_scheduler_that_dies_is_one_line_and_no_traceback_of_the_librarys(data, starter, environment, tmp_path):
    port = 8900 + os.getpid() % 90
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    scheduler = subprocess.Popen([*command, "--no-dashboard"], **quiet)
    address = f"tcp://127.0.0.1:{port}"
    try:
        wanted = time.monotonic() + 30
        while time.monotonic() < wanted:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        words = ["anneal", "--dataset", data, "--factors", "brightness", "--contexts", "2", "--scheduler", address]
        process = starter.start(tmp_path, "-m", "ifp", *words, "--out", "run")
        while process.poll() is None and not (tmp_path / "run" / "spectral.csv").exists():
            time.sleep(0.1)
        time.sleep(1)  # it is connected, has no worker, and waits
        scheduler.kill()
        ended = process.wait()
    finally:
        scheduler.kill()
    told = ended.stderr
    assert ended.returncode == 1, told
    assert "Traceback" not in told
    assert told.splitlines()[-1].startswith("ifp: need the scheduler for what is left")
    assert not [line for line in told.splitlines() if "distributed" in line or "tornado" in line]


def test_without_a_scheduler_there_is_no_cluster():
    with cluster_at(None) as cluster:
        assert cluster is None
