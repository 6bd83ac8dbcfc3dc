"""Study 7: is a plan from closed forms, in seconds, as good as one from an annealing test, in minutes?"""

from collections.abc import Iterator, Sequence

from studies.methods import trainings
from studies.page import by_dataset, plan_lines, save_scores, write_tables
from studies.rows import Row, rows_of
from studies.size import Size
from studies.training import Training

DATASETS = ("dsprites-32", "color-dsprites-32", "scream-dsprites-32", "coil20")
METHODS = ("deft", "deft-annealed")


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study, data set by data set."""
    for dataset in DATASETS:
        yield from trainings(dataset, METHODS, size)


def write_page(size: Size) -> None:
    """docs/studies/closed_form.md's tables, its CSV, and scores by plan, a figure per data set."""
    rows = rows_of(cases(size), size)
    write_tables(size, "closed_form", rows, lines(rows))
    save_scores(size, "closed_form", rows)


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """Scores and plans, by data set."""
    yield from by_dataset(rows, plan_lines)
