"""Defaults as help shows them: read from the config classes and functions that have them, never typed a second time.

Sources are read, not imported: to import a config imports torch, which takes longer than the help.
"""

import ast
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SOURCES = Path(__file__).parents[2]  # where the three packages stand side by side


@dataclass(frozen=True)
class Source:
    """Where a command's defaults stand.

    Attributes:
        where: MODULE:NAME of a config dataclass or a function.
        named: names there of options that are called otherwise.
        when: in which case they hold, if not always: ``with --mode full``.
        only: whether nothing but what is ``named`` is looked for.
    """

    where: str
    named: Mapping[str, str] = field(default_factory=dict)
    when: str = ""
    only: bool = False

    def default(self, option: str) -> str | None:
        """The default of an option as it is typed; None where there is none, or none to tell."""
        if self.only and option not in self.named:
            return None
        return _told(literals(self.where).get(self.named.get(option, option)))


def told_default(sources: tuple[Source, ...], option: str) -> str | None:
    """What help says of an option's default: that of the first source, and where another one has another.

    >>> told_default((Source("ifp.annealing_test.config:AnnealConfig"),), "contexts")
    '10'
    """
    found = [(source.when, value) for source in sources if (value := source.default(option)) is not None]
    if not found:
        return None
    (_, first), *others = found
    return ", or ".join([first, *(f"{value} {when}" for when, value in others if when and value != first)])


@functools.cache
def literals(where: str) -> Mapping[str, Any]:
    """Literal defaults by name: of the fields of a class, the arguments of a function, or the constants of a module."""
    module, _, name = where.partition(":")
    tree = ast.parse((_SOURCES / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    kinds = (ast.ClassDef, ast.FunctionDef)
    node = next((node for node in tree.body if isinstance(node, kinds) and node.name == name), None)
    pairs = _arguments(node) if isinstance(node, ast.FunctionDef) else _fields(node or tree)
    return {field: ast.literal_eval(value) for field, value in pairs if _is_literal(value)}


def _fields(node: ast.ClassDef | ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for line in node.body:
        targets = (
            line.targets if isinstance(line, ast.Assign) else [line.target] if isinstance(line, ast.AnnAssign) else []
        )
        if isinstance(line, ast.AnnAssign) and ast.unparse(line.annotation).startswith("ClassVar"):
            continue  # of the class, no field
        if isinstance(line, (ast.Assign, ast.AnnAssign)) and line.value is not None:
            value = _default_of(line.value)
            yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))


def _default_of(value: ast.expr) -> ast.expr:
    """X of ``field(default=X, ...)``, else the value itself."""
    words = value.keywords if isinstance(value, ast.Call) and ast.unparse(value.func) == "field" else []
    return next((word.value for word in words if word.arg == "default"), value)


def _arguments(node: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    for argument, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if value is not None:
            yield argument.arg, value


def _is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except ValueError:
        return False
    return True


def _told(value: Any) -> str | None:
    """As it is typed on the command line: LO:HI of a pair; nothing of a flag, of None or of a collection."""
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(end, (int, float)) for end in value):
        return f"{value[0]:g}:{value[1]:g}"
    if value is None or isinstance(value, (bool, tuple, list, dict)):
        return None
    return f"{value:g}" if isinstance(value, float) else str(value)
