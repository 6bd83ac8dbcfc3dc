"""Information freezing points of beta-VAEs: measure, compare, plan stages and train DEFT from them.

>>> import ifp
>>> ds = ifp.load_dataset("dsprites")
>>> len(ds), ds.factors.names
(737280, ('shape', 'scale', 'orientation', 'posX', 'posY'))
"""

import importlib
import importlib.metadata
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.scores.all_scores import score
    from analysis.stage_plan import StagePlan
    from analysis.stages import plan_stages
    from annealing.errors import DataError, IFPError, PlanError, RunError
    from ifp.annealing_run import anneal
    from ifp.checkpoint import load_model
    from ifp.contexts import spectrum
    from ifp.datasets import load_dataset
    from ifp.diagnosis import diagnose
    from ifp.training_run import train

__all__ = [
    "DataError", "IFPError", "PlanError", "RunError", "StagePlan", "anneal", "diagnose", "load_dataset",
    "load_model", "plan_stages", "score", "spectrum", "train",
]  # fmt: skip

_HOME = {
    "analysis.scores.all_scores": ("score",),
    "analysis.stage_plan": ("StagePlan",),
    "analysis.stages": ("plan_stages",),
    "annealing.errors": ("DataError", "IFPError", "PlanError", "RunError"),
    "ifp.annealing_run": ("anneal",),
    "ifp.contexts": ("spectrum",),
    "ifp.datasets": ("load_dataset",),
    "ifp.diagnosis": ("diagnose",),
    "ifp.checkpoint": ("load_model",),
    "ifp.training_run": ("train",),
}


def _check_own_packages() -> None:
    """ImportError where a folder of the user's hides one of the packages that ifp stands on."""
    here = Path(__file__).resolve().parent.parent
    for name in ("annealing", "analysis"):
        spec = importlib.util.find_spec(name)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin != here / name / "__init__.py":
            found = origin or (next(iter(spec.submodule_search_locations or ()), None) if spec else None)
            raise ImportError(
                f"ifp needs its own package {name!r} in {here}, but {found or 'nothing'} is found first; "
                f"rename that folder or run ifp from another one"
            )


_check_own_packages()


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.metadata.version("ifp")
    for module, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'ifp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
