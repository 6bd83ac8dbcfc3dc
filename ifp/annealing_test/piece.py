"""One piece of an annealing test: the cases that are swept together, here or on a worker, and what it leaves."""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from torch import Tensor

from annealing.equilibrium import EquilibriumConfig, equilibrium
from annealing.likelihoods.pixels import likelihood_named
from annealing.own_stack import Build
from annealing.published import PUBLISHED, published_sweep
from annealing.spectral import codebook_bound
from annealing.stack import Case
from annealing.sweep import SweepRecord, sweep
from ifp.annealing_test.config import AnnealConfig, Piece
from ifp.closed_form.contexts import SpectralRecord, action_sequence
from ifp.datasets.dataset import Dataset, require_labelled
from ifp.datasets.source import DataSource
from ifp.files.npz import npz_bytes
from ifp.machine.progress import Progress
from ifp.machine.threads import use_threads
from ifp.models.autoencoder import autoencoder
from ifp.models.networks import Network

_COUNTED = 450  # records that a piece is taken to come to, for the progress shown


@dataclass(frozen=True)
class Part:
    """What a piece gave: the content of its npz, and how long it took."""

    data: bytes
    seconds: float
    cpu_seconds: float


def _piece_records(
    dataset: Dataset,
    config: AnnealConfig,
    piece: Piece,
    spectral: Sequence[SpectralRecord],
    network: Network | None,
) -> Iterator[SweepRecord]:
    known = list(zip(spectral, piece.cases, strict=True))
    cases = [_case(dataset, config, each, repeat) for each, (_, repeat) in known]
    if piece.protocol != config.protocol:
        cases = [_near(case, each) for case, each in zip(cases, spectral, strict=True)]
    build = None if network is None else partial(autoencoder, network, dataset.image_shape)
    return _records(cases, config, piece.protocol, build)


def _part_bytes(piece: Piece, spectral: Sequence[SpectralRecord], records: Sequence[SweepRecord]) -> bytes:
    """The npz of a piece, the cases along the first axis of its arrays, the records along the second."""
    return npz_bytes(
        {
            "factor": np.array([each.factor for each in spectral]),
            "context": np.array([each.context for each in spectral]),
            "repeat": np.array([repeat for _, repeat in piece.cases]),
            "step": np.stack([np.full(len(spectral), record.step) for record in records], axis=1),
            "direction": np.array([record.direction for record in records]).T,
            "loop": np.stack([record.loop for record in records], axis=1),
            "beta": np.stack([record.beta for record in records], axis=1),
            "kl": np.stack([record.kl for record in records], axis=1),
            "reconstruction": np.stack([record.reconstruction for record in records], axis=1),
        }
    )


def measured_piece(
    source: DataSource,
    config: AnnealConfig,
    piece: Piece,
    spectral: Sequence[SpectralRecord],
    network: Network | None = None,
) -> Generator[Progress, None, Part]:
    """Sweep a piece's cases on the data set as this process finds it; returns what the piece gave.

    Args:
        spectral: the closed form of each case's context, in the order of the piece's cases.
        network: the user's own, where the config says so.

    Raises:
        DataError: the data set is not at hand here, or is another one.
    """
    started, worked = time.perf_counter(), time.process_time()
    records: list[SweepRecord] = []
    with use_threads(config.threads):
        for record in _piece_records(source.open(), config, piece, spectral, network):
            records.append(record)
            yield Progress(len(records), len(records) + _COUNTED, piece.factor)
    data = _part_bytes(piece, spectral, records)
    return Part(data, time.perf_counter() - started, time.process_time() - worked)


def _case(dataset: Dataset, config: AnnealConfig, spectral: SpectralRecord, repeat: int) -> Case:
    factor = require_labelled(dataset).factors.position(spectral.factor)
    seed = np.random.SeedSequence([config.seed, 1, factor, spectral.context, repeat]).generate_state(1, np.uint64)[0]
    images = action_sequence(dataset, spectral.factor, spectral.index, config.nuisance)
    low, high = config.pressures or case_range(images, spectral.spectral_beta, config)
    return Case(images, low, high, int(seed >> np.uint64(1)))


def case_range(images: Tensor, spectral_beta: float, config: AnnealConfig) -> tuple[float, float]:
    """The pressures that a case does not leave when none are given.

    The top is counted from where a code of single images would still pay, if that lies above the spectral value:
    below it a first-order transition does not melt.
    """
    bound = codebook_bound(images, likelihood_named(config.likelihood))
    return config.span[0] * spectral_beta, config.span[1] * max(spectral_beta, bound)


def _records(cases: Sequence[Case], config: AnnealConfig, protocol: str, build: Build | None) -> Iterator[SweepRecord]:
    """What a protocol gives on a piece's cases."""
    likelihood = likelihood_named(config.likelihood)
    if protocol == "heat-cool":
        return sweep(cases, config.sweep, likelihood, config.device, config.thresholds, build)
    if protocol == "equilibrium":
        return equilibrium(cases, EquilibriumConfig(latents=config.sweep.latents), likelihood)
    (case,) = cases
    return published_sweep(case.images, PUBLISHED[protocol], likelihood, seed=case.seed, device=config.device)


def _near(case: Case, spectral: SpectralRecord) -> Case:
    """The case between pressures that hold its transition, by the closed forms: all that its knee needs."""
    return replace(case, low=0.7 * spectral.spectral_beta, high=1.3 * spectral.beta_rd)
