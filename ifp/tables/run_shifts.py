"""Table of two annealing runs side by side."""

from analysis.run_shifts import RunShifts
from ifp.tables.table import Table


def shifts_table(shifts: RunShifts) -> Table:
    """One row per factor: both medians, the ratio with its interval beside the predicted one, and the test."""
    frame = shifts.to_frame()
    beyond = frame[["beyond_first", "beyond_second"]].to_numpy().any()
    rows = tuple(
        {
            "factor": row["factor"],
            "n": str(row["n"]) if row["paired"] else f"{row['n']}, {row['m']}",
            "first": row["first"],
            "second": row["second"],
            "ratio": row["ratio"],
            "95% interval": _between(row["ratio_low"], row["ratio_high"]),
            "predicted": row["predicted"],
            "shift": row["shift"],
            "p (Holm)": row["p_holm"],
            **({"beyond": f"{row['beyond_first']}, {row['beyond_second']}"} if beyond else {}),
        }
        for row in frame.to_dict("records")
    )
    title = (
        "freezing points of the second run against the first, in nats. n: pairs, or cases of each run. first, second: "
        "medians. ratio: second over first, the exponential of shift, the median difference of ln beta. predicted: "
        "ratio of the closed forms of the same cases"
    )
    if beyond:
        title += ". beyond: cases known only to lie beyond the sweep; they keep their place in the order"
    return Table(title, rows)


def _between(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "-"
    return f"{_end(low, 'below')} .. {_end(high, 'above')}"


def _end(value: float | None, otherwise: str) -> str:
    return otherwise if value is None or value != value else f"{value:.4g}"
