"""What rows of the study of transfer say: networks in pairs of contexts, and ten latents that were heated."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from analysis.separability import measured_pressures
from analysis.shifts import Shift, paired_shift
from studies.cost import cost
from studies.page import table
from studies.rows import Row

DEPTH = 0.5  # share of a group's lowest freezing point at which its stage is held
FORGIVEN = (0.7, 1.4)  # point over the value planned by: the stage is then held at 0.71 to 0.36 of the point


def cases_of(rows: Sequence[Row]) -> pd.DataFrame:
    """A line per factor, network and context, in this order."""
    return pd.concat(
        [
            pd.DataFrame(columns).assign(factor=row["factor"], network=network)
            for row in rows
            if "networks" in row
            for network, columns in row["networks"].items()
        ],
        ignore_index=True,
    )


def transferred(cases: pd.DataFrame, kind: str, first: str, second: str) -> Shift:
    """Points of a factor's cases with one network over those with another, or over the closed form, in pairs.

    Args:
        cases: of one factor.
        kind: ifp_beta, freezing_beta or melting_beta.
        first: a network, or closed form.
        second: the network that is compared.
    """
    points = {}
    for name in (first, second):
        own = cases[cases["network"] == (second if name == "closed form" else name)]
        column = "spectral_beta" if name == "closed form" else kind
        rows = own.assign(ifp_beta=own[column], status="ok" if name == "closed form" else own["status"])
        points[name] = measured_pressures(rows).iloc[:, 0]
    both = points[first].index.intersection(points[second].index)
    return paired_shift(points[first][both], points[second][both])


def bounds(row: Row) -> dict[str, tuple[float, float]]:
    """Least and most that every factor is worth along the freezing order, nats, with its own first step to its last."""
    order = pd.DataFrame(row["order"]).groupby("factor")["value"]
    return {name: (float(values.min()), float(values.max())) for name, values in order}


def held_at(row: Row, beta: float) -> dict[str, float]:
    """Nats that all latents held of every factor at a pressure of the heating, between records linear in ln beta."""
    falling = np.log(row["beta"])
    return {name: float(np.interp(np.log(beta), falling[::-1], held[::-1])) for name, held in row["held"].items()}


def correction(ratio: float) -> str:
    """What a plan would need of a factor that freezes at ``ratio`` of its value; none, where a stage forgives it."""
    low, high = FORGIVEN
    if low <= ratio <= high:
        return "none"
    return f"{ratio:.2f} times its value"


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """What the rows say: networks against each other and the closed form, then all data at once against the order."""
    measured = cases_of(rows)
    told, places = [], []
    for factor, own in measured.groupby("factor", sort=False):
        found = [transferred(own, kind, "dense", "conv") for kind in ("ifp_beta", "melting_beta", "freezing_beta")]
        missing = [(own[own["network"] == network]["status"] != "ok").sum() for network in ("dense", "conv")]
        told.append([factor, found[0].n, *missing, *map(_ratio, found)])
        over = [
            *(transferred(own, "ifp_beta", "closed form", network) for network in ("dense", "conv")),
            *(transferred(own, "melting_beta", "optimal", network) for network in ("dense", "conv")),
        ]
        sources = (_counted(own[own["network"] == network]["ifp_source"]) for network in ("dense", "conv"))
        places.append([factor, *map(_ratio, over), *sources, _counted(own[own["network"] == "conv"]["transition"])])
    header = ["factor", "pairs", "no point, dense", "no point, conv"]
    yield from table([*header, *(f"conv / dense, {kind}" for kind in ("point", "melting", "freezing"))], told)
    yield ""
    header = ["dense / closed form", "conv / closed form", "dense / best decoder, melting"]
    header = ["factor", *header, "conv / best decoder, melting", "dense's point from", "conv's point from"]
    yield from table([*header, "transition"], places)
    for row in (row for row in rows if "melted" in row):
        yield ""
        yield from _heated_table(row)
    yield from ("", f"Cost: {cost(rows)}.")


def _heated_table(row: Row) -> list[str]:
    told, worth = [], bounds(row)
    for each in sorted(row["melted"], key=lambda each: -row["predicted"][each["factor"]]):
        factor, beta = each["factor"], each["melting"] if each["status"] == "ok" else None
        value, (low, high) = row["predicted"][factor], worth[factor]
        cells, nats = [factor, f"{value:.4g}", f"{low:.4g}..{high:.4g}"], f"{each['nats']:.2f}"
        if beta is None:
            told.append([*cells, nats, each["status"], "-", "-", f"{DEPTH * value:.4g}", "-", "-"])
            continue
        ratio, held = beta / value, held_at(row, beta)
        others = ", ".join(f"{name} {nats:.2f}" for name, nats in held.items() if name != factor and nats >= 0.05)
        stage = f"{DEPTH * value:.4g}", f"{DEPTH * beta:.4g}"
        told.append([*cells, nats, f"{beta:.4g}", f"{ratio:.3f}", others or "-", *stage, correction(ratio)])
    header = ["factor", "planned by, nats", "least..most along the order", "learnt, nats", "melted", "of planned"]
    header = [*header, "others held then, nats", "half of planned", "half of melted", "correction asked for"]
    return table(header, told)


def _ratio(shift: Shift) -> str:
    """Ratio (its interval)."""
    if shift.ratio is None:
        return "-"
    low, high = ("-" if end is None else f"{np.exp(end):.3f}" for end in (shift.low, shift.high))
    return f"{shift.ratio:.3f} ({low}..{high})"


def _counted(names: pd.Series) -> str:
    return ", ".join(f"{name or 'none'} {count}" for name, count in names.value_counts().items())


def draw_transfer(rows: Sequence[Row]) -> Figure:
    """Left: every case's point over its closed form, by network; right: what ten latents held as they were heated."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    cases, heated = figure.subplots(1, 2)
    measured = cases_of(rows)
    measured = measured[measured["status"] == "ok"]
    measured = measured.assign(ratio=measured["ifp_beta"] / measured["spectral_beta"])
    sns.stripplot(
        measured, x="factor", y="ratio", hue="network", palette="colorblind", dodge=True, size=4,
        jitter=False, ax=cases,
    )  # fmt: skip
    cases.axhline(1, color="black", linewidth=0.8)
    cases.set(xlabel="", ylabel="point / closed form")
    for row in (row for row in rows if "melted" in row):
        for number, (name, held) in enumerate(row["held"].items()):
            heated.plot(row["beta"], held, color=f"C{number}", label=name)
            heated.axvline(row["predicted"][name], color=f"C{number}", linewidth=0.8, linestyle="--")
        heated.legend()
    heated.set_xscale("log")
    heated.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    heated.xaxis.set_major_formatter("{x:g}")
    heated.xaxis.set_minor_formatter(NullFormatter())
    heated.set(xlabel="pressure, nats", ylabel="held by all latents, nats")
    return figure
