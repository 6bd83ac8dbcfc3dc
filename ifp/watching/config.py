"""Settings of a watched run: whose loop it is, how often it is read, and what a weight of its KL is in nats."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.names import is_name
from analysis.plain_json import shown
from annealing.choices import LikelihoodName, require_counts, require_seed
from annealing.errors import IFPError
from annealing.likelihoods.pixels import likelihood_named
from annealing.loss_forms import LOSS_FORMS, LossName, LossScale
from ifp.datasets.dataset import DataDescription, DataOptions, Dataset, describe

_AS_IT_IS = DataOptions()  # how data are opened unless told otherwise


@dataclass(frozen=True, kw_only=True)
class WatchConfig:
    """Settings of a watched run, as config.json records them.

    Attributes:
        dataset: name or path of the data; empty where none were told.
        latents: K, of the model.
        every: steps from reading to reading.
        likelihood: of the reconstruction; that of the loss, else bernoulli.
        loss: whose weight ``beta`` is, by its name in :mod:`annealing.loss_forms`; None: beta is told in nats.
        features, batch_size, kl_mean_over: of that loss, as :class:`annealing.loss_forms.LossScale` has them; features
            are those of the data, where these were told.
        freezing_point: of the data, nats, where it was told; else it is computed where the data were.
        factor_names: of the labels, as they were told.
        seed: of the shuffled labels that chance is measured by.
    """

    dataset: str = ""
    data_options: DataOptions = _AS_IT_IS
    latents: int
    every: int = 50
    likelihood: LikelihoodName = "bernoulli"
    loss: LossName | None = None
    features: int | None = None
    batch_size: int | None = None
    kl_mean_over: int | None = None
    freezing_point: float | None = None
    factor_names: tuple[str, ...] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        likelihood_named(self.likelihood)
        require_counts(self, "latents", "every")
        require_seed(self.seed)
        if self.freezing_point is not None and not 0 < self.freezing_point < math.inf:
            raise IFPError(f"need a freezing point above 0 nats, got {self.freezing_point}")
        names = self.factor_names or ()
        if len({*names}) < len(names) or not all(isinstance(name, str) and is_name(name) for name in names):
            raise IFPError(f"need different names of one line as factor_names, got {shown(names)}")
        scale = self.scale
        if scale is not None and self.freezing_point is None and self.dataset:
            scale.require_likelihood(self.likelihood)

    @property
    def scale(self) -> LossScale | None:
        """The user's own loss; None where beta is told in nats.

        Raises:
            IFPError: settings of a loss without its name, or no number of features where no data were told.
        """
        if self.loss is None:
            if self.batch_size is not None or self.kl_mean_over is not None:
                raise IFPError("need a loss whose batch size or mean over latents that is: loss=NAME, e.g. mse-mean")
            return None
        if self.features is None:
            raise IFPError(f"need data or features=, the values of one image, with the loss {self.loss}, got neither")
        return LossScale(self.loss, self.features, self.batch_size, self.kl_mean_over)

    def nats(self, weight: float) -> float:
        """The pressure in nats that a weight of the KL in the user's loss is."""
        scale = self.scale
        return weight if scale is None else weight * scale.nats

    def said(self, pressure: float) -> str:
        """A pressure in the words of whoever wrote the loop: its weight in the own loss, beta in nats."""
        scale = self.scale
        if scale is None:
            return f"beta {pressure:.4g} nats"
        return f"weight {scale.weight_of(pressure):.4g} (beta {pressure:.4g} nats)"


def watch_config(dataset: Dataset | None, given: Mapping[str, object]) -> WatchConfig:
    """The settings with what the data say: their features and the likelihood of the loss.

    Raises:
        IFPError: a setting is out of range, features that are not those of the data, or a loss that is not known.
    """
    told: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    form = LOSS_FORMS.get(told["loss"]) if "loss" in told else None  # one that is not known is refused below
    if form is not None and form.likelihood in ("bernoulli", "gaussian"):
        told.setdefault("likelihood", form.likelihood)
    if dataset is not None:
        features = math.prod(dataset.image_shape)
        if told.setdefault("features", features) != features:
            raise IFPError(f"need the {features} features of {dataset.name}, got {told['features']}: leave them out")
        told |= {"dataset": dataset.reference, "data_options": dataset.options}
    return WatchConfig(**told)


def untold_data(name: str) -> DataDescription:
    """What a run's config says of data that nobody told."""
    return DataDescription(name=name, fingerprint="", image_shape=(0, 0, 0), images=0, source="data that were not told")


def described_data(dataset: Dataset | None, name: str) -> DataDescription:
    """What a run's config says of its data; without any the run goes by a name of its own."""
    return untold_data(name) if dataset is None else describe(dataset)
