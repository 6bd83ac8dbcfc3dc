"""The annealing test: contexts shared by all factors, each case swept and read, piece by piece into a run."""

import warnings
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.mixing import PairMixing
from annealing.equilibrium import MOST_CODES
from annealing.errors import IFPError
from ifp.annealing_test.columns import FREEZING_COLUMNS
from ifp.annealing_test.config import AnnealConfig, Piece, pieces
from ifp.annealing_test.piece import Part, measured_piece
from ifp.annealing_test.rows import freezing_rows
from ifp.closed_form.contexts import SpectralRecord, closed_forms
from ifp.closed_form.mixing import data_mixing
from ifp.datasets.dataset import Dataset, DataWarning, require_labelled
from ifp.datasets.source import DataSource
from ifp.files.npz import load_npz, npz_bytes
from ifp.files.plain import append_row, csv_bytes
from ifp.machine.pool import HERE, Outcome, Pool, Tally, Task, require_all
from ifp.machine.progress import Progress
from ifp.machine.threads import use_threads
from ifp.models.networks import Network
from ifp.run_directory.opening import OpenRun
from ifp.run_directory.run import RunDirectory


def annealing_test(
    opened: OpenRun[AnnealConfig], data_dir: Path | None = None, pool: Pool = HERE, network: Network | None = None
) -> Iterator[Progress]:
    """Measure what the run does not hold yet, piece by piece, then write curves.npz and freezing.csv.

    Networks' cases whose transition is not continuous, or whose second mode stands next to the first, are computed at
    equilibrium too (equilibrium.npz): there the law of the knee does not hold. An interrupted test loses at most the
    pieces at work; when it goes on, it gives the same bytes, and so it does wherever the pieces are measured.

    Args:
        opened: the run, its data set and settings.
        data_dir: folder of the data set's public files, for other processes.
        pool: where the pieces are measured.
        network: the user's own, where the settings say so; its pieces are measured in this process.

    Raises:
        RunError: another process writes to the run, or pieces were set aside by the cluster: the others are kept.
    """
    dataset, config, run = opened.dataset, opened.config, opened.run
    with use_threads(config.threads), run.writing():
        yield Progress(0, 1, "closed forms")
        table = closed_forms(
            dataset,
            factors=config.factors,
            contexts=config.planning_contexts,
            seed=config.seed,
            likelihood=config.likelihood,
            nuisance=config.nuisance,
            pool=pool,
        )
        spectral = {(each.factor, each.context): each for each in table}
        run.write(
            "spectral.csv",
            csv_bytes([each.name for each in fields(SpectralRecord)], [asdict(each) for each in spectral.values()]),
        )
        if pairs := data_mixing(dataset, factors=config.factors, likelihood=config.likelihood, seed=config.seed):
            run.write("mixing.csv", csv_bytes([each.name for each in fields(PairMixing)], list(map(asdict, pairs))))
        measurable = _measurable(config, spectral)
        small = _of_few_values(dataset, config, spectral, measurable)
        work = [*pieces(config, lambda *case: case in measurable), *_equilibrium_pieces(config, spectral, small)]
        todo = {
            each: tuple(spectral[each.factor, context] for context, _ in each.cases)
            for each in work
            if not (run.path / "parts" / f"{each.name}.npz").is_file()
        }
        source = DataSource.of(dataset, data_dir)
        yield from _measure(source, config, run, todo, len(work), pool if network is None else HERE, network)
        _write_results(config, run, work, spectral)


Work = Mapping[Piece, Sequence[SpectralRecord]]  # pieces to be done, with the closed form of each of their cases


def _measure(
    source: DataSource,
    config: AnnealConfig,
    run: RunDirectory,
    todo: Work,
    total: int,
    pool: Pool,
    network: Network | None,
) -> Iterator[Progress]:
    by_name = {piece.name: piece for piece in todo}
    order = list(todo.items())
    if pool is not HERE:  # the longest first, as far as that can be told: the last one to end should be a short one
        order.sort(key=lambda piece: -sum(known.values for known in piece[1]))
    tasks = (Task(piece.name, measured_piece, (source, config, piece, known, network)) for piece, known in order)
    tally, aside = Tally(total, total - len(todo)), []
    for event in pool.outcomes(tasks):
        piece = by_name[event.name]
        if isinstance(event, Outcome):
            if event.error is None:
                _keep(run, piece, event.value)
            else:
                aside.append(event)
        yield tally.after(event, piece.factor)
    require_all(aside, run.path)


def _keep(run: RunDirectory, piece: Piece, part: Part) -> None:
    """Write a piece's part, and one more row of timing.csv, the only file of a run that holds a wall-clock time."""
    run.write(f"parts/{piece.name}.npz", part.data)
    row = {
        "piece": piece.name, "factor": piece.factor, "cases": len(piece.cases), "seconds": f"{part.seconds:.3f}",
        "cpu_seconds": f"{part.cpu_seconds:.3f}",
    }  # fmt: skip
    append_row(run.path / "timing.csv", tuple(row), row)


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


def _of_few_values(
    dataset: Dataset,
    config: AnnealConfig,
    spectral: Mapping[tuple[str, int], SpectralRecord],
    measurable: Set[tuple[str, int]],
) -> set[tuple[str, int]]:
    """The measurable cases that equilibrium can take; a factor that would need it and has too many values is named."""
    known = require_labelled(dataset).factors
    many = {name for name in config.factors if known.sizes[known.position(name)] * config.sweep.latents > MOST_CODES}
    needed = sorted({case[0] for case in measurable if case[0] in many and spectral[case].transition != "continuous"})
    if needed and config.protocol == "heat-cool":
        warnings.warn(
            f"{', '.join(needed)}: more than {MOST_CODES} values times latents, not computed at equilibrium",
            DataWarning,
            stacklevel=2,
        )
    return {case for case in measurable if case[0] not in many}


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
    config: AnnealConfig, run: RunDirectory, work: list[Piece], spectral: dict[tuple[str, int], SpectralRecord]
) -> None:
    def joined(protocol: str) -> dict[str, NDArray[Any]]:
        parts = [load_npz(run.path / "parts" / f"{each.name}.npz") for each in work if each.protocol == protocol]
        return {name: _joined([part[name] for part in parts]) for name in parts[0]} if parts else {}

    curves, settled = joined(config.protocol), joined("equilibrium")
    run.write("curves.npz", npz_bytes(curves))
    if settled and config.protocol != "equilibrium":
        run.write("equilibrium.npz", npz_bytes(settled))
    run.finish(csv_bytes(FREEZING_COLUMNS, list(freezing_rows(config, curves, spectral, settled))))
