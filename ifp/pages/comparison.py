"""The page of a comparison."""

from analysis.figures.comparison import draw_comparison
from ifp.comparison.study import study_rows
from ifp.pages.page import Part, Picture, Section, Text
from ifp.pages.parts import plan_section, settings_section
from ifp.run_directory.run import RunDirectory
from ifp.tables.comparison import comparison
from ifp.tables.table import Table
from ifp.training.plan import run_plan


def comparison_sections(run: RunDirectory) -> list[Section]:
    """Of a finished study: methods by measures, boxes over seeds, every run, the plan."""
    rows, name = study_rows(run), run.data.name
    failed = [Text(f"{row['run']}: {row['status']}.", warning=True) for row in rows if row["status"] != "ok"]
    table = comparison(rows, name)
    parts: list[Part] = [table, *failed]
    shown = "; ".join(
        f"{row['method']}: " + ", ".join(f"{k} {v}" for k, v in row.items() if k != "method") for row in table.rows
    )
    parts.append(
        Picture(
            draw_comparison(rows, name),
            f"Boxes of every measure by method. {shown}.",
            "A box from quartile to quartile with the median, whiskers to the extremes, a point for every run.",
        )
    )
    every = Table("every run", tuple({key: value for key, value in row.items() if key != "status"} for row in rows))
    plan = run_plan(run)
    return [
        Section("Comparison", tuple(parts)),
        Section("Runs", (every,)),
        *([plan_section(plan)] if plan is not None else []),
        settings_section(run),
    ]
