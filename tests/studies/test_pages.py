"""Pages of studies say what their rows say."""

from importlib import import_module
from pathlib import Path

import pytest

from studies.__main__ import STUDIES
from studies.page import BEGIN, END, block, by_choice, score_table, spread
from studies.rows import row_file, rows_of
from studies.size import SMALL

ROOT = Path(__file__).resolve().parents[2]
SCORED = ("baselines", "correlated", "unsupervised", "closed_form")


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", SCORED)
def test_the_tables_of_a_page_are_those_of_its_rows(name):
    study = import_module(f"studies.{name}")
    rows = rows_of(study.cases(SMALL), SMALL)
    text = (ROOT / "docs" / "studies" / f"{name}.md").read_text()
    assert text.split(BEGIN)[1].split(END)[0] == "\n" + block(study.lines(rows))


def test_every_row_that_is_kept_belongs_to_a_study_and_says_what_it_is():
    known = {row_file(case, SMALL): case for name in STUDIES for case in import_module(f"studies.{name}").cases(SMALL)}
    kept = sorted(SMALL.rows.rglob("*.json"))
    away = {"freezing-points"}  # of data whose files are not everywhere
    assert [path for path in kept if path not in known and path.parent.name not in away] == []
    for path in kept:
        row = rows_of([known[path]], SMALL)[0] if path in known else {}
        if "method" in row:
            assert path == SMALL.rows / row["dataset"] / f"{row['method']}-{row['seed']}.json"
            assert row["settings"]["steps"] > 0


def test_a_table_has_a_line_per_method_with_median_and_extremes():
    rows = [
        {"method": name, "mig": value, "by": {"1": value, "2": None}}
        for name, value in (("a", 0.1), ("a", 0.3), ("a", 0.2), ("b", None))
    ]
    assert score_table(rows, {"mig": "MIG"}) == [
        "| method | runs | MIG |",
        "| --- | --- | --- |",
        "| `a` | 3 | 0.200 (0.100..0.300) |",
        "| `b` | 1 | - |",
    ]
    assert by_choice(rows[:3], "by", "MIG of {}")[0] == "| method | MIG of 1 | MIG of 2 |"
    assert by_choice(rows[:3], "by", "MIG of {}")[2] == "| `a` | 0.200 (0.100..0.300) | - |"
    assert spread([]) == "-"
