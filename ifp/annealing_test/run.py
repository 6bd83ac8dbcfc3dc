"""Runs of an annealing test opened: new ones, or to go on with."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from analysis.records import require_settings
from annealing.choices import OWN
from annealing.errors import RunError
from annealing.hysteresis import Pace
from annealing.sweep_config import SweepConfig
from ifp.annealing_test.config import AnnealConfig, nested_settings
from ifp.closed_form.factors import chosen_factors, require_action
from ifp.datasets.arrays import Data
from ifp.datasets.batches import require_images_fit
from ifp.datasets.dataset import Dataset
from ifp.machine.device import require_device
from ifp.models.autoencoder import layout_of
from ifp.models.networks import Network, network_named
from ifp.models.own_network import require_network
from ifp.run_directory.kinds import Kind
from ifp.run_directory.opening import OpenRun, Place, asked_dataset, new_run, resumed_run

_HELD = 12  # bytes of a pixel value: the images, their columns and the networks' inputs, float32


def open_annealing_run(
    data: Data | None, given: Mapping[str, Any], place: Place, network: Network | None = None
) -> OpenRun[AnnealConfig]:
    """A new test, or one that goes on.

    Args:
        data: a data set, its name or the path of the user's own; with ``place.resume`` it may be left out.
        given: settings by name, of :class:`AnnealConfig`; those of its sweep and pace under ``sweep`` or beside the
            others, see :func:`ifp.annealing_test.config.nested_settings`.
        place: where the run stands, or is to stand.
        network: the user's own, where the settings say so.

    Raises:
        IFPError: a setting is out of range, the data set is unknown, the directory is in use, or a resumed run
            has other settings or data.
    """
    nested = nested_settings(given)
    if place.resume:
        opened = resumed_run(Kind.ANNEALING_TEST, AnnealConfig, data, nested, place)
        _require_same_network(opened, network)
        return opened
    dataset = asked_dataset(data, nested, place.data_dir, "a data set: --dataset NAME, e.g. --dataset dsprites")
    factors = chosen_factors(dataset, nested.get("factors"))
    require_settings(AnnealConfig, nested)
    swept = nested.get("sweep", {})
    require_settings(SweepConfig, swept)
    sweep = SweepConfig(**{**swept, "pace": Pace(**swept["pace"])} if "pace" in swept else swept)
    origin = {"dataset": dataset.reference, "data_options": dataset.options}
    settings: dict[str, Any] = {**nested, **origin, "factors": factors, "sweep": sweep}
    config = AnnealConfig(**settings)
    require_device(config.device)
    config = replace(config, own_layout=_layout(dataset, config, network))
    longest = max(dataset.factors.sizes) if dataset.factors is not None else 1
    require_images_fit(dataset, longest * min(config.stack, config.contexts), "a piece of the annealing test", _HELD)
    require_action(dataset, config.factors, config.contexts, config.seed)  # before a run that could not go on is made
    return new_run(Kind.ANNEALING_TEST, dataset, config, place)


def _layout(dataset: Dataset, config: AnnealConfig, network: Network | None) -> str:
    """That of a network of the user's own, tried before a run is made; empty where one is named.

    Raises:
        IFPError: its modules do not fit, or the settings ask for one and none is given.
    """
    if network is None:
        if config.sweep.network == OWN:
            network_named(OWN)
        return ""
    latents = config.sweep.latents
    groups = (tuple(range(latents)),)
    require_network(network, dataset.image_shape, groups, config.likelihood, device=require_device(config.device))
    return layout_of(network, dataset.image_shape, latents)


def _require_same_network(opened: OpenRun[AnnealConfig], network: Network | None) -> None:
    """RunError where a run goes on with another network than its own."""
    if not opened.run.finished and _layout(opened.dataset, opened.config, network) != opened.config.own_layout:
        raise RunError(
            f"need the own network that {opened.run.path} was begun with, got one whose parameters have other names or "
            "shapes"
        )
