"""Completion as shells ask for it: names and runs, without the slow packages."""

import json
import pkgutil

import numpy as np
import pytest

from ifp.cli.completion import _factor_names, objective_names
from ifp.datasets import families, load_dataset, public
from ifp.objectives import objectives
from ifp.run_directory.run import create_run
from tests.ifp.starting import Starter

ASKED = """
import json, os, sys
from ifp.cli import main
try:
    main()
except SystemExit:
    pass
print()
print(json.dumps([name for name in ("torch", "pandas", "seaborn", "matplotlib") if name in sys.modules]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("completion")
    for name in ("train-first", "train-second", "anneal-first"):
        create_run(path / "runs" / name, name.partition("-")[0], {}, {})
    (path / "runs" / "notes").mkdir()
    np.savez(
        path / "own.npz", images=np.zeros((2, 4, 4), np.uint8), factors=np.eye(2, dtype=int), factor_names=["a", "ab"]
    )
    return path


@pytest.fixture(scope="module")
def shell(environment):
    """Starts ``python`` with no more imported than the command line itself, and the names of data sets."""
    known = (f"{public.__name__}.{found.name}" for found in pkgutil.iter_modules(public.__path__))
    found = Starter(environment, imported=("ifp.cli", *known))
    yield found
    found.end()


@pytest.fixture(scope="module")
def asked(folder, shell):
    """What bash is offered for a line, the last word being completed; asserts that nothing slow was imported."""

    def ask(line):
        words = line.split(" ")
        own = {"_IFP_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        ended = shell.run(folder, "-c", ASKED, **own)
        assert ended.returncode == 0, ended.stderr
        *found, slow = ended.stdout.strip().splitlines()
        assert json.loads(slow) == []
        assert ended.stderr == ""
        return [each for each in found if each]

    return ask


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ifp anneal --dataset dsprites-", ["dsprites-32", "dsprites-noshape", "dsprites-tiny"]),
        ("ifp spectrum --dataset nothing", []),
        ("ifp data show coil", ["coil20"]),
        ("ifp anneal --dataset dsprites --factors p", ["posX", "posY"]),
        ("ifp anneal --dataset dsprites --factors posX,p", ["posX,posY"]),
        ("ifp anneal --dataset own.npz --factors a", ["a", "ab"]),
        ("ifp anneal --dataset absent.npz --factors a", []),
        ("ifp train --objective deft", ["deft", "deft-hook", "deft-separate"]),
        ("ifp compare --objectives deft,beta-", ["deft,beta-tcvae", "deft,beta-vae"]),
        ("ifp train --preset l", ["locatello"]),
        ("ifp diagnose ", ["runs/anneal-first", "runs/train-first", "runs/train-second"]),
        ("ifp score runs/train-s", ["runs/train-second"]),
        ("ifp anneal --resume --out runs/a", ["runs/anneal-first"]),
        ("ifp report --runs nowhere runs/", []),
        ("ifp plot", ["plot-distributions", "plot-curves"]),
        ("ifp anneal --conf", ["--config"]),
    ],
)
def test_what_is_offered(line, offered, asked):
    assert asked(line) == offered


def test_objectives_are_known_by_their_files():
    assert objective_names() == list(objectives())


@pytest.mark.parametrize("name", [name for name, family in families().items() if family.made_here and "-" not in name])
def test_factors_are_those_of_the_summary(name):
    assert tuple(_factor_names(name)) == load_dataset(name).factors.names


@pytest.mark.parametrize(
    ("name", "file", "holds"),
    [
        ("bash", ".bash_completions/ifp.sh", "_IFP_COMPLETE=complete_bash"),
        ("zsh", ".zfunc/_ifp", "#compdef ifp"),
        ("fish", ".config/fish/completions/ifp.fish", "complete --command ifp"),
    ],
)
def test_completion_is_shown_and_installed(name, file, holds, shell, tmp_path):
    own = {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    for option in ("--show-completion", "--install-completion"):
        ended = shell.run(tmp_path, "-m", "ifp", option, name, **own)
        assert ended.returncode == 0, ended.stderr
        assert (holds in ended.stdout) == (option == "--show-completion")
    assert holds in (tmp_path / file).read_text()


@pytest.mark.parametrize(("name", "first"), [("zsh", '"--objective":"'), ("fish", "--objective\t")])
def test_a_long_help_stays_in_one_line(name, first, shell, tmp_path):
    own = {
        "_IFP_COMPLETE": f"complete_{name}",
        "_TYPER_COMPLETE_ARGS": "ifp train --objective",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    ended = shell.run(tmp_path, "-m", "ifp", **own)
    assert ended.returncode == 0, ended.stderr
    assert first in ended.stdout
    assert len(ended.stdout.strip().splitlines()) == 1
