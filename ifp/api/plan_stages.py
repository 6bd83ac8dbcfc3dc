"""Plans of DEFT's stages from whatever was concluded, measured or computed."""

from pathlib import Path
from typing import Any, TypeAlias

from analysis.findings import Findings
from analysis.stage_plan import StagePlan
from analysis.stage_settings import StageSettings
from analysis.stages import plan_stages as planned_from
from annealing.errors import IFPError
from ifp.api.diagnose import Diagnosis
from ifp.closed_form.spectrum import Spectrum
from ifp.evaluation.planning import planning_findings
from ifp.run_directory.run import RunDirectory

Planned: TypeAlias = Diagnosis | Spectrum | RunDirectory | str | Path


def plan_stages(source: Planned, settings: StageSettings | None = None, **changed: Any) -> StagePlan:
    """Plan DEFT's stages: which factors freeze together, at which pressure, in how many latents.

    >>> import ifp
    >>> spectrum = ifp.spectrum(ifp.load_dataset("dsprites-tiny"), contexts=20)
    >>> [stage.factors for stage in ifp.plan_stages(spectrum).stages]
    [('posY', 'posX'), ('scale',), ('orientation', 'shape')]

    Args:
        source: findings of an annealing test (:func:`ifp.diagnose`); the run or its directory, also one of whole-data
            annealing, planned by the latents that froze; or a spectrum, planned by its freezing order with nothing
            trained.
        settings: see :class:`analysis.stage_settings.StageSettings`; single ones by name, ``plan_stages(run,
            depth=0.3)``.

    Raises:
        IFPError: a setting is out of range, no factor ever freezes above the final pressure, or what was concluded of
            something else is given.
    """
    if isinstance(source, Spectrum):
        found = source.findings()
    elif isinstance(source, Findings):
        found = source
    elif isinstance(source, (RunDirectory, str, Path)):
        found = planning_findings(source)
    else:
        raise IFPError(
            "need findings of an annealing test, an annealing run or a spectrum to plan from, got "
            f"{type(source).__name__}: of whole-data annealing give the run itself"
        )
    return planned_from(found, settings, **changed)
