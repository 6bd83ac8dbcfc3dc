"""Study 3: does information diffuse under the existing objectives, and not under DEFT? One yardstick for all."""

import itertools
from collections.abc import Iterator, Sequence

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from analysis.comparison import methods_of, values_of
from studies.cost import cost
from studies.methods import trainings
from studies.page import by_choice, require_one_definition, save, score_table, spread, table, write_tables
from studies.rows import Row, rows_of
from studies.size import Size
from studies.training import Training

DATASET = "dsprites-32"
METHODS = (
    *("deft", "deft-hook", "deft-separate", "annealed-beta", "annealed-vae", "beta-vae", "beta-tcvae", "cascade-vae-c"),
    *("control-vae", "dip-vae-i", "dip-vae-ii", "dynamic-vae", "factor-vae"),
)
MEASURES = {
    "diffusion": "index at the end",
    "since_freezing": "of it since freezing",
    "spread": "nats that spread",
    "gathered": "nats that gathered",
    "moves": "factors that moved",
    "mig": "MIG",
    "kl": "KL, nats",
    "reconstruction": "reconstruction",
}
_COLUMNS = 5  # panels side by side


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study."""
    return trainings(DATASET, METHODS, size)


def write_page(size: Size) -> None:
    """docs/studies/diffusion.md's tables, its CSV, and the index along training."""
    rows = rows_of(cases(size), size)
    write_tables(size, "diffusion", rows, lines(rows))
    save(size, "diffusion", draw_curves(rows))


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """What the rows say: the index and the events by method, by factor, and by the bound of silence."""
    yield from (*score_table(rows, MEASURES), "", f"Cost: {cost(rows)}.", "")
    yield from by_factor(rows)
    yield ""
    yield from by_choice(rows, "diffusion_by_gate", "index, silent below {} nat")


def by_factor(rows: Sequence[Row]) -> Iterator[str]:
    """Nats of each factor at the end, and the share of the latent that holds most: medians over the runs."""
    require_one_definition(rows, ("diffusion",))
    told = []
    factors: list[str] = next((list(row["factors"]) for row in rows if "factors" in row), [])
    for method in methods_of(rows):
        own = [row["factors"] for row in rows if row["method"] == method and "factors" in row]
        cells = []
        for factor in factors:
            nats = spread([row[factor]["nats"] for row in own], 2)
            shares = pd.Series([row[factor]["share"] for row in own], dtype=float)
            cells.append(nats if shares.isna().all() else f"{nats}, {shares.median():.0%}")
        told.append([f"`{method}`", *cells])
    yield from table(["method", *(f"{factor}: nats, share" for factor in factors)], told)


def draw_curves(rows: Sequence[Row]) -> Figure:
    """The index D along training, a panel per method and a line per run, where 0.1 nat or more is held."""
    methods = methods_of(rows)
    lines_of = -(-len(methods) // _COLUMNS)
    figure = Figure(figsize=(2.4 * _COLUMNS, 2.2 * lines_of + 0.3), layout="constrained")
    panels = figure.subplots(lines_of, _COLUMNS, sharex=True, sharey=True, squeeze=False)
    for panel, method, color in zip(
        panels.flat, methods, itertools.cycle(sns.color_palette("colorblind")), strict=False
    ):
        for row in (row for row in rows if row["method"] == method and "curve" in row):
            index = pd.Series(row["curve"]["index"], dtype=float)
            panel.plot(
                row["curve"]["step"], index.where(pd.Series(row["curve"]["held"]) >= 0.1), color=color, alpha=0.8
            )
        found = pd.Series(values_of(rows, method, "diffusion"), dtype=float).median()
        panel.set_title(f"{method}\n{found:.3f}", fontsize=9)
        panel.grid(alpha=0.3)
    for panel in list(panels.flat)[len(methods) :]:
        panel.set_visible(False)
    panels[0, 0].set(ylim=(0, 1))
    figure.supxlabel("step", fontsize=9)
    figure.supylabel("diffusion index D", fontsize=9)
    return figure
