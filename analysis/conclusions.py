"""Draws findings from the tables and curves of an annealing run, or from closed forms alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.distributions import Summary, median, summarise
from analysis.findings import FORMAT, QUANTILES, Brackets, FactorFindings, Findings, NuisanceFindings
from analysis.mixing import PairMixing
from analysis.separability import ABOVE, BELOW, compare_pairs, measured_pressures
from annealing.errors import IFPError
from annealing.thresholds import NEARLY_DEGENERATE

_RELATIVE_BETA = tuple(round(float(ratio), 3) for ratio in np.geomspace(0.3, 1.0, 13))


def main_rows(freezing: pd.DataFrame) -> pd.DataFrame:
    """Rows of freezing.csv at the main threshold, the first in it, of the first latent."""
    return freezing[(freezing["threshold_nats"] == freezing["threshold_nats"].iloc[0]) & (freezing["latent"] == 0)]


def conclude(
    freezing: pd.DataFrame,
    spectral: pd.DataFrame,
    curves: Mapping[str, NDArray],
    *,
    fingerprint: str,
    image_shape: Sequence[int],
    likelihood: str,
    source: str,
    mixing: Sequence[PairMixing] = (),
) -> Findings:
    """Findings of an annealing run.

    Args:
        freezing: the run's freezing.csv; the first threshold in it is the main one.
        spectral: its spectral.csv, every factor over the planning contexts.
        curves: its curves.npz.
        fingerprint, image_shape, likelihood, source: of the data and the run, kept for the plan.
        mixing: of the data (:mod:`analysis.mixing`).
    """
    main = main_rows(freezing)
    names = list(dict.fromkeys(main["factor"]))
    planning = _closed_forms(spectral)
    slopes = _known(without_rough_slopes(spectral), "slope")
    values, ratios = _known(spectral, "values"), _known(spectral, "second_ratio")
    factors = tuple(_factor_findings(name, main, planning, slopes, values, ratios, curves) for name in names)
    measured = compare_pairs(names, measured_pressures(main), "measured")
    return Findings(
        format=FORMAT,
        dataset=str(main["dataset"].iloc[0]),
        fingerprint=fingerprint,
        image_shape=_sides(image_shape),
        likelihood=likelihood,
        seed=int(main["seed"].iloc[0]),
        threshold_nats=float(main["threshold_nats"].iloc[0]),
        source=source,
        relative_beta=_RELATIVE_BETA,
        factors=factors,
        pairs=(*compare_pairs(names, planning, "planning"), *measured),
        mixing=tuple(pair for pair in mixing if {pair.factor, pair.other} <= {*names}),
        conditional={},
    )


def conclude_spectrum(
    spectral: pd.DataFrame,
    *,
    seed: int,
    fingerprint: str,
    image_shape: Sequence[int],
    likelihood: str,
    conditional: Mapping[str, float] | None = None,
    mixing: Sequence[PairMixing] = (),
    nuisances: NuisanceFindings | None = None,
) -> Findings:
    """Findings of the closed form alone: enough to plan stages, with no training and nothing measured.

    Without ``conditional`` values a plan from these findings has the stages of a plan from an annealing run over the
    same contexts.

    Args:
        spectral: one row per factor and context, as in a run's spectral.csv: ``dataset``, ``factor``, ``context``,
            ``spectral_beta`` in nats. ``pd.DataFrame(list(ifp.spectrum(dataset, seed=seed)))`` is one.
        seed: of the contexts.
        fingerprint, image_shape, likelihood: of the data, kept for the plan.
        conditional: freezing points given the factors that freeze before, by factor: the freezing order's.
        mixing: of the data (:mod:`analysis.mixing`).
        nuisances: of the data, if they have any.

    Raises:
        IFPError: the table has no rows.

    >>> points = [("a", 0, 30.0), ("a", 1, 40.0), ("b", 0, 5.0), ("b", 1, 9.0)]
    >>> table = pd.DataFrame(points, columns=["factor", "context", "spectral_beta"]).assign(dataset="toy")
    >>> found = conclude_spectrum(table, seed=0, fingerprint="", image_shape=(8, 8, 1), likelihood="bernoulli")
    >>> [(each.factor, each.planning.median, each.cases) for each in found.factors]
    [('a', 35.0, 0), ('b', 7.0, 0)]
    """
    if not len(spectral):
        raise IFPError("need closed-form freezing points of one factor or more, got none: no factor varies by itself")
    names = list(dict.fromkeys(spectral["factor"]))
    planning = _closed_forms(spectral)
    slopes = _known(without_rough_slopes(spectral), "slope")
    values, ratios = _known(spectral, "values"), _known(spectral, "second_ratio")
    freeze = {name for name in names if np.isfinite(planning[name]).any()}  # a factor of one value has no order either
    return Findings(
        format=FORMAT,
        dataset=str(spectral["dataset"].iloc[0]),
        fingerprint=fingerprint,
        image_shape=_sides(image_shape),
        likelihood=likelihood,
        seed=seed,
        threshold_nats=None,
        source=f"spectrum over {len(planning)} contexts, nothing measured",
        relative_beta=(),
        factors=tuple(_unmeasured(name, planning[name], slopes[name], values[name], ratios[name]) for name in names),
        pairs=tuple(compare_pairs(names, planning, "planning")),
        mixing=tuple(pair for pair in mixing if {pair.factor, pair.other} <= {*names}),
        conditional={name: value for name, value in (conditional or {}).items() if name in freeze and value > 0},
        nuisances=nuisances,
    )


def _sides(image_shape: Sequence[int]) -> tuple[int, int, int]:
    height, width, channels = (int(side) for side in image_shape)
    return height, width, channels


def _closed_forms(spectral: pd.DataFrame) -> pd.DataFrame:
    """Closed-form freezing points, contexts by factors."""
    return spectral.pivot(index="context", columns="factor", values="spectral_beta")


def _known(spectral: pd.DataFrame, column: str) -> pd.DataFrame:
    """A column that the table may lack, contexts by factors."""
    known = spectral if column in spectral else spectral.assign(**{column: np.nan})
    return known.pivot(index="context", columns="factor", values=column)


def without_rough_slopes(spectral: pd.DataFrame) -> pd.DataFrame:
    """The table without the slopes of nearly first-order transitions; unchanged if it does not mark them."""
    if "slope_rough" not in spectral:
        return spectral
    return spectral.assign(slope=spectral["slope"].mask(spectral["slope_rough"].astype(bool)))


def _quantiles(planning: pd.Series) -> tuple[float, ...]:
    known = planning[np.isfinite(planning)]
    return tuple(np.quantile(known, QUANTILES).tolist()) if len(known) else ()


def _unmeasured(
    name: str, planning: pd.Series, slopes: pd.Series, values: pd.Series, ratios: pd.Series
) -> FactorFindings:
    nothing = summarise(())
    usual, ratio = median(values), median(ratios)
    return FactorFindings(
        factor=name,
        cases=0,
        freezing=nothing,
        melting=nothing,
        ifp=nothing,
        spectral=nothing,
        planning=summarise(planning),
        planning_quantiles=_quantiles(planning),
        modes=2 if ratio is not None and ratio > NEARLY_DEGENERATE else 1,
        planning_points=tuple(point if np.isfinite(point) else None for point in planning.tolist()),
        entropy=float(np.log(usual)) if usual else None,
        slope=median(slopes),
        statuses={},
        brackets=None,
        bracket_width=None,
        nats=(),
    )


def _factor_findings(
    name: str,
    main: pd.DataFrame,
    planning: pd.DataFrame,
    slopes: pd.DataFrame,
    values: pd.DataFrame,
    ratios: pd.DataFrame,
    curves: Mapping[str, NDArray],
) -> FactorFindings:
    rows = main[main["factor"] == name]
    told = rows[rows["status"] != "diverged"]
    ok = rows[rows["status"] == "ok"]
    melting = told["melting_beta"].mask(told["status"] == "never_melted")  # in an earlier loop it may have
    width = (ok["ifp_high"] / ok["ifp_low"]).median()
    closed_form = rows.set_index("context")["spectral_beta"]
    relative = [
        _widest_branch(curves, int(case), closed_form[int(curves["context"][case])])
        for case in np.flatnonzero(curves["factor"] == name)
    ]
    whole = [nats for nats in relative if np.isfinite(nats).all()]  # a diverged case has no curve
    return replace(
        _unmeasured(name, planning[name], slopes[name], values[name], ratios[name]),
        cases=len(rows),
        freezing=_censored(told, "freezing_beta"),
        melting=_censored(told.assign(melting_beta=melting), "melting_beta"),
        ifp=_censored(told, "ifp_beta"),
        spectral=summarise(told["spectral_beta"]),
        statuses={str(status): int(count) for status, count in rows["status"].value_counts().sort_index().items()},
        brackets=_brackets(rows, ok),
        bracket_width=None if np.isnan(width) else float(width),
        nats=tuple(np.median(whole, axis=0).tolist()) if whole else (),
    )


def _censored(rows: pd.DataFrame, column: str) -> Summary:
    """Of a column of pressures; what is missing there counts as below or above all, where the status says so."""
    missing = rows.loc[rows[column].isna(), "status"]
    return summarise(rows[column], below=int(missing.isin(BELOW).sum()), above=int(missing.isin(ABOVE).sum()))


def _brackets(rows: pd.DataFrame, ok: pd.DataFrame) -> Brackets:
    """All cases of a factor, and those that have a point, by what their networks say of the closed form."""
    source = ok["ifp_source"] if "ifp_source" in ok else pd.Series("", index=ok.index)
    end = ok["beta_rd"].where(ok["transition"] == "first_order", ok["spectral_beta"])
    kneed = source == "knee"
    holds = kneed & (ok["ifp_low"] <= ok["spectral_beta"]) & (ok["spectral_beta"] <= ok["ifp_high"])
    crossings = (source != "equilibrium") & (ok["freezing_beta"] <= end) & (ok["spectral_beta"] <= ok["melting_beta"])
    return Brackets(
        within=int(holds.sum()),
        outside=int((kneed & ~holds).sum()),
        no_knee=len(rows) - int(kneed.sum()),
        crossings=int(crossings.sum()),
    )


def _widest_branch(curves: Mapping[str, NDArray], case: int, closed_form: float) -> NDArray[np.float64]:
    """KL at the relative pressures on the first heating, the survey; on cooling where nothing was heated."""
    ways, loops = curves["direction"][case], curves["loop"][case]
    way = "heat" if (ways == "heat").any() else "cool"
    on = (ways == way) & (loops == loops[ways == way].min())
    rising = np.argsort(curves["beta"][case][on])
    beta, kl = curves["beta"][case][on][rising], curves["kl"][case][on][rising][:, 0]
    return np.interp(np.log(_RELATIVE_BETA), np.log(beta / closed_form), kl)
