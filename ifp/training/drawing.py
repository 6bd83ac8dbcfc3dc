"""The likelihood under which a decoder's output is read: of pixels, or of rows as a data set lays them out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor

from annealing.choices import OWN
from annealing.errors import DataError, IFPError
from annealing.likelihoods import row_likelihood
from annealing.likelihoods.likelihood import RowLikelihood
from annealing.likelihoods.pixels import LIKELIHOODS, Likelihood, likelihood_named
from ifp.datasets.dataset import DataDescription, Dataset, describe
from ifp.models.row_network import RowLayout
from ifp.training.loop_config import LoopConfig


@dataclass(frozen=True)
class RowDrawing:
    """A likelihood of rows, for the outputs of :class:`ifp.models.row_network.RowDecoder` and the rows of a data set.

    Attributes:
        layout: of the rows.
    """

    layout: RowLayout

    def nats(self, output: Tensor, image: Tensor) -> Tensor:
        """-log p of each row, (batch,), of outputs (batch, parameters + learned, D) and rows (batch, 1, 1, D)."""
        values, exposure = self.layout.parts(image)
        outputs, free = self._parts(output)
        return self.layout.likelihood.nats(outputs, values, exposure, free)

    def mean(self, output: Tensor) -> Tensor:
        """The mean of each feature (batch, D), at an exposure of 1."""
        return self.layout.likelihood.mean(self._parts(output)[0])

    def _parts(self, output: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        likelihood = self.layout.likelihood
        count = len(likelihood.parameters)
        return output[:, :count], dict(zip(likelihood.learned, output[:, count:].unbind(1), strict=True))


Drawing: TypeAlias = Likelihood | RowDrawing


def drawing_of(data: Dataset | DataDescription, config: LoopConfig) -> Drawing:
    """The likelihood of a data set, by the settings of its name.

    Raises:
        IFPError: there is no such likelihood for images or rows, or it has no such setting.
    """
    described = data if isinstance(data, DataDescription) else describe(data)
    if config.own_likelihood is not None:
        return own_drawing(described, config.own_likelihood)
    return drawing(described, config.likelihood, config.likelihood_settings)


def own_drawing(data: DataDescription, likelihood: RowLikelihood) -> RowDrawing:
    """The user's own likelihood of rows; DataError of images."""
    if data.rows is None:
        raise DataError(
            f"need rows for a likelihood of your own, {data.name} holds images: images.reshape(len(images), -1)"
        )
    return RowDrawing(RowLayout(likelihood, data.rows.features, data.rows.exposed))


def drawing(data: DataDescription, name: str, settings: Mapping[str, Any]) -> Drawing:
    """:func:`drawing_of`, by name and settings."""
    if name == OWN:
        raise IFPError(
            "need the own likelihood that the run was begun with, from Python: likelihood=ifp.Likelihood(...)"
        )
    if data.rows is None:
        if name not in LIKELIHOODS and row_likelihood(name):  # type: ignore[arg-type]
            raise DataError(
                f"need bernoulli or gaussian pixels for the images of {data.name}, got {name}: rows (N, D) take it, "
                "images.reshape(len(images), -1)"
            )
        if settings:
            raise IFPError(f"need no settings for {name} of images, got {next(iter(settings))}")
        return likelihood_named(name)
    for key, value in settings.items():
        if isinstance(value, str):
            raise IFPError(f"need a number as the setting {key} of {name}, got {value!r}")
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
    return RowDrawing(RowLayout(row_likelihood(name, **given), data.rows.features, data.rows.exposed))  # type: ignore[arg-type]
