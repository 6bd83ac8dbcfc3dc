"""Run directories: files that are whole or absent, the same bytes for the same content, and runs told apart."""

import io
import json
import os
import re
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from analysis.plain_json import json_bytes
from annealing.errors import RunError
from ifp.cli import app
from ifp.files.atomic import write_atomically
from ifp.files.npz import load_npz, npz_bytes
from ifp.files.plain import append_row, csv_bytes, load_json
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import list_runs, newest_run
from ifp.run_directory.opening import require_same_settings
from ifp.run_directory.run import create_run, open_run

DATA = {"name": "bars", "fingerprint": "f", "image_shape": (16, 16, 1), "images": 32, "source": "drawn in memory"}


def files(folder):
    """Content of every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Files


@pytest.mark.parametrize("function", ["replace", "fsync", "fdopen"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(function, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("No space left on device")

    path = tmp_path / "curves.npz"
    write_atomically(path, b"old")
    monkeypatch.setattr(os, function, fail)
    with pytest.raises(RunError, match=f"need to write {path}, got: No space left on device"):
        write_atomically(path, b"new")
    assert files(tmp_path) == {"curves.npz": b"old"}


def test_a_file_is_written_whole_over_an_old_one_and_others_may_read_it(tmp_path):
    write_atomically(tmp_path / "file", b"a longer old content")
    write_atomically(tmp_path / "file", b"new")
    assert files(tmp_path) == {"file": b"new"}
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_a_file_in_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RunError, match="need to write"):
        write_atomically(tmp_path / "absent" / "file", b"")


def test_the_same_arrays_give_the_same_npz_at_any_time(tmp_path, monkeypatch):
    arrays = {"beta": np.linspace(1, 9, 50), "factor": np.array(["shape", "posX"]), "empty": np.empty((0, 3))}
    before = npz_bytes(arrays)
    later, clock = time.time() + 1e8, time.localtime
    monkeypatch.setattr(time, "time", lambda: later)
    monkeypatch.setattr(time, "localtime", lambda seconds=None: clock(later if seconds is None else seconds))
    assert npz_bytes(arrays) == before
    write_atomically(tmp_path / "a.npz", before)
    loaded = load_npz(tmp_path / "a.npz")
    assert list(loaded) == list(arrays)
    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded[name], array)


def test_an_object_array_is_not_written():
    with pytest.raises(ValueError, match="allow_pickle"):
        npz_bytes({"objects": np.array([{}], dtype=object)})


class Unloadable:
    """An object that must not come back to life: loading its pickle touches a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (os.fspath(self.path), "w")


def test_a_pickled_array_is_refused_and_not_unpickled(tmp_path):
    np.savez(tmp_path / "bad.npz", fine=np.arange(3), objects=np.array([Unloadable(tmp_path / "ran")], dtype=object))
    with pytest.raises(RunError, match=r"need a whole npz .*bad\.npz"):
        load_npz(tmp_path / "bad.npz")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_npz_is_refused(kept, tmp_path):
    whole = npz_bytes({"kl": np.random.default_rng(0).normal(size=1000)})
    (tmp_path / "cut.npz").write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(RunError, match=r"need a whole npz .*cut\.npz"):
        load_npz(tmp_path / "cut.npz")


def test_an_npz_with_a_changed_byte_is_refused(tmp_path):
    data = bytearray(npz_bytes({"kl": np.random.default_rng(0).normal(size=1000)}))
    data[len(data) // 2] ^= 1
    (tmp_path / "changed.npz").write_bytes(data)
    with pytest.raises(RunError, match="need a whole npz"):
        load_npz(tmp_path / "changed.npz")


AWKWARD = [0.1 + 0.2, 1 / 3, -0.0, 5e-324, 1.7976931348623157e308, 1e16 + 2, 123456789.123456789, 2.5e-5, -1e-300]


@pytest.mark.parametrize("kind", [float, np.float64])
def test_floats_come_back_from_csv_with_every_bit(kind):
    data = csv_bytes(("number", "value"), [{"number": i, "value": kind(each)} for i, each in enumerate(AWKWARD)])
    table = pd.read_csv(io.BytesIO(data))
    assert table["number"].tolist() == list(range(len(AWKWARD)))
    assert table["value"].to_numpy().tobytes() == np.array(AWKWARD).tobytes()


def test_texts_come_back_from_csv_whatever_they_hold():
    texts = ["plain", 'say "no"', '"', "a,b", "two\nlines", "two\r\nlines", "posX, posY", "β = 3"]
    data = csv_bytes(("text", "after"), [{"text": text, "after": 1} for text in texts])
    table = pd.read_csv(io.BytesIO(data))
    assert table["text"].tolist() == texts
    assert table["after"].tolist() == [1] * len(texts)


@pytest.mark.parametrize("nothing", [None, float("nan"), np.float64("nan"), np.float32("nan")], ids=repr)
def test_what_is_not_there_stays_empty_in_csv(nothing):
    assert csv_bytes(("a", "b", "c"), [{"a": 1, "b": nothing, "c": 2.0}, {"b": 0.5}]) == b"a,b,c\n1,,2.0\n,0.5,\n"


@dataclass(frozen=True)
class Holder:
    values: tuple[float, ...]
    name: str


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": float("nan"), "b": [float("inf"), 1.5]}, {"a": None, "b": [None, 1.5]}),
        (Holder((float("nan"), -float("inf"), 2.0), "β"), {"values": [None, None, 2.0], "name": "β"}),
        ({"a": np.float64("nan"), "b": np.float32("inf"), "c": np.float32(0.5)}, {"a": None, "b": None, "c": 0.5}),
        (np.array([[1.0, np.nan], [np.inf, 0.25]]), [[1.0, None], [None, 0.25]]),
        ({1: np.int64(3), "t": np.bool_(True), "nested": [Holder((), "")]},
         {"1": 3, "t": True, "nested": [{"values": [], "name": ""}]}),
    ],
    ids=["floats", "a dataclass", "numpy scalars", "an array", "whole numbers and truths"],
)  # fmt: skip
def test_json_holds_plain_values_and_null_for_what_is_not_finite(value, expected):
    assert json.loads(json_bytes(value), parse_constant=pytest.fail) == expected


@pytest.mark.parametrize("content", [None, b"", b'{"a": ', b"\xff\xfe", b"[" * 100_000], ids=repr)
def test_a_json_file_that_is_missing_or_damaged_is_refused(content, tmp_path):
    path = tmp_path / "config.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RunError, match=re.escape(f"need a JSON file {path}")):
        load_json(path)


# Directories


def test_a_new_run_records_its_kind_settings_and_data(tmp_path):
    run = create_run(tmp_path / "deep" / "run", "train", {"steps": 7, "span": (0.5, 2.0)}, DATA)
    assert run == open_run(tmp_path / "deep" / "run")
    assert (run.kind, run.finished) == ("train", False)
    assert run.config["settings"] == {"steps": 7, "span": [0.5, 2.0]}
    assert run.config["data"] == {**DATA, "image_shape": [16, 16, 1]}
    assert {"python", "ifp", "torch", "numpy"} <= set(run.config["versions"])
    assert list(files(run.path)) == ["config.json"]


def test_an_empty_folder_may_become_a_run(tmp_path):
    assert create_run(tmp_path, "anneal", {}, DATA).path == tmp_path


def test_a_run_in_use_is_replaced_only_when_told_to(tmp_path):
    old = create_run(tmp_path / "run", "anneal", {"seed": 1}, DATA)
    old.write("parts/00-00000.npz", b"old")
    before = files(old.path)
    with pytest.raises(RunError, match=r"is in use .*--resume or --overwrite"):
        create_run(old.path, "anneal", {"seed": 2}, DATA)
    assert files(old.path) == before
    new = create_run(old.path, "train", {"seed": 2}, DATA, overwrite=True)
    assert list(files(new.path)) == ["config.json"]
    assert (new.kind, new.config["settings"]) == ("train", {"seed": 2})


@pytest.mark.parametrize(
    "config",
    [
        None,
        "",
        "[]",
        '{"format": "other/1", "kind": "train"}',
        '{"format": "ifp-run/1"}',
        '{"format": "ifp-run/1", "kind": "dance"}',
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_that_is_no_run_is_never_replaced(overwrite, config, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_bytes(b"cat")
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    before = files(tmp_path)
    with pytest.raises(RunError):
        create_run(tmp_path, "train", {}, DATA, overwrite=overwrite)
    assert files(tmp_path) == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_is_never_replaced_by_a_run(overwrite, tmp_path):
    (tmp_path / "thesis.tex").write_bytes(b"years of work")
    with pytest.raises(RunError):
        create_run(tmp_path / "thesis.tex", "train", {}, DATA, overwrite=overwrite)
    assert files(tmp_path) == {"thesis.tex": b"years of work"}


def test_a_place_where_no_folder_can_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=f"need a writable folder, got {tmp_path / 'file'}, which is none"):
        create_run(tmp_path / "file" / "run", "train", {}, DATA)


@pytest.mark.parametrize(
    "words",
    [
        ("anneal", "--dataset", "dsprites", "--out", "out/run"),
        ("anneal", "--dataset", "dsprites", "--mode", "full", "--out", "out/run"),
        ("train", "--dataset", "dsprites", "--objective", "beta-vae", "--out", "out/run"),
        ("compare", "--dataset", "dsprites", "--objectives", "beta-vae", "--out", "out/run"),
        ("encode", "some-run", "--out", "out/codes.npz"),
        ("diagnose", "some-run", "--plot", "out/figure.png"),
    ],
)
def test_a_folder_that_cannot_be_written_to_is_told_before_any_work(words, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.access", lambda path, mode: not str(path).endswith("out"))
    ended = CliRunner().invoke(app, words)
    assert isinstance(ended.exception, RunError)
    assert re.fullmatch(r"need a writable folder, got .*\bout, which is none", str(ended.exception))
    assert list((tmp_path / "out").iterdir()) == []


def finish(run):
    run.write({"anneal": "freezing.csv", "train": "checkpoint.json"}[run.kind], b"")


def make_run(path, kind, created, *, finished):
    """A run made at a time of the test's choosing."""
    run = create_run(path, kind, {}, DATA)
    run.write("config.json", json_bytes({**run.config, "created": f"2026-01-{created:02d}T00:00:00+00:00"}))
    if finished:
        finish(run)
    return path


def test_the_newest_run_is_the_last_created_that_is_finished_and_of_its_kind(tmp_path):
    make_run(tmp_path / "z-first", "anneal", 1, finished=True)
    wanted = make_run(tmp_path / "b", "anneal", 5, finished=True)
    make_run(tmp_path / "c", "anneal", 3, finished=True)
    going_on = make_run(tmp_path / "a-unfinished", "anneal", 6, finished=False)
    make_run(tmp_path / "d-unfinished", "anneal", 2, finished=False)
    trained = make_run(tmp_path / "e", "train", 7, finished=True)
    (tmp_path / "no-run").mkdir()
    (tmp_path / "no-run" / "config.json").write_text("{}")
    os.utime(tmp_path / "z-first" / "config.json")  # touched last: the time of the file does not count
    assert newest_run(tmp_path, Kind.ANNEALING_TEST).path == wanted
    assert newest_run(tmp_path, Kind.ANNEALING_TEST, finished=False).path == going_on
    assert newest_run(tmp_path, Kind.TRAINING).path == trained
    assert [run.path.name for run in list_runs(tmp_path)] == [
        "z-first", "d-unfinished", "c", "b", "a-unfinished", "e",
    ]  # fmt: skip


@pytest.mark.parametrize(("finished", "word"), [(True, "finished"), (False, "unfinished")])
def test_where_there_is_no_such_run_none_is_the_newest(finished, word, tmp_path):
    make_run(tmp_path / "other", "anneal", 1, finished=not finished)
    make_run(tmp_path / "kind", "train", 2, finished=finished)
    with pytest.raises(RunError, match=f"there is no {word} run of kind anneal under"):
        newest_run(tmp_path, Kind.ANNEALING_TEST, finished=finished)
    with pytest.raises(RunError, match="there is no"):
        newest_run(tmp_path / "absent", Kind.ANNEALING_TEST, finished=finished)


SETTINGS = {
    "seed": 0,
    "factors": ("shape", "scale"),
    "pressures": None,
    "sweep": {"hidden": 9, "network": "conv"},
}


@pytest.fixture
def stopped(tmp_path):
    """A run that was stopped while it wrote."""
    run = create_run(tmp_path / "run", "anneal", SETTINGS, DATA)
    run.write("parts/00-00000.npz", b"whole")
    (run.path / "parts" / ".partial-x7.npz").write_bytes(b"ha")
    (run.path / ".partial-y8.csv").write_bytes(b"")
    return run


@pytest.mark.parametrize("given", [{}, {"seed": 0}, {"factors": ("shape", "scale"), "sweep": {"hidden": 9}}, SETTINGS])
def test_a_run_goes_on_with_its_own_settings_and_without_what_was_half_written(given, stopped):
    require_same_settings(stopped, Kind.ANNEALING_TEST, given)
    with stopped.writing():
        pass
    assert sorted(files(stopped.path)) == ["config.json", "parts/00-00000.npz"]


@pytest.mark.parametrize(
    ("given", "difference"),
    [
        ({"seed": 1}, "seed is 0 there and 1 here"),
        ({"factors": ("scale", "shape")}, r"factors is \['shape', 'scale'\] there and \['scale', 'shape'\] here"),
        ({"pressures": (1.0, 2.0)}, r"pressures is None there and \[1.0, 2.0\] here"),
        ({"seed": 0, "sweep": {"hidden": 400}}, "hidden is 9 there and 400 here"),
        ({"sweep": {"network": "dense"}, "seed": 9}, "network is 'conv' there and 'dense' here; seed is 0 there and 9"),
    ],
)
def test_a_run_does_not_go_on_with_other_settings_and_both_are_named(given, difference, stopped):
    before = files(stopped.path)
    with pytest.raises(RunError, match=difference):
        require_same_settings(stopped, Kind.ANNEALING_TEST, given)
    assert files(stopped.path) == before


def test_a_run_of_another_kind_does_not_go_on(stopped):
    before = files(stopped.path)
    with pytest.raises(RunError, match=r"need a run of kind train to resume, .* is of kind anneal"):
        require_same_settings(stopped, Kind.TRAINING, {})
    assert files(stopped.path) == before


@pytest.mark.parametrize("torn", [b"", b"0", b"02,", b"02,1.5" * 9000])
def test_a_row_is_added_where_the_last_whole_one_ended(torn, tmp_path):
    path = tmp_path / "timing.csv"
    for piece in ("00", "01"):
        append_row(path, ("piece", "seconds"), {"piece": piece, "seconds": 0.5})
    with path.open("ab") as file:
        file.write(torn)
    append_row(path, ("piece", "seconds"), {"piece": "a,b", "seconds": 2.0})
    assert path.read_text() == 'piece,seconds\n00,0.5\n01,0.5\n"a,b",2.0\n'


def test_a_table_whose_header_was_torn_begins_anew(tmp_path):
    (tmp_path / "timing.csv").write_bytes(b"piece,sec")
    append_row(tmp_path / "timing.csv", ("piece", "seconds"), {"piece": "00", "seconds": 0.5})
    assert (tmp_path / "timing.csv").read_text() == "piece,seconds\n00,0.5\n"


def test_the_command_lists_runs_oldest_first_whatever_their_config_lacks(tmp_path):
    made = create_run(tmp_path / "b", "train", {"seed": 3, "objective": "deft"}, DATA)
    finish(made)
    (tmp_path / "a").mkdir()
    config = {**made.config, "settings": {}, "created": "2999-01-01T00:00:00+00:00", "kind": "anneal"}
    (tmp_path / "a" / "config.json").write_bytes(json_bytes(config))
    (tmp_path / "no-run").mkdir()
    ended = CliRunner().invoke(app, ["runs", "--runs", str(tmp_path), "--json"])
    assert ended.exit_code == 0
    first, second = json.loads(ended.stdout)
    assert [each["run"] for each in (first, second)] == ["b", "a"]
    assert (first["state"], first["objective"], first["seed"]) == ("finished", "deft", 3)
    assert (second["state"], second["objective"], second["seed"]) == ("unfinished", None, None)
    assert second["created"] == "2999-01-01T00:00:00"


def test_the_command_lists_nothing_where_there_are_no_runs(tmp_path):
    ended = CliRunner().invoke(app, ["runs", "--runs", str(tmp_path / "absent"), "--json"])
    assert (ended.exit_code, json.loads(ended.stdout)) == (0, [])
