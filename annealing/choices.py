"""Choices by name, and the checks that every config makes: a name that is known, numbers of a size that makes sense.

Nothing here imports torch, so that what only shows or checks settings starts fast.
"""

from collections.abc import Iterable
from typing import Literal

from annealing.errors import IFPError, did_you_mean

LikelihoodName = Literal["bernoulli", "gaussian"]
RowLikelihoodName = Literal[  # of rows of any data: annealing.likelihoods.row_likelihood
    "bernoulli",
    "gaussian",
    "gaussian-shared",
    "gaussian-each",
    "gaussian-decoded",
    "poisson",
    "negative-binomial",
    "softmax",
    "softmax-rates",
    "softmax-negative-binomial",
    "laplace",
]
AnyLikelihoodName = Literal[RowLikelihoodName, "own"]  # or one of the user's own, by its log-probability
WholeProtocol = Literal["whole-heat", "whole-cool"]  # of whole-data annealing
OWN = "own"  # what a run records of a network that was given as one
SweptNetwork = Literal["dense", "conv", "own"]
WholeNetwork = Literal["conv", "dense", "own"]  # of whole-data annealing
Nuisance = Literal["held", "redrawn"]
Precision = Literal["auto", "float32", "bfloat16"]
# of a case: froze and melted; silent throughout; active at the top of the sweep; active wherever heated; no number
Status = Literal["ok", "never_froze", "above_range", "never_melted", "diverged"]
# of a freezing point: the network's knee; the middle of freezing and melting; freezing alone, where only cooled;
# melting alone, of one of many latents, which may freeze about something else; or of the best decoder at equilibrium,
# no network's
PointSource = Literal["knee", "crossings", "freezing", "melting", "equilibrium"]
Order = Literal["continuous", "first_order", "degenerate", "none"]


# what is held at once, or started, for each; what only takes time may be larger
_MOST = {
    "threads": 1024,
    "jobs": 1024,
    "processes": 1024,
    "contexts": 10**7,
    "planning_contexts": 10**7,
    "repeats": 10**4,
    "stack": 10**4,
    "latents": 4096,
    "group_size": 4096,
    "stages": 4096,
    "nodes": 4096,
    "samples": 4096,
    "channels": 4096,
    "values": 4096,
    "hidden": 2**16,
    "batch_size": 2**20,
    "probe": 2**20,
}
_MOST_OF_OTHERS = 10**9


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
    """:func:`require_count` of the settings of these names; None, which stands for a default, is none."""
    for name in names:
        value = getattr(settings, name)
        if value is not None:
            require_count(name, value)


def require_count(name: str, value: int) -> None:
    """IFPError where a number of something is below 1, or larger than any machine could bear.

    >>> require_count("threads", 10**12)
    Traceback (most recent call last):
    annealing.errors.IFPError: need threads of at most 1,024, got 1000000000000
    """
    most = _MOST.get(name, _MOST_OF_OTHERS)
    if value < 1:
        raise IFPError(f"need {name} of at least 1, got {_written(value)}")
    if value > most:
        raise IFPError(f"need {name} of at most {most:,}, got {_written(value)}")


def require_seed(seed: int, name: str = "a seed") -> None:
    """IFPError where a seed is negative, or needs more than the 63 bits that every file and library takes."""
    if not 0 <= seed < 2**63:
        raise IFPError(f"need {name} from 0 to {2**63 - 1}, got {_written(seed)}")


def _written(number: int) -> str:
    return str(number) if abs(number) < 10**40 else "a number of more than 40 digits"
