"""Study 11: what lets factors that freeze late freeze in their own stage: one lever at a time, then together."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from studies.diffusion import by_factor
from studies.methods import BY_OTHER_PLANS, WITH_ONE, WITHOUT_ONE, trainings
from studies.page import by_dataset, save_scores, score_table, write_tables
from studies.pressures import CHOSEN_ON, MEASURES, reported
from studies.rows import Row, rows_of
from studies.size import Size
from studies.training import Training

ABLATED = "dsprites-32"
LEVERS = (
    *("deft-derived", "deft-warm"),
    *(f"deft-only-{name}" for name in WITH_ONE),
    *(f"deft-warm-{name}" for name in (*WITHOUT_ONE, *BY_OTHER_PLANS)),
)
REPORTED = LEVERS[:2]  # none of them, and all
REPORTED_ON = ("dsprites-32", "color-dsprites-32", "lights", "dsprites")


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study: all levers on the seeds of the choice, then the choice on those reported."""
    yield from trainings(ABLATED, LEVERS, replace(size, seeds=CHOSEN_ON))
    for dataset in REPORTED_ON:
        yield from trainings(dataset, REPORTED, size)


def write_page(size: Size) -> None:
    """docs/studies/levers.md's tables, its CSV, and a figure of the scores of each data set."""
    rows = rows_of(cases(size), size)
    write_tables(size, "levers", rows, lines(rows))
    save_scores(size, "levers", reported(rows))


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """By data set the seeds reported, then all levers on the seeds that they were chosen on."""
    yield from by_dataset(reported(rows), _tables)
    chosen = [row for row in rows if row["seed"] in CHOSEN_ON]
    if chosen:
        yield from (f"## {ABLATED}, on the seeds that levers were chosen on", "", *_tables(chosen))


def _tables(rows: Sequence[Row]) -> Iterator[str]:
    yield from (*score_table(rows, MEASURES), "", *by_factor(rows), "")
