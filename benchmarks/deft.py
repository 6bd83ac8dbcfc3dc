"""DEFT on all of dSprites at its published pressures: MIG, and what lies outside the owners, at the end of each stage.

70, 30, 12, 1; two latents a stage, 3,000 steps of batch 64 each, Adam 5e-4, gamma 0.1; as it is by default, and in the
paper's form. A stage is judged as if training ended with it.
Usage: python -m benchmarks.deft [SEED...]        (default 0; one thread, some 8 minutes a run)
"""

import sys
from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch

import ifp
from analysis.information import adjusted_information, factor_entropy
from analysis.stage_plan import StagePlan
from annealing.bottleneck import gaussian_kl
from annealing.likelihoods.pixels import Bernoulli
from annealing.thresholds import SILENT
from ifp.datasets.dataset import LabelledDataset, require_labelled
from ifp.machine.memory import keep_freed_memory
from ifp.machine.threads import use_threads
from ifp.training.config import TrainConfig
from ifp.training.loop import train_steps
from ifp.training.probe import encode_all, evaluate, probe_images
from ifp.training.results import mean_code_mig
from ifp.training.run import start_learner
from studies.plans import plan_of

STEPS, PROBE = 12_000, 4096
FORMS: dict[str, dict[str, str]] = {"deft": {}, "the paper's form": {"axes": "learned", "spare": "open"}}


def report(name: str, seed: int, dataset: LabelledDataset, stages: StagePlan) -> None:
    """Train one form with one seed; a line at the end of every stage."""
    asked = TrainConfig(dataset=dataset.reference, steps=STEPS, seed=seed, threads=1, parameters=FORMS[name])
    config = asked.resolved(dataset, stages)
    learner, probe = start_learner(dataset, config, stages), probe_images(dataset, PROBE, seed)
    ends = stages.boundaries(STEPS)
    for record in train_steps(learner, dataset, config.loop):
        if record.step not in ends:
            continue
        model = deepcopy(learner.model)
        if not FORMS[name]:
            nats = gaussian_kl(*encode_all(model, probe.images, record.control.open_groups)).mean(dim=0)
            model.close(torch.nonzero(nats < SILENT).flatten().tolist())
        found = evaluate(model, probe, record.control, record.step, Bernoulli())
        held = adjusted_information(found.mi, found.mi_null, factor_entropy(probe.factors))
        outside = 1 - held.max(axis=0) / np.maximum(held.sum(axis=0), 1e-9)
        factors = ", ".join(
            f"{factor} {nats:.2f} ({share:.0%})"
            for factor, nats, share in zip(dataset.factors.names, held.sum(axis=0), outside, strict=True)
        )
        print(
            f"{name}, seed {seed}, step {record.step}, beta {record.control.pressure:g}: "
            f"MIG {mean_code_mig(dataset, model, seed):.3f}, reconstruction {found.reconstruction:.1f}; "
            f"nats (outside the owner): {factors}",
            flush=True,
        )


@use_threads(1)
def main(seeds: Sequence[int]) -> None:
    """Every form with every seed."""
    keep_freed_memory()
    dataset = require_labelled(ifp.load_dataset("dsprites"))
    stages = plan_of("published", dataset)
    for seed in seeds:
        for form in FORMS:
            report(form, seed, dataset, stages)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [0])
