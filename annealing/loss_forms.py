r"""The weight of the KL in the user's own loss, and the pressure beta in nats that it is.

.. math:: \beta = w \cdot \frac{\text{weight of the KL, summed over latents and averaged over images, in the loss}}
    {\text{weight of one nat of reconstruction, summed over features and averaged over images, in the loss}}

A mean over N features weighs a nat N times less, a squared error without its half twice as much, a sum over a batch of
B images B times as much. Which loss is which stands in ``LOSS_FORMS``, with F for ``torch.nn.functional``, x for
the data (B, N), x_hat for the decoder's output, kl (B, K) for the KL of each latent, w for the weight.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from annealing.choices import require_count, require_one_of
from annealing.errors import IFPError

LossName = Literal[
    "nll-sum",
    "nll-mean",
    "bce-sum",
    "bce-mean",
    "bce-total",
    "bce-mean-kl-total",
    "bce-total-kl-total",
    "mse-sum",
    "mse-half-sum",
    "mse-mean",
    "mse-total",
    "mse-mean-kl-total",
    "mse-total-kl-total",
    "gaussian-nll-mean",
    "l1-sum",
    "l1-mean",
]

Number = TypeVar("Number", float, NDArray[np.floating])


@dataclass(frozen=True)
class LossForm:
    """What a loss reduces how: beta in nats = w N^features B^batch / error.

    Attributes:
        written: the loss in torch's words.
        likelihood: of which its reconstruction is the negative log-likelihood, up to ``error``; empty for any.
        error: reconstruction of one nat, were it summed over features: 2 of a squared error without its half.
        features: 1 where it is a mean over N features, 0 where their sum.
        batch: 1 where the KL alone is a sum over the batch, -1 where the reconstruction alone is, else 0.
    """

    written: str
    likelihood: str
    error: float = 1.0
    features: int = 0
    batch: int = 0


_BCE, _MSE = "F.binary_cross_entropy_with_logits(x_hat, x", "F.mse_loss(x_hat, x"
_MEAN, _TOTAL = " + w * kl.sum(1).mean()", " + w * kl.sum()"

LOSS_FORMS: Mapping[LossName, LossForm] = {
    "nll-sum": LossForm(f"-log_prob(x).sum(1).mean(){_MEAN}", ""),
    "nll-mean": LossForm(f"-log_prob(x).mean(){_MEAN}", "", features=1),
    "bce-sum": LossForm(f"{_BCE}, reduction='none').sum(1).mean(){_MEAN}", "bernoulli"),
    "bce-mean": LossForm(f"{_BCE}){_MEAN}", "bernoulli", features=1),
    "bce-total": LossForm(f"{_BCE}, reduction='sum'){_MEAN}", "bernoulli", batch=-1),
    "bce-mean-kl-total": LossForm(f"{_BCE}){_TOTAL}", "bernoulli", features=1, batch=1),
    "bce-total-kl-total": LossForm(f"{_BCE}, reduction='sum'){_TOTAL}", "bernoulli"),
    "mse-sum": LossForm(f"{_MSE}, reduction='none').sum(1).mean(){_MEAN}", "gaussian", error=2),
    "mse-half-sum": LossForm(f"0.5 * {_MSE}, reduction='none').sum(1).mean(){_MEAN}", "gaussian"),
    "mse-mean": LossForm(f"{_MSE}){_MEAN}", "gaussian", error=2, features=1),
    "mse-total": LossForm(f"{_MSE}, reduction='sum'){_MEAN}", "gaussian", error=2, batch=-1),
    "mse-mean-kl-total": LossForm(f"{_MSE}){_TOTAL}", "gaussian", error=2, features=1, batch=1),
    "mse-total-kl-total": LossForm(f"{_MSE}, reduction='sum'){_TOTAL}", "gaussian", error=2),
    "gaussian-nll-mean": LossForm(f"F.gaussian_nll_loss(x_hat, x, torch.ones_like(x)){_MEAN}", "gaussian", features=1),
    "l1-sum": LossForm(f"F.l1_loss(x_hat, x, reduction='none').sum(1).mean(){_MEAN}", "laplace"),
    "l1-mean": LossForm(f"F.l1_loss(x_hat, x){_MEAN}", "laplace", features=1),
}


@dataclass(frozen=True)
class LossScale:
    """A loss of so many features, and where it matters of so many images at a time.

    Attributes:
        loss: a name of ``LOSS_FORMS``.
        features: N, values of one image or row: height x width x channels.
        batch_size: B; needed where the loss sums one of its terms over the batch and averages the other.
        kl_mean_over: K, latents that the KL is a mean over; None where it is their sum.

    Raises:
        IFPError: no such loss, a number out of its range, or no batch size where one is needed.
    """

    loss: LossName
    features: int
    batch_size: int | None = None
    kl_mean_over: int | None = None

    def __post_init__(self) -> None:
        require_one_of("a loss", self.loss, LOSS_FORMS)
        require_count("features", self.features)
        if self.batch_size is not None:
            require_count("batch_size", self.batch_size)
        if self.kl_mean_over is not None:
            require_count("latents", self.kl_mean_over)
        if LOSS_FORMS[self.loss].batch and self.batch_size is None:
            raise IFPError(
                f"need the batch size with {self.loss}, which sums one of its terms over the batch alone, got none: "
                "name it (--batch-size B)"
            )

    @property
    def nats(self) -> float:
        """Beta in nats of a weight of 1."""
        form = LOSS_FORMS[self.loss]
        size = float(self.batch_size or 1) ** form.batch
        return float(self.features) ** form.features * size / form.error / (self.kl_mean_over or 1)

    def weight_of(self, beta: Number) -> Number:
        """The weight of the KL in this loss at a pressure in nats, or at each of an array of them."""
        return beta / self.nats

    @property
    def likelihood(self) -> str:
        """Of which the loss is; empty for any."""
        return LOSS_FORMS[self.loss].likelihood

    def require_likelihood(self, likelihood: str) -> None:
        """IFPError where the loss is not that of the likelihood whose freezing points are computed."""
        if self.likelihood not in ("", likelihood):
            raise IFPError(
                f"need the likelihood {self.likelihood} with {self.loss}, got {likelihood}: --likelihood "
                f"{self.likelihood}"
            )

    def __str__(self) -> str:
        parts = [self.loss, f"N = {self.features}"]
        parts += [f"B = {self.batch_size}"] if LOSS_FORMS[self.loss].batch else []
        parts += [] if self.kl_mean_over is None else [f"KL a mean over {self.kl_mean_over} latents"]
        return ", ".join(parts)


def beta_in_nats(
    weight: Number,
    loss: LossName,
    *,
    features: int,
    batch_size: int | None = None,
    kl_mean_over: int | None = None,
) -> Number:
    """The pressure in nats that a weight of the KL in the user's own loss is, as every pressure here is given.

    >>> beta_in_nats(0.001, "mse-mean", features=64 * 64)  # not 4.096: a squared error without its half
    2.048
    >>> beta_in_nats(4.0, "bce-sum", features=64 * 64)
    4.0

    Args:
        weight: w, 0 or more; or an array of them, of a log say.
        loss: a name of ``annealing.loss_forms.LOSS_FORMS``; the how-to page of freezing points has the table.
        features: N, values of one image: height x width x channels.
        batch_size: B, where the loss sums one of its terms over the batch and averages the other.
        kl_mean_over: K, latents that the KL is a mean over; None where it is their sum.

    Raises:
        IFPError: no such loss, no batch size where one is needed, or a number out of its range.
    """
    return _positive("a weight", weight) * LossScale(loss, features, batch_size, kl_mean_over).nats


def weight_of(
    beta: Number,
    loss: LossName,
    *,
    features: int,
    batch_size: int | None = None,
    kl_mean_over: int | None = None,
) -> Number:
    """The weight of the KL in the user's own loss at a pressure in nats: what :func:`beta_in_nats` undoes.

    >>> weight_of(120.0, "mse-mean", features=64 * 64), weight_of(120.0, "bce-mean", features=64 * 64)
    (0.05859375, 0.029296875)

    Args:
        beta: 0 or more; or an array of them.
        loss, features, batch_size, kl_mean_over: as for :func:`beta_in_nats`.

    Raises:
        IFPError: as there.
    """
    weight: Number = LossScale(loss, features, batch_size, kl_mean_over).weight_of(_positive("a pressure beta", beta))
    return weight


def _positive(what: str, value: object) -> Any:
    """The value, or an array of it; IFPError where it is no number from 0 on."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise IFPError(f"need {what} of 0 or more, got {str(value)[:60]!r}") from None
    if not ((array >= 0) & (array < math.inf)).all():
        raise IFPError(f"need {what} of 0 or more, got {value if array.ndim == 0 else 'others among them'}")
    return float(array) if array.ndim == 0 else array
