"""A training run of a study: one method, one data set, one seed; trained, scored, diagnosed."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import ifp
from analysis.diffusion import diagnose_diffusion
from analysis.information_trace import GATE, InformationTrace
from analysis.leakage import leakages
from analysis.scores.codes import STUDY
from analysis.scores.mig import mutual_information_gap
from analysis.stage_plan import StagePlan
from annealing.errors import DivergenceError
from ifp.comparison_config import QUICK
from ifp.datasets.dataset import Dataset, to_float
from ifp.evaluation import encode_all
from ifp.run_arrays import LABELLED, TRACE, load_arrays
from ifp.runs import Run
from ifp.training_diagnosis import information_trace
from studies.plans import plan_of
from studies.rows import Row
from studies.size import Size

LEARNING_RATE = 1e-3  # of every method: at twice the field's rate the few steps of the small size go further
RECORDS = 20  # evaluations along training
SCORED = 65_536  # images that scores are drawn from
SETTINGS = ("steps", "batch_size", "learning_rate", "warmup", "latents", "network", "precision", "parameters")
BINS = (10, 20, 40)  # of the MIG's histograms; the field takes 20
GATES = (0.003, GATE, 0.03)  # nats of KL below which a latent is silent; ours is the middle one


@dataclass(frozen=True)
class Training:
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
        dataset = ifp.load_dataset(self.dataset, correlate=(self.correlate,) if self.correlate else ())
        plain = ifp.load_dataset(self.dataset)  # plans know of no correlation, and scores are of all combinations
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
            return {"dataset": self.group, "method": self.method, "seed": self.seed, "status": status}
        trained = time.perf_counter() - began
        return self._row(run, plain, plan, trained, device)

    def clean(self, size: Size) -> None:
        """Drop the run's directory, once its row is written."""
        shutil.rmtree(self._out(size))

    def _out(self, size: Size) -> Path:
        return Path("runs/studies/train") / size.name / self.path

    def _row(self, run: Run, dataset: Dataset, plan: StagePlan | None, seconds: float, device: str) -> Row:
        trace = load_arrays(run.path / "trace.npz", TRACE | LABELLED | {"reconstruction": "numbers: records"})
        codes, factors = _codes(run, dataset)
        scores = ifp.score(codes, factors, only=QUICK)
        drawn = np.random.default_rng(0).choice(len(codes), STUDY.train)
        information = information_trace(run)
        diffusion = diagnose_diffusion(information)
        held = np.maximum(information.above, 0)
        return {
            "dataset": self.group,
            "method": self.method,
            "seed": self.seed,
            "status": "ok",
            "objective": self.objective,
            "plan": self.plan or None,
            "pressures": None if plan is None else [stage.pressure for stage in plan.stages],
            "settings": {name: run.config["settings"][name] for name in SETTINGS},
            "reconstruction": float(trace["reconstruction"][-1]),
            "kl": float(trace["kl"][-1].sum()),
            **scores,
            "mig_by_bins": {str(bins): mutual_information_gap(codes[drawn], factors[drawn], bins) for bins in BINS},
            "diffusion": diffusion.index,
            "diffusion_before_last": diffusion.before_last,
            "diffusion_by_gate": {
                str(gate): diagnose_diffusion(_gated(information, trace, gate)).index for gate in GATES
            },
            "events": len(diffusion.events),
            "mixed": ["+".join(pair) for pair in diffusion.mixed],
            "factors": {
                each.factor: {"nats": each.nats, "share": each.share, "froze_at": each.froze_at, "index": each.index}
                for each in diffusion.factors
            },
            "leakage": [[each.factor, each.other, each.nats] for each in leakages(information)],
            "curve": {
                "step": information.step.tolist(),
                "pressure": information.pressure.tolist(),
                "with_most": held.max(axis=1).sum(axis=1).tolist(),
                "outside": (held.sum(axis=1) - held.max(axis=1)).sum(axis=1).tolist(),
            },
            "seconds": round(seconds, 1),
            "device": device if device == "cpu" else torch.cuda.get_device_name(),
            "torch": torch.__version__,
        }


def _codes(run: Run, dataset: Dataset) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Posterior means (images, latents) and classes of images in which factors are independent, the same every time."""
    index = np.arange(len(dataset))
    if len(index) > SCORED:
        index = np.sort(np.random.default_rng(0).choice(index, SCORED, replace=False))
    model = ifp.load_model(run)
    means = []
    for rows in np.array_split(index, max(len(index) // 1024, 1)):
        images = torch.from_numpy(to_float(dataset.images(rows))).permute(0, 3, 1, 2)
        means.append(encode_all(model, images)[0].numpy())
    factors = dataset.factors_at(index)
    assert factors is not None  # every data set of the studies has labels
    return np.concatenate(means), factors


def _fitted(plan: StagePlan, dataset: Dataset) -> StagePlan:
    """The plan for a tilted data set: where factors freeze is not planned anew."""
    return replace(plan, dataset=dataset.name, fingerprint=dataset.fingerprint)


def _gated(information: InformationTrace, trace: Mapping[str, NDArray[Any]], gate: float) -> InformationTrace:
    """The trace with another bound of silence."""
    above = np.where(trace["kl"][:, :, None] >= gate, trace["mi"] - trace["mi_null"], 0.0)
    return replace(information, above=above)
