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
    from analysis.findings import Findings
    from analysis.freezing_points import FreezingPoints
    from analysis.scores.run_scores import RunScores
    from analysis.stage_plan import StagePlan
    from annealing.errors import DataError, IFPError, PlanError, RunError
    from annealing.likelihoods.own import Likelihood
    from annealing.loss_forms import beta_in_nats, weight_of
    from ifp.api.anneal import anneal
    from ifp.api.compare import Comparison, compare
    from ifp.api.diagnose import diagnose
    from ifp.api.encode import encode
    from ifp.api.freezing_points import freezing_points
    from ifp.api.plan_stages import plan_stages
    from ifp.api.report import report
    from ifp.api.run import Run, open_run, runs
    from ifp.api.score import score
    from ifp.api.score_batches import ScoreBatches
    from ifp.api.score_runs import score_runs
    from ifp.api.spectrum import spectrum
    from ifp.api.suggest import suggest
    from ifp.api.train import train
    from ifp.api.traverse import traverse
    from ifp.api.verify import verify
    from ifp.api.watch import watch
    from ifp.closed_form.spectrum import Spectrum
    from ifp.closed_form.suggestion import Suggestion
    from ifp.datasets import load_dataset
    from ifp.datasets.arrays import from_arrays, from_dataset
    from ifp.datasets.user_rows import from_rows
    from ifp.models.networks import Network
    from ifp.training.checkpoint import load_model

__all__ = [
    "Comparison", "DataError", "Findings", "FreezingPoints", "IFPError", "Likelihood", "Network", "PlanError",
    "Run", "RunError", "RunScores", "ScoreBatches", "Spectrum", "StagePlan", "Suggestion", "anneal",
    "beta_in_nats", "compare", "diagnose", "encode", "freezing_points", "from_arrays", "from_dataset",
    "from_rows", "load_dataset", "load_model", "open_run", "plan_stages", "report", "runs", "score", "score_runs",
    "spectrum", "suggest", "train", "traverse", "verify", "watch", "weight_of",
]  # fmt: skip

_HOME = {
    "analysis.findings": ("Findings",),
    "analysis.freezing_points": ("FreezingPoints",),
    "analysis.scores.run_scores": ("RunScores",),
    "analysis.stage_plan": ("StagePlan",),
    "annealing.errors": (
        "DataError",
        "IFPError",
        "PlanError",
        "RunError",
    ),
    "annealing.likelihoods.own": ("Likelihood",),
    "annealing.loss_forms": (
        "beta_in_nats",
        "weight_of",
    ),
    "ifp.api.anneal": ("anneal",),
    "ifp.api.compare": (
        "Comparison",
        "compare",
    ),
    "ifp.api.diagnose": ("diagnose",),
    "ifp.api.encode": ("encode",),
    "ifp.api.freezing_points": ("freezing_points",),
    "ifp.api.plan_stages": ("plan_stages",),
    "ifp.api.report": ("report",),
    "ifp.api.run": (
        "Run",
        "open_run",
        "runs",
    ),
    "ifp.api.score": ("score",),
    "ifp.api.score_batches": ("ScoreBatches",),
    "ifp.api.score_runs": ("score_runs",),
    "ifp.api.spectrum": ("spectrum",),
    "ifp.api.suggest": ("suggest",),
    "ifp.api.train": ("train",),
    "ifp.api.traverse": ("traverse",),
    "ifp.api.verify": ("verify",),
    "ifp.api.watch": ("watch",),
    "ifp.closed_form.spectrum": ("Spectrum",),
    "ifp.closed_form.suggestion": ("Suggestion",),
    "ifp.datasets": ("load_dataset",),
    "ifp.datasets.arrays": (
        "from_arrays",
        "from_dataset",
    ),
    "ifp.datasets.user_rows": ("from_rows",),
    "ifp.models.networks": ("Network",),
    "ifp.training.checkpoint": ("load_model",),
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
