"""Reports of runs whose names and settings are markup: the page has the same elements as that of a harmless run."""

from html.parser import HTMLParser

import numpy as np
import pytest

import ifp
from analysis.plain_json import json_bytes
from analysis.stage_plan import FORMAT, Stage, StagePlan
from ifp.api.report import report as write_report
from ifp.files.plain import load_json
from ifp.pages.chart import Chart, Curve, Mark, StageLine
from ifp.pages.page import Folded, Section, page
from ifp.pages.parts import plan_section
from ifp.run_directory.run import open_run
from tests.ifp.browser import in_browser, needs_browser

pytestmark = pytest.mark.usefixtures("_one_thread")
MARKUP = "\"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;'</style></title><!--"
FILE = "a<script>b&c\"d'e"  # no slash: it is a file's name
FACTORS = ('<b onclick="x">&lt;\'</b>\u202e', "</script><script>a=1</script>")


class Structure(HTMLParser):
    """Elements with the names of their attributes, what attributes may lead somewhere, and all text."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.elements, self.links, self.text = [], [], ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, tuple(name for name, _ in attributes)))
        self.links += [value for name, value in attributes if name in ("href", "src", "id", "class", "style")]

    def handle_endtag(self, tag):
        self.elements.append((f"/{tag}", ()))

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.elements.append(("comment", ()))


def annealed(folder, file, factors, changed):
    """A finished annealing run on bars whose file and factors have such names, with such texts in its config."""
    classes = np.stack(np.meshgrid(np.arange(4), np.arange(3), indexing="ij"), axis=-1).reshape(-1, 2)
    pictures = np.zeros((len(classes), 8, 8), np.uint8)
    for image, (place, width) in zip(pictures, classes, strict=True):
        image[2 * place : 2 * place + 2, : 2 + 2 * width] = 255
    np.savez(folder / f"{file}.npz", images=pictures, factors=classes, factor_names=factors)
    settings = {"contexts": 2, "planning_contexts": 4, "protocol": "equilibrium"}
    run = ifp.anneal(str(folder / f"{file}.npz"), out=folder / "run", **settings)
    config = load_json(run.path / "config.json")
    config["created"] = changed
    config["versions"] = {changed: changed}
    config["data"]["source"] = changed
    config["settings"]["data_options"]["background"] = changed
    config["settings"]["data_options"]["correlate"] = [changed]
    run.write("config.json", json_bytes(config))
    return open_run(run.path)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The page of a harmless run, and of one that is not."""
    return [
        write_report(annealed(tmp_path_factory.mktemp("page"), file, factors, changed))
        for file, factors, changed in (("plain", ("place", "width"), "text"), (FILE, FACTORS, MARKUP))
    ]


@pytest.fixture(scope="module")
def pages(written):
    return [Structure(path.read_text(encoding="utf-8")) for path in written]


def test_no_element_and_no_attribute_stems_from_data(pages):
    plain, hostile = pages
    assert hostile.elements == plain.elements
    assert {tag for tag, _ in hostile.elements} & {"b", "comment", "iframe", "form"} == set()
    scripts = [attributes for tag, attributes in hostile.elements if tag == "script"]
    assert scripts == [("type",), ()]  # data, and the page's own
    assert [link for link in hostile.links if not link.startswith("data:image/png")] == [
        link for link in plain.links if not link.startswith("data:image/png")
    ]


@pytest.mark.parametrize("text", [*FACTORS, FILE, MARKUP])
def test_names_and_settings_are_told_as_they_are(text, pages):
    assert text in pages[1].text


@needs_browser
def test_in_a_browser_names_are_text_in_what_the_script_adds(written, tmp_path):
    plain, hostile = (in_browser(path, 1440, tmp_path) for path in written)
    assert hostile["elements"] == plain["elements"]
    assert (hostile["strange"], hostile["ran"]) == (0, 0)
    (slider,) = hostile["sliders"]
    for said, value, shown in slider["told"]:
        assert said == value
        assert [name for name, *_ in shown] == list(FACTORS)
    assert any(FACTORS[0] in said for said, _, _ in slider["told"])
    assert {hint.split(", context")[0] for _, hint in hostile["marks"]} == set(FACTORS)


def test_every_text_of_a_chart_is_text():
    def shown(text):
        curve = Curve(text, "#000000", (0.0, 1.0), (text, text))
        chart = Chart(
            title=text, subject=text, holds=text, control=text, axis=text, at=(1.0, 2.0), logarithmic=False,
            records=({"step": text}, {"step": text}), curves=(curve,), marks=(Mark(1.0, 0, "froze", text, 0.5),),
            stages=(StageLine(1.0, text, text),), threshold=0.1, caption=text,
        )  # fmt: skip
        return Structure(page("T", "lead", [Section("S", (chart, Folded(text, chart.table())))]).decode())

    found = shown(MARKUP)
    assert found.elements == shown("plain text").elements
    assert found.text.count(MARKUP) > 8


@pytest.mark.parametrize(
    "free", [MARKUP, [MARKUP], {MARKUP: [MARKUP]}, 7, True, [[MARKUP]]], ids=lambda each: type(each).__name__
)
def test_what_is_free_in_a_plan_is_text_whatever_it_is(free):
    def shown(value):
        stage = Stage(1.0, (MARKUP.replace("/", ""),), (0,), 1.0, {MARKUP: 0.5}, value)
        plan = StagePlan(
            format=FORMAT, dataset="d", fingerprint="f", image_shape=(8, 8, 1), likelihood="bernoulli", latents=1,
            gamma=0.1, stages=(stage,), source=value, warnings=value,
        )  # fmt: skip
        return Structure(page(MARKUP, MARKUP, [plan_section(StagePlan.from_json(json_bytes(plan).decode()))]).decode())

    found = shown(free)
    assert found.elements == shown("plain text").elements
    assert MARKUP.replace("/", "") in found.text
