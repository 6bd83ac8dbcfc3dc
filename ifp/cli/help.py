"""How help is laid out: a purpose, examples as they are typed, options in groups; in plain text.

The command line is made with ``rich_markup_mode=None``: rich takes ``[default: ...]`` in a help text for markup, and
draws boxes that a pipe, a screen reader or ``TERM=dumb`` gain nothing from. Groups are the options'
``rich_help_panel``.
"""

import re
import textwrap
from typing import Any, ClassVar

from typer.core import TyperCommand, TyperGroup

from annealing.errors import did_you_mean
from ifp.cli.defaults import Source, told_default

MEASURE, TRAIN, LOOK, DATA_SETS = "Measure", "Plan and train", "Look", "Data"  # what commands are for
DATA, RUN, OUTPUT, MACHINE = "Data", "Run", "Output", "Machine"  # options that several commands share
_OWN = "Options"
_WIDEST = 30  # characters of a name that what it is stands beside
_ORDER = (_OWN, DATA, RUN, OUTPUT, MACHINE)
_EXAMPLES = re.compile(r"\n\s*\nExamples:\n")
_UNIT = {"int": "N", "float": "X", "str": "TEXT", "path": "PATH"}
_TYPE = re.compile(r" <(\w+)[^>]*>$")  # as typer writes the type of an option without a metavar


class Command(TyperCommand):
    """A command whose docstring is its help: a sentence, more if need be, and ``Examples:`` that keep their lines.

    Its options tell the defaults that stand in ``sources``: see :func:`command_with`.
    """

    sources: ClassVar[tuple[Source, ...]] = ()

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        param: Any
        for param in self.params:
            if param.param_type_name != "option" or param.default is not None or "[default" in (param.help or ""):
                continue
            if (told := told_default(self.sources, str(param.name))) is not None:
                param.help = f"{param.help}  [default: {told}]"

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Purpose, then examples."""
        about, examples = parted(self.help or "")
        for paragraph in about.split("\n\n"):
            text = " ".join(paragraph.split())
            filled = textwrap.wrap(text, formatter.width - 2, break_on_hyphens=False)  # a name is not cut at its hyphen
            formatter.write("\n" + "".join(f"  {line}\n" for line in filled))
        if examples:
            with formatter.section("Examples"):
                for line in examples:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, the command's own options, then the groups of those that it shares."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], **{name: [] for name in _ORDER}}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            if param.param_type_name == "argument":
                groups["Arguments"].append((_TYPE.sub("", record[0]), record[1]))
            else:
                group = getattr(param, "rich_help_panel", None) or _OWN
                groups.setdefault(group, []).append((_TYPE.sub(_unit, record[0]), record[1]))
        _write_groups(formatter, groups)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Options with a word about each."""
        return _in_one_line(super().shell_complete(ctx, incomplete))


def command_with(*sources: Source) -> type[Command]:
    """A command whose options have their defaults in some config classes or functions."""
    return type("Command", (Command,), {"sources": sources})


class Group(TyperGroup):
    """Commands by what they are for, each with its whole purpose."""

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Commands and options with a word about each."""
        return _in_one_line(super().shell_complete(ctx, incomplete))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """One list per purpose, in the order of their first commands."""
        groups: dict[str, list[tuple[str, str]]] = {name: [] for name in (MEASURE, TRAIN, LOOK, DATA_SETS)}
        for name, command in self.commands.items():
            group = getattr(command, "rich_help_panel", None)
            groups.setdefault(group if isinstance(group, str) else "Commands", []).append((name, purpose(command.help)))
        _write_groups(formatter, groups)


def parted(text: str) -> tuple[str, list[str]]:
    """What a help says, and the lines of its examples.

    >>> parted("Do it.\\n\\nExamples:\\n    ifp do\\n    ifp do --twice")
    ('Do it.', ['ifp do', 'ifp do --twice'])
    """
    about, *examples = _EXAMPLES.split(text, maxsplit=1)
    return about.strip(), [line.strip() for each in examples for line in each.splitlines() if line.strip()]


def purpose(text: str | None) -> str:
    """The first paragraph of a help, in one line."""
    return " ".join((text or "").split("\n\n", 1)[0].split())


def told(error: Any) -> str:
    """A usage error of typer's in one line: what is wrong, what may have been meant, and where to read on."""
    if (given := getattr(error, "option_name", None)) and hasattr(error, "possibilities"):
        what = f"no such option: {given}{did_you_mean(given, error.possibilities or ())}"
    else:
        what = " ".join(error.format_message().split()).rstrip(".")
        what = re.sub(r"\. Did you mean '([^']+)'.*", r" (did you mean \1?)", what)
    command = "ifp" if error.ctx is None else error.ctx.command_path
    return f"{what[:1].lower()}{what[1:]}; {command} --help lists what there is"


def _in_one_line(items: list[Any]) -> list[Any]:
    """Completions as shells read them: a line each, while typer wraps a long help and takes brackets for markup."""
    for item in items:
        if item.help:
            item.help = textwrap.shorten(item.help.partition("[")[0], 70, placeholder=" ...").rstrip(".")
    return items


def _unit(found: "re.Match[str]") -> str:
    return f" {_UNIT.get(found[1], found[1].upper())}"


def _write_groups(formatter: Any, groups: dict[str, list[tuple[str, str]]]) -> None:
    for name, records in groups.items():
        if records:
            with formatter.section(name):
                _write_columns(formatter, records)


def _write_columns(formatter: Any, records: list[tuple[str, str]]) -> None:
    """Names and what they are side by side; no name is cut at its hyphen, as the formatter's own columns do."""
    indent = formatter.current_indent
    column = indent + min(max(len(name) for name, _ in records), _WIDEST) + 2
    for name, text in records:
        lines = textwrap.wrap(text, max(formatter.width - column, 10), break_on_hyphens=False) or [""]
        beside = indent + len(name) + 2 <= column
        formatter.write(f"{'':{indent}}{name}" + ("" if beside else "\n"))
        formatter.write(" " * (column - indent - len(name) if beside else column) + f"{lines[0]}\n")
        formatter.write("".join(f"{'':{column}}{line}\n" for line in lines[1:]))
