"""A disk that is full, or a process that is stopped, at each write of a run in turn: the same bytes in the end."""

import errno
import itertools
import os
import shutil

import pytest

from annealing.errors import RunError
from ifp.annealing_test.measure import annealing_test
from ifp.annealing_test.run import open_annealing_run
from ifp.comparison.study import compare_study, open_study
from ifp.run_directory.opening import Place
from ifp.run_directory.verify import verify
from ifp.training.run import open_training_run, read_training_run, train_run

pytestmark = pytest.mark.usefixtures("_one_thread", "_few_results")

WALL_CLOCK = ("config.json", "timing.csv", "checksums.json")  # and the checksums of both
TRAINING = {"objective": "beta-vae", "steps": 6, "batch_size": 4, "eval_every": 3, "checkpoint_every": 2, "probe": 16}
TRAINING |= {"threads": 1, "network": "conv-8", "latents": 2}
SWEEP = {"pace": {"learn_steps": 20, "max_steps": 60}, "hidden": 16}


def anneal(bars_file, out, *, resume=False):
    settings = {"contexts": 4, "planning_contexts": 4, "stack": 1, "factors": ("brightness",), "sweep": SWEEP}
    given = {} if resume else {"dataset": str(bars_file), **settings}
    opened = open_annealing_run(None, given, Place(out=out, resume=resume))
    for _ in annealing_test(opened):
        pass


def train(bars_file, out, *, resume=False):
    if resume and (out / "checkpoint.json").is_file():  # all was written but for the name of the last file on disk
        return
    opened = open_training_run(
        None, None, {} if resume else {"dataset": str(bars_file), **TRAINING}, Place(out=out, resume=resume)
    )
    for _ in train_run(opened):
        pass


def compare(bars_file, out, *, resume=False):
    given = {"dataset": str(bars_file), "objectives": ("beta-vae",), "seeds": 1, "scores": ("mig",)}
    settings = {name: value for name, value in TRAINING.items() if name != "objective"}
    opened = open_study(None, None, {} if resume else {**given, "settings": settings}, Place(out=out, resume=resume))
    for _ in compare_study(opened):
        pass


def contents(path):
    files = (each for each in sorted(path.rglob("*")) if each.is_file() and each.name not in WALL_CLOCK)
    return {str(each.relative_to(path)): each.read_bytes() for each in files}


@pytest.fixture(scope="module")
def whole(bars_file, tmp_path_factory):
    """The folder of a kind of work that nothing stopped, done once."""
    folder = tmp_path_factory.mktemp("whole")

    def run_of(work):
        if not (folder / work.__name__).exists():
            work(bars_file, folder / work.__name__)
        return folder / work.__name__

    return run_of


class Stop(BaseException):
    """What no code of ours catches."""


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("work", "failure", "every"), [(anneal, FULL, 2), (train, FULL, 5), (train, Stop(), 4), (compare, Stop(), 11)]
)
def test_whatever_write_fails_the_run_goes_on_to_the_same_bytes(
    work, failure, every, whole, bars_file, tmp_path, monkeypatch
):
    expected, sync = contents(whole(work)), os.fsync
    for failing in itertools.count(step=every):
        out, count = tmp_path / f"run-{failing}", itertools.count()

        def fsync(handle, failing=failing, count=count):
            if next(count) == failing:
                raise failure
            sync(handle)

        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", fsync)
            try:
                work(bars_file, out)
                break  # there are no more writes
            except RunError as error:
                assert "No space left on device" in str(error)  # noqa: PT017
            except Stop:
                pass
        work(bars_file, out, resume=(out / "config.json").exists())
        assert contents(out) == expected, failing
        assert verify(out).faults == ()
    assert failing > 20  # a file and its folder for each write
    assert contents(out) == expected


def test_a_state_half_written_is_never_read(whole, tmp_path):
    run = shutil.copytree(whole(train), tmp_path / "run")
    state = run / "parts" / "state.safetensors"
    (run / "checkpoint.json").unlink()
    state.write_bytes(state.read_bytes()[:-10])
    opened = read_training_run(run)
    with pytest.raises(RunError, match="need a whole checkpoint"):
        next(train_run(opened))
