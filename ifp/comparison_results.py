"""What a finished study writes: its rows as a table, and their figure."""

import io
from collections.abc import Sequence

from analysis.comparison import Row
from analysis.figures.comparison import draw_comparison
from ifp.run_files import csv_bytes
from ifp.runs import Run


def write_comparison(run: Run, rows: Sequence[Row], dataset: str) -> None:
    """comparison.png and, last, comparison.csv: one row per run."""
    buffer = io.BytesIO()
    draw_comparison(rows, dataset).savefig(buffer, format="png", dpi=150)
    run.write("comparison.png", buffer.getvalue())
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    run.finish(csv_bytes(columns, rows))
