"""Checksums: a flipped byte, a missing or a foreign file of a run is found; what is added later is recorded."""

import json

import pytest

import ifp
from annealing.errors import RunError
from ifp.api.report import report as write_report
from ifp.comparison.study import compare_study, open_study
from ifp.run_directory.checksums import CHECKSUMS_FILE, Fault, file_digest, read_checksums, write_recorded
from ifp.run_directory.opening import Place
from ifp.run_directory.run import open_run, write_file
from ifp.run_directory.verify import verify

pytestmark = pytest.mark.usefixtures("_one_thread")

FEW = {"steps": 6, "batch_size": 4, "eval_every": 3, "threads": 1, "network": "conv-8"}


@pytest.fixture(scope="module")
def annealed(bars_file, tmp_path_factory):
    settings = {"contexts": 2, "sweep": {"pace": {"learn_steps": 20, "max_steps": 60}}}
    run = ifp.anneal(str(bars_file), out=tmp_path_factory.mktemp("anneal") / "run", **settings)
    ifp.diagnose(run)
    write_report(run)
    return run


@pytest.fixture(scope="module")
def study(bars_file, tmp_path_factory):
    given = {
        "dataset": str(bars_file),
        "objectives": ("beta-vae",),
        "seeds": 2,
        "scores": ("mig", "sap"),
        "settings": FEW,
    }
    opened = open_study(None, None, given, Place(out=tmp_path_factory.mktemp("study") / "run"))
    for _ in compare_study(opened):
        pass
    return opened.run


@pytest.fixture(params=["annealed", "study"])
def run(request):
    return request.getfixturevalue(request.param)


def files(run):
    return sorted(each.relative_to(run.path).as_posix() for each in run.path.rglob("*") if each.is_file())


def test_a_run_left_alone_is_as_it_was_written(run):
    assert verify(run).faults == ()


def test_a_flipped_byte_is_found_in_every_file(run):
    names = files(run)
    assert {"config.json", "timing.csv", CHECKSUMS_FILE} <= {name.split("/")[-1] for name in names}
    for name in names:
        path = run.path / name
        whole = path.read_bytes()
        for at in {0, len(whole) // 2, len(whole) - 1}:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            try:
                assert verify(run).faults == (Fault(name, "altered"),), (name, at)
            except RunError as error:  # of a config.json that is no longer one
                assert (name, "config.json" in str(error)) == ("config.json", True)  # noqa: PT017
        path.write_bytes(whole)
    assert verify(run).faults == ()


def test_a_missing_file_is_found(run):
    for name in files(run):
        path = run.path / name
        whole = path.read_bytes()
        path.unlink()
        if name in ("config.json", CHECKSUMS_FILE):
            with pytest.raises(RunError, match=f"need a .*{name}"):
                verify(run)
        else:
            assert Fault(name, "missing") in verify(run).faults
        path.write_bytes(whole)
    assert verify(run).faults == ()


def test_a_file_that_is_not_the_runs_is_told(run):
    stranger = run.path / "notes.txt"
    stranger.write_text("mine")
    assert verify(run).faults == (Fault("notes.txt", "not recorded"),)
    stranger.unlink()


def test_what_is_added_to_a_finished_run_is_recorded(study):
    run = open_run(study.path / "beta-vae-0")
    for add in (
        lambda: ifp.score(run, only=("irs",), save=True),
        lambda: ifp.diagnose(run, save=True),
        lambda: write_report(run),
    ):
        add()
        assert verify(run).faults == ()
    write_file(run.path / "codes.npz", b"codes")
    assert verify(study).faults == ()
    assert read_checksums(run.path).files["codes.npz"] == (file_digest(run.path / "codes.npz"),)


def test_a_stop_between_the_record_and_the_file_is_no_fault(annealed, monkeypatch):
    with monkeypatch.context() as patched:
        seen = []

        def first(path, data):
            if seen:
                raise KeyboardInterrupt
            seen.append(path)
            path.write_bytes(data)

        patched.setattr("ifp.run_directory.checksums.write_atomically", first)
        with pytest.raises(KeyboardInterrupt):
            write_recorded(annealed.path, "report.html", b"new")
    assert verify(annealed).faults == ()
    write_report(annealed)
    assert verify(annealed).faults == ()
    assert len(read_checksums(annealed.path).files["report.html"]) == 1


def test_where_a_run_comes_from_is_told(annealed):
    found = verify(annealed)
    assert (found.kind, found.seed, found.fingerprint) == ("anneal", 0, annealed.config["data"]["fingerprint"])
    assert found.versions == annealed.config["versions"]
    recorded = read_checksums(annealed.path).files
    assert recorded["config.json"] == (file_digest(annealed.path / "config.json"),)  # from a file to all of that


def test_an_unfinished_run_is_refused(annealed, tmp_path):
    (tmp_path / "config.json").write_bytes((annealed.path / "config.json").read_bytes())
    with pytest.raises(RunError, match=f"need a {CHECKSUMS_FILE} in .*: the run is unfinished or of an older version"):
        verify(tmp_path)


def test_the_command_prints_faults_and_exits_with_1(run_ifp, annealed, tmp_path):
    ended = run_ifp(tmp_path, "verify", annealed.path)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "every file is as it was written" in ended.stderr
    path = annealed.path / "curves.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    ended = run_ifp(tmp_path, "verify", annealed.path)
    assert (ended.returncode, ended.stdout) == (1, "altered: curves.npz\n")
    told = run_ifp(tmp_path, "verify", annealed.path, "--json")
    assert json.loads(told.stdout)["faults"] == [{"file": "curves.npz", "fault": "altered"}]
    path.write_bytes(whole)
