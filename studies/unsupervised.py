"""Study 6: what is lost where the plan stands on unlabelled data?"""

from collections.abc import Iterator

from studies.methods import trainings
from studies.page import draw_scores, plan_lines, save, write_tables
from studies.rows import rows_of
from studies.size import Size
from studies.training import Training

DATASET = "dsprites-32"
METHODS = ("deft", "deft-annealed", "deft-unlabelled", "beta-vae", "beta-tcvae")


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study."""
    return trainings(DATASET, METHODS, size)


def write_page(size: Size) -> None:
    """docs/studies/unsupervised.md's tables, its CSV, and scores by plan."""
    rows = rows_of(cases(size), size)
    write_tables(size, "unsupervised", rows, lines(rows))
    save(size, "unsupervised", draw_scores(rows, DATASET))


lines = plan_lines
