"""Study 5: as posX and posY become correlated, does an objective on the total correlation fail where DEFT does not?"""

from collections.abc import Iterator, Sequence

from studies.methods import trainings
from studies.page import cost, score_table, write_tables
from studies.rows import Row, rows_of
from studies.size import Size
from studies.training import Training

DATASET = "dsprites-32"
METHODS = ("deft", "beta-vae", "beta-tcvae")
SIGMAS = ("", "0.7", "0.3", "0.1")  # width of the Gaussian about the diagonal; none: independent


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study, from no correlation to strong."""
    for sigma in SIGMAS:
        yield from trainings(DATASET, METHODS, size, f"posX:posY:{sigma}" if sigma else "")


def write_page(size: Size) -> None:
    """docs/studies/correlated.md's tables, and its CSV."""
    rows = rows_of(cases(size), size)
    write_tables(size, "correlated", rows, lines(rows))


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """Scores on independent factors, by the width of the correlation trained under."""
    for group in dict.fromkeys(row["dataset"] for row in rows):
        own = [row for row in rows if row["dataset"] == group]
        yield from (f"## {group}", "", *score_table(own), "", f"Cost: {cost(own)}.", "")
