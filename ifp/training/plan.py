"""Stage plans from a file or standard input, checked against the data they are used on."""

import shlex
import sys
from collections import Counter
from pathlib import Path

from analysis.plain_json import shown
from analysis.stage_plan import StagePlan
from annealing.errors import PlanError, RunError
from ifp.datasets.dataset import Dataset, nuisance_names
from ifp.run_directory.run import RunDirectory

PLAN_FILE = "plan.json"
_LARGEST = 16 * 1024 * 1024  # bytes; a plan has a few thousand


def read_plan(source: str) -> StagePlan:
    """The plan in the file ``source``, or on stdin for ``-``; PlanError if it is missing or broken."""
    try:
        if source == "-":
            data = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(source).open("rb") as file:
                data = file.read(_LARGEST + 1)
        text = data.decode()
    except UnicodeDecodeError as error:
        raise PlanError(f"need a plan in UTF-8, got: {error}") from None
    except FileNotFoundError:
        raise PlanError(
            f"need a plan file, got: No such file {source}: make one with `ifp plan-stages > {shlex.quote(source)}`"
        ) from None
    except (OSError, ValueError) as error:  # a path with a zero byte is a ValueError
        raise PlanError(f"need a plan file, got: {error}") from None
    if len(data) > _LARGEST:
        raise PlanError(f"need a plan of at most {_LARGEST} bytes, got more")
    if source == "-" and not text.strip():
        raise PlanError("no plan on stdin (did plan-stages fail?)")
    return StagePlan.from_json(text)


def run_plan(run: RunDirectory) -> StagePlan | None:
    """The plan that a run was trained by; None if it had none."""
    path = run.path / PLAN_FILE
    return read_plan(str(path)) if path.is_file() else None


def resumed_plan(run: RunDirectory, plan: StagePlan | None) -> StagePlan | None:
    """The plan of a run that is resumed; RunError if a different one is given."""
    own = run_plan(run)
    if plan is not None and plan != own:
        raise RunError(f"need the run's own plan to resume {run.path}, got another one: leave --plan out")
    return own


def require_fitting(plan: StagePlan, dataset: Dataset, likelihood: str) -> None:
    """PlanError if the plan was made for another data set, image shape or likelihood."""
    for what, wanted, came in (
        ("data set", plan.dataset, dataset.name),
        ("data fingerprint", plan.fingerprint, dataset.fingerprint),
        ("image shape", tuple(plan.image_shape), tuple(dataset.image_shape)),
        ("likelihood", plan.likelihood, likelihood),
    ):
        if wanted != came:
            chosen = "" if likelihood == "bernoulli" else f" --likelihood {likelihood}"
            again = f"ifp plan-stages --from spectrum --dataset {shlex.quote(dataset.reference)}{chosen}"
            raise PlanError(
                f"need the {what} that the plan is for, {wanted}, got {came}: plan for it with `{again}` "
                "(--force uses the plan all the same)"
            )


def require_factors(plan: StagePlan, dataset: Dataset) -> None:
    """PlanError if a plan names a factor or nuisance twice, or one that the data do not have.

    A plan may also be about latents that froze, under names of their own; then none of the names is a factor's.
    """
    known = (*(dataset.factors.names if dataset.factors is not None else ()), *nuisance_names(dataset))
    planned = [name for stage in plan.stages for name in stage.factors]
    if not set(planned) & set(known):
        return
    if others := [name for name in planned if name not in known]:
        raise PlanError(f"need factors out of {', '.join(known)} in a plan for {dataset.name}, got {shown(others[0])}")
    name, times = Counter(planned).most_common(1)[0]
    if times > 1:
        raise PlanError(f"need each factor in one stage of a plan, got {name} in {times}")
