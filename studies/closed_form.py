"""Study 7: is a plan from closed forms, in seconds, as good as one from an annealing test, in minutes?"""

from collections.abc import Iterator, Sequence

from studies.methods import trainings
from studies.page import cost, plan_table, score_table, write_block, write_csv
from studies.rows import Row, rows_of
from studies.size import Size
from studies.training import Training

DATASET = "dsprites-32"
METHODS = ("deft", "deft-annealed")


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study."""
    return trainings(DATASET, METHODS, size)


def write_page(size: Size) -> None:
    """docs/studies/closed_form.md's tables, and its CSV."""
    rows = rows_of(cases(size), size)
    write_csv("closed_form", rows)
    write_block("closed_form", lines(rows))


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """Scores by plan, and the plans themselves."""
    yield from (*score_table(rows), "", f"Cost: {cost(rows)}.", "")
    yield from plan_table(rows)
