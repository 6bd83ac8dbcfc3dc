"""Study 7: is a plan from closed forms, in seconds, as good as one from an annealing test, in minutes?"""

from collections.abc import Iterator

from studies.methods import trainings
from studies.page import draw_scores, plan_lines, save, write_tables
from studies.rows import rows_of
from studies.size import Size
from studies.training import Training

DATASET = "dsprites-32"
METHODS = ("deft", "deft-annealed")


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study."""
    return trainings(DATASET, METHODS, size)


def write_page(size: Size) -> None:
    """docs/studies/closed_form.md's tables, its CSV, and scores by plan."""
    rows = rows_of(cases(size), size)
    write_tables(size, "closed_form", rows, lines(rows))
    save(size, "closed_form", draw_scores(rows, DATASET))


lines = plan_lines
