"""Study 10: do the pressures of a plan matter? Others for the same groups, latents, lengths, budget and network."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from studies.cost import cost
from studies.diffusion import by_factor
from studies.methods import trainings
from studies.page import by_dataset, datasets_of, plan_table, save_scores, score_table, write_tables
from studies.plans import DEPTHS
from studies.rows import Row, rows_of
from studies.size import Size
from studies.training import Training

DATASETS = ("dsprites-32", "lights", "color-dsprites-32")
CHOSEN_ON = (10, 11, 12)  # seeds that settings were chosen on; those reported are the size's
CHOICES = ("deft", "deft-before", "deft-derived")
PRESSURES = tuple(f"deft-{plan}" for plan in ("derived", "log-spaced", "half", "double", "reversed", "one-stage"))
WITH_NUISANCES = "scream-dsprites-32"
NUISANCES = ("deft-derived", "deft-without-nuisance")
GRID = tuple(f"deft-depth-{depth:g}" for depth in DEPTHS)
MEASURES = {
    "mig": "MIG",
    "dci-forest_disentanglement": "DCI (trees)",
    "infom": "InfoM",
    "infoc": "InfoC",
    "infoe": "InfoE",
    "diffusion": "diffusion index",
    "reconstruction": "reconstruction",
}


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study: the seeds of the choice, then what is reported, pressures before the grid of depths."""
    for dataset in DATASETS[:2]:
        yield from trainings(dataset, CHOICES, replace(size, seeds=CHOSEN_ON))
    for seed in size.seeds:
        for dataset in DATASETS:
            yield from trainings(dataset, PRESSURES, replace(size, seeds=(seed,)))
        yield from trainings(WITH_NUISANCES, NUISANCES, replace(size, seeds=(seed,)))
    for seed in size.seeds:
        for dataset in DATASETS:
            yield from trainings(dataset, GRID, replace(size, seeds=(seed,)))


def write_page(size: Size) -> None:
    """docs/studies/pressures.md's tables, its CSV, and a figure of the scores of each data set."""
    rows = rows_of(cases(size), size)
    write_tables(size, "pressures", rows, lines(rows))
    save_scores(size, "pressures", reported(rows))


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """By data set: other pressures and other depths on the seeds reported, then what was chosen on the others."""
    yield from by_dataset(reported(rows), _reported_lines)
    for dataset, own in datasets_of([row for row in rows if row["seed"] in CHOSEN_ON]).items():
        yield from (f"## {dataset}, on the seeds that the rule was chosen on", "")
        yield from (*score_table(own, MEASURES), "", *by_factor(own), "")


def reported(rows: Sequence[Row]) -> list[Row]:
    """Rows of the seeds that nothing was chosen on."""
    return [row for row in rows if row["seed"] not in CHOSEN_ON]


def _reported_lines(rows: Sequence[Row]) -> Iterator[str]:
    yield from (*score_table(rows, MEASURES), "", *by_factor(rows), "", *plan_table(rows), "", f"Cost: {cost(rows)}.")
