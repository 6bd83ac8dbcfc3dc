"""``--config FILE.toml``: options of a command from a file, the same as flags. One mechanism for all commands.

The file becomes the context's ``default_map``, which an option looks into when it is not on the command line; types are
checked here, since the command line takes texts for everything.
"""

import os
import tomllib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from annealing.errors import IFPError, did_you_mean

SET = "ifp set"  # where the file's table [set] waits for the option --set
_LARGEST = 2**20  # bytes
_KINDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", Path: "a path in quotes"}
_NUMBERS_TOO = ("LABEL", "H[xW]")  # metavars of texts that may be a number: missing = -1, resize = 64


def read_config(ctx: typer.Context, path: Path | None) -> Path | None:
    """Callback of --config, before all other options: what the file says is what they are where they are not given.

    Raises:
        IFPError: no such file, no TOML, a key that is no option of the command, or a value of another type.
    """
    if path is None or ctx.resilient_parsing:
        return path
    options = _options(ctx)
    found: dict[str, Any] = {}
    keys: dict[str, str] = {}
    for key, value in _content(path).items():
        name = str(key).replace("_", "-")
        if keys.setdefault(name, key) != key:
            raise IFPError(f"need {name} once in {path}, got both {keys[name]!r} and {key!r}")
        if name not in options:
            listed = ", ".join(options)
            raise IFPError(
                f"need options of {ctx.command_path} in {path}, got {key!r}{did_you_mean(name, options)}; "
                f"there are {listed}"
            )
        parameter, hint, metavar = options[name]
        where = f"{name} in {path}"
        if name == "set":
            ctx.meta[SET] = _settings(value, where)
        else:
            found[parameter] = _as_given(value, hint, metavar, where)
    ctx.default_map = {**(ctx.default_map or {}), **found}
    return path


def with_file_settings(ctx: typer.Context, given: list[str] | None) -> list[str] | None:
    """Callback of --set: the file's table [set], name by name, under what is on the command line."""
    named = {each.partition("=")[0] for each in given or ()}
    from_file = [f"{name}={value}" for name, value in ctx.meta.get(SET, {}).items() if name not in named]
    return [*from_file, *(given or ())] or None


def _content(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():  # a pipe would be waited for
            raise IFPError(f"need a TOML file for --config, there is no file {path}")
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise IFPError(f"need a TOML file of at most {_LARGEST:,} bytes for --config, {path} is larger")
        return tomllib.loads(data.decode())
    except IFPError:  # a ValueError, too
        raise
    except (OSError, ValueError, RecursionError) as error:  # a number of thousands of digits is no TOMLDecodeError
        raise IFPError(f"need a TOML file for --config, {path} is not one: {error}") from None


def _options(ctx: typer.Context) -> dict[str, tuple[str, Any, str]]:
    """The command's options by their names without dashes: parameter, type, metavar."""
    callback: Any = ctx.command.callback
    hints = typing.get_type_hints(callback, include_extras=False)
    found = {}
    for param in ctx.command.params:
        if param.param_type_name == "option" and param.name in hints and not param.is_eager:
            found[param.opts[0].lstrip("-")] = (str(param.name), hints[param.name], str(param.metavar or ""))
    return found


def _as_given(value: Any, hint: Any, metavar: str, where: str) -> Any:
    """The value as it would stand on the command line; IFPError for one of another type."""
    wanted = next((each for each in (*typing.get_args(hint), hint) if each is not type(None)), hint)
    if typing.get_origin(hint) is list or typing.get_origin(wanted) is list:
        if not isinstance(value, list):
            value = [value]
        return [_as_given(each, str, "", where) for each in value]
    if metavar in _NUMBERS_TOO:
        return _as_text(value, where)
    separator = {"A,B,...": ",", "LO:HI": ":"}.get(metavar)
    if separator and isinstance(value, list):
        return separator.join(_as_text(each, where) for each in value)
    fits = (
        isinstance(value, str) if wanted is Path else type(value) is wanted or (wanted is float and type(value) is int)
    )
    if not fits:
        also = " or a list" if separator else ""
        raise IFPError(f"need {_KINDS.get(wanted, 'a text')}{also} for {where}, got {value!r}")
    return os.path.expanduser(value) if wanted is Path else value  # no shell has looked at it


def _settings(value: Any, where: str) -> dict[str, str]:
    """The table [set] as NAME: VALUE; a table in it is an objective's, as in OBJECTIVE.NAME."""
    if not isinstance(value, Mapping):
        raise IFPError(f"need a table [set] for {where}, got {value!r}")
    found: dict[str, str] = {}
    for name, each in value.items():
        if isinstance(each, Mapping):
            found |= {f"{name}.{inner}": text for inner, text in _settings(each, where).items()}
        else:
            found[name] = _as_text(each, where)
    return found


def _as_text(value: Any, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise IFPError(f"need a number or a text in {where}, got {value!r}")
    return value if isinstance(value, str) else repr(value)
