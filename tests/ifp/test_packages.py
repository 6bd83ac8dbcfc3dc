"""Packages and rooms stand on one another one way only, start fast, and are not mistaken for a user's folders."""

import json
import os
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

import ifp

ROOT = Path(ifp.__file__).resolve().parent.parent
PACKAGES = ("annealing", "analysis", "ifp")
NAMES = {*ifp.__all__, "compare", "report", "runs", "watch"}  # public, or to come
LONGEST = 270  # lines of a file


@pytest.fixture(scope="module")
def imports():
    """What each module imports, by name: at the top, within functions, and for types alone."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    return {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}


def room(module):
    """A package, or a room of ifp."""
    package, *inner = module.split(".")
    return f"ifp.{inner[0]}" if package == "ifp" and inner else package


def circle(edges):
    """The first circle that is found, or none."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize(
    ("package", "below", "above"),
    [
        ("annealing", set(), {"analysis", "ifp"}),
        ("analysis", {"annealing"}, {"ifp"}),
        ("ifp", {"annealing", "analysis"}, set()),
    ],
)
def test_a_package_imports_only_those_below_it(package, below, above, imports):
    of_package = {
        name: {each.partition(".")[0] for each in imported}
        for name, imported in imports.items()
        if name.partition(".")[0] == package
    }
    assert {name: packages & above for name, packages in of_package.items() if packages & above} == {}
    assert below <= set().union(*of_package.values())  # the search sees what is there


def test_no_circle_of_files_and_none_of_rooms(imports):
    assert circle(imports) == []
    rooms = {}
    for name, imported in imports.items():
        rooms.setdefault(room(name), set()).update(map(room, imported))
    assert circle({name: below - {name} for name, below in rooms.items()}) == []
    assert "ifp.training" in rooms["ifp.evaluation"]  # within functions and for types, too
    assert "ifp.api" in rooms["ifp.cli"]
    assert "analysis.findings" in imports["ifp"]


def test_the_search_for_circles_sees_one():
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}


def test_the_product_is_rooms_and_each_has_a_face():
    inside = [path for path in (ROOT / "ifp").iterdir() if path.name != "__pycache__"]
    assert {path.name for path in inside if path.is_file()} == {"__init__.py", "__main__.py", "py.typed"}
    for folder in (path for path in inside if path.is_dir()):
        assert (folder / "__init__.py").read_text(encoding="utf-8").startswith('"""'), folder
        assert folder.name not in NAMES  # importing it would hide the function


def test_no_file_is_longer_than_a_noun_needs():
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


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
