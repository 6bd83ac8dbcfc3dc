"""The plans of DEFT that the studies compare, each made once and kept beside the rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ifp
from analysis.plain_json import json_bytes
from analysis.stage_plan import FORMAT, Stage, StagePlan
from ifp.datasets.dataset import Dataset
from ifp.files.atomic import write_atomically
from ifp.training.plan import read_plan
from studies.size import DOCS

FOLDER = DOCS / "plans"
CONTEXTS = 300  # of a closed-form plan
ANNEALED = 8  # contexts of an annealed one
WHOLE_STEPS = 6000  # of a run without labels
PUBLISHED = {  # nats, of the stages; from the experiments of DEFT's authors
    "dsprites": (70.0, 30.0, 12.0, 1.0),
    "color-dsprites": (160.0, 105.0, 30.0, 1.0),
    "scream-dsprites": (100.0, 1.0),
    "smallnorb": (30.0, 5.0, 3.0, 1.0),
}


def _spectrum(dataset: Dataset) -> StagePlan:
    return ifp.plan_stages(ifp.spectrum(dataset, contexts=CONTEXTS, jobs=1))


def _late(dataset: Dataset) -> StagePlan:
    return ifp.plan_stages(ifp.spectrum(dataset, contexts=CONTEXTS, jobs=1), gamma=1.0)


def _annealed(dataset: Dataset) -> StagePlan:
    return ifp.plan_stages(_gone_on("anneal", dataset, contexts=ANNEALED, jobs=1))


def _unlabelled(dataset: Dataset) -> StagePlan:
    return ifp.plan_stages(_gone_on("whole", dataset, mode="full", protocol="whole-cool", cool_steps=WHOLE_STEPS))


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


PLANS: dict[str, Callable[[Dataset], StagePlan]] = {
    "spectrum": _spectrum,  # closed form, labels, no training
    "spectrum-gamma-1": _late,  # the same; earlier groups go on at full steps
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
