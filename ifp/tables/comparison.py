"""Methods by measures: median and spread."""

from collections.abc import Sequence

from analysis.comparison import Row, measures_of, methods_of, summarise_methods
from ifp.tables.table import Table, cell


def comparison(rows: Sequence[Row], title: str) -> Table:
    """One row per method: runs, and of every measure its median (lowest..highest)."""
    found = {(each.method, each.measure): each for each in summarise_methods(rows)}

    def shown(method: str, measure: str) -> str:
        each = found.get((method, measure))
        if each is None:
            return "-"
        spread = "" if each.count == 1 else f" ({cell(round(each.low, 4))}..{cell(round(each.high, 4))})"
        return f"{cell(round(each.median, 4))}{spread}"

    return Table(
        f"{title}: median over seeds (lowest..highest)",
        tuple(
            {
                "method": method,
                "runs": sum(row["method"] == method for row in rows),
                **{measure: shown(method, measure) for measure in measures_of(rows)},
            }
            for method in methods_of(rows)
        ),
    )
