"""Study 4: does DEFT score higher than the objectives it is compared with, and with less spread over seeds?"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from studies.methods import trainings
from studies.page import by_choice, by_dataset, save_scores, score_lines, write_tables
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
VARIED = {"dsprites": ("deft-gamma-1",), "dsprites-32": ("deft-shorter", "deft-longer", "deft-gamma-1")}
VARIED_SEEDS = 3  # the first ones


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study, data set by data set."""
    for dataset, methods in METHODS.items():
        yield from trainings(dataset, methods, size)
    for dataset, methods in VARIED.items():
        yield from trainings(dataset, methods, replace(size, seeds=size.seeds[:VARIED_SEEDS]))


def write_page(size: Size) -> None:
    """docs/studies/baselines.md's tables, its CSV, and a figure per data set."""
    rows = rows_of(cases(size), size)
    write_tables(size, "baselines", rows, lines(rows))
    save_scores(size, "baselines", rows)


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """What the rows say: scores by data set, then the MIG by its bins."""
    yield from by_dataset(rows, score_lines)
    own = [row for row in rows if row["dataset"] == "dsprites"]
    yield from ("## The same, with other choices: dsprites", "")
    yield from by_choice(own, "mig_by_bins", "MIG, {} bins")
