"""The reference of the command line, made from the commands themselves."""

import importlib
import re
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from typer.main import get_command

_DEFAULT = re.compile(r"\s*\[default: (?P<value>[^\]]*)\]")
_ENDED = re.compile(r"(.*?)(?:; (x[<>]=?\S+))?$")  # click puts a range into the brackets of the default


class Commands(SphinxDirective):
    """Every command of a typer app: ``{commands} MODULE NAME``, the program's name beside its module."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        """A section for each command."""
        module, program = self.arguments
        root = get_command(importlib.import_module(module).app)
        return [self._section(path, command) for path, command in _commands(program, root)]

    def _section(self, path: str, command: Any) -> nodes.section:
        section = nodes.section(ids=[nodes.make_id(path)], names=[])
        section += nodes.title("", "", nodes.literal("", path))
        self.state.nested_parse(StringList(_page(path, command), source=self.get_location()), 0, section)
        return section


def _commands(path: str, command: Any) -> list[tuple[str, Any]]:
    found = [] if not path.count(" ") and hasattr(command, "commands") else [(path, command)]
    for name, each in getattr(command, "commands", {}).items():
        found += _commands(f"{path} {name}", each)
    return found


def _page(path: str, command: Any) -> list[str]:
    """Markdown of one command: what it does, how it is called, its arguments and options."""
    context = command.make_context(path, [], resilient_parsing=True)
    usage = " ".join(command.collect_usage_pieces(context))
    lines = []
    for paragraph in (command.help or "").split("\n\n"):
        text = " ".join(paragraph.split())
        examples = re.findall(r"Example: (.*?)(?= Example: |$)", text)
        lines += ["```sh", *examples, "```", ""] if examples else [_plain(text), ""]
    lines += ["```text", f"{path} {usage}", "```", ""]
    for each in command.params:
        row = None if getattr(each, "hidden", False) else each.get_help_record(context)
        lines += _entry(*row) if row else []
    return lines


def _entry(names: str, text: str) -> list[str]:
    """A term and its definition: the option as it is typed, what it is, and what holds without it."""
    found = _DEFAULT.search(text)
    value, extra = _ENDED.match(found["value"]).groups() if found else ("", None)  # type: ignore[union-attr]
    limits = [each.strip("[]") for each in re.findall(r"\[\d*<?=?x[<>]=?\d+\]", text)] + ([extra] if extra else [])
    told = re.sub(r"\s*\[[^\]]*\]", "", text).strip()
    notes = [f"default: {value}"] * bool(found) + limits + ["required"] * ("[required]" in text)
    ending = f" *({_plain('; '.join(notes))})*" if notes else ""
    return [f"`{names.replace(' range>', '>')}`", f": {_plain(told)}{ending}", ""]


def _plain(text: str) -> str:
    """Text in which nothing is taken for markup, options in code."""
    parts = re.split(r"(--[a-z][a-z-]*)", text)
    return "".join(f"`{part}`" if number % 2 else _escaped(part) for number, part in enumerate(parts))


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|$])", r"\\\1", text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
