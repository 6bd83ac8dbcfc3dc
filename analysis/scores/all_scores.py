"""Every score of one model's codes in one call."""

import importlib
import pkgutil
from collections.abc import Collection
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

import analysis.scores
from analysis.scores.codes import LabelledCodes
from analysis.scores.factor_values import exact_codes
from analysis.scores.measure import Estimate, Labels, Measure
from analysis.scores.protocol import STUDY, SampleSizes
from analysis.scores.scores import Scores
from annealing.choices import require_count, require_seed
from annealing.errors import IFPError, did_you_mean


def _measures() -> list[Measure]:
    """The ``MEASURES`` of every module beside this one, in the order of tables; those for the asking at the end."""
    package = analysis.scores
    names = (f"{package.__name__}.{each.name}" for each in pkgutil.iter_modules(package.__path__))
    modules = [importlib.import_module(name) for name in names if name != __name__]
    known = [each for module in modules for each in getattr(module, "MEASURES", ())]
    return sorted(known, key=lambda each: (each.when != "always", each.place, each.names))


_MEASURES = _measures()
SCORES = tuple(name for each in _MEASURES if each.when == "always" for name in each.names)
VARIANTS = tuple(name for each in _MEASURES if each.when != "always" for name in each.names)

POSTERIOR_SCORES = tuple(name for each in _MEASURES if each.when == "posteriors" for name in each.names)
SEEDS = 5  # samples behind the spread of a score that has no interval


def require_scores(only: Collection[str] | None, n_jobs: int) -> None:
    """IFPError for a name that is no score's, or for no job: what can be told before codes are made."""
    if isinstance(only, str):
        raise IFPError(f"need names of scores in a list, got the text {only!r}: only=[{only!r}]")
    if unknown := set(only or ()).difference(SCORES, VARIANTS):
        near = did_you_mean(min(unknown), SCORES + VARIANTS)
        raise IFPError(f"need scores among {', '.join(SCORES + VARIANTS)}, got {', '.join(sorted(unknown))}{near}")
    if n_jobs == 0:
        raise IFPError("need one job or more, or -1 for one per core, got 0")
    require_count("jobs", abs(n_jobs))


def asked_scores(only: Collection[str] | None, *, posteriors: bool) -> tuple[str, ...]:
    """Names of the scores that are asked for, in the order of tables: of ``only``, or the usual ones.

    Args:
        only: names; None: all but those that are for the asking.
        posteriors: whether log-variances are known.
    """
    usual = ("always", "posteriors") if posteriors else ("always",)
    return tuple(
        name for each in _MEASURES for name in each.names if (name in only if only is not None else each.when in usual)
    )


def of_samples_alone(names: Collection[str]) -> bool:
    """Whether these scores look at the codes of no other rows than :func:`analysis.scores.protocol.sampled_rows`."""
    return all(each.rows == "samples" for each in _MEASURES if set(each.names) & set(names))


def of_values_alone(names: Collection[str]) -> bool:
    """Whether these scores look at the factors' values alone, so that they need no classes."""
    return all(each.labels == "values" for each in _MEASURES if set(each.names) & set(names))


def score(
    codes: NDArray[Any],
    factors: NDArray[np.integer],
    *,
    logvar: NDArray[np.floating] | None = None,
    values: NDArray[np.floating] | None = None,
    seed: int = 0,
    only: Collection[str] | None = None,
    sizes: SampleSizes = STUDY,
    n_jobs: int = 1,
) -> Scores:
    """Scores by name: those of ``SCORES`` in that order, then ``mig_chen`` where ``logvar`` is given.

    A score's value does not depend on which others are asked for. Whether factors are uniform and independent, as
    the field has them, says ``LabelledCodes(codes, factors).protocol``.

    Args:
        codes: posterior means, shape (rows, latents); whole numbers by their type are codes of classes.
        factors: classes from 0, shape (rows, factors), -1 where there is no label; those that do not vary are left out.
        logvar: posterior log-variances, shape (rows, latents).
        values: of the factors, shape (rows, factors), for regressions; None: the classes are the values.
        only: names among ``SCORES`` and ``VARIANTS``. Of the variants, those of other models than the study's (trees of
            a forest, regressions) are measured only if named.
        sizes: what is drawn; another choice than the study's is another protocol.
        n_jobs: factors fitted side by side for DCI.

    Raises:
        IFPError: codes and factors that do not fit (:class:`LabelledCodes`), an unknown name, mig_chen without
            logvar, or a single factor that varies: DCI, FactorVAE, BetaVAE and modularity need two.
    """
    require_scores(only, n_jobs)
    require_seed(seed)
    data = LabelledCodes(codes, factors, logvar, values)
    return measured(data, seed=seed, only=only, sizes=sizes, n_jobs=n_jobs)


def measured(
    data: LabelledCodes,
    *,
    seed: int = 0,
    only: Collection[str] | None = None,
    sizes: SampleSizes = STUDY,
    n_jobs: int = 1,
) -> Scores:
    """:func:`score` of codes that have been checked."""
    asked = asked_scores(only, posteriors=data.logvar is not None)
    found: dict[str, Estimate] = {}
    for each in _MEASURES:
        if set(each.names).intersection(asked):
            found.update(zip(each.names, each.function(data, seed, sizes, n_jobs), strict=True))
    intervals = {name: found[name].interval for name in asked}
    return Scores(
        {name: found[name].value for name in asked},
        record={"intervals": {name: ends for name, ends in intervals.items() if ends is not None}},
    )


def exact_scores(
    data: LabelledCodes,
    *,
    seed: int = 0,
    only: Collection[str] | None = None,
    sizes: SampleSizes = STUDY,
    n_jobs: int = 1,
) -> dict[str, float]:
    """What codes that are the factors themselves score, on the same rows: next to all that a score can reach there.

    Each factor's classes are a code of the kind that the codes are of; for regressions its values are
    (:func:`analysis.scores.factor_values.exact_codes`). Of scores that need log-variances there is none.
    """
    names = [name for name in asked_scores(only, posteriors=False) if name not in POSTERIOR_SCORES]
    found: dict[str, float] = {}
    given: dict[str, Any] = {"values": data.values, "seed": seed, "sizes": sizes, "n_jobs": n_jobs}
    for labels in get_args(Labels):
        if some := [name for name in names if of_values_alone([name]) == (labels == "values")]:
            found |= score(exact_codes(data, labels), data.factors, only=some, **given)
    return {name: found[name] for name in names}


def sample_spread(
    data: LabelledCodes,
    first: Scores,
    *,
    seed: int = 0,
    sizes: SampleSizes = STUDY,
    n_jobs: int = 1,
) -> dict[str, list[float]]:
    """Of every score without an interval its values with five sample seeds, from ``seed`` on.

    Args:
        first: the scores with the first seed.
    """
    names = [name for name in first if name not in first.intervals]
    others = [
        measured(data, seed=seed + more, only=names, sizes=sizes, n_jobs=n_jobs)
        for more in range(1, SEEDS if names else 1)
    ]
    return {name: [each[name] for each in (first, *others)] for name in names}
