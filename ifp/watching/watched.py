"""A watched run as it is read: its settings, readings, trace, and what is concluded from them. Nothing is written."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from analysis.diffusion import diagnose_diffusion
from analysis.information_trace import InformationTrace
from analysis.watched_findings import WatchedFindings, conclude_watched
from annealing.errors import IFPError, RunError
from annealing.likelihoods.pixels import likelihood_named
from annealing.thresholds import SILENT
from ifp.datasets.dataset import Dataset
from ifp.files.npz import load_arrays
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import described
from ifp.run_directory.opening import run_dataset
from ifp.run_directory.run import RunDirectory, open_run
from ifp.training.probe import probe_images
from ifp.training.silence import FirstFreezing, first_freezing, found_silence
from ifp.training.trained import TRACE, Trace, traced_information
from ifp.watching.config import WatchConfig
from ifp.watching.readings import METRICS_FILE, Readings, read_readings
from ifp.watching.records import TRACE_FILE, WATCHED_TRACE
from ifp.watching.told import silence_line

_IMAGES = 1000  # of the data, for the closed form


@dataclass(frozen=True, eq=False)
class WatchedRun:
    """A run of a loop that was watched, or is; every property reads its file when it is first asked for, and raises
    RunError where that is damaged."""

    run: RunDirectory

    @cached_property
    def config(self) -> WatchConfig:
        """Its settings."""
        return self.run.settings(WatchConfig)

    @cached_property
    def readings(self) -> Readings:
        """metrics.csv."""
        found = read_readings(self.run.path / METRICS_FILE, self.config.latents)
        if not len(found.step):
            raise RunError(f"need a run with readings, {self.run.path} has none yet")
        return found

    @cached_property
    def information(self) -> InformationTrace | None:
        """What its trace says of factors; None where no labels were told, or in fewer than two records."""
        arrays = load_arrays(self.run.path / TRACE_FILE, WATCHED_TRACE)
        names = tuple(arrays["factors"].tolist())
        if not names or len(arrays["step"]) < 2:
            return None
        if (arrays["images"] < 1).any():
            raise RunError(f"need records of one image or more in {self.run.path / TRACE_FILE}, got others")
        trace = Trace(names=names, **{name: arrays[name] for name in TRACE if name != "factors"})
        return traced_information(trace, arrays["images"][:, None, None])

    @cached_property
    def findings(self) -> WatchedFindings:
        """When latents froze and fell silent, diffusion, and what to know of silent latents."""
        readings, trace = self.readings, self.information
        diffusion = None if trace is None else diagnose_diffusion(trace)
        return conclude_watched(readings.step, readings.pressure, readings.kl, diffusion, self._notes())

    def _notes(self) -> tuple[str, ...]:
        last = list(self.readings)[-1]
        if (last.kl < SILENT).all():
            return (silence_line(last, self.config, self._first()),)
        found = found_silence(last.kl, last.pressure)
        return () if found is None else (str(found),)

    def _first(self) -> FirstFreezing | None:
        try:
            dataset = None if self.config.freezing_point or not self.config.dataset else run_dataset(self.run)
        except IFPError:  # not at hand
            return None
        return data_freezing(self.config, dataset)


def data_freezing(config: WatchConfig, dataset: Dataset | None) -> FirstFreezing | None:
    """Where the first latent freezes: as told, else by the closed form of 1,000 images of the data; None without."""
    if config.freezing_point is not None:
        return FirstFreezing(config.freezing_point, 0)
    if dataset is None:
        return None
    found = first_freezing(probe_images(dataset, _IMAGES, config.seed).images, likelihood_named(config.likelihood))
    return found if found is not None and found.pressure > 0 else None  # images that are all the same have none


def watched_run(run: RunDirectory | str | Path) -> WatchedRun:
    """The watched run in a directory, which may still be written; RunError where it is something else."""
    run = run if isinstance(run, RunDirectory) else open_run(Path(run))
    if run.kind != Kind.WATCHED or not run.finished:
        raise RunError(f"need a watched run with readings, {run.path} is {described(run)}")
    return WatchedRun(run)


def told_data(run: RunDirectory, data_dir: Path | None = None) -> Dataset:
    """The data that a watched loop was told; RunError where it was told none, or they are not at hand."""
    if not run.settings(WatchConfig).dataset:
        raise RunError(
            f"need a watched run that was told its data for closed forms, {run.path} was not: ifp.watch(data=...) "
            "tells them, ifp plan-stages --from spectrum --dataset NAME plans without a run"
        )
    return run_dataset(run, data_dir)
