"""Where a score misleads on codes and factors such as these, and what to look at in its place: one line per kind."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from analysis.scores import dci, factor_vae, mig, regression
from analysis.scores.binned import BINS, plug_in
from analysis.scores.codes import LabelledCodes, Sample
from analysis.scores.infomec import active_latents
from analysis.scores.information_table import entropies_of
from analysis.scores.matrix import InformationMatrix
from analysis.scores.protocol import STUDY, SampleSizes

_FEWEST = 20  # rows of which an outlier can be told: of 10 normal codes, one in 30 has 9 within half of the range
_MOST_CODES, _OF_THE_RANGE = 0.99, 0.5  # a normal code has 99% of its values in two thirds of its range, 10 of 20 bins
_BIAS = 0.05  # of a factor's entropy: as much as a difference between models that people report
_ROWS_PER_CLASS = 2  # with fewer, most classes have a row alone, from which nothing can be learned about others
_UNLIKELY, _DEPENDENT = 1e-6, 0.05  # of the G-test; of the smaller entropy, which is what a gap then lacks
_STREAM = 6  # of the seed, for shuffled labels
_NAMED = 8  # latents or factors that a line names

_IN_BINS = ("mig", "mig_sup", "modularity")
_NEIGHBOURS = ("infom", "infoc")
_PROBES = tuple(f"{name}_{part}" for name in dci.NAMES.values() for part in dci.PARTS)
_OF_CLASSES = (*_IN_BINS, *_NEIGHBOURS, "mig_chen", "sap", *_PROBES)
_REGRESSIONS = tuple(f"{regression.DCI_REGRESSION}_{part}" for part in dci.PARTS)
_OF_GAPS = (*_OF_CLASSES, "sap-regression", *_REGRESSIONS)


@dataclass(frozen=True)
class Note:
    """One line: which scores mislead and what to look at instead, and the names of those scores."""

    scores: tuple[str, ...]
    text: str

    def to_record(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"scores": list(self.scores), "text": self.text}


def score_notes(
    data: LabelledCodes,
    matrix: InformationMatrix,
    *,
    seed: int = 0,
    sizes: SampleSizes = STUDY,
    silent: Collection[int] = (),
) -> tuple[Note, ...]:
    """What there is to know of the scores of these codes, at most one note of each kind; none of a healthy code.

    Args:
        data, seed, sizes: as a score has them.
        matrix: of the same.
        silent: latents that carry no information by their log-variances, of which another line tells.
    """
    train, distinct = data.counted(seed, sizes), data.distinct(seed, sizes)
    told = set(np.flatnonzero(matrix.told.any(axis=1)).tolist())
    loud = [latent for latent in range(train.codes.shape[1]) if latent not in silent]
    active = set(np.flatnonzero(active_latents(distinct.codes, discrete=data.discrete)).tolist())
    squeezed = _squeezed(distinct, loud)
    return (
        *_outliers(distinct, squeezed),
        *_still(train, loud),
        *_quiet(train, [latent for latent in loud if latent in told], active),
        *_untold([latent for latent in loud if latent in active - told.union(squeezed)]),
        *_biased(data, distinct, matrix),
        *_few_of_a_class(data, matrix),
        *_tested_on_known(data, sizes),
        *_correlated(data, matrix, seed),
        *_too_few_latents(train, matrix),
    )


def _squeezed(sample: Sample, latents: Sequence[int]) -> list[int]:
    """Latents most of whose codes are in few bins. Each row once: of few, one that lies apart is over a hundredth."""
    rows = len(sample.codes)
    most = min(int(np.ceil(_MOST_CODES * rows)), rows - 1)
    if rows < _FEWEST:
        return []
    return [latent for latent in latents if _narrowest(sample.codes[:, latent], most) <= _OF_THE_RANGE]


def _outliers(sample: Sample, found: Sequence[int]) -> Iterator[Note]:
    if found:
        whose = "all codes but one" if len(sample.codes) < 1 / (1 - _MOST_CODES) else f"{_MOST_CODES:.0%} of the codes"
        yield Note(
            _IN_BINS,
            f"an outlier or a long tail fills the bins: {_latents(found)} {_verb(found, 'has', 'have')} "
            f"{whose} within half of the range or less, so that MIG, MIG-sup and modularity see "
            f"few of the {BINS} bins, which their intervals do not cover: see InfoM and InfoC, or leave those rows out",
        )


def _narrowest(code: NDArray[np.float64], count: int) -> float:
    """Share of the range of a code within which so many of its values lie; 1 where it does not move."""
    ordered = np.sort(code)
    whole = float(ordered[-1] - ordered[0])
    return float(np.min(ordered[count - 1 :] - ordered[: len(ordered) - count + 1])) / whole if whole > 0 else 1.0


def _still(sample: Sample, latents: Sequence[int]) -> Iterator[Note]:
    found = [latent for latent in latents if np.ptp(sample.codes[:, latent]) == 0]
    if found:
        yield Note(
            ("modularity",),
            f"{_latents(found)} {_verb(found, 'does', 'do')} not move, and modularity counts "
            f"{_verb(found, 'it', 'them')} as 0: see InfoM, which leaves such latents out",
        )


def _quiet(sample: Sample, telling: Sequence[int], active: Collection[int]) -> Iterator[Note]:
    """Latents that tell of a factor and are left out of some scores for their scale, which MIG does not see."""
    variance = sample.codes.var(axis=0, ddof=1)
    kinds = [
        (_NEIGHBOURS, "InfoM and InfoC (range below a twentieth of the largest)", lambda j: j not in active),
        (("factor_vae",), "FactorVAE (deviation below 0.05)", lambda j: np.sqrt(variance[j]) < factor_vae.ACTIVE),
        (("mig_sup",), f"MIG-sup (variance below {mig.MOVING:g})", lambda j: variance[j] <= mig.MOVING),
    ]
    left_out = [(scores, name, [j for j in telling if small(j)]) for scores, name, small in kinds]
    there = [(scores, f"{_latents(found)} of {name}") for scores, name, found in left_out if found]
    if there:
        said = "; ".join(each for _, each in there)
        yield Note(
            tuple(each for scores, _ in there for each in scores),
            f"latents that tell of factors are left out for their small scale, {said}: see MIG, which no scale "
            "changes, or divide each latent by its deviation",
        )


def _untold(latents: Sequence[int]) -> Iterator[Note]:
    if latents:
        yield Note(
            ("infom", "modularity", "mig_sup"),
            f"{_latents(latents)} {_verb(latents, 'moves and tells', 'move and tell')} of no factor beyond chance: "
            "InfoM, modularity and MIG-sup count what chance shows there; see the matrix, which tells that apart",
        )


def _biased(data: LabelledCodes, distinct: Sample, matrix: InformationMatrix) -> Iterator[Note]:
    """Where all combinations are there equally often, rows are taken for the whole, not for a sample of it."""
    if data.protocol == "gdl":
        return
    rows = (distinct.factors >= 0).sum(axis=0)
    bias = (BINS - 1) * (np.array(data.sizes) - 1) / (2 * np.maximum(rows, 1))
    bias = np.minimum(bias, matrix.entropies)  # no information is more
    found = np.flatnonzero(bias > _BIAS * np.array(matrix.entropies)).tolist()
    if found:
        said = _listed([f"{matrix.factors[k]} by {bias[k]:.2g} of {matrix.entropies[k]:.2g} nats" for k in found])
        yield Note(
            _IN_BINS,
            f"{len(distinct.codes):,} rows are few for {BINS} bins: MIG, MIG-sup and modularity take chance for "
            f"information, of {said}; see the matrix's chance, or score more images",
        )


def _few_of_a_class(data: LabelledCodes, matrix: InformationMatrix) -> Iterator[Note]:
    rows = (data.classes >= 0).sum(axis=0)
    few = np.flatnonzero(rows < _ROWS_PER_CLASS * np.array(data.sizes)).tolist()
    if few:
        said = _listed([f"{matrix.factors[k]} has {data.sizes[k]:,} classes in {rows[k]:,} rows" for k in few])
        yield Note(
            (*_OF_CLASSES, "infoe", "explicitness", "factor_vae", "beta_vae"),
            f"{said}: nothing can be learned about classes of one row, and every score that asks for this factor "
            "misleads; leave the factor out, or cut it with bins",
        )


def _tested_on_known(data: LabelledCodes, sizes: SampleSizes) -> Iterator[Note]:
    rows = len(data.codes)
    if data.protocol == "gdl" and 2 * rows < sizes.train:
        yield Note(
            (*_PROBES, *_REGRESSIONS, "dci-es_explicitness", "sap", "explicitness", "beta_vae", "factor_vae"),
            f"rows are drawn with replacement, each of {rows:,} about {sizes.train / rows:.0f} times, for training and "
            "for testing: DCI (informativeness above all), SAP, explicitness, BetaVAE and FactorVAE are tested on rows "
            "that they know; see `exact`, which is as favoured",
        )
    elif 2 * rows < sizes.train:
        yield Note(
            ("beta_vae", "factor_vae"),
            f"groups of images are drawn from all of the {rows:,} rows, for training and for testing: BetaVAE and "
            "FactorVAE are tested on rows that they know; see `exact`, which is as favoured, or score more images",
        )


def _correlated(data: LabelledCodes, matrix: InformationMatrix, seed: int) -> Iterator[Note]:
    """By the G-test on all rows, and what shuffled labels show taken off, which it misjudges in sparse tables."""
    if data.protocol == "gdl":
        return
    rng, found = np.random.default_rng([seed, _STREAM]), []
    for first, second in combinations(range(len(data.sizes)), 2):
        both = data.classes[(data.classes[:, [first, second]] >= 0).all(axis=1)][:, [first, second]]
        entropies = entropies_of(both)
        if not len(both) or min(entropies) <= 0:
            continue
        nats = plug_in(both[:, 0], both[:, 1])
        freedom = np.prod([len(np.unique(labels)) - 1 for labels in both.T])
        beyond = (nats - plug_in(rng.permutation(both[:, 0]), both[:, 1])) / min(entropies)
        if beyond > _DEPENDENT and chi2.sf(2 * len(both) * nats, freedom) < _UNLIKELY:
            found.append(f"{matrix.factors[first]} and {matrix.factors[second]} ({beyond:.0%} of an entropy)")
    if found:
        yield Note(
            _OF_GAPS,
            f"factors tell of each other, {_listed(found)}: a latent of one tells of the other, and no gap can reach 1 "
            "(MIG, MIG-sup, modularity, InfoM, InfoC, SAP, DCI); see `exact`, what the factors themselves score",
        )


def _too_few_latents(sample: Sample, matrix: InformationMatrix) -> Iterator[Note]:
    latents, factors = sample.codes.shape[1], len(matrix.factors)
    if latents < factors:
        yield Note(
            _OF_GAPS,
            f"{latents} {'latent' if latents == 1 else 'latents'} for {factors} factors: one must hold several or "
            "some are not held, and no score of gaps (MIG, modularity, InfoM, SAP, DCI) can reach 1; see the matrix",
        )


def _latents(found: Sequence[int]) -> str:
    return _listed([f"z{latent}" for latent in found])


def _listed(found: Sequence[str]) -> str:
    more = len(found) - _NAMED
    return ", ".join(found[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _verb(found: Sequence[int], one: str, several: str) -> str:
    return one if len(found) == 1 else several
