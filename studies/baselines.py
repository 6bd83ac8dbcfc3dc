"""Study 4: does DEFT score higher than the objectives it is compared with, and with less spread over seeds?"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from studies.cost import cost
from studies.methods import trainings
from studies.page import by_choice, draw_scores, save, score_table, write_tables
from studies.rows import Row, rows_of
from studies.size import Size
from studies.training import Training

OTHERS = ("beta-vae", "beta-tcvae")
METHODS = {
    "dsprites": (
        *("deft", "deft-published-pressures", "deft-published-form", "deft-hook", "deft-separate"),
        *OTHERS,
        *("factor-vae", "annealed-beta-cold"),
    ),
    "dsprites-32": ("deft", *OTHERS, "annealed-beta"),
    "color-dsprites-32": ("deft", *OTHERS),
    "scream-dsprites-32": ("deft", *OTHERS),
    "coil20": ("deft", *OTHERS),  # in the place of SmallNORB
}
VARIED = "dsprites-32", ("deft-shorter", "deft-longer", "deft-gamma-1"), 3  # with the first seeds


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study, data set by data set."""
    for dataset, methods in METHODS.items():
        yield from trainings(dataset, methods, size)
    dataset, methods, seeds = VARIED
    yield from trainings(dataset, methods, replace(size, seeds=size.seeds[:seeds]))


def write_page(size: Size) -> None:
    """docs/studies/baselines.md's tables, its CSV, and a figure per data set."""
    rows = rows_of(cases(size), size)
    write_tables(size, "baselines", rows, lines(rows))
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        save(size, f"baselines-{dataset}", draw_scores([row for row in rows if row["dataset"] == dataset], dataset))


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """What the rows say: scores by data set, then the MIG by its bins and the index by its bound of silence."""
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        own = [row for row in rows if row["dataset"] == dataset]
        yield from (f"## {dataset}", "", *score_table(own), "", f"Cost: {cost(own)}.", "")
    own = [row for row in rows if row["dataset"] == "dsprites"]
    yield from ("## The same, with other choices: dsprites", "")
    yield from by_choice(own, "mig_by_bins", "MIG, {} bins")
    yield ""
    yield from by_choice(own, "diffusion_by_gate", "diffusion, silent below {} nat")
