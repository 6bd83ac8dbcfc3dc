"""The plans of DEFT that the studies compare, each made once and kept beside the rows."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import ifp
from analysis.plain_json import json_bytes
from analysis.stage_plan import FORMAT, Stage, StagePlan
from ifp.datasets.dataset import Dataset
from ifp.files.atomic import write_atomically
from ifp.training.plan import read_plan
from studies.size import DOCS

Maker = Callable[[Dataset], StagePlan]
FOLDER = DOCS / "plans"
DEPTHS = (0.1, 0.2, 0.35, 0.6)  # of the grid that a plan by itself is compared with; its own is 0.5
CONTEXTS = 300  # of a closed-form plan
ANNEALED = 8  # contexts of an annealed one
WHOLE_STEPS = 6000  # of a run without labels
PUBLISHED = {  # nats, of the stages; from the experiments of DEFT's authors
    "dsprites": (70.0, 30.0, 12.0, 1.0),
    "color-dsprites": (160.0, 105.0, 30.0, 1.0),
    "scream-dsprites": (100.0, 1.0),
    "smallnorb": (30.0, 5.0, 3.0, 1.0),
}


def _spectrum(**settings: Any) -> Maker:
    return lambda dataset: ifp.plan_stages(ifp.spectrum(dataset, contexts=CONTEXTS, jobs=1), **settings)


def _without_nuisance(dataset: Dataset) -> StagePlan:
    """The derived plan but for the stage of what varies and is no factor."""
    findings = ifp.spectrum(dataset, contexts=CONTEXTS, jobs=1).findings()
    return ifp.plan_stages(replace(findings, nuisances=None), gamma=1.0)


def _at(pressures: Callable[[list[float]], list[float]]) -> Maker:
    """The derived plan, same groups, latents and lengths, at other pressures."""

    def make(dataset: Dataset) -> StagePlan:
        plan = plan_of("derived", dataset)
        others = pressures([stage.pressure for stage in plan.stages])
        changed = (replace(stage, pressure=at) for stage, at in zip(plan.stages, others, strict=True))
        return replace(plan, stages=tuple(replace(stage, predicted_nats={}, evidence=None) for stage in changed))

    return make


def log_spaced(pressures: list[float]) -> list[float]:
    """As many from the first to the last, each the same share of the one before."""
    return np.geomspace(pressures[0], pressures[-1], len(pressures)).tolist()


def reversed_order(dataset: Dataset) -> StagePlan:
    """The derived plan's groups from the last to freeze to the first, each with its latents and length."""
    plan = plan_of("derived", dataset)
    pairs = zip(plan.stages, reversed(plan.stages), strict=True)
    stages = tuple(replace(other, pressure=stage.pressure, predicted_nats={}, evidence=None) for stage, other in pairs)
    return replace(plan, stages=stages)


def one_stage(dataset: Dataset) -> StagePlan:
    """All of the derived plan's latents at once, at its last pressure."""
    plan = plan_of("derived", dataset)
    names = tuple(name for stage in plan.stages for name in stage.factors)
    only = Stage(plan.stages[-1].pressure, names, tuple(range(plan.latents)), 1.0, {}, None)
    return replace(plan, stages=(only,))


def _annealed(dataset: Dataset) -> StagePlan:
    return ifp.plan_stages(_gone_on("anneal", dataset, contexts=ANNEALED, jobs=1), gamma=0.1)


def _unlabelled(dataset: Dataset) -> StagePlan:
    run = _gone_on("whole", dataset, mode="full", protocol="whole-cool", cool_steps=WHOLE_STEPS)
    return ifp.plan_stages(run, gamma=0.1)


def _gone_on(kind: str, dataset: Dataset, **settings: Any) -> ifp.Run:
    """An annealing run, new or from where it stands."""
    out = Path("runs/studies") / kind / dataset.name
    return ifp.anneal(dataset, threads=1, out=out, resume=(out / "config.json").is_file(), **settings)


def _published(dataset: Dataset) -> StagePlan:
    if dataset.name not in PUBLISHED:
        raise ifp.PlanError(f"need one of {', '.join(PUBLISHED)} for published pressures, got {dataset.name}")
    pressures = PUBLISHED[dataset.name]
    return StagePlan(
        format=FORMAT,
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        image_shape=dataset.image_shape,
        likelihood="bernoulli",
        latents=2 * len(pressures),
        gamma=0.1,
        stages=tuple(
            Stage(pressure, (f"group {number}",), (2 * number, 2 * number + 1), 1 / len(pressures), {}, None)
            for number, pressure in enumerate(pressures)
        ),
        source=None,
        warnings=[],
    )


PLANS: dict[str, Maker] = {
    # closed form, labels, no training: by the rule of before, but that lights' turn then had one latent, not two
    "spectrum": _spectrum(depth=0.35, group_size=2, gamma=0.1),
    "spectrum-gamma-1": _spectrum(depth=0.35, group_size=2, gamma=1.0),  # the same; earlier groups go on at full steps
    "before": _spectrum(depth=0.35, group_size=2, gamma=1.0),  # that once more, for rows beside those of today's rule
    # by today's rule, and the same at other pressures
    "derived": _spectrum(gamma=1.0),
    "derived-gamma-0.1": _spectrum(gamma=0.1),
    "derived-settled": _spectrum(gamma=1.0, settle=0.05),
    "derived-spare-latents": _spectrum(gamma=1.0, group_size=2),
    "without-nuisance": _without_nuisance,
    **{f"depth-{depth:g}": _spectrum(gamma=1.0, depth=depth) for depth in DEPTHS},
    "log-spaced": _at(log_spaced),
    "half": _at(lambda pressures: [pressure / 2 for pressure in pressures]),
    "double": _at(lambda pressures: [2 * pressure for pressure in pressures]),
    "reversed": reversed_order,
    "one-stage": one_stage,
    "annealed": _annealed,  # the annealing test, one factor at a time
    "unlabelled": _unlabelled,  # one network on all data as the pressure falls; no label is looked at
    "published": _published,  # the authors' pressures, two latents each, equal lengths
}


def plan_path(kind: str, dataset: str) -> Path:
    """Where a plan is kept."""
    return FOLDER / f"{dataset}-{kind}.json"


def plan_of(kind: str, dataset: Dataset) -> StagePlan:
    """The plan, made where it is not there yet."""
    path = plan_path(kind, dataset.name)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json_bytes(PLANS[kind](dataset)))
    return read_plan(str(path))
