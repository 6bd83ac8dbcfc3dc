"""The Python reference, made from the packages themselves: no list of names or modules is kept by hand.

``{public-names} ifp`` documents every name of ``ifp.__all__``, ``{public-modules} PACKAGE`` every public module of a
package that is no package itself. What has its place among the public names is left out of its own module's section.
"""

import dataclasses
import importlib
import inspect
import itertools
import pkgutil
import re
from collections.abc import Iterator
from typing import Any, TypeVar

from docutils import nodes
from docutils.statemachine import StringList
from numpy.typing import ArrayLike
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode
from sphinx.util.typing import stringify_annotation

_ARRAY = re.compile(
    r"~?numpy\.ndarray\[tuple\[~?typing\.Any, \.\.\.\], ~?numpy\.dtype\[([^\[\]]*(?:\[[^\[\]]*\])?)\]\]"
)
_OWN = ("annealing", "analysis", "ifp")
_FIELD = re.compile(r"^    (\w+): [^#]*#\s*(?P<text>\S.*)$")


class _Generated(SphinxDirective):
    required_arguments = 1

    def section(self, title: str, identity: str, lines: list[str]) -> nodes.section:
        """A section with the directives of autodoc in it."""
        section = nodes.section(ids=[nodes.make_id(identity)], names=[])
        section += nodes.title("", "", *_in_code(title))
        fenced = ["```{eval-rst}", *lines, "```"]
        self.state.nested_parse(StringList(fenced, source=self.get_location()), 0, section)
        return section


class PublicNames(_Generated):
    """Functions, classes and errors of a module's ``__all__``, each kind by name."""

    def run(self) -> list[nodes.Node]:
        """Three sections."""
        module = importlib.import_module(self.arguments[0])
        found: dict[str, list[str]] = {"Functions": [], "Classes": [], "Errors": []}
        for name in sorted(module.__all__):
            value = getattr(module, name)
            if not inspect.isclass(value):
                kind, directive = "Functions", "autofunction"
            elif issubclass(value, BaseException):
                kind, directive = "Errors", "autoexception"
            else:
                kind, directive = "Classes", "autoclass"
            found[kind] += [f".. {directive}:: {module.__name__}.{name}", ""]
        return [self.section(kind, kind, lines) for kind, lines in found.items() if lines]


class PublicModules(_Generated):
    """Every public module right in a package."""

    def run(self) -> list[nodes.Node]:
        """What the package itself tells, then a section for each module."""
        package = self.arguments[0]
        first = self.section(package, package, [f".. automodule:: {package}", ""])
        rest = [
            self.section(each, f"module-page-{each}", [f".. automodule:: {each}", ""]) for each in _modules(package)
        ]
        return [*first.children[1:], *rest]


def _modules(package: str) -> Iterator[str]:
    for found in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not found.ispkg and not found.name.startswith("_"):
            yield f"{package}.{found.name}"


def _in_code(title: str) -> list[nodes.Node]:
    return [nodes.literal("", title)] if "." in title else [nodes.Text(title)]


def _public_objects() -> set[int]:
    ifp = importlib.import_module("ifp")
    return {id(getattr(ifp, name)) for name in ifp.__all__}


def _resolved(app: Sphinx, env: BuildEnvironment, node: pending_xref, contents: nodes.Element) -> nodes.Node | None:
    """A name that its own module knows: of a public name by its home, or of a class that another module has."""
    target = str(node.get("reftarget", ""))
    if node.get("refdomain") != "py" or not target:
        return None
    value = _imported(target)
    if isinstance(value, TypeVar):
        return contents
    public = [name for name in importlib.import_module("ifp").__all__ if value is not None and target.endswith(name)]
    wanted = [f"ifp.{name}" for name in public if getattr(importlib.import_module("ifp"), name) is value]
    domain = env.domains.python_domain
    known = wanted or [name for name in domain.objects if name.endswith(f".{target}")]
    if len({domain.objects[name].node_id for name in known if name in domain.objects}) != 1:
        return None
    found = domain.objects[known[0]]
    return make_refnode(app.builder, node["refdoc"], found.docname, found.node_id, contents, known[0])


def _imported(target: str) -> Any:
    """What a full name stands for, None where it is no full name."""
    module, _, name = target.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name, None) if module else None
    except ImportError:
        return None


def _left_out(app: Sphinx, what: str, name: str, value: Any, skip: bool, options: Any) -> bool | None:
    """Leave out of a module what stands among the public names, what it only imports, and second names."""
    if what != "module":
        return None
    public = name == "OBJECTIVE" or id(value) in app.public_objects  # type: ignore[attr-defined]
    foreign = callable(value) and str(getattr(value, "__module__", "")).split(".")[0] not in _OWN
    return True if public or foreign else None


def _apart(app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Attributes that are told together, ``low, high: ...``, one by one; and no type in a property's first line."""
    if what in ("property", "attribute"):
        lines[:0] = ["..", ""]  # an empty comment, which has no colon
    inside = False
    for number in reversed(range(len(lines))):
        inside = "Attributes:" in lines[:number] and what == "class"
        told = re.match(r"    (\w+(?:, \w+)+): (.*)$", lines[number])
        if inside and told:
            names = told[1].split(", ")
            rest = itertools.takewhile(lambda line: line.startswith("     "), lines[number + 1 :])
            text = [told[2], *rest]
            lines[number : number + len(text)] = [
                line for each in names for line in (f"    {each}: {text[0]}", *text[1:])
            ]


def _short(
    app: Sphinx, what: str, name: str, value: Any, options: Any, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Signatures with NDArray and ArrayLike as they are written, not as what they stand for."""
    like = stringify_annotation(ArrayLike, "smart")
    told = [each and each.replace(like, "~numpy.typing.ArrayLike") for each in (signature, returned)]
    told = [each and _ARRAY.sub(r"~numpy.typing.NDArray[\1]", each) for each in told]
    return told[0], told[1]


def _with_fields(app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Give a dataclass that says what its fields are in comments beside them an Attributes section of these."""
    if not (inspect.isclass(value) and dataclasses.is_dataclass(value)) or any("Attributes:" in each for each in lines):
        return
    told = [_FIELD.match(line) for line in inspect.getsource(value).splitlines()]
    found = [f"    {match[1]}: {match['text']}" for match in told if match]
    if found:
        lines += ["", "Attributes:", *found, ""]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register both directives, and what they have autodoc do."""
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"  # as the docstrings call them
    app.public_objects = _public_objects()  # type: ignore[attr-defined]
    app.add_directive("public-names", PublicNames)
    app.add_directive("public-modules", PublicModules)
    app.connect("autodoc-skip-member", _left_out)
    app.connect("autodoc-process-signature", _short)
    app.connect("missing-reference", _resolved)
    app.connect("autodoc-process-docstring", _apart, priority=101)
    app.connect("autodoc-process-docstring", _with_fields, priority=100)  # before napoleon reads the sections
    return {"parallel_read_safe": True}
