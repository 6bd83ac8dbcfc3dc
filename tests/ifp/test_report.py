"""Reports of every kind of run: whole, alone, told in words too, and sound in a browser."""

import itertools
import re
import shlex
import shutil
from dataclasses import asdict
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import ifp
from analysis.kl_decomposition import decompose_kl
from analysis.plain_json import json_bytes
from analysis.stages import plan_stages
from annealing.errors import IFPError, RunError
from ifp.annealing_test.config import AnnealConfig
from ifp.api.report import report as write_report
from ifp.api.run import Run
from ifp.cli import app
from ifp.evaluation.planning import planning_findings
from ifp.files.plain import load_json
from ifp.pages.page import Code, Listed, Section, Text, page
from ifp.run_directory.run import create_run, open_run
from ifp.tables.table import Table, cell
from ifp.whole_annealing.results import annealed_whole
from tests.ifp.browser import in_browser, needs_browser

pytestmark = pytest.mark.usefixtures("_one_thread")


def images():
    """A bar at 8 places, in 4 widths, 16x16."""
    factors = np.stack(np.meshgrid(np.arange(8), np.arange(4), indexing="ij"), axis=-1).reshape(-1, 2)
    found = np.zeros((len(factors), 16, 16), np.uint8)
    for image, (place, width) in zip(found, factors, strict=True):
        image[2 * place : 2 * place + 2, : 4 + 4 * width] = 255
    return found, factors


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A finished run of each kind, on a file whose name must not become markup."""
    folder = tmp_path_factory.mktemp("report")
    pictures, factors = images()
    path = folder / "a<b>&c.npz"
    np.savez(path, images=pictures, factors=factors, factor_names=["place", "width"])
    np.savez(folder / "plain.npz", images=pictures)
    ds = ifp.load_dataset(str(path))
    annealed = ifp.anneal(str(path), contexts=2, planning_contexts=4, protocol="equilibrium", out=folder / "anneal")
    plan = plan_stages(planning_findings(annealed))
    short = {"steps": 12, "batch_size": 8, "eval_every": 4, "probe": 32, "threads": 1}
    trained = ifp.train(ds, plan=plan, out=folder / "train", **short)
    cooled = {"hold_steps": 4, "steps": 104, "record_every": 8, "probe": 32, "latents": 3, "threads": 1}
    return {
        "anneal": annealed,
        "train": trained,
        "anneal-whole": ifp.anneal(ds, mode="full", out=folder / "whole", predicted={"place": 30.0}, **cooled),
        "unlabelled": ifp.anneal(
            ifp.load_dataset(str(folder / "plain.npz")), mode="full", out=folder / "plain", **cooled
        ),
    }


@pytest.fixture(scope="module")
def written(runs):
    return {kind: write_report(run) for kind, run in runs.items()}


class Page(HTMLParser):
    """Tags with their attributes, text by section, and the cells of tables by row."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.texts, self.rows = [], [], []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        self.texts.append(data)
        if self.tags and self.tags[-1][0] in ("td", "th"):
            self.rows[-1][-1] += data.strip()

    def of(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


KINDS = ("anneal", "train", "anneal-whole", "unlabelled")


@pytest.fixture(scope="module")
def pages(written):
    return {kind: Page(path.read_text(encoding="utf-8")) for kind, path in written.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_needs_nothing_but_itself_and_tells_its_pictures_in_words(kind, pages):
    found = pages[kind]
    assert "type" not in found.of("script")[-1]  # one runs, the others are data
    assert {each.get("type") for each in found.of("script")[:-1]} == {"application/json"}
    assert all({*each} <= {"type"} for each in found.of("script"))
    assert found.of("img")
    for image in found.of("img"):
        assert image["src"].startswith("data:image/png;base64,")
        assert len(image["alt"]) > 40
    for _, attributes in found.tags:
        assert all(attributes.get(name, "#").startswith(("#", "data:")) for name in ("src", "href", "action", "poster"))
    assert not re.search(r"url\(|@import", "".join(found.texts))
    identifiers = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(set(identifiers)) == len(identifiers)
    assert [link["href"][1:] for link in found.of("a")] == identifiers


@pytest.mark.parametrize(
    ("kind", "titles"),
    [
        ("anneal", ["Freezing points", "Pressure by pressure", "Curves", "Separability", "Predicted diffusion"]),
        ("train", ["Latents", "Record by record", "Information diffusion", "Scores"]),
        ("anneal-whole", ["Latents as the pressure rises and falls", "Pressure by pressure", "Information diffusion"]),
        ("unlabelled", ["Latents as the pressure rises and falls", "Pressure by pressure"]),
    ],
)
def test_every_kind_has_its_sections_then_plan_settings_and_how_to_do_it_again(kind, titles, pages):
    texts = pages[kind].texts
    shown = [texts[texts.index(title)] for title in titles]
    assert shown == titles
    assert [title for title in ("Plan", "Settings", "How to do it again") if title in texts] == [
        "Plan", "Settings", "How to do it again",
    ]  # fmt: skip


def test_the_numbers_are_those_of_the_run_s_files(runs, pages):
    table = pd.read_csv(runs["anneal"].path / "freezing.csv")
    main = table[table["threshold_nats"] == 0.1].groupby("factor")["ifp_beta"].median()
    rows = {row[0]: row for row in pages["anneal"].rows[:3]}
    assert rows["place"][3] == cell(float(main["place"]))
    assert rows["width"][3] == cell(float(main["width"]))
    findings = planning_findings(runs["anneal"])
    (pair,) = (each for each in findings.pairs if each.basis == "planning")
    first = cell(pair.comparison.superiority)
    assert [pair.first, "-", first] in pages["anneal"].rows
    plan = plan_stages(findings)
    for kind in ("anneal", "train"):
        texts = "".join(pages[kind].texts)
        assert all(str(line) in texts for stage in plan.stages for line in stage.evidence)


@pytest.mark.parametrize(
    ("kind", "no_option"),
    [
        ("anneal", {"planning_contexts"}),
        ("train", {"probe"}),
        ("anneal-whole", {"hold_steps", "cool_steps", "record_every", "probe"}),
    ],
)
def test_the_command_to_do_it_again_has_the_run_s_settings(kind, no_option, runs, pages, tmp_path, monkeypatch):
    run = runs[kind]
    (line,) = (text for text in pages[kind].texts if re.match("ifp (anneal|train) --", text))
    words = shlex.split(line)
    monkeypatch.chdir(run.path)  # a training run has its plan.json there
    with monkeypatch.context() as patch:
        if kind == "anneal-whole":  # the defaults of what is no option would take minutes
            patch.setattr("ifp.whole_annealing.run.whole_annealing", lambda *given: iter(()))
            patch.setattr(Run, "findings", lambda run: annealed_whole(runs[kind]).findings)
        if kind == "anneal":
            patch.setitem(AnnealConfig.__init__.__kwdefaults__, "planning_contexts", 4)  # as the run has them
        ended = CliRunner().invoke(app, [*words[1:], "--out", str(tmp_path / "again")])
    assert ended.exit_code == 0, (ended.stderr, ended.exception)
    again, before = (load_json(path / "config.json")["settings"] for path in (tmp_path / "again", run.path))
    assert {name: again[name] for name in again if name not in no_option | {"predicted"}} == {
        name: before[name] for name in before if name not in no_option | {"predicted"}
    }


def chart_rows(found, first):
    """The rows of a chart's table of all records, each by its columns, without what stands in brackets."""
    start = next(number for number, row in enumerate(found.rows) if row[0] == first and row[-1].startswith("KL of "))
    end = next(number for number, row in enumerate(found.rows) if number > start and len(row) != len(found.rows[start]))
    return [dict(zip(found.rows[start], row, strict=True)) for row in found.rows[start + 1 : end]]


def test_a_training_run_is_told_record_by_record(runs, pages):
    with np.load(runs["train"].path / "trace.npz") as trace:
        rows = chart_rows(pages["train"], "step")
        assert [row["step"] for row in rows] == [str(step) for step in trace["step"]]
        assert [row["beta"] for row in rows] == [cell(float(beta)) for beta in trace["pressure"]]
        for latent, kl in enumerate(trace["kl"].T):
            assert [row[f"KL of z{latent}"].split(" ")[0] for row in rows] == [f"{nats:.3f}" for nats in kl]
        for row, kl in zip(rows, trace["kl"], strict=True):
            assert row["awake latents"] == (", ".join(f"z{j}" for j in np.flatnonzero(kl >= 0.1)) or "none")
        plan = ifp.plan_stages(plan=runs["train"].path / "plan.json")
        if len(plan.stages) > 1:
            assert [row["stage"].split(" of ")[0] for row in rows] == [str(stage + 1) for stage in trace["stage"]]


def test_an_annealing_test_is_told_pressure_by_pressure(runs, pages):
    rows = chart_rows(pages["anneal"], "beta")
    table = pd.read_csv(runs["anneal"].path / "freezing.csv")
    main = table[table["threshold_nats"] == 0.1]
    pressures = np.array([float(row["beta"]) for row in rows])
    with np.load(runs["anneal"].path / "curves.npz") as curves:
        assert pressures[[0, -1]] == pytest.approx([curves["beta"].min(), curves["beta"].max()], rel=1e-3)
    for name in ("place", "width"):
        points = main.loc[main["factor"] == name, "melting_beta"]
        heated = np.array([int(re.search(r"(\d) of 2 heated", row[f"KL of {name}"])[1]) for row in rows])
        for below, (before, after) in zip(pressures, itertools.pairwise(heated), strict=False):
            if before != after:  # a case melts between two neighbouring pressures of the grid, a fortieth apart
                assert (abs(np.log(points / below)) < np.log(pressures[1] / pressures[0]) + 0.05).any()
        assert heated[0] == 2
        assert heated[-1] == 0


def test_a_run_by_a_plan_has_each_factor_as_planned_and_as_it_came(runs, pages):
    found = ifp.diagnose(runs["train"])
    assert [each.factor for each in found.plan] == ["place", "width"]
    stages = {
        name: stage for stage in ifp.plan_stages(plan=runs["train"].path / "plan.json").stages for name in stage.factors
    }
    for each in found.plan:
        assert each.planned_pressure == stages[each.factor].pressure
        (row,) = (row for row in pages["train"].rows if row[:2] == [each.factor, each.verdict])
        assert row[4] == cell(stages[each.factor].pressure)
    assert "Plan and outcome" in pages["train"].texts
    assert "Plan and outcome" not in pages["anneal"].texts


def test_scores_measured_later_are_in_the_next_report(runs, tmp_path):
    run = open_run(shutil.copytree(runs["train"].path, tmp_path / "run"))
    apart = decompose_kl(np.zeros((3, 2)), np.zeros((3, 2)))
    scores = load_json(run.path / "scores.json") | {"sap": 0.125, "kl_decomposition": asdict(apart)}
    run.write("scores.json", json_bytes(scores))
    found = Page(write_report(run).read_text(encoding="utf-8"))
    assert ["sap", "0.125"] in found.rows
    assert ["1", "0", "0", "0"] in found.rows
    assert not any("measures the others" in text for text in found.texts)


def test_a_name_is_never_markup(written, pages):
    assert "<b>" not in written["anneal"].read_text(encoding="utf-8")
    assert any("a<b>&c.npz" in text for text in pages["anneal"].texts)


def test_the_command_writes_where_it_is_told_and_prints_the_path(runs, tmp_path):
    shown = CliRunner().invoke(app, ["report", str(runs["train"].path), "--out", str(tmp_path / "a.html")])
    assert (shown.exit_code, shown.stdout.strip()) == (0, str(tmp_path / "a.html"))
    newest = CliRunner().invoke(app, ["report", "--runs", str(runs["train"].path.parent)])
    assert newest.stdout.strip() == str(runs["unlabelled"].path / "report.html")


def test_several_runs_share_a_page_with_a_summary(runs, pages, tmp_path):
    given = [runs["anneal"], runs["train"].path, str(runs["anneal-whole"].path)]
    path = write_report(given, tmp_path / "all.html")
    found = Page(path.read_text(encoding="utf-8"))
    assert [title for title in ("Summary", "anneal", "train", "whole") if title in found.texts] == [
        "Summary", "anneal", "train", "whole",
    ]  # fmt: skip
    assert [link["href"] for link in found.of("a")] == [f"#part-{number}" for number in range(4)]
    assert [row[:2] for row in found.rows[1:4]] == [["anneal", "anneal"], ["train", "train"], ["whole", "anneal-whole"]]
    table = pd.read_csv(runs["anneal"].path / "freezing.csv")
    medians = table[table["threshold_nats"] == 0.1].groupby("factor")["ifp_beta"].median()
    assert ["place", cell(float(medians["place"]))] in found.rows
    with np.load(runs["train"].path / "trace.npz") as trace:
        assert ["reconstruction", cell(float(trace["reconstruction"][-1]))] in found.rows
    assert ["MIG", cell(load_json(runs["train"].path / "scores.json")["mig"])] in found.rows
    for kind in ("anneal", "train", "anneal-whole"):  # each with all that its own page has
        assert [row for row in pages[kind].rows if row not in found.rows] == []
    twice = Page(write_report([runs["train"]] * 2, tmp_path / "twice.html").read_text(encoding="utf-8"))
    assert {f"{runs['train'].path} (1)", f"{runs['train'].path} (2)"} <= set(twice.texts)


def test_several_runs_need_a_file_that_is_told(runs):
    with pytest.raises(IFPError, match="need --out FILE"):
        write_report([runs["anneal"], runs["train"]])
    with pytest.raises(IFPError, match="got an empty list"):
        write_report([])


@pytest.mark.parametrize("there", [True, False])
def test_the_browser_is_opened_where_there_is_one(there, runs, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or there)
    path = tmp_path / "a b.html"
    words = ["report", str(runs["unlabelled"].path), "--out", str(path)]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert opened == []
    shown = CliRunner().invoke(app, [*words, "--open"])
    assert (shown.exit_code, shown.stdout.strip()) == (0, str(path))
    assert opened == [path.as_uri()]
    assert ("there is no browser here" in shown.stderr) is not there


def test_an_unfinished_run_has_no_report(tmp_path):
    run = create_run(tmp_path / "run", "train", {}, {"name": "bars", "images": 3, "image_shape": (2, 2, 1)})
    with pytest.raises(RunError, match="need a finished run for a report"):
        write_report(run)
    assert [path.name for path in run.path.iterdir()] == ["config.json"]


def test_parts_are_written_as_they_are_meant():
    parts = (Text("a & b", warning=True), Listed(("one", "<two>")), Code("x < 1"), Table("none here", ()))
    source = page("T", "lead", [Section("S", parts)]).decode()
    assert '<p class="warning">a &amp; b</p>' in source
    assert "<li>one</li><li>&lt;two&gt;</li>" in source
    assert "<pre>x &lt; 1</pre>" in source
    assert "<p>none here: none</p>" in source


@needs_browser
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [390, 1440])
def test_in_a_browser_nothing_fails_loads_from_elsewhere_or_scrolls_sideways(kind, width, written, pages, tmp_path):
    found = in_browser(written[kind], width, tmp_path)
    assert found["width"] <= width
    assert found["pictures"] == len(pages[kind].of("img"))
    *traversals, chart = found["sliders"]
    latents = ifp.plan_stages(plan=written["train"].parent / "plan.json").latents
    assert len(traversals) == (latents if kind == "train" else 0)
    for slider in traversals:
        assert [said for said, _, _ in slider["told"]] == ["-2.5", "+2.5"]
    axis = "step" if kind == "train" else "beta"
    rows = chart_rows(pages[kind], axis)
    for row, (said, value, shown) in zip((rows[0], rows[-1]), chart["told"], strict=True):
        columns = [name for name in row if not name.startswith("KL of ")]
        assert said == value == "; ".join(f"{name} {row[name]}" for name in columns)
        told = {f"KL of {name}": f"{nats} ({holds})" if holds else nats for name, _, nats, holds in shown}
        assert told == {name: text for name, text in row.items() if name not in columns}
    assert all(label == hint for label, hint in found["marks"])
    assert len(found["marks"]) == sum("mark" in each.get("class", "") for each in pages[kind].of("g"))
