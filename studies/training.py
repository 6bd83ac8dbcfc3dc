"""A training run of a study: one method, one data set, one seed; trained, scored, diagnosed."""

import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ifp
from analysis.diffusion import FORMAT as DIFFUSION
from analysis.diffusion import diagnose_diffusion, diffusion_curve, diffusion_measures
from analysis.information_trace import InformationTrace, gated
from analysis.leakage import leakages
from analysis.scores.codes import LabelledCodes
from analysis.scores.mig import mutual_information_gap
from analysis.scores.protocol import STUDY
from analysis.scores.scores import FORMAT as SCORES
from analysis.stage_plan import StagePlan
from annealing.errors import DivergenceError
from annealing.thresholds import SILENT
from ifp.comparison.config import QUICK
from ifp.datasets.dataset import Dataset, require_labelled
from ifp.evaluation.encoding import encoded
from ifp.files.atomic import write_atomically
from ifp.run_directory.run import RunDirectory
from ifp.training.probe import probed_images
from ifp.training.trained import Trace, read_trace, traced_information, trained_run
from studies.lights import dataset_named
from studies.plans import plan_of
from studies.rows import Case, Row
from studies.size import Size

LEARNING_RATE = 1e-3  # of every method: at twice the field's rate the few steps of the small size go further
RECORDS = 20  # evaluations along training
SCORED = 65_536  # images that scores are drawn from
SETTINGS = ("steps", "batch_size", "learning_rate", "warmup", "latents", "network", "precision", "parameters")
BINS = (10, 20, 40)  # of the MIG's histograms; the field takes 20
GATES = (0.003, SILENT, 0.03)  # nats of KL below which a latent is silent; ours is the middle one


@dataclass(frozen=True)
class Training(Case):
    """A method on a data set with a seed.

    Attributes:
        method: what the row is called; the objective, where nothing else tells it from others.
        plan: one of :data:`studies.plans.PLANS`; empty without.
        parameters: of the objective, (name, value) pairs.
        correlate: A:B:SIGMA, a tilted distribution of two factors.
        longer: multiplies the size's steps.
        warmup: share of the steps over which the learning rate rises.
    """

    dataset: str
    method: str
    seed: int
    objective: str
    plan: str = ""
    parameters: tuple[tuple[str, Any], ...] = ()
    correlate: str = ""
    longer: float = 1.0
    warmup: float = 0.0

    @property
    def group(self) -> str:
        """Folder of the rows on the same data."""
        return self.dataset + (f"-{self.correlate.replace(':', '-')}" if self.correlate else "")

    @property
    def path(self) -> str:
        """Name of the row."""
        return f"{self.group}/{self.method}-{self.seed}"

    def measure(self, size: Size, device: str) -> Row:
        """Train or go on, score, diagnose; of a run that diverges the row says only that."""
        out = self._out(size)
        plain = dataset_named(self.dataset)  # plans know of no correlation, and scores are of all combinations
        dataset = ifp.load_dataset(self.dataset, correlate=(self.correlate,)) if self.correlate else plain
        plan = plan_of(self.plan, plain) if self.plan else None
        steps = round(size.steps[dataset.image_shape[0]] * self.longer)
        began = time.perf_counter()
        try:
            run = ifp.train(
                dataset,
                plan=plan if plan is None or not self.correlate else _fitted(plan, dataset),
                out=out,
                resume=(out / "config.json").is_file(),
                overwrite=out.is_dir() and not (out / "config.json").is_file(),
                objective=self.objective,
                parameters=dict(self.parameters),
                seed=self.seed,
                steps=steps,
                batch_size=size.batch_size,
                learning_rate=LEARNING_RATE,
                warmup=round(self.warmup * steps),
                eval_every=max(steps // RECORDS, 1),
                threads=1,
                device=device,
            )
        except DivergenceError as error:
            status = f"diverged at step {error.step}"
            row = {"dataset": self.group, "method": self.method, "seed": self.seed, "status": status}
            return row | {"definitions": {"diffusion": DIFFUSION, "scores": SCORES}}
        trained = time.perf_counter() - began
        return self._row(run, plain, plan, trained, device)

    def prepare(self) -> None:
        """Make the plan: processes side by side would each make it."""
        if self.plan:
            plan_of(self.plan, dataset_named(self.dataset))

    def keep(self, size: Size) -> None:
        """Keep the trace: all that the diffusion is computed from."""
        trace = self._out(size) / "trace.npz"
        if trace.is_file():  # else it diverged
            self.trace_file(size).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.trace_file(size), trace.read_bytes())

    def clean(self, size: Size) -> None:
        """Drop the run's directory, once its row is written."""
        shutil.rmtree(self._out(size))

    def trace_file(self, size: Size) -> Path:
        """Where the trace is kept."""
        return size.traces / f"{self.path}.npz"

    def recomputed(self, row: Row, size: Size) -> Row:
        """The row with its diffusion computed again from the trace that was kept, by today's definition."""
        again = diffusion_fields(read_trace(self.trace_file(size)), row["probe"])
        return {**row, **again, "definitions": {**row["definitions"], "diffusion": DIFFUSION}}

    def _out(self, size: Size) -> Path:
        return Path("runs/studies/train") / size.name / self.path

    def _row(self, run: RunDirectory, dataset: Dataset, plan: StagePlan | None, seconds: float, device: str) -> Row:
        trace, images = trained_run(run).trace, probed_images(run, run.config["settings"]["probe"])
        found = _codes(run, dataset)
        scores = ifp.score(found.codes, found.factors, only=QUICK, ceilings=False)
        drawn = found.counted(0, STUDY)  # what the MIG is of
        return {
            "dataset": self.group,
            "method": self.method,
            "seed": self.seed,
            "status": "ok",
            "objective": self.objective,
            "plan": self.plan or None,
            "pressures": None if plan is None else [stage.pressure for stage in plan.stages],
            "settings": {name: run.config["settings"][name] for name in SETTINGS},
            "reconstruction": float(trace.reconstruction[-1]),
            "kl": float(trace.kl[-1].sum()),
            **scores,
            "mig_by_bins": {str(bins): mutual_information_gap(drawn.codes, drawn.factors, bins) for bins in BINS},
            "definitions": {"diffusion": DIFFUSION, "scores": SCORES},
            "probe": images,
            **diffusion_fields(trace, images),
            "seconds": round(seconds, 1),
            "device": device if device == "cpu" else torch.cuda.get_device_name(),
            "torch": torch.__version__,
        }


def diffusion_fields(trace: Trace, images: int) -> Row:
    """What a row says of information and diffusion, all of it read at the end or at records of one kind.

    Args:
        trace: of the run.
        images: of the probe set behind it.
    """
    information = traced_information(trace, images)
    even, above = information.evenly(), trace.above
    found = diagnose_diffusion(even)
    held = even.held
    return {
        **diffusion_measures(found),
        "since_freezing": found.since_freezing,
        "before_last": diagnose_diffusion(information).before_last,
        "diffusion_by_gate": {
            str(gate): _last_index(replace(information, above=gated(above, trace.kl, gate))) for gate in GATES
        },
        "mixed": ["+".join(pair) for pair in found.mixed],
        "factors": {
            factor.factor: {
                "nats": factor.nats,
                "share": factor.share,
                "froze_at": factor.froze_at,
                "index": factor.index,
                "events": [event.kind for event in found.events if event.factor == factor.factor],
            }
            for factor in found.factors
        },
        "leakage": [[pair.factor, pair.other, pair.nats, pair.shared] for pair in leakages(even)],
        "curve": {
            "step": even.step.tolist(),
            "pressure": even.pressure.tolist(),
            "index": [None if np.isnan(value) else round(value, 5) for value in diffusion_curve(even)],
            "held": held.sum(axis=(1, 2)).round(5).tolist(),
        },
    }


def _last_index(information: InformationTrace) -> float | None:
    index = float(diffusion_curve(information)[-1])
    return None if np.isnan(index) else index


def _codes(run: RunDirectory, dataset: Dataset) -> LabelledCodes:
    """Posterior means and classes of images in which factors are independent, the same every time."""
    index = np.arange(len(dataset))
    if len(index) > SCORED:
        index = np.sort(np.random.default_rng(0).choice(index, SCORED, replace=False))
    factors = require_labelled(dataset).factors_at(index)
    batches = encoded(ifp.load_model(run), dataset, index)
    return LabelledCodes(torch.cat([each.mean for each in batches]).numpy(), factors)


def _fitted(plan: StagePlan, dataset: Dataset) -> StagePlan:
    """The plan for a tilted data set: where factors freeze is not planned anew."""
    return replace(plan, dataset=dataset.name, fingerprint=dataset.fingerprint)
