r"""Freezing points of a decoder that is told a condition of any value, an age or a dose say: by a basis of functions.

With a row or two of each condition no silent decoder and no covariance of its own can be estimated: the plug-in value
of one row each says nothing. Instead the decoder may draw with directions :math:`w(c) = \sum_m \phi_m(c) w_m` of M
functions of the condition, and the silent decoder with outputs of the same kind:

.. math:: \beta_c \ge \lambda_{\max} \left( E[\phi \phi^\top \otimes H(c)]^{-1}\,
    E[\phi \phi^\top \otimes s s^\top] \right),

a lower bound, which more functions raise, also by what is chance in the rows. The silent decoder of each row is fitted
to the rows of other folds, so that it cannot follow the row that it is held to. An encoder that sees the row but not
the condition knows :math:`E[\phi \otimes s | x]` alone; here its linear regression on the row, exact where all is
jointly Gaussian, else lower still.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from annealing.choices import require_count, require_seed
from annealing.curvature import BlockCurvature
from annealing.errors import DataError, IFPError
from annealing.leading_modes import leading_modes
from annealing.likelihoods.laplace import LaplaceRows
from annealing.likelihoods.likelihood import RowLikelihood
from annealing.likelihoods.own import Likelihood
from annealing.rows import Rows
from annealing.score_spectrum import require_varying
from annealing.scores import DenseScores

Array = NDArray[np.float64]
Basis = Callable[[Array], Array]

ROWS_EACH = 10  # rows for each function of the basis, or feature of a row that the encoder's regression is on


@dataclass(frozen=True)
class BasisPoints:
    """Freezing points by a basis of functions of the condition.

    Attributes:
        points: nats, falling (modes,): the first bounds the freezing point from below.
        functions: M.
        notes: what a reader of the points should know.
    """

    points: Array
    functions: int
    notes: tuple[str, ...]


def linear_basis(condition: Array) -> Array:
    """1 and every number of the condition (N, C), as they are: (N, 1 + C)."""
    return np.hstack([np.ones((len(condition), 1)), condition])


def basis_points(
    rows: Rows,
    likelihood: RowLikelihood,
    modes: int = 1,
    *,
    basis: Basis = linear_basis,
    encoder_sees_condition: bool = True,
    folds: int = 5,
    seed: int = 0,
) -> BasisPoints:
    """Freezing points of rows with a condition (N, C) of any value; dense rows, and features that do not couple.

    Args:
        rows: with their condition.
        likelihood: of :func:`annealing.likelihoods.row_likelihood` but the softmax ones and laplace, or one's own.
        modes: how many points.
        basis: functions of the condition, (N, C) to (N, M).
        encoder_sees_condition: or the row alone.
        folds: parts that the silent decoder is fitted without, in turn.
        seed: of the folds.

    Raises:
        DataError: no such condition, fewer than 10 rows for each function, sparse rows, or rows that the likelihood
            cannot draw.
        IFPError: features that couple, a likelihood without curvature, or a setting out of range.
    """
    require_count("modes", modes)
    require_count("folds", folds - 1)
    require_seed(seed)
    functions = _functions(rows, basis)
    count = functions.shape[1] if encoder_sees_condition else functions.shape[1] + rows.features
    if len(rows) < ROWS_EACH * count:
        raise DataError(
            f"need at least {ROWS_EACH} rows for each of {count} functions, got {len(rows)}: with about a row of each "
            "condition the plug-in value says nothing; take a smaller basis, or categories"
        )
    if likelihood.coupled or isinstance(likelihood, LaplaceRows):
        raise IFPError(
            f"need a smooth likelihood of each feature on its own for a condition of any value, got {likelihood.name}: "
            "take poisson or negative-binomial with each row's depth as exposure, or gaussian"
        )
    if not isinstance(rows.values, np.ndarray):
        raise DataError("need dense rows for a condition of any value, got sparse ones: .toarray() of some features")
    varying = likelihood.silence(rows.without_condition()).varying
    require_varying(varying)
    given = Rows(rows.values[:, varying], rows.exposure)
    scores, curvatures = _cross_fitted(given, likelihood, functions, folds, seed)
    # every function's scores of every parameter, and of each feature one block of them all
    products = np.einsum("im,ipj->impj", functions, scores).reshape(len(rows), -1)
    blocks = np.einsum("im,in,ipqj->jmpnq", functions, functions, curvatures) / len(rows)
    size = functions.shape[1] * scores.shape[1]
    if not encoder_sees_condition:
        seen = np.linalg.qr(np.hstack([np.ones((len(rows), 1)), given.values - given.column_mean()]))[0]
        products = seen @ (seen.T @ products)
    curvature = BlockCurvature(blocks.reshape(-1, size, size))
    points = leading_modes(DenseScores(products, given.features), curvature, modes)[0]
    note = f"a lower bound, by {functions.shape[1]} functions of the condition; silent decoders fitted in {folds} folds"
    return BasisPoints(points, functions.shape[1], (note,))


def _functions(rows: Rows, basis: Basis) -> Array:
    """The basis at every row, made orthonormal: the same span, and a fit that converges."""
    if rows.condition is None or rows.categories:
        raise DataError("need a condition (N, C) of any value, got none: annealing.conditions has categories")
    values = np.asarray(basis(rows.condition), np.float64)
    if values.ndim != 2 or len(values) != len(rows) or not np.isfinite(values).all():
        raise DataError(f"need a basis of finite functions (N, M) of {len(rows)} rows, got shape {values.shape}")
    left, singular, _ = np.linalg.svd(values, full_matrices=False)
    return left[:, singular > 1e-9 * singular[0]] * np.sqrt(len(rows))


def _cross_fitted(
    rows: Rows, likelihood: RowLikelihood, functions: Array, folds: int, seed: int
) -> tuple[Array, Array]:
    """Scores (N, parameters, features) and curvatures (N, parameters, parameters, features), each by other folds."""
    fold = np.random.default_rng(seed).permutation(np.arange(len(rows)) % folds)
    count = len(likelihood.parameters)
    scores = np.empty((len(rows), count, rows.features))
    curvatures = np.empty((len(rows), count, count, rows.features))
    for number in range(folds):
        own, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        weights, free = _fitted(rows.part(others), likelihood, functions[others])
        outputs = torch.einsum("im,mpj->ipj", torch.from_numpy(functions[own]), weights)
        values, exposure = _tensors(rows.part(own))

        def log_probability(
            point: Tensor, values: Tensor = values, exposure: Tensor | None = exposure, free: object = free
        ) -> Tensor:
            return -likelihood.nats(point, values, exposure, free).sum()

        slope = torch.func.grad(log_probability)
        scores[own] = slope(outputs).numpy()
        for parameter in range(count):
            tangent = torch.zeros_like(outputs)
            tangent[:, parameter] = 1
            curvatures[own, :, parameter] = -torch.func.jvp(slope, (outputs,), (tangent,))[1].numpy()
    return scores, curvatures


def _fitted(rows: Rows, likelihood: RowLikelihood, functions: Array) -> tuple[Tensor, Mapping[str, Tensor]]:
    """Weights (functions, parameters, features) of the best silent outputs, and what is learned beside them."""
    silence = likelihood.silence(rows)
    if not silence.varying.all():
        raise DataError(
            "need features that vary in every fold, got one that does not: drop rare features, or take fewer folds"
        )
    constant = np.linalg.lstsq(functions, np.ones(len(rows)), rcond=None)[0]
    start = torch.from_numpy(np.multiply.outer(constant, silence.outputs))
    weights = start.clone().requires_grad_()
    known = {name: torch.as_tensor(value, dtype=torch.float64) for name, value in silence.free.items()}
    moved = {name: torch.zeros_like(value, requires_grad=True) for name, value in known.items()}
    values, exposure = _tensors(rows)
    span = torch.from_numpy(functions)

    def free() -> dict[str, Tensor]:
        if isinstance(likelihood, Likelihood):  # whatever it is that one's own learns
            return {name: value + moved[name] for name, value in known.items()}
        return {name: value * moved[name].exp() for name, value in known.items()}  # a variance, a dispersion

    optimizer = torch.optim.LBFGS(
        [weights, *moved.values()],
        max_iter=500,
        tolerance_grad=1e-9,
        tolerance_change=1e-13,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = likelihood.nats(torch.einsum("im,mpj->ipj", span, weights), values, exposure, free()).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    if not torch.isfinite(weights).all():
        raise IFPError("need a silent fit that converges, got NaN or infinity: scale the condition, or drop functions")
    return weights.detach(), {name: value.detach() for name, value in free().items()}


def _tensors(rows: Rows) -> tuple[Tensor, Tensor | None]:
    exposure = None if rows.exposure is None else torch.from_numpy(rows.exposure)[:, None]
    return torch.from_numpy(rows.values.astype(np.float64)), exposure
