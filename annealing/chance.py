r"""Which leading modes stand above chance: are they more than columns that vary on their own?

Independent columns freeze, too, each at its own variance, and so does noise at the upper edge of its spectrum. Half the
rows, A, gives a direction :math:`w_k`; on the other, B, with :math:`t = S_B w`, the square :math:`t^2` of a mode that
columns share exceeds what it would be were they independent, :math:`q = (S_B \circ S_B)(w \circ w)`:

.. math:: z = \frac{\mathrm{mean}(t^2 - q)}{\mathrm{sd}(t^2 - q) / \sqrt n}

with the halves swapped and both taken together. Columns that are independent given each row's exposure, scale or
depth have :math:`E(t^2 - q) = 0`, whatever these are. What the modes before draw of each column is taken out of q.

Scores are standardised, :math:`H := \mathrm{diag}\, \mathrm{Cov}(s)`: else one loud column would hide what others
share. Then they are scaled anew by what the modes that were counted leave of each column, as long as more are counted,
or a dominant mode would hide the others, too. Modes are counted in order until one is not above chance.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from annealing.choices import require_count, require_seed
from annealing.conditions import SilentConditions, silent_conditions
from annealing.curvature import BlockCurvature, Curvature, DiagonalCurvature
from annealing.errors import DataError, IFPError
from annealing.leading_modes import leading_modes
from annealing.likelihoods.likelihood import RowLikelihood
from annealing.likelihoods.own import Likelihood
from annealing.rows import Rows
from annealing.score_spectrum import require_varying
from annealing.scores import Scores

Array = NDArray[np.float64]

LEAST_ROWS = 8  # rows that a half is taken of
_PASSES = 5  # at most, in which features are scaled anew to what counted modes leave of them
_LEAST = 0.01  # of a column's variance is its own, as even what modes draw whole is not known exactly


@dataclass(frozen=True)
class ChanceModes:
    """The leading modes of some rows, and how many of them stand above chance.

    Attributes:
        points: values of the modes on all rows, falling (modes,): of standardised scores; freezing points in nats
            where they were not standardised.
        held_out: the same of directions from one half of the rows, on the other; the mean of both halves (modes,).
        z: deviations by which columns vary together more than alone (modes,).
        above: the first so many modes are above chance.
        level: chance that one mode of independent columns is counted.
        threshold: z that a mode has to exceed.
    """

    points: Array
    held_out: Array
    z: Array
    above: int
    level: float
    threshold: float


def modes_above_chance(
    rows: Rows,
    likelihood: RowLikelihood,
    modes: int = 10,
    level: float = 0.05,
    seed: int = 0,
    *,
    standardise: bool = True,
    silent: SilentConditions | None = None,
) -> ChanceModes:
    """How many leading modes of rows stand above chance, without a single draw of noise.

    Args:
        rows: N rows; with a category as condition everything is within it, one direction for all.
        likelihood: of :func:`annealing.likelihoods.row_likelihood`, or one's own.
        modes: how many are looked at, at most.
        level: of one mode.
        seed: of the halves.
        standardise: every feature is scaled to the same variance; False tests the modes of
            :func:`annealing.score_spectrum.score_spectrum` themselves, of which a loud column of its own may be one.
        silent: the silent decoders of these rows, where they are known: of dispersions the fit is most of the cost.

    Raises:
        IFPError: no mode, a level that is not between 0 and 0.5, a seed out of range, a likelihood of one's own whose
            features couple.
        DataError: fewer than 8 rows, rows that the likelihood cannot draw, or none that varies.
    """
    require_count("modes", modes)
    require_seed(seed)
    if not 0 < level < 0.5:
        raise IFPError(f"need a level between 0 and 0.5, got {level}")
    if len(rows) < LEAST_ROWS:
        raise DataError(f"need at least {LEAST_ROWS} rows to tell modes from chance, got {len(rows)}")
    if isinstance(likelihood, Likelihood) and likelihood.per_row:
        raise IFPError(
            f"need features that are independent but for the code, got {likelihood.name}, whose log-probability is of "
            "each row: how they vary together by chance is not known"
        )
    silent = silent or silent_conditions(rows, likelihood)
    require_varying(np.any([silence.varying for silence in silent.silences], axis=0))
    scores = silent.scores if len(silent.silences) > 1 else silent.silences[0].scores
    first, second = (scores.part(half) for half in _halves([len(one) for one in silent.index], seed))
    threshold = float(ndtri(1 - level))

    def tested(removed: tuple[int, ...]) -> ChanceModes:
        def curvature(of: Scores) -> Curvature:
            return unshared(of, removed) if standardise else silent.curvature

        points, held_out, z = _held_out(scores, (first, second), curvature, modes)
        above = int(np.append(z > threshold, False).argmin())
        return ChanceModes(points, held_out, z, above, float(level), threshold)

    found = tested(())
    removed: tuple[int, ...] = ()
    while standardise and found.above and len(removed) < _PASSES:
        removed = (*removed, found.above)
        again = tested(removed)
        if again.above <= found.above:
            break
        found = again
    return found


def _held_out(
    scores: Scores, halves: tuple[Scores, Scores], curvature: Callable[[Scores], Curvature], modes: int
) -> tuple[Array, Array, Array]:
    """Points of all rows, values and z of directions of each half on the other, (modes,) each."""
    points = leading_modes(scores, curvature(scores), modes)[0]
    excess, held = [], []
    for train, test in (halves, halves[::-1]):
        directions = leading_modes(train, curvature(train), len(points))[1]
        codes = test.times(directions)
        squares = np.square(codes)
        excess.append(squares - _own_squares(train, test, directions, codes))
        curved = (directions * curvature(test).times(directions)).sum(axis=0)
        held.append(squares.mean(axis=0) / np.where(curved > 0, curved, np.inf))
    together = np.vstack([part[:, : min(one.shape[1] for one in excess)] for part in excess])
    count = together.shape[1]
    spread = together.std(axis=0)
    z = np.sqrt(len(together)) * together.mean(axis=0) / np.where(spread > 0, spread, np.inf)
    return points[:count], np.mean([one[:count] for one in held], axis=0), z


def _own_squares(train: Scores, test: Scores, directions: Array, codes: Array) -> Array:
    r"""q of every direction (n, modes), less what the modes before it draw of each column.

    A mode's code of a row without column j, :math:`t - w_j s_j`, predicts that column by the regression of the other
    half. With the column's own part in it, its noise would be taken for the mode's, and q too small.
    """
    loadings = _loadings(train, directions, _own(train.feature_moments()))[0]
    squares = [test.own_squares(directions[:, 0])]
    for mode in range(1, directions.shape[1]):
        gain = 1 + (loadings[:, :mode] * directions[:, :mode]).sum(axis=1)
        known = loadings[:, :mode] / gain[:, None]
        squares.append(test.own_squares(gain * directions[:, mode], codes[:, :mode], known))
    return np.stack(squares, axis=1)


def standardising(scores: Scores) -> Curvature:
    """The scores' own covariance, feature by feature: what scales every feature to the same variance."""
    return _by_feature(scores.feature_moments())


def unshared(scores: Scores, removed: tuple[int, ...]) -> Curvature:
    r"""The same of what leading modes leave of each column: its uniqueness, as factor analysis has it.

    So many modes are removed in turn, at first of standardised scores, then of those scaled to what the ones before
    left: each column's regression on their codes, without its own part in them.
    """
    moments = scores.feature_moments()
    own = _own(moments)
    curvature = _by_feature(moments)
    for count in removed:
        directions = leading_modes(scores, curvature, count)[1]
        loadings, spread = _loadings(scores, directions, own)
        share = 1 - (np.square(loadings) * spread).sum(axis=1) / np.where(own > 0, own, np.inf)
        root = np.sqrt(np.maximum(share, _LEAST)).reshape(moments.shape[1], scores.features)
        curvature = _by_feature(np.einsum("jpq,pj,qj->jpq", moments, root, root))
    return curvature


def _loadings(scores: Scores, directions: Array, own: Array) -> tuple[Array, Array]:
    r"""Each column's regression on :math:`t - w_j s_j`, the codes without its own part, and their mean squares."""
    drawn = scores.times(directions)
    crossed = scores.transposed_times(drawn) / scores.shape[0]
    drawn_own = directions * own[:, None]
    spread = np.square(drawn).mean(axis=0) - 2 * directions * crossed + directions * drawn_own
    return (crossed - drawn_own) / np.where(spread > 0, spread, np.inf), spread


def _own(moments: Array) -> Array:
    """Mean square of each column (columns,), from the moments of features."""
    return np.diagonal(moments, axis1=1, axis2=2).T.reshape(-1)


def _by_feature(moments: Array) -> Curvature:
    return DiagonalCurvature(moments[:, 0, 0]) if moments.shape[1] == 1 else BlockCurvature(moments)


def _halves(sizes: list[int], seed: int) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Half of the rows of each condition, and the others; where rows are odd, each has more in turn."""
    rng = np.random.default_rng(seed)
    first, second, start = [], [], 0
    for number, size in enumerate(sizes):
        drawn = start + rng.permutation(size)
        middle = (size + number % 2) // 2
        first.append(drawn[:middle])
        second.append(drawn[middle:])
        start += size
    return np.sort(np.concatenate(first)), np.sort(np.concatenate(second))
