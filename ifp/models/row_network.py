r"""Networks of rows: what an encoder sees of a row and its exposure, and what a decoder adds to the silent one.

The score of a row at silence is a function of its values and its exposure (:mod:`annealing.likelihoods.likelihood`): an
encoder that sees both can hold what a freezing point says there is to hold.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from annealing.errors import DataError
from annealing.likelihoods.likelihood import RowLikelihood
from annealing.rows import Rows
from ifp.models.networks import ImageShape, Network

_FARTHEST = 20.0  # of outputs that draw a feature which never varies: a logit, or a log-rate, of e^-20
_LEAST = 1e-12  # exposures are logged from here on: black inputs that networks are tried on have none
_CHUNK = 2**21  # values that are looked at together


@dataclass(frozen=True)
class RowLayout:
    """Rows of D features under a likelihood, each laid out as a line: its values, then its exposure where it has one.

    Attributes:
        likelihood: of the rows.
        features: D.
        exposed: whether an exposure stands behind them.
    """

    likelihood: RowLikelihood
    features: int
    exposed: bool

    @property
    def seen(self) -> tuple[int, ...]:
        """Shape of what an encoder sees."""
        return (self.features + self.exposed,)

    @property
    def drawn(self) -> tuple[int, ...]:
        """Shape of what a decoder gives: (D,), or (parameters, D) of several."""
        parameters = len(self.likelihood.parameters)
        return (self.features,) if parameters == 1 else (parameters, self.features)

    def parts(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Values (batch, D) and exposures (batch, 1), if any, of rows laid out (batch, 1, 1, D or D + 1)."""
        rows = images.flatten(1)
        return (rows[:, :-1], rows[:, -1:]) if self.exposed else (rows, None)

    def rows(self, images: Tensor) -> Rows:
        """The rows laid out."""
        values, exposure = self.parts(images.double())
        return Rows(values.numpy(), None if exposure is None else exposure[:, 0].numpy())


@dataclass(frozen=True)
class RowStart:
    """Where networks of rows start: at what the data are without any code.

    Attributes:
        mean, deviation: of what an encoder sees (inputs,).
        silent: outputs of the silent decoder (parameters, D).
        learned: what is learned beside the decoder, at silence, by name.
    """

    mean: Tensor
    deviation: Tensor
    silent: Tensor
    learned: dict[str, Tensor]

    @property
    def output(self) -> Tensor:
        """What :class:`RowDecoder` gives when nothing is added (1, parameters + learned, D)."""
        learned = [at.expand(1, self.silent.shape[1]) for at in self.learned.values()]
        return torch.cat([self.silent, *learned])[None]

    @classmethod
    def of(cls, rows: Rows, layout: RowLayout) -> "RowStart":
        """Of the rows that are trained on; DataError where the likelihood cannot draw them."""
        silence = layout.likelihood.silence(rows)
        for name in layout.likelihood.learned:
            if not (silence.free[name] > 0).all():
                raise DataError(
                    f"need features that vary under {layout.likelihood.name}, whose {name} of one that never does is 0:"
                    " leave such features out, or take gaussian"
                )
        if "log_variance" in layout.likelihood.parameters and not silence.varying.all():
            raise DataError(
                f"need features that vary under {layout.likelihood.name}, {int((~silence.varying).sum())} never do: "
                "leave them out, or take gaussian"
            )
        silent = np.nan_to_num(silence.outputs, nan=0.0, posinf=_FARTHEST, neginf=-_FARTHEST)
        mean, deviation = _moments(rows, layout)
        return cls(
            torch.from_numpy(mean).float(),
            torch.from_numpy(deviation).float(),
            torch.from_numpy(silent).float(),
            {name: torch.as_tensor(np.array(silence.free[name])).float() for name in layout.likelihood.learned},
        )

    @classmethod
    def unknown(cls, layout: RowLayout) -> "RowStart":
        """Of a model whose state is read next."""
        (inputs,), parameters = layout.seen, len(layout.likelihood.parameters)
        size = () if layout.likelihood.one_for_all else (layout.features,)
        learned = {name: torch.ones(size) for name in layout.likelihood.learned}
        return cls(torch.zeros(inputs), torch.ones(inputs), torch.zeros(parameters, layout.features), learned)


class RowEncoder(nn.Module):
    """An encoder of rows: each input with mean 0 and variance 1 over the data.

    Of counts it sees log(1 + x) instead of x; where rows have an exposure its log is the last input.
    """

    def __init__(self, network: nn.Module, layout: RowLayout, start: RowStart) -> None:
        super().__init__()
        self.network, self.layout = network, layout
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", start.mean.clone())
        self.register_buffer("deviation", start.deviation.clone())

    def forward(self, images: Tensor) -> Tensor:
        output: Tensor = self.network((_seen(images, self.layout) - self.mean) / self.deviation)
        return output


class RowDecoder(nn.Module):
    """A decoder of rows: what the silent decoder draws and what the network adds to it, then what is learned beside.

    Output (batch, parameters + learned, D); what is learned is above 0 and the same for all rows.
    """

    def __init__(self, network: nn.Module, layout: RowLayout, start: RowStart) -> None:
        super().__init__()
        self.network, self.layout = network, layout
        self.silent: Tensor
        self.register_buffer("silent", start.silent.clone())
        self.log_learned = nn.ParameterDict({name: nn.Parameter(at.log()) for name, at in start.learned.items()})

    def forward(self, latents: Tensor) -> Tensor:
        added: Tensor = self.network(latents).float()
        drawn = self.silent + added.reshape(len(latents), *self.silent.shape)
        shape = (len(latents), 1, self.layout.features)
        learned = [self.log_learned[name].exp().expand(shape) for name in self.layout.likelihood.learned]
        return torch.cat([drawn, *learned], dim=1)


def row_network(network: Network, layout: RowLayout, start: RowStart) -> Network:
    """Networks of rows as they are built and trained, of one that is built for a row's own shapes."""
    return Network(
        partial(_encoder, network=network, layout=layout, start=start),
        partial(_decoder, network=network, layout=layout, start=start),
    )


def _encoder(shape: ImageShape, outputs: int, *, network: Network, layout: RowLayout, start: RowStart) -> nn.Module:
    return RowEncoder(network.encoder(layout.seen, outputs), layout, start)  # type: ignore[arg-type]


def _decoder(shape: ImageShape, latents: int, *, network: Network, layout: RowLayout, start: RowStart) -> nn.Module:
    return RowDecoder(network.decoder(layout.drawn, latents), layout, start)  # type: ignore[arg-type]


def _seen(images: Tensor, layout: RowLayout) -> Tensor:
    values, exposure = layout.parts(images)
    values = values.log1p() if layout.likelihood.counts else values
    return values if exposure is None else torch.cat([values, exposure.clamp(min=_LEAST).log()], dim=1)


def _moments(rows: Rows, layout: RowLayout) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each input over all rows; a deviation of 1 where it never varies."""
    together = max(_CHUNK // rows.features, 1)
    sums = [torch.zeros(layout.seen, dtype=torch.float64) for _ in range(2)]
    for power in (0, 1):  # the mean first: squares of differences from it do not cancel
        for start in range(0, len(rows), together):
            part = rows.values[start : start + together]
            dense = part if isinstance(part, np.ndarray) else part.toarray()
            exposure = () if rows.exposure is None else (rows.exposure[start : start + together, None],)
            laid_out = torch.from_numpy(np.concatenate([dense, *exposure], axis=1).astype(np.float64))
            seen = _seen(laid_out, layout)
            sums[power] += (seen if power == 0 else (seen - sums[0]).square()).sum(dim=0)
        sums[power] /= len(rows)
    mean, deviation = sums[0].numpy(), sums[1].sqrt().numpy()
    return mean, np.where(deviation > 0, deviation, 1.0)
