"""Links in a run, from whoever made it: nothing is read through one, nothing deleted; verify tells of each."""

import os
import shutil

import pytest

import ifp
from annealing.errors import IFPError, RunError
from ifp.run_directory.checksums import Fault
from ifp.run_directory.listing import list_runs, newest_run
from ifp.run_directory.verify import verify

pytestmark = pytest.mark.usefixtures("_one_thread")

COMMANDS = {
    "anneal": (("diagnose",), ("plan-stages",), ("plot-curves",), ("plot-distributions",), ("report",)),
    "full": (("diagnose",), ("plan-stages",), ("plot-curves",), ("report",)),
    "train": (("diagnose",), ("score",), ("encode",), ("traverse",), ("report",)),
    "compare": (("report",), ("compare", "--scores", "mig")),
}


@pytest.fixture
def kept(finished_runs, tmp_path):
    shutil.copytree(finished_runs, tmp_path / "runs")
    return tmp_path / "runs"


def private(tmp_path):
    """A file of the reader's own, and a folder of them."""
    folder = tmp_path / "home"
    folder.mkdir(exist_ok=True)
    (folder / "secret.txt").write_text("secret")
    return folder


def moved_and_linked(path, relative):
    """A run's file put elsewhere, with a link in its place: what it leads to would even be right."""
    target = path.parents[1] / f"elsewhere-{path.name}"
    path.rename(target)
    path.symlink_to(os.path.relpath(target, path.parent) if relative else target)


@pytest.mark.parametrize(("name", "file"), [
    ("anneal", "freezing.csv"), ("anneal", "parts"), ("full", "curves.npz"), ("train", "traversal.png"),
    ("train", "checkpoint.safetensors"), ("train", "trace.npz"), ("compare", "comparison.csv"),
    ("compare", "beta-vae-0"), ("compare", "beta-vae-0/scores.json"),
])  # fmt: skip
@pytest.mark.parametrize("relative", [True, False], ids=["relative", "absolute"])
def test_no_command_reads_through_a_link(name, file, relative, kept, told):
    if file.endswith("scores.json"):
        target = kept / "elsewhere.json"
        (kept / name / file).rename(target)
        (kept / name / file).symlink_to(target)
    else:
        moved_and_linked(kept / name / file, relative)
    for words in COMMANDS[name]:
        command, *more = words
        code, error, out = told(command, kept / name, *more)
        assert (code, error.count("\n")) == (1, 1), (words, error)
        assert "is a link and not followed" in error
        assert out == ""
    faults = {fault.file: fault.fault for fault in verify(kept / name).faults}
    assert faults[file] == "a link"


def test_a_private_file_does_not_land_on_a_page(kept, tmp_path, told):
    picture = kept / "train" / "traversal.png"
    picture.unlink()
    picture.symlink_to(private(tmp_path) / "secret.txt")
    assert told("report", kept / "train")[0] == 1
    assert not (kept / "train" / "report.html").exists()
    picture.unlink()
    shutil.copy(private(tmp_path) / "secret.txt", picture)  # not a link, but no picture either
    code, error, _ = told("report", kept / "train")
    assert (code, "need a whole PNG picture" in error) == (1, True)


@pytest.mark.parametrize("place", [".partial-x", "parts/.partial-x"])
def test_nothing_is_deleted_through_a_link(place, kept, tmp_path, bars_file):
    folder = private(tmp_path)
    for name in ("anneal", "train"):
        (kept / name / place).parent.mkdir(exist_ok=True)
        (kept / name / place).symlink_to(folder)
        with pytest.raises(RunError, match="is a link"):
            ifp.open_run(kept / name).add("more.txt", b"more")
        with pytest.raises(RunError, match="is a link"):
            ifp.train(resume=True, out=kept / name)
    with pytest.raises(IFPError):
        ifp.anneal(bars_file, out=kept / "anneal", overwrite=True)
    assert (folder / "secret.txt").read_text() == "secret"


def test_a_config_that_is_a_link_makes_no_run(kept, tmp_path):
    config = kept / "train" / "config.json"
    config.rename(tmp_path / "config.json")
    config.symlink_to(tmp_path / "config.json")
    with pytest.raises(RunError, match="need a run directory"):
        ifp.open_run(kept / "train")
    assert "train" not in [run.path.name for run in list_runs(kept)]


def test_runs_lists_a_run_with_links_but_does_not_open_it(kept):
    (kept / "train" / "link").symlink_to("/dev/zero")
    assert "train" in [run.path.name for run in list_runs(kept)]
    with pytest.raises(RunError, match="is a link"):
        newest_run(kept, ifp.open_run(kept / "compare" / "beta-vae-0").kind)


def test_a_directory_of_runs_may_be_a_link_itself(kept, tmp_path):
    (tmp_path / "latest").symlink_to(kept / "train")
    assert ifp.open_run(tmp_path / "latest").finished
    assert verify(tmp_path / "latest").faults == ()


# verify


def test_verify_tells_of_every_link_and_goes_through_none(kept, tmp_path):
    links = {
        "dead": "nowhere", "device": "/dev/zero", "outside": private(tmp_path), "self": ".", "parts/up": "../..",
        "parts/again": "/dev/stdin",
    }  # fmt: skip
    (kept / "train" / "parts").mkdir(exist_ok=True)
    for name, target in links.items():
        (kept / "train" / name).symlink_to(target)
    assert {fault.file: fault.fault for fault in verify(kept / "train").faults} == dict.fromkeys(links, "a link")


def test_verify_ends_where_links_go_round(kept):
    for name in ("a", "b", "c"):
        (kept / "compare" / name).symlink_to(".")
        (kept / "compare" / "beta-vae-0" / name).symlink_to("..")
    found = verify(kept / "compare").faults
    assert {fault.fault for fault in found} == {"a link"}
    assert len(found) == 6


@pytest.mark.parametrize("name", ["notes.txt", "parts/notes.txt", "deep/er/notes.txt", ".partial-abc", ".hidden"])
def test_a_foreign_file_is_found_wherever_it_lies(name, kept):
    for run in ("anneal", "compare", "compare/beta-vae-0"):
        path = kept / run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("foreign")
        shown = name if run != "compare/beta-vae-0" else f"beta-vae-0/{name}"
        assert Fault(shown, "not recorded") in verify(kept / run.split("/")[0]).faults
        path.unlink()


def test_a_folder_with_checksums_of_its_own_hides_nothing(kept):
    shutil.copytree(kept / "train", kept / "anneal" / "smuggled")
    faults = {fault.file: fault.fault for fault in verify(kept / "anneal").faults}
    assert faults["smuggled/checksums.json"] == "not recorded"
    assert faults["smuggled/config.json"] == "not recorded"
    (kept / "train" / "empty").mkdir()
    (kept / "train" / "empty" / "checksums.json").write_text("{}")
    (kept / "train" / "empty" / "more.py").write_text("x = 1")
    assert {fault.file for fault in verify(kept / "train").faults} == {"empty/checksums.json", "empty/more.py"}


def test_names_of_any_kind_are_told_in_one_line(kept, told):
    strange = ["a\nb.txt", "\x1b[31mred", "x" * 250, "\udcff"]
    for name in strange:
        (kept / "train" / name).write_text("foreign")
    code, _, out = told("verify", kept / "train")
    assert (code, len(out.splitlines())) == (1, len(strange)), out
    assert "\x1b" not in out
    os.mkfifo(kept / "train" / "pipe")  # which nobody waits for
    assert Fault("pipe", "not recorded") in verify(kept / "train").faults
