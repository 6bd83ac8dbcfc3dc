"""What only lists, checks or reads tables starts without what takes longer to load than they take."""

import subprocess
import sys

import pytest

WITHOUT = """
import importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in ABSENT:
            raise ModuleNotFoundError(f"{name} is not to be loaded")

sys.meta_path.insert(0, Absent())
from ifp.cli import main
main()
"""


TABLES = ("torch", "pandas", "scipy", "matplotlib")


def run_without(absent, words, folder, environment):
    command = [sys.executable, "-c", f"ABSENT = {absent}{WITHOUT}", *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        (("--help",), TABLES),
        (("train", "--help"), TABLES),
        (("runs", "--runs", "."), TABLES),
        (("verify", "anneal"), TABLES),
        (("data", "list"), ("torch", "pandas", "matplotlib")),
        (("plan-stages", "anneal"), ("torch", "matplotlib")),
        (("spectrum", "--dataset", "dsprites-tiny", "--contexts", "2"), ("scipy.stats", "sklearn", "matplotlib")),
    ],
    ids=str,
)
def test_a_command_loads_nothing_that_it_does_not_need(words, absent, finished_runs, environment):
    ended = run_without(absent, words, finished_runs, environment)
    assert ended.returncode == 0, ended.stderr


def test_a_command_that_needs_torch_shows_that_the_test_would_see_it(finished_runs, environment):
    ended = run_without(("torch",), ("score", "train"), finished_runs, environment)
    assert "torch is not to be loaded" in ended.stderr
