"""The command line: one small file per command; each parses, calls one function and prints.

It may import every other room, what is slow inside the command, and nothing imports it.
"""

import importlib
import importlib.metadata
import logging
import os
import pkgutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from ifp.cli.help import Group, told
from ifp.cli.stopping import Stopped, exit_code, heeded_signals

app = typer.Typer(
    name="ifp",
    cls=Group,
    help="Information freezing points of beta-VAEs: anneal, compare, plan stages, train DEFT.",
    no_args_is_help=True,
    rich_markup_mode=None,  # see ifp.cli.help, which lays the text out
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


UsageError: Any = typer.BadParameter.__bases__[0]  # of the click that typer stands on, its own or the package
_LONGEST = 2000  # characters of an error, which may repeat what came


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"ifp {importlib.metadata.version('ifp')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Information freezing points of beta-VAEs: anneal, compare, plan stages, train DEFT."""


for _found in pkgutil.iter_modules(__path__):
    if _found.name.startswith("command_"):
        importlib.import_module(f"{__name__}.{_found.name}").register(app)


def _show_warning(message: Warning | str, category: type[Warning], *where: object, **more: object) -> None:
    """A warning as one line on stderr, without the line of code that it stems from."""
    from analysis.names import in_one_line

    typer.echo(f"warning: {in_one_line(str(message))}", err=True)


@contextmanager
def _own_process() -> Iterator[None]:
    """The process is the command's: signals, warnings, log and memory as it wants them; afterwards as they were.

    What the functions of ``ifp`` leave as they find it is set here, once.
    """
    from ifp.machine.memory import keep_freed_memory

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    levels = {name: logging.getLogger(name).level for name in ("", "ifp")}
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("ifp").setLevel(logging.INFO)
    keep_freed_memory()
    show = warnings.showwarning
    warnings.showwarning = _show_warning
    try:
        with heeded_signals():
            yield
    finally:
        warnings.showwarning = show
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def main() -> None:
    """Entry point: an error of ours is one line on stderr and exit code 1."""
    with _own_process():
        _run()


def _run() -> None:
    from analysis.names import in_one_line
    from annealing.errors import IFPError
    from ifp.machine.memory import require_address_space

    try:
        require_address_space()
        ended = app(prog_name="ifp", standalone_mode=False)
    except Stopped as stopped:
        typer.echo("\nstopped", err=True)
        sys.exit(exit_code(stopped))
    except IFPError as error:
        if "--debug" in sys.argv:
            raise
        typer.echo(f"ifp: {in_one_line(str(error))[:_LONGEST]}", err=True)
        sys.exit(1)
    except BrokenPipeError:  # who read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (OSError, MemoryError, RuntimeError, ImportError) as error:
        wanted = _lacking(error)
        if "--debug" in sys.argv or wanted is None:
            raise
        typer.echo(f"ifp: need {wanted}, got: {in_one_line(str(error) or type(error).__name__)[:_LONGEST]}", err=True)
        sys.exit(1)
    except UsageError as error:
        line = f"ifp: {in_one_line(told(error))[:_LONGEST]}"
        typer.echo(error.format_message() if _is_help(error) else line, err=True)
        sys.exit(2)
    sys.exit(ended if isinstance(ended, int) else 0)


def _lacking(error: Exception) -> str | None:
    """What the system lacks that an error tells of, in words; None where the error is one of the program."""
    if isinstance(error, OSError):
        return "files that can be read and written"
    lacking = ("allocate memory", "failed to map segment", "bad_alloc")  # torch's and the loader's words
    if isinstance(error, MemoryError) or any(words in str(error) for words in lacking):
        return "more memory than there is"
    return None


def _is_help(error: Exception) -> bool:
    """Whether nothing was asked for, which is answered with help."""
    return type(error).__name__ == "NoArgsIsHelpError"
