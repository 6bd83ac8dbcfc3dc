"""Factors under a slider of pressure: which are awake by their cases' curves, with the measured freezing points."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from analysis.activity import FactorActivity, factor_activity
from analysis.figures.palette import factor_colours
from analysis.stage_plan import StagePlan
from ifp.pages.chart import MOST_CURVES, Chart, Curve, Mark, StageLine, kept_records, short
from ifp.tables.table import Table

_MOST_POINTS = 400  # of a chart and its table


def factor_chart(
    curves: Mapping[str, NDArray[Any]], freezing: pd.DataFrame, threshold: float, plan: StagePlan | None
) -> Chart:
    """The median curve of every factor, how many of its cases are awake, its freezing points below, a plan's stages.

    Args:
        curves: arrays of curves.npz.
        freezing: rows of freezing.csv at the main threshold.
        threshold: nats, the main one.
        plan: whose pressures are drawn in; None where there is none.
    """
    activity = factor_activity(curves, threshold)
    names = activity.names[:MOST_CURVES]
    kept = kept_records(len(activity.beta), len(names))
    colours = factor_colours(names)
    stages = () if plan is None else tuple(_stage_lines(plan))
    lines = tuple(
        Curve(
            name=name,
            colour=to_hex(colours[name]),
            nats=tuple(activity.nats[kept, number].tolist()),
            told=tuple(_cases(activity, record, number) for record in kept),
        )
        for number, name in enumerate(names)
    )
    left_out = f" Shown: {len(names)} of {len(activity.names)} factors." if len(names) < len(activity.names) else ""
    return Chart(
        title="Median KL (nats) of every factor's cases as they were heated (cooled where nothing was heated)",
        subject="factor",
        holds="cases awake",
        control="Pressure beta (nats)",
        axis="pressure beta (nats)",
        at=tuple(activity.beta[kept].tolist()),
        logarithmic=True,
        records=tuple(
            {
                "beta": float(activity.beta[record]),
                **({} if plan is None else {"stage": _stage_at(plan, float(activity.beta[record]))}),
                "awake factors": ", ".join(
                    short(name) for number, name in enumerate(names) if activity.nats[record, number] >= threshold
                )
                or "none",
            }
            for record in kept
        ),
        curves=lines,
        marks=tuple(_points(freezing, {name: number for number, name in enumerate(names)})),
        stages=stages,
        threshold=threshold,
        caption=f"Dotted: {threshold:g} nats, from which a case is awake; a factor is where its median is. Circles "
        "below: freezing points of its cases, with their brackets. Dashed: stages that the planner proposes."
        + left_out,
    )


def points_table(freezing: pd.DataFrame) -> Table:
    """Every case of the main threshold, as the chart marks it: pressures in nats."""
    rows = tuple(
        {
            "factor": row.factor,
            "context": int(row.context),
            "ifp": float(row.ifp_beta),
            "low": float(row.ifp_low),
            "high": float(row.ifp_high),
            "freezing": float(row.freezing_beta),
            "melting": float(row.melting_beta),
            "closed form": float(row.spectral_beta),
            "status": row.status,
        }
        for row in freezing.head(_MOST_POINTS).itertuples()
    )
    more = f"; the first {len(rows)} of {len(freezing):,}" if len(rows) < len(freezing) else ""
    return Table(
        f"every case: its freezing point with its bracket, and what it was read from; pressures in nats{more}", rows
    )


def _cases(activity: FactorActivity, record: int, number: int) -> str:
    """How many of a factor's cases are awake at a pressure, each way that they were swept."""
    ways = (("heated", activity.heated, 0), ("cooled", activity.cooled, 1))
    return ", ".join(
        f"{awake[record, number]} of {activity.swept[row, number]} {way}"
        for way, awake, row in ways
        if activity.swept[row, number]
    )


def _points(freezing: pd.DataFrame, numbers: Mapping[str, int]) -> list[Mark]:
    measured = freezing[(freezing["status"] == "ok") & np.isfinite(freezing["ifp_beta"])].head(_MOST_POINTS)
    return [
        Mark(
            at=float(row.ifp_beta),
            curve=numbers[row.factor],
            shape="froze",
            text=f"{short(row.factor)}, context {row.context}: froze at beta {row.ifp_beta:.4g} nats, bracket "
            f"{row.ifp_low:.4g} to {row.ifp_high:.4g}, closed form {row.spectral_beta:.4g}",
            span=(float(row.ifp_low), float(row.ifp_high)) if row.ifp_low > 0 and row.ifp_high > 0 else None,
        )
        for row in measured.itertuples()
        if row.factor in numbers
    ]


def _stage_lines(plan: StagePlan) -> list[StageLine]:
    return [
        StageLine(
            stage.pressure,
            f"stage {number}",
            f"Stage {number} of {len(plan.stages)}: beta {stage.pressure:.4g} nats, "
            f"{', '.join(map(short, stage.factors)) or 'no factor'}",
        )
        for number, stage in enumerate(plan.stages, start=1)
    ]


def _stage_at(plan: StagePlan, beta: float) -> str:
    """Of falling pressure, the stages whose pressure has been passed."""
    passed = sum(beta <= stage.pressure for stage in plan.stages)
    return f"{passed} of {len(plan.stages)}" if passed else "before the first"
