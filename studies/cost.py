"""What the rows took: seconds as they were measured, and the hours of one thread on a CPU."""

from collections.abc import Iterable, Sequence

import pandas as pd

from studies.rows import Row


def cost(rows: Sequence[Row]) -> str:
    """Seconds of training by device, and minutes of all together."""
    parts = []
    for device in sorted({str(row["device"]) for row in rows if "device" in row}):
        seconds = pd.Series([row["seconds"] for row in rows if row.get("device") == device])
        total = f"{seconds.sum() / 60:.0f} min together"
        parts.append(f"{len(seconds)} rows on {device}: median {seconds.median():.0f} s a row, {total}")
    return "; ".join(parts)


def cpu_hours(rows: Iterable[Row]) -> float:
    """Hours of one thread; training on another device counts as the median of the CPU's on the same data.

    Those that diverged say nothing of their time and count for nothing; so do data sets without a row on a CPU.
    """
    timed = pd.DataFrame(
        [
            (row["dataset"], "method" in row, row["seconds"] if row["device"] == "cpu" else None)
            for row in rows
            if "device" in row
        ],
        columns=["dataset", "trained", "seconds"],
    ).astype({"seconds": float})
    usual = timed.groupby(["dataset", "trained"])["seconds"].transform("median")
    return float(timed["seconds"].fillna(usual).sum()) / 3600
