"""Choices by name, and the two checks that every config makes: a name that is known, numbers that count something.

Nothing here imports torch, so that what only shows or checks settings starts fast.
"""

from collections.abc import Iterable
from typing import Literal

from annealing.errors import IFPError, did_you_mean

LikelihoodName = Literal["bernoulli", "gaussian"]
SweptNetwork = Literal["dense", "conv"]
Nuisance = Literal["held", "redrawn"]
Precision = Literal["auto", "float32", "bfloat16"]
# of a case: froze and melted; silent throughout; active at the top of the sweep; active wherever heated; no number
Status = Literal["ok", "never_froze", "above_range", "never_melted", "diverged"]
# of a freezing point: the network's knee; the middle of freezing and melting; freezing alone, where only cooled; or of
# the best decoder at equilibrium, no network's
PointSource = Literal["knee", "crossings", "freezing", "equilibrium"]
Order = Literal["continuous", "first_order", "degenerate", "none"]


def require_one_of(what: str, value: object, known: Iterable[str], error: type[IFPError] = IFPError) -> None:
    """IFPError, or the kind of it given, where a value is none of the names that are known.

    >>> require_one_of("a likelihood", "bernouli", ("bernoulli", "gaussian"))
    Traceback (most recent call last):
    annealing.errors.IFPError: need a likelihood out of bernoulli, gaussian, got 'bernouli' (did you mean bernoulli?)
    """
    names = tuple(known)
    if value not in names:
        raise error(f"need {what} out of {', '.join(names)}, got {value!r}{did_you_mean(str(value), names)}")


def require_counts(settings: object, *names: str) -> None:
    """IFPError where one of the settings of these names is below 1; None, which stands for a default, is none."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and value < 1:
            raise IFPError(f"need {name} of at least 1, got {value}")
