"""What only lists, checks or reads tables starts without torch, which takes longer to load than they take."""

import subprocess
import sys

import pytest

WITHOUT = """
import importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "torch":
            raise ModuleNotFoundError("torch is not to be loaded")

sys.meta_path.insert(0, Absent())
from ifp.cli import main
main()
"""


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("train", "--help"),
        ("runs",),
        ("data", "list"),
        ("verify", "anneal"),
        ("plan-stages", "anneal"),
    ],
    ids=" ".join,
)
def test_torch_is_not_loaded_by_a_command_that_needs_none(words, finished_runs, environment):
    command = [sys.executable, "-c", WITHOUT, *words]
    ended = subprocess.run(
        command, cwd=finished_runs, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_a_command_that_needs_torch_shows_that_the_test_would_see_it(finished_runs, environment):
    command = [sys.executable, "-c", WITHOUT, "score", "train"]
    ended = subprocess.run(
        command, cwd=finished_runs, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert "torch is not to be loaded" in ended.stderr
