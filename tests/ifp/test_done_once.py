"""What costs is done once: a command builds a learner once for a training, and reads a file once."""

import os
import shutil
import sys
from collections import Counter

import pytest

import ifp
from ifp.run_directory import checksums
from ifp.training import run as training
from tests.ifp.conftest import SHORT_TRAINING

pytestmark = pytest.mark.usefixtures("_one_thread", "_few_results")

# whoever writes looks again, under the lock, whether the run is still the one that was opened
LOOKED_AT_AGAIN = ("config.json", "checksums.json", ".lock")
_watched: list[tuple[str, Counter]] = []  # folders, and what is read below them at the moment


def _note(event, arguments):
    """An audit hook, which Python cannot take back: it notes only while a test watches."""
    if event != "open" or not _watched or not isinstance(arguments[0], str):
        return
    path, _, flags = arguments
    for folder, reads in _watched:
        name = os.path.basename(path)
        if path.startswith(folder) and not flags & (os.O_WRONLY | os.O_RDWR) and name not in LOOKED_AT_AGAIN:
            reads[path.removeprefix(folder + "/")] += not os.path.isdir(path)


sys.addaudithook(_note)


@pytest.fixture
def reads_of(monkeypatch):
    """How often each file below a folder is opened to be read from now on."""

    def unwatched(path):  # a checksum is that of the file as it lies there
        watched = [_watched.pop() for _ in _watched[:]]
        digest = file_digest(path)
        _watched.extend(watched)
        return digest

    file_digest = checksums.file_digest
    monkeypatch.setattr(checksums, "file_digest", unwatched)

    def watch(folder):
        _watched.append((str(folder), Counter()))
        return _watched[-1][1]

    yield watch
    _watched.clear()


@pytest.fixture
def learners(monkeypatch):
    """The settings of each learner that is built from now on."""
    built = []
    build = training.build_learner

    def counted(objective, *more, **named):
        built.append(objective.name)
        return build(objective, *more, **named)

    monkeypatch.setattr(training, "build_learner", counted)
    return built


@pytest.fixture
def kept(finished_runs, tmp_path):
    return shutil.copytree(finished_runs, tmp_path / "runs")


def test_training_builds_its_learner_once_and_reads_its_plan_once(bars_file, told, learners, reads_of, tmp_path):
    plan = ifp.plan_stages(dataset=bars_file, contexts=4)
    (tmp_path / "plan.json").write_text(plan.to_json())
    reads = reads_of(tmp_path)
    data = reads_of(bars_file.parent)
    words = [f"--{name.replace('_', '-')}={value}" for name, value in SHORT_TRAINING.items()]
    code, error, _ = told("train", "--plan", "plan.json", "--dataset", bars_file, "--out", tmp_path / "run", *words)
    assert code == 0, error
    assert learners == ["deft"]
    assert {name: times for name, times in reads.items() if times > 1} == {}
    assert data[bars_file.name] <= 1  # the names of its arrays; none of these where its images lie in the cache


def test_a_study_builds_a_learner_a_run(bars_file, learners, reads_of, tmp_path):
    reads = reads_of(tmp_path)
    objectives = ("beta-vae", "annealed-beta")
    settings = {"objectives": objectives, "seeds": 2, "scores": ["mig"], **SHORT_TRAINING}
    ifp.compare(dataset=bars_file, out=tmp_path / "study", **settings)
    assert sorted(learners) == sorted([*objectives] * 2)
    assert {name: times for name, times in reads.items() if times > 1} == {}


@pytest.mark.parametrize("name", ["anneal", "full", "train"])
def test_a_diagnosis_reads_each_file_once(name, kept, told, learners, reads_of):
    reads = reads_of(kept)
    code, error, _ = told("diagnose", kept / name, "--plot", kept / "figure.svg")
    assert code == 0, error
    assert {file: times for file, times in reads.items() if times > 1} == {}
    assert learners == []


def test_runs_at_hand_are_compared_reading_each_file_once(kept, told, learners, reads_of):
    reads = reads_of(kept)
    code, error, _ = told("compare", kept / "train", kept / "compare", "--scores", "mig", "--plot", kept / "c.svg")
    assert code == 0, error
    assert {file: times for file, times in reads.items() if times > 1} == {}
    assert learners == []
