"""Modes of the files made are the user's own choice, and a path without permission is one line."""

import os

import pytest

import ifp

SCRIPT = """
import os, sys
os.umask(int(sys.argv[1], 8))
import numpy as np
import ifp
data, out, codes = sys.argv[2:5]
few = {"steps": 2, "batch_size": 4, "eval_every": 1, "probe": 8, "threads": 1, "network": "conv-8", "latents": 1}
run = ifp.train(data, objective="beta-vae", out=out, **few)
ifp.encode(run, out=codes)
ifp.score(run, only=["mig"])
ifp.report(run)
ifp.from_arrays(np.zeros((3, 4, 4), np.uint8))
"""


def modes(folder):
    return {
        str(path.relative_to(folder)): oct(path.stat().st_mode & 0o777)
        for path in folder.rglob("*")
        if not path.is_symlink()
    }


@pytest.mark.parametrize(("mask", "file", "directory"), [("077", "0o600", "0o700"), ("002", "0o664", "0o775")])
def test_files_and_folders_have_the_modes_of_the_users_umask(mask, file, directory, bars_file, starter, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    given = (mask, bars_file, home / "runs" / "run", home / "codes.npz")
    ended = starter.run(tmp_path, "-c", SCRIPT, *given, IFP_CACHE_DIR=str(home / "cache"))
    assert ended.returncode == 0, ended.stderr
    found = modes(home)
    assert {"codes.npz", "runs/run/config.json", "runs/run/report.html", "runs/run", "cache/arrays"} <= set(found)
    for name, mode in found.items():
        assert mode == (directory if (home / name).is_dir() else file), name


needs_a_user = pytest.mark.skipif(os.geteuid() == 0, reason="to root every path is open")


@needs_a_user
def test_a_path_without_permission_is_one_line(told, bars_file, finished_runs, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0)
    try:
        lines_of_denial(told, closed, bars_file, finished_runs)
    finally:
        closed.chmod(0o700)


def lines_of_denial(told, closed, bars_file, finished_runs):
    train = ("train", "--dataset", bars_file, "--objective", "beta-vae")
    for words in (
        ("spectrum", "--dataset", closed / "x.npz"),
        ("spectrum", "--dataset", f"{closed}/folder"),
        ("report", closed / "run"),
        ("verify", closed / "run"),
        ("score", closed / "codes.npz"),
        ("plan-stages", closed / "run"),
        ("train", "--plan", closed / "plan.json", "--dataset", bars_file),
        (*train, "--config", closed / "settings.toml"),
        (*train, "--out", closed / "run"),
        ("encode", finished_runs / "train", "--out", closed / "codes.npz"),
        ("traverse", finished_runs / "train", "--out", closed / "x.png"),
        ("spectrum", "--dataset", "scream-dsprites-32", "--background", closed / "x.png"),
        ("diagnose", closed / "log.csv"),
        ("runs", "--runs", closed / "runs"),
    ):
        code, error, _ = told(*words)
        assert (code, error.count("\n")) == (1, 1), (words, error)
        assert "Traceback" not in error


@pytest.fixture
def denied(monkeypatch):
    """What a system does to somebody without permission, whoever runs the tests: no look at anything below 'closed'."""
    real_stat, real_open = os.stat, os.open

    def stat(path, *arguments, **more):
        if isinstance(path, (str, os.PathLike)) and "closed/" in os.fspath(path):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return real_stat(path, *arguments, **more)

    def opened(path, *arguments, **more):
        if isinstance(path, (str, os.PathLike)) and "closed/" in os.fspath(path):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return real_open(path, *arguments, **more)

    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(os, "open", opened)


def test_denials_of_the_system_are_one_line(denied, told, bars_file, finished_runs, tmp_path):
    (tmp_path / "closed").mkdir()
    lines_of_denial(told, tmp_path / "closed", bars_file, finished_runs)


def test_a_tilde_is_the_users_home(bars_file, tmp_path, monkeypatch, told):
    monkeypatch.setenv("HOME", str(tmp_path))
    few = {"steps": 1, "batch_size": 4, "eval_every": 1, "probe": 8, "threads": 1, "network": "conv-8", "latents": 1}
    run = ifp.train(bars_file, objective="beta-vae", out="~/run", **few)
    assert run.path == tmp_path / "run"
    assert ifp.open_run("~/run").finished
    (tmp_path / "settings.toml").write_text('out = "~/second"\nsteps = 1\n')
    code, error, _ = told(
        "train", "--dataset", bars_file, "--objective", "beta-vae", "--network", "conv-8", "--latents", 1,
        "--config", tmp_path / "settings.toml",
    )  # fmt: skip
    assert code == 0, error
    assert (tmp_path / "second" / "config.json").exists()
    assert not (tmp_path / "~").exists()


def test_too_little_address_space_is_told_before_libraries_abort_there(told, monkeypatch):
    monkeypatch.setattr("ifp.machine.memory.resource.getrlimit", lambda kind: (800_000_000, -1))
    code, error, _ = told("spectrum", "--dataset", "dsprites-tiny")
    assert (code, error) == (
        1, "ifp: need an address space of 1.6 GB at least, the limit is 0.8 GB: raise it (ulimit -v)\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "ifp: need more memory than there is, got: MemoryError"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "ifp: need more memory than there is"),
        (ImportError("x.so: failed to map segment from shared object"), "ifp: need more memory than there is"),
        (OSError(5, "Input/output error", "x"), "ifp: need files that can be read and written, got: [Errno 5]"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_what_the_system_lacks_is_one_line_and_what_the_program_lacks_is_not_hidden(error, line, told, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("ifp.api.data.data_at_hand", fail)
    code, told_line, _ = told("data", "list")
    assert (code, told_line.count("\n"), told_line.startswith(line)) == (1, 1, True)


def test_a_fault_of_the_program_is_not_hidden(told, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("ifp.api.data.data_at_hand", fail)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        told("data", "list")
