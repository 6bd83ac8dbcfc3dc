"""The annealing test: contexts shared by all factors, each case swept and read, piece by piece into a run."""

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from annealing.equilibrium import EquilibriumConfig, equilibrium
from annealing.errors import IFPError
from annealing.likelihood import likelihood_named
from annealing.published import PUBLISHED, published_sweep
from annealing.spectral import codebook_bound
from annealing.stack import Case
from annealing.sweep import SweepRecord, sweep
from ifp.annealing_config import AnnealConfig, Piece, pieces
from ifp.contexts import SpectralRecord, action_sequence, require_factors, spectrum
from ifp.datasets.dataset import Dataset, DataWarning
from ifp.freezing_table import FREEZING_COLUMNS, freezing_rows
from ifp.run_files import csv_bytes, load_npz, npz_bytes
from ifp.runs import Run
from ifp.threads import use_threads

_COUNTED = 450  # records that a piece is taken to come to, for the progress shown


def _case(dataset: Dataset, config: AnnealConfig, spectral: SpectralRecord, repeat: int) -> Case:
    factor = require_factors(dataset).position(spectral.factor)
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


def _records(cases: Sequence[Case], config: AnnealConfig, protocol: str) -> Iterator[SweepRecord]:
    """What a protocol gives on a piece's cases."""
    likelihood = likelihood_named(config.likelihood)
    if protocol == "heat-cool":
        return sweep(cases, config.sweep, likelihood, config.device, config.thresholds)
    if protocol == "equilibrium":
        return equilibrium(cases, EquilibriumConfig(latents=config.sweep.latents), likelihood)
    (case,) = cases
    return published_sweep(case.images, PUBLISHED[protocol], likelihood, seed=case.seed, device=config.device)


def _arrays(
    records: Sequence[SweepRecord], spectral: Sequence[SpectralRecord], repeats: Sequence[int]
) -> dict[str, NDArray[Any]]:
    """What a piece's sweep gave, the cases along the first axis, the records along the second."""
    return {
        "factor": np.array([each.factor for each in spectral]),
        "context": np.array([each.context for each in spectral]),
        "repeat": np.array(repeats),
        "step": np.stack([np.full(len(spectral), record.step) for record in records], axis=1),
        "direction": np.array([record.direction for record in records]).T,
        "loop": np.stack([record.loop for record in records], axis=1),
        "beta": np.stack([record.beta for record in records], axis=1),
        "kl": np.stack([record.kl for record in records], axis=1),
        "reconstruction": np.stack([record.reconstruction for record in records], axis=1),
    }


@dataclass(frozen=True)
class Progress:
    """Where a test stands: pieces done (with a share of the one at work) of those to do, and what is at work."""

    done: float
    total: int
    doing: str


def annealing_test(dataset: Dataset, config: AnnealConfig, run: Run) -> Iterator[Progress]:
    """Measure what the run does not hold yet, piece by piece, then write curves.npz and freezing.csv.

    Networks' cases whose transition is not continuous, or whose second mode stands next to the first, are computed at
    equilibrium too (equilibrium.npz): there the law of the knee does not hold. An interrupted test loses at most the
    piece at work; when it goes on, it gives the same bytes.
    """
    use_threads(config.threads)
    yield Progress(0, 1, "closed forms")
    table = spectrum(
        dataset,
        factors=config.factors,
        contexts=config.planning_contexts,
        seed=config.seed,
        likelihood=config.likelihood,
        nuisance=config.nuisance,
    )
    spectral = {(each.factor, each.context): each for each in table}
    run.write(
        "spectral.csv",
        csv_bytes([each.name for each in fields(SpectralRecord)], [asdict(each) for each in spectral.values()]),
    )
    measurable = _measurable(config, spectral)
    work = [*pieces(config, lambda *case: case in measurable), *_equilibrium_pieces(config, spectral, measurable)]
    for number, piece in enumerate(work):
        if not (run.path / "parts" / f"{piece.name}.npz").is_file():
            known = [spectral[piece.factor, context] for context, _ in piece.cases]
            repeats = [repeat for _, repeat in piece.cases]
            cases = [_case(dataset, config, each, repeat) for each, repeat in zip(known, repeats, strict=True)]
            records, started, worked = [], time.perf_counter(), time.process_time()
            if piece.protocol != config.protocol:
                cases = [_near(case, each) for case, each in zip(cases, known, strict=True)]
            for record in _records(cases, config, piece.protocol):
                records.append(record)
                yield Progress(number + len(records) / (len(records) + _COUNTED), len(work), piece.factor)
            run.write(f"parts/{piece.name}.npz", npz_bytes(_arrays(records, known, repeats)))
            _add_timing(run, piece, time.perf_counter() - started, time.process_time() - worked)
        yield Progress(number + 1, len(work), piece.factor)
    _write_results(config, run, work, spectral)


def _measurable(config: AnnealConfig, spectral: Mapping[tuple[str, int], SpectralRecord]) -> set[tuple[str, int]]:
    """Factor and context of the cases whose images vary; what is left out is said.

    Raises:
        IFPError: none does.
    """
    found = set()
    for factor in config.factors:
        cases = [(factor, context) for context in range(config.contexts)]
        vary = [case for case in cases if case in spectral and spectral[case].spectral_beta > 0]
        if len(vary) < len(cases):
            warnings.warn(
                f"{factor} does not vary in {len(cases) - len(vary)} of the {len(cases)} contexts: not measured there",
                DataWarning,
                stacklevel=2,
            )
        found.update(vary)
    if not found:
        raise IFPError(
            f"need contexts in which a factor varies while the others stay, got none among {config.contexts} "
            f"for {', '.join(config.factors)} (--mode full anneals all data at once)"
        )
    return found


def _near(case: Case, spectral: SpectralRecord) -> Case:
    """The case between pressures that hold its transition, by the closed forms: all that its knee needs."""
    return replace(case, low=0.7 * spectral.spectral_beta, high=1.3 * spectral.beta_rd)


def _equilibrium_pieces(
    config: AnnealConfig, spectral: Mapping[tuple[str, int], SpectralRecord], measurable: Set[tuple[str, int]]
) -> list[Piece]:
    """The networks' cases for which the knee's law does not hold, a piece per factor."""
    if config.protocol != "heat-cool":
        return []
    found = {
        factor: tuple(
            (context, 0)
            for context in range(config.contexts)
            if (factor, context) in measurable and spectral[factor, context].transition != "continuous"
        )
        for factor in config.factors
    }
    return [
        Piece(f"equilibrium-{number:02d}", factor, cases, "equilibrium")
        for number, (factor, cases) in enumerate(found.items())
        if cases
    ]


def _add_timing(run: Run, piece: Piece, seconds: float, cpu_seconds: float) -> None:
    """One more row of timing.csv, the only file of a run that holds a wall-clock time."""
    path = run.path / "timing.csv"
    row = {
        "piece": piece.name, "factor": piece.factor, "cases": len(piece.cases), "seconds": f"{seconds:.3f}",
        "cpu_seconds": f"{cpu_seconds:.3f}",
    }  # fmt: skip
    header, added = csv_bytes(tuple(row), [row]).split(b"\n", 1)
    before = path.read_bytes() if path.is_file() else header + b"\n"
    run.write("timing.csv", before + added)


def _joined(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Arrays along their cases; shorter curves are filled up: done, NaN, or the last step."""
    if arrays[0].ndim == 1:
        return np.concatenate(arrays)
    longest = max(each.shape[1] for each in arrays)

    def filled(each: NDArray[Any]) -> NDArray[Any]:
        width = [(0, longest - each.shape[1]) if axis == 1 else (0, 0) for axis in range(each.ndim)]
        if np.issubdtype(each.dtype, np.integer):
            return np.pad(each, width, mode="edge")
        return np.pad(each, width, constant_values="done" if each.dtype.kind == "U" else np.nan)

    return np.concatenate([filled(each) for each in arrays])


def _write_results(
    config: AnnealConfig, run: Run, work: list[Piece], spectral: dict[tuple[str, int], SpectralRecord]
) -> None:
    def joined(protocol: str) -> dict[str, NDArray[Any]]:
        parts = [load_npz(run.path / "parts" / f"{each.name}.npz") for each in work if each.protocol == protocol]
        return {name: _joined([part[name] for part in parts]) for name in parts[0]} if parts else {}

    curves, settled = joined(config.protocol), joined("equilibrium")
    run.write("curves.npz", npz_bytes(curves))
    if settled and config.protocol != "equilibrium":
        run.write("equilibrium.npz", npz_bytes(settled))
    run.write("freezing.csv", csv_bytes(FREEZING_COLUMNS, list(freezing_rows(config, curves, spectral, settled))))
