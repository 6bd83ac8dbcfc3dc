r"""The leading modes of rows beside those of draws of noise: what chance shows, by a null of one's choice.

The greatest value of B draws is exceeded by noise with a chance of 1/(B + 1): 19 draws for a level of 5%, 99 for 1%.
*Signs*: the sign of every score is flipped at random, all of one feature's own alike. Right for independent columns
of any variance, and for rows of any scale or exposure, whose scores are held dense; shares of a softmax sum to 1,
which flipped scores do not. *Silent*: rows are drawn from the silent likelihood, each with its own exposure, depth and
condition: right where the likelihood is, which a Gaussian of rows of unequal scale is not. Shuffling columns is right
for neither exposures nor rows of unequal scale. A dominant mode hides those behind it here, not from the held-out test.
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annealing.chance import standardising
from annealing.choices import require_count, require_one_of, require_seed
from annealing.conditions import SilentConditions, silent_conditions
from annealing.errors import IFPError
from annealing.leading_modes import leading_modes
from annealing.likelihoods.likelihood import RowLikelihood, SilentDecoder
from annealing.likelihoods.negative_binomial import NegativeBinomialRows
from annealing.likelihoods.softmax_negative_binomial import SoftmaxNegativeBinomialRows
from annealing.rows import Rows
from annealing.score_spectrum import require_varying
from annealing.scores import DenseScores, Scores, StackedScores

Array = NDArray[np.float64]
Null = Literal["signs", "silent"]

_HELD = 2**23  # numbers of a block of rows that are drawn together, of sparse rows


@dataclass(frozen=True)
class DrawnModes:
    """The leading modes of some rows beside the greatest of each draw.

    Attributes:
        points: values of standardised scores, falling (modes,).
        drawn: the greatest value of each draw (draws,).
        above: the first so many points exceed all draws.
        level: 1 / (draws + 1), the chance that noise has one above.
    """

    points: Array
    drawn: Array
    above: int
    level: float


def modes_above_draws(
    rows: Rows,
    likelihood: RowLikelihood,
    modes: int = 10,
    draws: int = 19,
    seed: int = 0,
    *,
    null: Null = "silent",
) -> DrawnModes:
    """How many leading modes of rows exceed the greatest of every draw of noise.

    Scores are standardised, as in :func:`annealing.chance.modes_above_chance`, which needs no draws.

    Args:
        rows: N rows; with a category as condition everything is within it.
        likelihood: of :func:`annealing.likelihoods.row_likelihood`; one's own with null signs alone.
        modes: how many are looked at, at most.
        draws: B, each a spectrum more.
        seed: of the draws.
        null: signs or silent, as above.

    Raises:
        IFPError: a number out of range, an unknown null, signs of scores that are sparse or sum to 0 over features, or
            draws of a likelihood that has none.
        DataError: rows that the likelihood cannot draw, or none that varies.
    """
    require_count("modes", modes)
    require_count("draws", draws)
    require_seed(seed)
    require_one_of("a null", null, ("signs", "silent"))
    silent = silent_conditions(rows, likelihood)
    require_varying(np.any([silence.varying for silence in silent.silences], axis=0))
    points = _standardised(silent.scores, modes)
    fixed = _without_fit(likelihood, silent)
    drawn = np.empty(draws)
    for number in range(draws):
        rng = np.random.default_rng([seed, number])
        scores = _flipped(silent, rng) if null == "signs" else _redrawn(rows, fixed, silent, rng)
        drawn[number] = _standardised(scores, 1)[0]
    above = int(np.append(points > drawn.max(), False).argmin())
    return DrawnModes(points, drawn, above, 1 / (draws + 1))


def _standardised(scores: Scores, modes: int) -> Array:
    return leading_modes(scores, standardising(scores), modes)[0]


def _flipped(silent: SilentConditions, rng: np.random.Generator) -> Scores:
    parts: list[Scores] = []
    for silence in silent.silences:
        held = silence.scores
        if not isinstance(held, DenseScores):
            raise IFPError(
                "need dense scores of features that are independent to flip their signs, got sparse or softmax ones: "
                "take the null silent"
            )
        signs = rng.choice([-1.0, 1.0], size=(held.shape[0], held.features))
        parts.append(DenseScores(held.values * np.tile(signs, held.shape[1] // held.features), held.features))
    return StackedScores(tuple(parts))


def _redrawn(rows: Rows, likelihood: RowLikelihood, silent: SilentConditions, rng: np.random.Generator) -> Scores:
    parts: list[Rows] = []
    for own, silence in zip(silent.index, silent.silences, strict=True):
        given = rows.part(own).without_condition()
        parts.append(Rows(_values(likelihood, silence, given, rng), given.exposure))
    return StackedScores(tuple(silence.scores for silence in likelihood.silences(parts)))


def _values(
    likelihood: RowLikelihood, silence: SilentDecoder, rows: Rows, rng: np.random.Generator
) -> Array | sparse.csr_array:
    depth = rows.row_sums()
    exposure = (depth if likelihood.name.startswith("softmax") else np.ones(len(rows)))[:, None]
    if rows.exposure is not None:
        exposure = rows.exposure[:, None]
    if not rows.sparse:
        return likelihood.draw(silence, exposure, depth, rng)
    size = max(1, _HELD // rows.features)
    blocks = [
        sparse.csr_array(likelihood.draw(silence, exposure[at : at + size], depth[at : at + size], rng))
        for at in range(0, len(rows), size)
    ]
    return sparse.csr_array(sparse.vstack(blocks))


def _without_fit(likelihood: RowLikelihood, silent: SilentConditions) -> RowLikelihood:
    """The likelihood with its dispersions given: fitting them again in every draw would cost the most, for little."""
    if isinstance(likelihood, NegativeBinomialRows | SoftmaxNegativeBinomialRows):
        return dataclasses.replace(likelihood, dispersion=tuple(silent.silences[0].free["dispersion"]))
    return likelihood
