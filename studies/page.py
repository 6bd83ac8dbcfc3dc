"""A study's page: what is written by hand, and between two marks what its rows say; its CSV and its figure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from analysis.comparison import methods_of, values_of
from analysis.figures.comparison import draw_comparison
from annealing.errors import IFPError
from ifp.files.atomic import write_atomically
from studies.cost import cost
from studies.rows import Row
from studies.size import Size

BEGIN, END = "<!-- from the rows: begin -->", "<!-- from the rows: end -->"
MEASURES = {
    "mig": "MIG",
    "dci-forest_disentanglement": "DCI (trees)",
    "factor_vae": "FactorVAE",
    "reconstruction": "reconstruction",
}
_OF_DIFFUSION = ("diffusion", "since_freezing", "before_last", "spread", "gathered", "moves", "diffusion_by_gate")
_OF_FINDINGS = ("counts", "cases")
_OF_FIRST_DIFFUSION = ("diffusion_before_last", "events")  # what rows had before they said their definitions
_FIRST = {  # of rows that do not say by what they were measured
    "scores": "ifp-scores/1",
    "diffusion": "ifp-diffusion/1",
    "findings": "ifp-findings/2",
}


def write_tables(size: Size, name: str, rows: Sequence[Mapping[str, object]], lines: Iterable[str]) -> None:
    """The page with the lines between its marks, begun where there is none; a CSV of what is plain in the rows.

    Measures that the rows have by different definitions are not in the CSV.
    """
    of = {str(row.get("definitions", _FIRST)) for row in rows}
    left_out = (*_OF_DIFFUSION, *_OF_FIRST_DIFFUSION) if len(of) > 1 else ()
    flat = [
        {key: value for key, value in row.items() if not isinstance(value, (list, dict)) and key not in left_out}
        for row in rows
    ]
    table = pd.DataFrame(flat).to_csv(index=False, float_format="%.6g")
    write_atomically(size.page(name).with_suffix(".csv"), table.encode())
    path = size.page(name).with_suffix(".md")
    text = path.read_text() if path.is_file() else f"# {name}\n\n{BEGIN}\n{END}\n"
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    write_atomically(path, f"{before}{BEGIN}\n{block(lines)}{END}{after}".encode())


def block(lines: Iterable[str]) -> str:
    """The lines as they stand between the marks."""
    return "".join(f"{line}\n" for line in lines)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A Markdown table."""
    listed = [[str(each) for each in row] for row in rows]
    return [_line(header), _line(["---"] * len(header)), *map(_line, listed)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Median (lowest..highest)."""
    if not values:
        return "-"
    found = pd.Series(values)
    return f"{found.median():.{digits}f} ({found.min():.{digits}f}..{found.max():.{digits}f})"


def require_one_definition(rows: Sequence[Row], measures: Iterable[str]) -> None:
    """Raise where rows were measured by different definitions of a measure: such figures do not compare.

    Raises:
        IFPError: a measure, and the definitions of it.
    """
    for measure in measures:
        of = "diffusion" if measure in _OF_DIFFUSION else "findings" if measure in _OF_FINDINGS else "scores"
        found = {row.get("definitions", _FIRST)[of] for row in rows if measure in row}
        if len(found) > 1:
            raise IFPError(
                f"need rows by one definition of {measure}, got {', '.join(sorted(found))}: measure them anew"
            )


def score_table(rows: Sequence[Row], measures: Mapping[str, str] = MEASURES) -> list[str]:
    """A line per method: runs, then median (lowest..highest) of each measure."""
    require_one_definition(rows, measures)
    lines = []
    for method in methods_of(rows):
        told = [spread(values_of(rows, method, name), 1 if name == "reconstruction" else 3) for name in measures]
        lines.append([f"`{method}`", sum(row["method"] == method for row in rows), *told])
    return table(["method", "runs", *measures.values()], lines)


def by_choice(rows: Sequence[Row], name: str, header: str) -> list[str]:
    """A line per method: a measure under each choice that a row kept it for, ``{}`` of the header being the choice."""
    require_one_definition(rows, (name,))
    rows = [row for row in rows if name in row]  # all but those that diverged
    choices = list(rows[0][name]) if rows else []
    lines = []
    for method in methods_of(rows):
        mine = [row[name] for row in rows if row["method"] == method]
        told = (spread([each[choice] for each in mine if each[choice] is not None]) for choice in choices)
        lines.append([f"`{method}`", *told])
    return table(["method", *map(header.format, choices)], lines)


def plan_table(rows: Sequence[Row]) -> list[str]:
    """The pressures of every method that has a plan."""
    plans = {row["method"]: row["pressures"] for row in rows if row.get("pressures")}
    return table(
        ["plan of", "pressures, nats"],
        [[f"`{name}`", ", ".join(f"{each:.3g}" for each in told)] for name, told in plans.items()],
    )


def score_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Scores by method, and their cost."""
    yield from (*score_table(rows), "", f"Cost: {cost(rows)}.")


def plan_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Scores by method, their cost, and the plans behind them."""
    yield from (*score_lines(rows), "", *plan_table(rows))


def by_dataset(rows: Sequence[Row], lines: Callable[[Sequence[Row]], Iterable[str]]) -> Iterator[str]:
    """A section of lines for the rows of each data set."""
    for dataset, own in datasets_of(rows).items():
        yield from (f"## {dataset}", "", *lines(own), "")


def datasets_of(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each data set, in the order in which they first come."""
    return {name: [row for row in rows if row["dataset"] == name] for name in dict.fromkeys(r["dataset"] for r in rows)}


def save(size: Size, name: str, figure: Figure) -> None:
    """The figure of a study."""
    figure.savefig(size.page(name).with_suffix(".png"), dpi=110, metadata={"Software": None})


def save_scores(size: Size, name: str, rows: Sequence[Row]) -> None:
    """A figure of the scores on each data set."""
    for dataset, own in datasets_of(rows).items():
        save(size, f"{name}-{dataset}", draw_scores(own, dataset))


def draw_scores(rows: Sequence[Row], title: str) -> Figure:
    """Boxes and points of every method, a panel per measure."""
    kept = [{"method": row["method"], **{label: row.get(name) for name, label in MEASURES.items()}} for row in rows]
    return draw_comparison(kept, title)
