"""The wheel holds the three packages and nothing else, says what it is, and works where the sources are not."""

import email
import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

PACKAGES = ("analysis", "annealing", "ifp")
PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
CLAIMS = PROJECT["project"]


def sources(folder):
    """Every file of the packages in a folder, as paths relative to it."""
    files = (path for package in PACKAGES for path in (folder / package).rglob("*"))
    return {path.relative_to(folder).as_posix() for path in files if path.is_file()}


@pytest.fixture(scope="module")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return email.message_from_string(archive.read(f"ifp-{CLAIMS['version']}.dist-info/METADATA").decode())


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(wheel, source_tree):
    about = f"ifp-{CLAIMS['version']}.dist-info"
    described = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt", "licenses/LICENSE"}
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        assert archive.read(f"{about}/licenses/LICENSE") == (source_tree / "LICENSE").read_bytes()
        assert archive.read(f"{about}/entry_points.txt").decode() == "[console_scripts]\nifp = ifp.cli:main\n"
    assert held == sources(source_tree) | {f"{about}/{name}" for name in described}
    assert {f"{package}/py.typed" for package in PACKAGES} <= held
    assert wheel.name == f"ifp-{CLAIMS['version']}-py3-none-any.whl"


def test_the_metadata_are_those_of_the_project(metadata, source_tree):
    assert (metadata["Name"], metadata["Version"]) == (CLAIMS["name"], CLAIMS["version"])
    assert (metadata["License-Expression"], metadata["License-File"]) == ("Apache-2.0", "LICENSE")
    assert metadata["Requires-Python"] == CLAIMS["requires-python"]
    assert metadata.get_all("Classifier") == CLAIMS["classifiers"]
    needed = metadata.get_all("Requires-Dist")
    assert [each for each in needed if "extra ==" not in each] == CLAIMS["dependencies"]
    assert metadata.get_all("Provides-Extra") == list(CLAIMS["optional-dependencies"])
    assert metadata.get_payload().strip() == (source_tree / "README.md").read_text().strip()


def test_the_source_archive_holds_the_packages_and_what_builds_them(source_tree, tmp_path):
    code = f"import setuptools.build_meta as build; build.build_sdist({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=source_tree, check=True, capture_output=True, timeout=120)
    top = f"ifp-{CLAIMS['version']}"
    with tarfile.open(tmp_path / f"{top}.tar.gz") as archive:
        held = {each.name.removeprefix(f"{top}/") for each in archive if each.isfile()}
    described = {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO", "setup.cfg"}
    assert {each for each in held if not each.startswith("ifp.egg-info/")} == sources(source_tree) | described


def test_one_version_stands_everywhere(source_tree):
    citation = re.search(r"^version: (.*)$", (source_tree / "CITATION.cff").read_text(), re.MULTILINE)
    newest = re.search(r"^## (\S+)", (source_tree / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert citation[1] == newest[1] == CLAIMS["version"]


def test_the_versions_of_python_claimed_are_those_checked():
    claimed = [each.rpartition(" ")[2] for each in CLAIMS["classifiers"] if re.search(r"Python :: 3\.\d+$", each)]
    assert CLAIMS["requires-python"] == f">={claimed[0]}"
    assert PROJECT["tool"]["mypy"]["python_version"] == claimed[0]
    workflow = (Path(__file__).parents[2] / ".github" / "workflows" / "ci.yml").read_text()
    (matrix,) = re.findall(r"python: \[(.*)\]", workflow)
    assert json.loads(f"[{matrix}]") == claimed
    assert re.findall(r"^ *- run: (.*)", workflow, re.MULTILINE) == [".ci/run"]
    actions = re.findall(r"uses: (\S+)", workflow)
    assert [each for each in actions if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", each)] == []


def test_the_wheel_is_imported_from_where_it_is_installed(run_installed, installed, tmp_path):
    code = "import ifp, annealing, analysis; print(ifp.__file__, annealing.__file__, analysis.__file__, sep='\\n')"
    ended = run_installed(tmp_path, f'python -c "{code}"')
    assert ended.returncode == 0, ended.stderr
    assert all(Path(line).is_relative_to(installed) for line in ended.stdout.splitlines())
    assert [Path(line).parent.name for line in ended.stdout.splitlines()] == ["ifp", "annealing", "analysis"]


def test_the_command_line_works_from_the_wheel(run_installed, run_ifp, tmp_path):
    assert run_installed(tmp_path, "ifp --version").stdout == f"ifp {CLAIMS['version']}\n"
    spectrum = "spectrum --dataset dsprites-tiny --contexts 4"
    ended = run_installed(tmp_path, f"ifp {spectrum}")
    assert ended.returncode == 0, ended.stderr
    assert "posX" in ended.stderr
    found = json.loads(run_installed(tmp_path, f"ifp {spectrum} --json").stdout)
    from_the_sources = run_ifp(tmp_path, *spectrum.split(), "--json")
    assert found == json.loads(from_the_sources.stdout)
    assert list(tmp_path.iterdir()) == []


def test_a_users_types_are_checked_against_those_of_the_wheel(installed, tmp_path):
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text('import ifp\nnames: tuple[str, ...] | None = ifp.load_dataset("dsprites").nuisances\n')
    wrong.write_text('import ifp\nds: int = ifp.load_dataset("dsprites")\n')
    (tmp_path / "mypy.ini").write_text(  # the types of torch and others are their own, and take longest
        f"[mypy]\nfollow_imports = skip\n[mypy-{','.join(f'{name}.*' for name in PACKAGES)}]\nfollow_imports = normal\n"
    )
    command = [sys.executable, "-m", "mypy", "--python-executable", installed / "bin" / "python", "--no-error-summary"]
    ended = subprocess.run([*command, right, wrong], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    (error,) = ended.stdout.splitlines()
    assert error.startswith('wrong.py:2: error: Incompatible types in assignment (expression has type "Dataset", ')
