"""What the shell is offered as a value: data sets, factors, objectives, runs. Nothing here imports torch.

Completion answers while somebody types: it tells nothing rather than open a data set, and never fails.
"""

import pkgutil
import re
from collections.abc import Iterable
from pathlib import Path

import typer

_FACTOR = re.compile(r"(\w+) \d+")  # in a family's summary: "shape 3, scale 6: for tests"
_OBJECTIVE = re.compile(r"^OBJECTIVE = ", re.MULTILINE)


def complete_datasets(incomplete: str) -> list[str]:
    """Names of the data sets that are known."""
    from ifp.datasets import families

    return [name for name in families() if name.startswith(incomplete)]


def complete_factors(ctx: typer.Context, incomplete: str) -> list[str]:
    """Factors of the data set on the command line, after those that are there: a family's, or those an npz names."""
    return _next_of(_factor_names(str(ctx.params.get("dataset") or "")), incomplete)


def complete_objective(incomplete: str) -> list[str]:
    """Names of the objectives."""
    return [name for name in objective_names() if name.startswith(incomplete)]


def complete_objectives(incomplete: str) -> list[str]:
    """Names of objectives, after those that are there."""
    return _next_of(objective_names(), incomplete)


def complete_presets(incomplete: str) -> list[str]:
    """Names of the presets."""
    from ifp.training.presets import PRESETS

    return [name for name in PRESETS if name.startswith(incomplete)]


def complete_runs(ctx: typer.Context, incomplete: str) -> list[str]:
    """Directories under --runs that hold a run; where none fits, what the shell finds itself."""
    root = Path(str(ctx.params.get("runs") or "runs"))
    try:
        found = sorted(each.parent for each in root.glob("*/config.json"))
    except OSError:
        return []
    return [str(each) for each in found if str(each).startswith(incomplete)]


def objective_names() -> list[str]:
    """Objectives by the files they stand in, which are named like them: to import them would import torch."""
    folder = Path(__file__).parent.parent / "objectives"
    files = (folder / f"{module.name}.py" for module in pkgutil.iter_modules([str(folder)]))
    return sorted(each.stem.replace("_", "-") for each in files if _OBJECTIVE.search(each.read_text(encoding="utf-8")))


def _factor_names(dataset: str) -> list[str]:
    from ifp.datasets import families

    if (family := families().get(dataset)) is not None:
        return _FACTOR.findall(re.split("[:;]", family.summary)[0])
    try:
        import numpy as np

        with np.load(Path(dataset).expanduser(), allow_pickle=False) as arrays:  # one array is read, not the images
            return [str(name) for name in arrays["factor_names"].tolist()]
    except Exception:  # no npz, none of ours, damaged: the command itself will say so
        return []


def _next_of(known: Iterable[str], incomplete: str) -> list[str]:
    """The list so far, with each name that may come next."""
    before, comma, begun = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in known if name.startswith(begun) and name not in before.split(",")]
