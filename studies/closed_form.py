"""Study 7: is a plan from closed forms, in seconds, as good as one from an annealing test, in minutes?"""

from collections.abc import Iterator

from studies.methods import trainings
from studies.page import plan_lines, write_tables
from studies.rows import rows_of
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
    write_tables(size, "closed_form", rows, lines(rows))


lines = plan_lines
