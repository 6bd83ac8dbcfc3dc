"""Study 5: as posX and posY become correlated, does an objective on the total correlation fail where DEFT does not?"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from analysis.comparison import methods_of, values_of
from studies.methods import trainings
from studies.page import by_dataset, save, score_lines, write_tables
from studies.rows import Row, rows_of
from studies.size import Size
from studies.training import Training

DATASET = "dsprites-32"
METHODS = ("deft", "beta-tcvae")
SIGMAS = ("", "0.3", "0.1")  # width of the Gaussian about the diagonal; none: independent
SHOWN = {"mig": "MIG", "dci-forest_disentanglement": "DCI (trees)"}


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study, from no correlation to strong with each seed."""
    for seed in size.seeds:
        for sigma in SIGMAS:
            yield from trainings(DATASET, METHODS, replace(size, seeds=(seed,)), f"posX:posY:{sigma}" if sigma else "")


def write_page(size: Size) -> None:
    """docs/studies/correlated.md's tables, its CSV, and scores against the width."""
    rows = rows_of(cases(size), size)
    write_tables(size, "correlated", rows, lines(rows))
    save(size, "correlated", draw_widths(rows))


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """Scores on independent factors, by the width of the correlation trained under."""
    yield from by_dataset(rows, score_lines)


def draw_widths(rows: Sequence[Row]) -> Figure:
    """Scores of every run, and their medians, against the width of the correlation trained under."""
    figure = Figure(figsize=(3.6 * len(SHOWN), 3), layout="constrained")
    groups = [DATASET + (f"-posX-posY-{sigma}" if sigma else "") for sigma in SIGMAS]
    for panel, (measure, label) in zip(figure.subplots(1, len(SHOWN), squeeze=False)[0], SHOWN.items(), strict=True):
        for method, color in zip(methods_of(rows), itertools.cycle(sns.color_palette("colorblind")), strict=False):
            found = [values_of([row for row in rows if row["dataset"] == group], method, measure) for group in groups]
            points = [(place, value) for place, values in enumerate(found) for value in values]
            panel.plot(*zip(*points, strict=True), ".", color=color, alpha=0.5)
            panel.plot([pd.Series(values, dtype=float).median() for values in found], color=color, label=method)
        panel.set_xticks(range(len(SIGMAS)), [sigma or "none" for sigma in SIGMAS])
        panel.set(xlabel="width of the correlation of posX and posY", ylabel=label)
        panel.grid(alpha=0.3)
    figure.axes[-1].legend()
    return figure
