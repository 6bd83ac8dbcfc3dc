"""Packages stand on one another one way only, start fast, and are not mistaken for a user's folders."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ifp

ROOT = Path(ifp.__file__).resolve().parent.parent


def imported_packages(path):
    """Top-level packages that a file names in its import statements, wherever they stand."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize(
    ("package", "below", "above"),
    [
        ("annealing", set(), {"analysis", "ifp"}),
        ("analysis", {"annealing"}, {"ifp"}),
        ("ifp", {"annealing", "analysis"}, set()),
    ],
)
def test_a_package_imports_only_those_below_it(package, below, above):
    imports = {path.relative_to(ROOT): imported_packages(path) for path in sorted((ROOT / package).rglob("*.py"))}
    assert {path: names & above for path, names in imports.items() if names & above} == {}
    assert below <= set().union(*imports.values())  # the search sees what is there


HELP_AND_MODULES = """
import json, sys
from ifp.cli import main
sys.argv = ["ifp", "--help"]
try:
    main()
except SystemExit as end:
    code = end.code
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def python(code, folder, environment):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_help_is_printed_without_the_slow_packages(tmp_path, environment):
    *text, last = python(HELP_AND_MODULES, tmp_path, environment).stdout.splitlines()
    code, modules = json.loads(last)
    assert (code or 0) == 0
    assert all(command in "\n".join(text) for command in ("anneal", "plan-stages", "train", "diagnose"))
    assert set(modules) & {"numpy", "torch", "pandas", "seaborn", "scipy", "sklearn", "matplotlib"} == set()
    assert "ifp" in modules


@pytest.mark.parametrize("marked", [True, False], ids=["with __init__.py", "without __init__.py"])
@pytest.mark.parametrize("package", ["annealing", "analysis"])
def test_a_users_folder_in_the_place_of_a_package_is_named_with_the_one_it_hides(
    package, marked, tmp_path, environment
):
    folder = tmp_path / package
    folder.mkdir()
    if marked:
        (folder / "__init__.py").touch()
    ended = python("import ifp", tmp_path, environment)
    message = ended.stderr.splitlines()[-1]
    assert ended.returncode == 1
    assert message.startswith(f"ImportError: ifp needs its own package {package!r} in {ROOT}")
    assert str(folder) in message
    assert "rename that folder" in message


def test_a_users_folder_that_hides_nothing_is_no_obstacle(tmp_path, environment):
    (tmp_path / "analysis").mkdir()  # without __init__.py, and a whole package of that name on the path
    code = "import ifp, analysis; print(ifp.IFPError.__name__, analysis.__file__)"
    ended = python(code, tmp_path, environment | {"PYTHONPATH": os.fspath(ROOT)})
    assert ended.stdout.split() == ["IFPError", os.fspath(ROOT / "analysis" / "__init__.py")]


def test_every_public_name_is_there_and_no_other():
    assert [name for name in ifp.__all__ if getattr(ifp, name).__name__ != name] == []
    assert set(ifp.__all__) <= set(dir(ifp))
    with pytest.raises(AttributeError, match="no attribute 'melt'"):
        _ = ifp.melt
