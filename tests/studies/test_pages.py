"""Pages of studies say what their rows say."""

from importlib import import_module
from pathlib import Path

import pytest

from annealing.errors import IFPError
from ifp.objectives import recorded_parameters
from ifp.training.plan import read_plan
from studies.__main__ import STUDIES
from studies.page import BEGIN, END, block, by_choice, score_table, spread
from studies.rows import row_file, rows_of
from studies.size import FULL, SMALL

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", STUDIES)
def test_the_tables_of_a_page_are_those_of_its_rows(name):
    study = import_module(f"studies.{name}")
    rows = rows_of(study.cases(SMALL), SMALL)
    text = (ROOT / "docs" / "studies" / f"{name}.md").read_text()
    assert text.split(BEGIN)[1].split(END)[0] == "\n" + block(study.lines(rows))


def test_every_row_that_is_kept_belongs_to_a_study_and_says_what_it_is():
    known = {row_file(case, SMALL): case for name in STUDIES for case in import_module(f"studies.{name}").cases(SMALL)}
    kept = sorted(SMALL.rows.rglob("*.json"))
    assert [path for path in kept if path not in known] == []
    trained = [(case, row) for path, case in known.items() for row in rows_of([case], SMALL) if "method" in row]
    assert trained
    for case, row in trained:
        assert (row["dataset"], row["method"], row["seed"]) == (case.group, case.method, case.seed)
        settings, steps = row["settings"], SMALL.steps[64 if case.dataset == "dsprites" else 32] * case.longer
        assert row["objective"] == case.objective
        assert (row["plan"] or "") == case.plan
        assert (settings["steps"], settings["batch_size"]) == (steps, SMALL.batch_size)
        assert settings.get("warmup", 0) == case.warmup * steps
        assert recorded_parameters(case.objective, settings["parameters"]).items() >= dict(case.parameters).items()
        if case.plan:
            assert row["pressures"] == [stage.pressure for stage in read_plan(plan_path(case)).stages]


def test_every_plan_that_is_kept_belongs_to_a_row():
    cases = [case for name in STUDIES for case in import_module(f"studies.{name}").cases(SMALL)]
    known = {plan_path(case) for case in cases if getattr(case, "plan", "")}
    assert {str(path) for path in (ROOT / "docs" / "studies" / "plans").iterdir()} == known


def plan_path(case):
    return str(ROOT / "docs" / "studies" / "plans" / f"{case.dataset}-{case.plan}.json")


def test_rows_by_different_definitions_of_a_measure_are_not_set_side_by_side():
    old = {"method": "a", "mig": 0.1, "diffusion": 1.4}
    new = {**old, "definitions": {"scores": "ifp-scores/1", "diffusion": "ifp-diffusion/2"}, "diffusion": 0.2}
    assert score_table([old, new], {"mig": "MIG"})[2] == "| `a` | 2 | 0.100 (0.100..0.100) |"
    with pytest.raises(IFPError, match="one definition of diffusion, got ifp-diffusion/1, ifp-diffusion/2: measure"):
        score_table([old, new], {"diffusion": "index"})


def test_the_diffusion_of_a_row_is_that_of_the_trace_kept_beside_it():
    known = {case.path: case for name in STUDIES for case in import_module(f"studies.{name}").cases(SMALL)}
    traces = sorted(SMALL.traces.rglob("*.npz"))
    assert traces
    for trace in traces:
        case = known[trace.relative_to(SMALL.traces).with_suffix("").as_posix()]
        (row,) = rows_of([case], SMALL)
        again = case.recomputed(row, SMALL)
        assert again["diffusion"] == pytest.approx(row["diffusion"], abs=1e-9)
        assert again["leakage"] == row["leakage"]


def test_pages_of_the_two_sizes_are_apart():
    assert SMALL.page("lag") != FULL.page("lag")
    assert SMALL.rows != FULL.rows


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
