"""The annealing test: contexts shared by all factors, each case swept and read, piece by piece into a run."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.records import read_record
from annealing.errors import IFPError, RunError
from annealing.likelihood import likelihood_named
from annealing.spectral import codebook_bound
from annealing.stack import Case
from annealing.sweep import SweepConfig, SweepRecord, sweep
from ifp.contexts import SpectralRecord, action_sequence, require_factors, spectrum
from ifp.datasets import load_dataset
from ifp.datasets.dataset import Dataset, describe
from ifp.device import require_device
from ifp.freezing_table import FREEZING_COLUMNS, freezing_rows
from ifp.runs import Run, create_run, csv_bytes, load_npz, new_run_path, npz_bytes, reopen_run


@dataclass(frozen=True, kw_only=True)
class AnnealConfig:
    """Settings of an annealing test, as config.json records them."""

    dataset: str
    factors: tuple[str, ...]
    contexts: int = 8  # measured; the first of those drawn
    planning_contexts: int = 1000  # whose closed form is kept beside the measured ones
    likelihood: str = "bernoulli"
    span: tuple[float, float] = (0.3, 3.0)  # swept range, in units of each case's spectral value (see case_range)
    pressures: tuple[float, float] | None = None  # swept range of every case, in nats, instead of the span
    thresholds: tuple[float, ...] = (0.1, 0.01)  # nats of KL from which a latent is active; the first is the main one
    stack: int = 8  # cases that train together: one piece of work
    seed: int = 0
    threads: int = 2
    device: str = "cpu"
    precision: str = "float32"
    sweep: SweepConfig = field(default_factory=SweepConfig)

    def __post_init__(self) -> None:
        likelihood_named(self.likelihood)
        if self.precision != "float32":
            raise IFPError(f"need precision float32 for an annealing test, got {self.precision!r}")
        for name in ("contexts", "planning_contexts", "stack", "threads"):
            if getattr(self, name) < 1:
                raise IFPError(f"need {name} of at least 1, got {getattr(self, name)}")
        if self.planning_contexts < self.contexts:
            raise IFPError(f"need the {self.contexts} contexts among those planned over, got {self.planning_contexts}")
        if not self.factors or len(set(self.factors)) < len(self.factors):
            raise IFPError(f"need one or more factors, each once, got {', '.join(self.factors) or 'none'}")
        for name, pair in (("span", self.span), ("pressures", self.pressures)):
            if pair is not None and not 0 < pair[0] < pair[1] < float("inf"):
                raise IFPError(f"need {name} LO:HI with 0 < LO < HI, got {pair[0]:g}:{pair[1]:g}")
        if not self.thresholds or min(self.thresholds) <= 0:
            raise IFPError(f"need thresholds above 0 nats, got {self.thresholds}")


@dataclass(frozen=True)
class Piece:
    """Cases of one factor that train together, each a context's number; done once and written once."""

    name: str
    factor: str
    contexts: tuple[int, ...]


def pieces(config: AnnealConfig) -> list[Piece]:
    """The work of a test, in the order of its results; a conv case is a piece of its own."""
    size = 1 if config.sweep.network == "conv" else config.stack
    starts = range(0, config.contexts, size)
    return [
        Piece(f"{number:02d}-{start:05d}", factor, tuple(range(start, min(start + size, config.contexts))))
        for number, factor in enumerate(config.factors)
        for start in starts
    ]


def _case(dataset: Dataset, config: AnnealConfig, spectral: SpectralRecord) -> Case:
    factor = require_factors(dataset).position(spectral.factor)
    seed = np.random.SeedSequence([config.seed, 1, factor, spectral.context]).generate_state(1, np.uint64)[0]
    images = action_sequence(dataset, spectral.factor, spectral.index)
    if not spectral.spectral_beta > 0:
        raise IFPError(f"need images that vary along {spectral.factor}, those of context {spectral.context} do not")
    low, high = config.pressures or case_range(images, spectral.spectral_beta, config)
    return Case(images, low, high, int(seed >> np.uint64(1)))


def case_range(images: Tensor, spectral_beta: float, config: AnnealConfig) -> tuple[float, float]:
    """The pressures between which a case is swept when none are given.

    The top is counted from where a code of single images would still pay, if that lies above the spectral value:
    below it a first-order transition does not melt.
    """
    bound = codebook_bound(images, likelihood_named(config.likelihood))
    return config.span[0] * spectral_beta, config.span[1] * max(spectral_beta, bound)


def _arrays(records: Sequence[SweepRecord], spectral: Sequence[SpectralRecord]) -> dict[str, NDArray[Any]]:
    """What a piece's sweep gave, the cases along the first axis."""
    return {
        "factor": np.array([each.factor for each in spectral]),
        "context": np.array([each.context for each in spectral]),
        "step": np.array([record.step for record in records]),
        "direction": np.array([record.direction for record in records]),
        "beta": np.stack([record.beta for record in records], axis=1),
        "kl": np.stack([record.kl for record in records], axis=1),
        "reconstruction": np.stack([record.reconstruction for record in records], axis=1),
    }


@dataclass(frozen=True)
class Progress:
    """Where a test stands: records made of those to make, and the piece at work."""

    done: int
    total: int
    doing: str


def annealing_test(dataset: Dataset, config: AnnealConfig, run: Run) -> Iterator[Progress]:
    """Measure what the run does not hold yet, piece by piece, then write curves.npz and freezing.csv.

    An interrupted test loses at most the piece at work; when it goes on, it gives the same bytes.
    """
    torch.set_num_threads(config.threads)
    table = spectrum(
        dataset,
        factors=config.factors,
        contexts=config.planning_contexts,
        seed=config.seed,
        likelihood=config.likelihood,
    )
    spectral = {(each.factor, each.context): each for each in table}
    run.write(
        "spectral.csv",
        csv_bytes([each.name for each in fields(SpectralRecord)], [asdict(each) for each in spectral.values()]),
    )
    work = pieces(config)
    per_piece = -(-config.sweep.steps // config.sweep.record_every)
    for number, piece in enumerate(work):
        if not (run.path / "parts" / f"{piece.name}.npz").is_file():
            known = [spectral[piece.factor, context] for context in piece.contexts]
            cases = [_case(dataset, config, each) for each in known]
            records, started = [], time.perf_counter()
            for record in sweep(cases, config.sweep, likelihood_named(config.likelihood), config.device):
                records.append(record)
                yield Progress(number * per_piece + len(records), per_piece * len(work), piece.factor)
            run.write(f"parts/{piece.name}.npz", npz_bytes(_arrays(records, known)))
            _add_timing(run, piece, time.perf_counter() - started)
        yield Progress((number + 1) * per_piece, per_piece * len(work), piece.factor)
    _write_results(config, run, work, spectral)


def _add_timing(run: Run, piece: Piece, seconds: float) -> None:
    """One more row of timing.csv, the only file of a run that holds a wall-clock time."""
    path = run.path / "timing.csv"
    before = path.read_bytes() if path.is_file() else b"piece,factor,cases,seconds\n"
    run.write("timing.csv", before + f"{piece.name},{piece.factor},{len(piece.contexts)},{seconds:.3f}\n".encode())


def _write_results(
    config: AnnealConfig, run: Run, work: list[Piece], spectral: dict[tuple[str, int], SpectralRecord]
) -> None:
    parts = [load_npz(run.path / "parts" / f"{piece.name}.npz") for piece in work]
    shared = {name: parts[0][name] for name in ("direction", "step")}
    stacked = {name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name not in shared}
    curves = shared | stacked
    run.write("curves.npz", npz_bytes(curves))
    rows = freezing_rows(config.dataset, config.seed, config.thresholds, curves, spectral)
    run.write("freezing.csv", csv_bytes(FREEZING_COLUMNS, list(rows)))


def open_annealing_run(
    given: dict[str, Any],
    *,
    out: Path | None = None,
    runs: Path = Path("runs"),
    data_dir: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> tuple[Dataset, AnnealConfig, Run]:
    """Data set, config and directory of a new test, or of one that goes on.

    Args:
        given: settings by name, of :class:`AnnealConfig`, its sweep's settings under ``sweep``.
        out: the run's directory; else a new one under ``runs`` or, with ``resume``, the newest unfinished one.
        data_dir: folder of the data set's public files.

    Raises:
        IFPError: a setting is out of range, the data set is unknown, the directory is in use, or a resumed run
            has other settings or data.
    """
    if resume:
        run, dataset = reopen_run("anneal", given, out, runs, data_dir)
        config = read_record(AnnealConfig, run.config["settings"], f"settings of {run.path}", RunError)
        return dataset, config, run
    if "dataset" not in given:
        raise IFPError("need a data set: --dataset NAME, e.g. --dataset dsprites")
    dataset = load_dataset(given["dataset"], data_dir)
    known = require_factors(dataset)
    factors = given.get("factors", known.names)
    for name in factors:
        known.position(name)
    settings: dict[str, Any] = {**given, "factors": factors, "sweep": SweepConfig(**given.get("sweep", {}))}
    config = AnnealConfig(**settings)
    require_device(config.device)
    path = out if out is not None else new_run_path(runs, "anneal", dataset.name)
    return dataset, config, create_run(path, "anneal", config, describe(dataset), overwrite=overwrite)


def anneal(dataset: str, *, out: str | Path | None = None, **settings: Any) -> Run:
    """Run the whole annealing test on a data set and return its run; settings are :class:`AnnealConfig`'s."""
    opened = open_annealing_run({"dataset": dataset, **settings}, out=None if out is None else Path(out))
    for _ in annealing_test(*opened):
        pass
    return opened[2]
