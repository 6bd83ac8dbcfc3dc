"""Study 6: what is lost where the plan stands on unlabelled data?"""

from collections.abc import Iterator, Sequence

from studies.methods import trainings
from studies.page import cost, plan_table, score_table, write_block, write_csv
from studies.rows import Row, rows_of
from studies.size import Size
from studies.training import Training

DATASET = "dsprites-32"
METHODS = ("deft", "deft-annealed", "deft-unlabelled", "beta-vae", "beta-tcvae")


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study."""
    return trainings(DATASET, METHODS, size)


def write_page(size: Size) -> None:
    """docs/studies/unsupervised.md's tables, and its CSV."""
    rows = rows_of(cases(size), size)
    write_csv("unsupervised", rows)
    write_block("unsupervised", lines(rows))


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """Scores by what the plan stands on, and of two that need none."""
    yield from (*score_table(rows), "", f"Cost: {cost(rows)}.", "")
    yield from plan_table(rows)
