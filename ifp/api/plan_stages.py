"""``ifp.plan_stages``: plans of DEFT's stages from whatever was concluded, measured or computed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from analysis.diffusion import Diffusion
from analysis.findings import Findings
from analysis.freezing_points import FreezingPoints
from analysis.latent_findings import point_findings
from analysis.stage_plan import StagePlan
from analysis.stage_settings import StageSettings
from analysis.stages import plan_stages as planned_from
from analysis.watched_findings import WatchedFindings
from analysis.whole_findings import WholeFindings
from annealing.choices import LikelihoodName, Nuisance
from annealing.errors import IFPError
from ifp.annealing_test.annealed import annealed_test
from ifp.api.freezing_points import Table, freezing_points, is_table
from ifp.api.run import found_run
from ifp.datasets.arrays import Data
from ifp.datasets.source import pool_for
from ifp.evaluation.planning import planning_findings
from ifp.machine.progress import UNWATCHED, Watch
from ifp.run_directory.kinds import RUNS, Kind
from ifp.run_directory.opening import asked_dataset, run_dataset
from ifp.run_directory.run import RunDirectory
from ifp.training.plan import read_plan

if TYPE_CHECKING:  # it imports torch, which a plan of a run does without
    import ifp.closed_form.spectrum

# what can be concluded from a run
Diagnosis: TypeAlias = Findings | WholeFindings | WatchedFindings | Diffusion | FreezingPoints
Planned: TypeAlias = Union[Diagnosis, "ifp.closed_form.spectrum.Spectrum", Table, RunDirectory, str, Path]
_LOG = "log"  # what a plan calls the data of a log that nobody named


def plan_stages(
    source: Planned | None = None,
    settings: StageSettings | None = None,
    *,
    dataset: Data | None = None,
    contexts: int | None = None,
    factors: Sequence[str] | None = None,
    nuisance: Nuisance | None = None,
    likelihood: LikelihoodName | None = None,
    seed: int | None = None,
    data_dir: str | Path | None = None,
    data_options: Mapping[str, Any] | None = None,
    order: bool = False,
    plan: str | Path | None = None,
    runs: str | Path = RUNS,
    jobs: int | None = None,
    watch: Watch = UNWATCHED,
    **changed: Any,
) -> StagePlan:
    """Plan DEFT's stages: which factors freeze together, at which pressure, in how many latents.

    >>> import ifp
    >>> plan = ifp.plan_stages(dataset="dsprites-tiny", contexts=20)
    >>> [stage.factors for stage in plan.stages]
    [('posY', 'posX'), ('scale',), ('orientation', 'shape')]

    Args:
        source: findings of an annealing test (:func:`ifp.diagnose`); the run or its directory, also one of whole-data
            annealing, planned by the latents that froze, or a watched one, planned by the closed forms of the data
            that it was told; a spectrum, planned by its freezing order with nothing
            trained; or freezing points of latents, or the log that :func:`ifp.freezing_points` reads them from, planned
            by the latents that have one (``points.named({0: "scale"})`` gives them names). None: the newest finished
            annealing test, unless there is a data set.
        settings: see :class:`analysis.stage_settings.StageSettings`; single ones by name, ``plan_stages(run,
            depth=0.3)``.
        dataset: without a source, data as :func:`ifp.spectrum` takes them; the plan is made from their spectrum. With a
            log, the data that the plan is for; if it is not given, training takes the plan only with ``force``.
        contexts, factors, nuisance, likelihood, seed, data_dir, data_options: of that spectrum, as
            :func:`ifp.spectrum` takes them.
        order: for an annealing test, plan by the freezing order of its data set, too.
        plan: the path of a plan. Nothing is planned: the plan is read, checked and returned.
        runs: where the newest run is looked for.
        jobs: processes for that spectrum, as :func:`ifp.spectrum` takes them.
        watch: follows the work.

    Raises:
        IFPError: a setting is out of range, no factor ever freezes above the final pressure, or what was concluded of
            something else is given.
        PlanError: a file that holds no plan.
    """
    folder = None if data_dir is None else Path(data_dir)
    if plan is not None:
        return read_plan(str(plan))
    if settings is None:
        StageSettings(**changed)  # what does not fit is told before the work
    if not isinstance(source, RunDirectory) and is_table(source):
        source = freezing_points(source)
    if isinstance(source, FreezingPoints):
        return planned_from(_of_points(source, dataset, likelihood, folder, data_options), settings, **changed)
    if dataset is not None:
        if source is not None:
            raise IFPError("need either a source or a data set to plan from, got both")
        from ifp.api.spectrum import spectrum

        asked = {"contexts": contexts, "nuisance": nuisance, "likelihood": likelihood, "seed": seed, "jobs": jobs}
        given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        where: dict[str, Any] = {"data_dir": folder, "data_options": data_options, "watch": watch}
        source = spectrum(dataset, factors=factors, order=True, **where, **given)
    if source is None or isinstance(source, (RunDirectory, str, Path)):
        run = found_run(source, runs, Kind.ANNEALING_TEST)
        if run.kind == Kind.WATCHED:
            return plan_stages(settings=settings, watch=watch, jobs=jobs, **_of_watched(run, folder), **changed)
        found = _with_order(run, folder, jobs, watch) if order else planning_findings(run)
    else:
        found = _findings(source)
    return planned_from(found, settings, **changed)


def _of_watched(run: RunDirectory, data_dir: Path | None) -> dict[str, Any]:
    """What a watched loop was told of its data, as a plan of closed forms takes it."""
    from ifp.watching.config import WatchConfig  # here: it loads torch
    from ifp.watching.watched import told_data

    dataset = told_data(run, data_dir)
    if dataset.factors is None:
        raise IFPError(f"need data with labelled factors to plan from their closed forms, {dataset.name} has none")
    return {"dataset": dataset, "likelihood": run.settings(WatchConfig).likelihood}


def _of_points(
    points: FreezingPoints,
    dataset: Data | None,
    likelihood: LikelihoodName | None,
    data_dir: Path | None,
    data_options: Mapping[str, Any] | None,
) -> Findings:
    """Findings of a log's latents, for the data that they are of, where these are told."""
    made = likelihood or "bernoulli"
    if dataset is None:
        found = point_findings(points, dataset=_LOG, fingerprint="", image_shape=(1, 1, 1), likelihood=made)
        told = "planned from a log of no data set that is known here: name it, or train with --force"
        return replace(found, warnings=(told, *found.warnings))
    data = asked_dataset(dataset, {"data_options": data_options or {}}, data_dir, "a data set")
    return point_findings(
        points, dataset=data.name, fingerprint=data.fingerprint, image_shape=data.image_shape, likelihood=made
    )


def _findings(source: object) -> Findings:
    """Findings as they are, or those of a spectrum; IFPError for anything else."""
    from ifp.closed_form.spectrum import Spectrum

    if isinstance(source, Findings):
        return source
    if isinstance(source, Spectrum):
        return source.findings()
    raise IFPError(
        "need findings of an annealing test, an annealing run or a spectrum to plan from, got "
        f"{type(source).__name__}: of whole-data annealing give the run itself"
    )


def _with_order(run: RunDirectory, data_dir: Path | None, jobs: int | None, watch: Watch) -> Findings:
    """A test's findings with the freezing order of its data set, by its own likelihood and nuisance."""
    if run.kind != Kind.ANNEALING_TEST:
        raise IFPError(f"need an annealing run with --from spectrum, {run.path} is of kind {run.kind}")
    from ifp.closed_form.nuisances import nuisance_findings
    from ifp.closed_form.order import freezing_order, predicted_values
    from ifp.closed_form.spectrum import with_order

    annealed = annealed_test(run)
    config = annealed.config
    findings = annealed.findings
    dataset = run_dataset(run, data_dir)
    with pool_for(dataset, jobs) as pool:
        steps = list(
            freezing_order(
                dataset,
                factors=[each.factor for each in findings.factors],
                likelihood=config.likelihood,
                nuisance=config.nuisance,
                pool=pool,
                jobs=jobs,
                watch=watch,
            )
        )
    nuisances = nuisance_findings(dataset, likelihood=config.likelihood, seed=findings.seed, watch=watch)
    return with_order(findings, predicted_values(steps), nuisances)
