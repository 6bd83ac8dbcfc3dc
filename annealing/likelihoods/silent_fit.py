"""The silent decoder of a likelihood that is known by its log-probability alone: L-BFGS, then Newton's method."""

from collections.abc import Sequence

import torch
from torch import Tensor

from annealing.errors import IFPError
from annealing.likelihoods.own_terms import LogProb, Terms

_NEWTON = 30


def silent_fit(
    parts: Sequence[Terms], log_prob: LogProb, start: Tensor, decoded: int, coupled: bool
) -> tuple[tuple[Tensor, ...], Tensor]:
    """The best parameters of each part, and what is learned beside them, of which all parts have one.

    Args:
        parts: rows of each condition.
        log_prob: of values, parameters and exposure.
        start: (parameters, features), those that are decoded first.
        decoded: how many are decoded.
        coupled: whether features couple.

    Returns:
        (decoded, features) of each part, and (learned, features).

    Raises:
        IFPError: a log-probability that is not finite, or one without a maximum near the start.
    """
    own = [start[:decoded].clone().requires_grad_() for _ in parts]
    learned = start[decoded:].clone().requires_grad_()
    total = sum(term.rows for term in parts)
    variables = [*own, learned] if len(learned) else own

    def loss() -> Tensor:
        means = [
            term.mean_nats(log_prob, torch.cat([one, learned])) * (term.rows / total)
            for term, one in zip(parts, own, strict=True)
        ]
        return torch.stack(means).sum()

    optimizer = torch.optim.LBFGS(
        variables, max_iter=500, tolerance_grad=1e-9, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    if torch.isfinite(loss().detach()):
        optimizer.step(closure)
    if not torch.isfinite(loss().detach()) or not all(torch.isfinite(one).all() for one in variables):
        raise IFPError(
            "need a finite log-probability at the start of the silent fit and below, got NaN or infinity: give another "
            "start=, or check that the values are what log_prob takes"
        )
    beside = learned.detach()
    if len(parts) == 1:
        polished = _polished(parts[0], log_prob, torch.cat([own[0].detach(), beside]), None, coupled)
        return (polished[:decoded],), polished[decoded:]
    ends = [_polished(term, log_prob, one.detach(), beside, coupled) for term, one in zip(parts, own, strict=True)]
    return tuple(ends), beside


def newton(
    terms: Terms, log_prob: LogProb, parameters: Tensor, coupled: bool, beside: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Gradient and Hessian of a row's mean nats: (parameters, features), and (features, parameters, parameters) blocks.

    Where features couple the gradient is flat and the Hessian one matrix, parameter by parameter.
    """

    def mean_nats(point: Tensor) -> Tensor:
        return terms.mean_nats(log_prob, point if beside is None else torch.cat([point, beside]))

    if coupled:
        shape = parameters.shape
        flat = parameters.reshape(-1)
        gradient = torch.func.grad(lambda point: mean_nats(point.reshape(shape)))
        return gradient(flat), torch.func.hessian(lambda point: mean_nats(point.reshape(shape)))(flat)
    gradient = torch.func.grad(mean_nats)
    columns = []
    for parameter in range(len(parameters)):
        tangent = torch.zeros_like(parameters)
        tangent[parameter] = 1  # features are independent: one product has a column of every feature's block
        columns.append(torch.func.jvp(gradient, (parameters,), (tangent,))[1])
    return gradient(parameters), torch.stack(columns, dim=-1).permute(1, 0, 2)


def _polished(terms: Terms, log_prob: LogProb, point: Tensor, beside: Tensor | None, coupled: bool) -> Tensor:
    for _ in range(_NEWTON):
        slope, hessian = newton(terms, log_prob, point, coupled, beside)
        if not (torch.isfinite(slope).all() and torch.isfinite(hessian).all()):
            break
        values = torch.linalg.eigvalsh(hessian)
        if not coupled and (values[:, 0] <= 1e-12 * values[:, -1].abs()).any():  # flat: a maximum at infinity
            break
        inverse = torch.linalg.pinv(hessian, hermitian=True, rtol=1e-10)
        step = (inverse @ slope).reshape(point.shape) if coupled else (inverse @ slope.T[..., None])[..., 0].T
        point = point - step.clamp(-1, 1)
        if step.abs().max() < 1e-10:
            return point
    raise IFPError(
        "need a likelihood with a maximum near the start of the silent fit, got none: give start= values that are "
        "nearer, or fewer parameters"
    )
