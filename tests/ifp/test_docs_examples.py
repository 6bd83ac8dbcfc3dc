"""The documentation's examples do what they say: Python runs, commands and options exist, plans and columns are right.

A block of Python runs after those before it on its page, in an empty folder; where ``<!-- not run: WHY -->`` stands
above one it is compiled only.
"""

import dataclasses
import doctest
import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from analysis.stage_plan import Stage, StagePlan
from ifp.annealing_test.columns import FREEZING_COLUMNS
from ifp.annealing_test.freezing_csv import CURVES
from ifp.cli import app
from ifp.training.trained import TRACE
from ifp.whole_annealing.results import WHOLE_CURVES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
_BLOCK = re.compile(
    r"(?P<aside><!-- not run: .+? -->\s*)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


def _blocks(page, *languages):
    found = [match for match in _BLOCK.finditer(page.read_text()) if match["language"] in languages]
    return [(match["text"], bool(match["aside"])) for match in found]


def _named(pages):
    return {"argvalues": pages, "ids": [str(page.relative_to(ROOT)) for page in pages]}


@pytest.mark.parametrize("page", **_named([page for page in PAGES if _blocks(page, "python")]))
def test_python_blocks_compile(page):
    for text, _ in _blocks(page, "python"):
        if ">>>" not in text:
            compile(text, str(page), "exec")


def _runs(page):
    return any(not aside for _, aside in _blocks(page, "python"))


@pytest.mark.parametrize("page", **_named([page for page in PAGES if DOCS in page.parents and _runs(page)]))
def test_python_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names = {"__name__": "__main__"}
    for text, aside in _blocks(page, "python"):
        if aside:
            continue
        if ">>>" in text:
            example = doctest.DocTestParser().get_doctest(text, names, page.name, str(page), 0)
            assert doctest.DocTestRunner().run(example).failed == 0
        else:
            exec(compile(text, str(page), "exec"), names)


def _commands():
    """Lines that call ``ifp`` in blocks of shell, split into words; what a pipe joins apart."""
    for page in PAGES:
        for text, _ in _blocks(page, "sh", "text", "bash", "console"):
            for line in text.replace("\\\n", " ").splitlines():
                for part in re.split(r"[|;>]|&&", line.split("  #")[0].removeprefix("$ ")):
                    words = shlex.split(part.replace("'", ""), comments=True) if part.strip().startswith("ifp ") else []
                    if len(words) > 1 and not any("┃" in word or word.endswith(":") for word in words[:2]):
                        yield str(page.relative_to(ROOT)), words


def _known(words):
    """Whether the words are a command of ours with options that it has."""
    command, rest = get_command(app), words[1:]
    while rest and hasattr(command, "commands"):
        if rest[0].startswith("-"):
            break
        command = command.commands.get(rest[0])
        if command is None:
            return False
        rest = rest[1:]
    options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help", "-h"}
    return all(word.split("=")[0] in options for word in rest if word.startswith("--"))


def test_commands_and_options_exist():
    told = list(_commands())
    assert len(told) > 20  # the reader of blocks finds them
    assert [(page, " ".join(words)) for page, words in told if not _known(words)] == []


def test_the_check_of_commands_sees_a_wrong_one():
    assert _known(["ifp", "train", "--set", "beta=4", "--steps", "10"])
    assert _known(["ifp", "data", "fetch", "shapes3d"])
    assert not _known(["ifp", "trian", "--steps", "10"])
    assert not _known(["ifp", "train", "--stesp", "10"])


def test_plans_shown_are_valid():
    told = [text for page in PAGES for text, _ in _blocks(page, "json") if "ifp-stage-plan" in text]
    assert told
    for text in told:
        StagePlan.from_json(text)


def test_the_page_of_files_has_every_column_and_array():
    page = (DOCS / "reference" / "files.md").read_text()
    plan = {field.name for kind in (Stage, StagePlan) for field in dataclasses.fields(kind)}
    wanted = {*FREEZING_COLUMNS, *CURVES, *WHOLE_CURVES, *TRACE, *plan}
    assert sorted(name for name in wanted if f"`{name}`" not in page) == []
