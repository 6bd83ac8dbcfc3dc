"""Pieces of work in processes of this machine: what they give, what they raise, and how they end."""

import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from dataclasses import dataclass

import numpy as np
import pytest

import ifp
from annealing.errors import DataError, DivergenceError, IFPError, RunError
from ifp.datasets.dataset import DataWarning
from ifp.machine.pool import HERE, Outcome, Task, Underway, jobs_for
from ifp.machine.processes import Processes
from ifp.machine.progress import Progress

FEW = {"steps": 6, "batch_size": 4, "eval_every": 3, "network": "conv-8", "precision": "float32", "latents": 2}


@pytest.fixture(scope="module")
def processes():
    """Two, for those tests that leave them as they are, or that tell what becomes of them."""
    with Processes(2) as found:
        yield found


def square(number):
    return number**2


def slow(number):
    for step in range(4):
        time.sleep(0.1)
        yield Progress(step, 4, "squares")
    return number**2


def whose(number):
    time.sleep(0.2)  # long enough for the other process to take a piece
    return os.getpid(), os.environ["OMP_NUM_THREADS"]


def failing(error):
    raise error


def warning(text):
    warnings.warn(text, DataWarning, stacklevel=1)


def leave(code):
    os._exit(code)


class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def values(pool, work, arguments):
    events = pool.outcomes(Task(str(n), work, (each,)) for n, each in enumerate(arguments))
    return {event.name: event.value for event in events if isinstance(event, Outcome)}


@pytest.mark.parametrize("work", [square, slow])
def test_pieces_give_the_same_there_as_here(work, processes):
    assert values(processes, work, range(5)) == values(HERE, work, range(5)) == {str(n): n**2 for n in range(5)}
    before = list(processes._workers)
    assert values(processes, work, range(3)) == {str(n): n**2 for n in range(3)}
    assert processes._workers == before  # the same processes again


def test_pieces_go_side_by_side_on_one_thread_each_and_a_single_one_stays_here(processes):
    found = values(processes, whose, range(4))
    assert len({pid for pid, _ in found.values()} - {os.getpid()}) == 2
    assert {threads for _, threads in found.values()} == {"1"}
    assert values(processes, os.getpid, []) == {}
    with Processes(2) as unused:
        assert values(unused, square, [3]) == {"0": 9}
        assert unused._workers == []


def test_progress_is_told_while_a_piece_is_at_work(processes):
    events = list(processes.outcomes(Task(str(n), slow, (n,)) for n in range(2)))
    shares = [event.share for event in events if isinstance(event, Underway)]
    assert shares
    assert set(shares) <= {0, 0.25, 0.5, 0.75}


@pytest.mark.parametrize(
    "error", [DataError("need other data"), DivergenceError("need finite losses, got nan", 7), ValueError("no")]
)
def test_what_a_piece_raises_is_raised_and_stops_the_others(error, processes):
    tasks = [Task("fails", failing, (error,)), *(Task(str(n), slow, (n,)) for n in range(2))]
    with pytest.raises(type(error), match=str(error)) as raised:
        list(processes.outcomes(tasks))
    assert vars(raised.value).get("step") == vars(error).get("step")
    assert values(processes, square, range(3)) == {"0": 0, "1": 1, "2": 4}  # and the pool goes on


def test_an_error_that_cannot_be_sent_is_told_by_its_words(processes):
    tasks = [Task("odd", failing_oddly, ()), Task("square", square, (2,))]
    with pytest.raises(RuntimeError, match="Odd: one and two"):
        list(processes.outcomes(tasks))


@dataclass
class Broken:
    """A part of a task that no other process can make."""

    pid: int

    def __post_init__(self):
        if os.getpid() != self.pid:
            raise ImportError("cannot map a segment")


def test_a_task_that_cannot_be_read_there_is_an_error_here(processes):
    tasks = [Task("broken", square, (Broken(os.getpid()),)), Task("square", square, (2,))]
    with pytest.raises(ImportError, match="cannot map a segment"):
        list(processes.outcomes(tasks))


def no_room():
    try:
        raise OSError(28, "No space left on device")
    except OSError as error:
        raise RunError("need to write a file") from error


def test_an_error_comes_with_its_cause(processes):
    with pytest.raises(RunError, match="need to write a file") as raised:
        list(processes.outcomes([Task("full", no_room, ()), Task("square", square, (2,))]))
    assert isinstance(raised.value.__cause__, OSError)


def test_work_that_is_given_up_half_way_leaves_no_process(recwarn):
    with Processes(2) as ended:
        events = ended.outcomes(Task(str(n), slow, (n,)) for n in range(4))
        next(events)
        pids = [worker._process.pid for worker in ended._workers]
        assert len(pids) == 2
    events.close()  # after the block
    assert not any(map(alive, pids))
    assert not recwarn.list


def failing_oddly():
    raise Odd("one", "two")


def test_warnings_of_a_piece_are_given_here(processes):
    with pytest.warns(DataWarning, match="two images") as given:
        values(processes, warning, ["two images", "two images"])
    assert {str(each.message) for each in given} == {"two images"}


def test_a_process_that_ends_by_itself_is_told_with_what_to_do(processes):
    tasks = [Task("dies", leave, (3,)), *(Task(str(n), slow, (n,)) for n in range(2))]
    told = r"need every process to its end: the one at dies ended by itself, with 3; .* is kept$"
    with pytest.raises(RunError, match=told):
        list(processes.outcomes(tasks))


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:  # a zombie that nobody waits for is no process any more
        return file.read().split()[2] != "Z"


SCRIPT = """
    import os, signal, time
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what began this may have it ignored
    from ifp.machine.pool import Task
    from ifp.machine.processes import Processes

    with Processes(2) as processes:  # at the top of a script, with no guard
        for event in processes.outcomes(Task(str(n), ("os", "getpid"), ()) for n in range(2)):
            print(event.value, flush=True)
        for _ in processes.outcomes(Task(str(n), time.sleep, (60,)) for n in range(2)):
            pass
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_they_end_with_the_process_that_made_them_however_it_ends(how, environment, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT).replace('("os", "getpid")', "os.getpid"))
    with subprocess.Popen(
        [sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        pids = [int(process.stdout.readline()) for _ in range(2)]
        assert all(map(alive, pids))
        time.sleep(0.5)  # the second round is at work
        process.send_signal(how)
        process.wait(timeout=20)
        deadline = time.monotonic() + 20
        while any(map(alive, pids)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not any(map(alive, pids))


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def test_one_that_the_system_killed_may_have_wanted_memory(processes):
    tasks = [Task("dies", killed, ()), *(Task(str(n), slow, (n,)) for n in range(2))]
    with pytest.raises(RunError, match=r"need memory for 2 processes .* fewer --jobs"):
        list(processes.outcomes(tasks))


def test_jobs_are_what_was_asked_for_or_the_cores_at_hand(monkeypatch, tmp_path):
    monkeypatch.delenv("IFP_JOBS")
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(6)))
    monkeypatch.setattr("ifp.machine.pool._QUOTA", tmp_path / "cpu.max")
    assert (jobs_for(None), jobs_for(3), jobs_for(None, threads=2), jobs_for(None, threads=100)) == (6, 3, 3, 1)
    for quota, cores in (("max 100000", 6), ("150000 100000", 2), ("900000 100000", 6), ("no", 6)):
        (tmp_path / "cpu.max").write_text(quota + "\n")
        assert jobs_for(None) == cores
    monkeypatch.setenv("IFP_JOBS", "4")
    assert (jobs_for(None), jobs_for(5)) == (4, 5)
    monkeypatch.setenv("IFP_JOBS", "none")
    with pytest.raises(IFPError, match="need a whole number above 0 as IFP_JOBS, got 'none'"):
        jobs_for(None)
    with pytest.raises(IFPError, match="need one job or more, got 0"):
        jobs_for(0)


def contents(folder):
    wall_clock = ("timing.csv", "checksums.json", "config.json")
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in wall_clock)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


# closed forms of 1000 cases, so many that they are computed side by side, too
ANNEAL = {"contexts": 2, "planning_contexts": 500, "stack": 1, "learn_steps": 20, "max_steps": 60}


@pytest.fixture(scope="module")
def annealed_by_one(bars_file, tmp_path_factory):
    return contents(ifp.anneal(bars_file, out=tmp_path_factory.mktemp("one") / "run", jobs=1, **ANNEAL).path)


@pytest.mark.parametrize("jobs", [2, 4])
def test_an_annealing_test_is_the_same_for_any_number_of_jobs(jobs, annealed_by_one, bars_file, tmp_path):
    assert contents(ifp.anneal(bars_file, out=tmp_path / "run", jobs=jobs, **ANNEAL).path) == annealed_by_one


def test_a_study_is_the_same_for_any_number_of_jobs(bars_file, tmp_path):
    given = {"objectives": ("beta-vae", "annealed-beta"), "seeds": 1, "scores": ("mig",), **FEW}
    found = [ifp.compare(dataset=bars_file, out=tmp_path / str(jobs), jobs=jobs, **given) for jobs in (1, 2)]
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    assert found[0].rows == found[1].rows


def test_a_spectrum_is_the_same_for_any_number_of_jobs():
    import pandas as pd  # only here: processes that import this file for a piece's function do without

    one, two = (ifp.spectrum("dsprites-tiny", contexts=250, jobs=jobs) for jobs in (1, 2))
    assert len(one) == 1250
    pd.testing.assert_frame_equal(one.to_frame(), two.to_frame(), check_exact=True)


def test_data_of_a_user_s_own_class_are_worked_on_here(bars):
    found = ifp.spectrum(bars, contexts=600, jobs=2)
    np.testing.assert_array_equal([record.context for record in found], [*range(600), *range(600)])
