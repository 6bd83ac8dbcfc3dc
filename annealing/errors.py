"""The one exception family: every message says what was wanted and what came."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What a message about an unknown name ends with: the nearest one known, or nothing where none is near.

    >>> did_you_mean("posx", ("posX", "posY")), did_you_mean("colour", ("posX", "posY"))
    (' (did you mean posX?)', '')
    """
    folded = {each.casefold().replace("_", "-"): each for each in known}
    near = difflib.get_close_matches(str(name)[:200].casefold().replace("_", "-"), folded, n=1)
    return f" (did you mean {folded[near[0]]}?)" if near else ""


class IFPError(ValueError):
    """Base of all errors that a user can mend; the command line prints its message as one line."""


class DataError(IFPError):
    """A data set or data file is missing, incomplete or not what it claims to be."""


class PlanError(IFPError):
    """A stage plan cannot be read, contradicts itself or belongs to other data."""


class DivergenceError(IFPError):
    """Training lost its way: the loss is no longer finite. ``step`` is the step that found it."""

    def __init__(self, message: str, step: int) -> None:
        super().__init__(message)
        self.step = step

    def __reduce__(self) -> tuple[type["DivergenceError"], tuple[str, int]]:  # it may come from another process
        return type(self), (str(self), self.step)


class RunError(IFPError):
    """A run directory is missing, unfinished, in use or made with other settings."""
