"""Nothing public is without a docstring, and no link of the documentation leads nowhere. Sphinx is not needed."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import ifp

ROOT = Path(__file__).parents[2]
PACKAGES = ("annealing", "analysis", "ifp")
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"]
    if path.is_file()
)
_FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*$", re.MULTILINE)


def _modules():
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not any(part.startswith("_") for part in found.name.split(".")):
                yield importlib.import_module(found.name)


def _undocumented(module):
    if not module.__doc__:
        yield module.__name__
    for name, value in vars(module).items():
        own = getattr(value, "__module__", None) == module.__name__
        if name.startswith("_") or not own or not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        if not value.__doc__ or value.__doc__.startswith(f"{name}("):  # what a dataclass has without a docstring
            yield f"{module.__name__}.{name}"
        if inspect.isclass(value):
            yield from (f"{module.__name__}.{name}.{each}" for each in _undocumented_members(value))


def _undocumented_members(kind):
    for name, member in vars(kind).items():
        inner = getattr(member, "__func__", member)
        told = inspect.isfunction(inner) or isinstance(inner, property)
        if told and not name.startswith("_") and not inspect.getdoc(getattr(kind, name)):
            yield name


def test_every_public_name_has_a_docstring():
    assert [name for name in ifp.__all__ if not inspect.getdoc(getattr(ifp, name))] == []


def test_every_public_module_class_function_and_method_has_a_docstring():
    assert [name for module in _modules() for name in _undocumented(module)] == []


def _text(path):
    """Markdown without code: neither a link nor a heading is one there."""
    return re.sub(r"`[^`\n]+`", lambda code: code.group().replace("[", " "), _FENCE.sub("", path.read_text()))


def _anchors(path):
    """As GitHub and MyST make them of headings: small letters, spaces as hyphens, neither marks nor points."""
    titles = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", each) for each in _HEADING.findall(_text(path)))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_what_exists(page):
    broken = []
    for target in _LINK.findall(_text(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = page.parent / name if name else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in _anchors(there)):
            broken.append(target)
    assert broken == []


def test_the_check_of_links_sees_a_broken_one(tmp_path):
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    other.write_text("# A title, with `code`\n")
    page.write_text("[a](other.md#a-title-with-code) [b](none.md) [c](other.md#none)\n```\n[d](not-a-link.md)\n```\n")
    with pytest.raises(AssertionError, match=r"none\.md', 'other\.md#none'"):
        test_links_lead_to_what_exists(page)


def test_the_check_of_docstrings_sees_a_missing_one():
    module = type(inspect)("bare")
    exec(
        "class A:\n    '''Told.'''\n    def told(self):\n        '''Told.'''\n    def b(self): ...\ndef c(): ...",
        vars(module),
    )
    assert list(_undocumented(module)) == ["bare", "bare.A.b", "bare.c"]
