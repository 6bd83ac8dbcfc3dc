"""Findings to plan from: of closed forms with no training, of an annealing run with them, of whole-data annealing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from analysis.conclusions import conclude_spectrum
from analysis.findings import Findings
from analysis.latent_findings import latent_findings
from annealing.errors import IFPError
from ifp.annealing_diagnosis import findings_of
from ifp.contexts import SpectralRecord
from ifp.datasets.dataset import Dataset
from ifp.runs import Run, open_run
from ifp.whole_results import KIND as WHOLE
from ifp.whole_results import require_whole_run, whole_findings


def spectral_findings(
    dataset: Dataset,
    records: Sequence[SpectralRecord],
    *,
    seed: int = 0,
    likelihood: str = "bernoulli",
    conditional: Mapping[str, float] | None = None,
) -> Findings:
    """Findings of a data set's closed-form freezing points alone, which :func:`ifp.plan_stages` takes.

    With the freezing order the plan stands on conditional values, those with the factors known that freeze before;
    without it on each factor alone, as a plan from an annealing run over the same contexts: ::

        ds = ifp.load_dataset("dsprites")
        order = predicted_values(list(freezing_order(ds)))
        plan = ifp.plan_stages(spectral_findings(ds, list(ifp.spectrum(ds)), conditional=order))

    Args:
        dataset: the data set of the records.
        records: of :func:`ifp.spectrum`, all factors over the same contexts.
        seed, likelihood: what the records were computed with, kept for the plan.
        conditional: of :func:`ifp.freezing_order.predicted_values`.

    Raises:
        IFPError: no records.
    """
    return conclude_spectrum(
        pd.DataFrame(list(records)),
        seed=seed,
        fingerprint=dataset.fingerprint,
        image_shape=dataset.image_shape,
        likelihood=likelihood,
        conditional=conditional,
    )


def planning_findings(run: Run | str | Path) -> Findings:
    """Findings of a finished annealing run, or of the latents of one of whole-data annealing.

    Raises:
        IFPError: another run, an unfinished one, or no latent that froze.
    """
    run = run if isinstance(run, Run) else open_run(Path(run))
    if run.kind != WHOLE:
        return findings_of(run)
    whole = whole_findings(require_whole_run(run))
    image_shape = run.about_data("image_shape", tuple[int, int, int])
    return latent_findings(whole, image_shape=image_shape, likelihood=run.setting("likelihood", str))


def with_order(findings: Findings, conditional: Mapping[str, float]) -> Findings:
    """A run's findings, its curves and contexts, planned by the freezing order's values.

    Raises:
        IFPError: a factor of the findings has no value in the order.
    """
    missing = [each.factor for each in findings.factors if each.factor not in conditional]
    if missing:
        raise IFPError(f"need a value in the freezing order for every factor, {', '.join(missing)} has none")
    known = {each.factor: conditional[each.factor] for each in findings.factors}
    return replace(findings, conditional=known, source=f"{findings.source}, and the freezing order")
