"""Charts under sliders: what the script is told stands in the page, and is what the run recorded."""

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from analysis.figures.traversal import draw_traversal
from annealing.errors import IFPError
from ifp.files.plain import read_file
from ifp.pages.chart import Chart, Curve, Mark, StageLine, kept_records
from ifp.pages.chart_svg import chart_data, chart_svg
from ifp.pages.page import Section, page
from ifp.pages.panels import traversal_panels
from ifp.pages.script import data_block


class Scripts(HTMLParser):
    """What stands in each script, style and cell, and the policy."""

    def __init__(self, source):
        super().__init__()
        self.held, self.policy, self._tag = {"script": [], "style": [], "td": []}, "", ""
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self._tag = tag
        if tag in self.held:
            self.held[tag].append("")
        if dict(attributes).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attributes)["content"]

    def handle_endtag(self, tag):
        self._tag = ""

    def handle_data(self, data):
        if self._tag in self.held:
            self.held[self._tag][-1] += data


def chart(names=("z0", "z1"), at=(0.0, 10.0, 40.0), logarithmic=False):
    """Three records of two latents: the first freezes at the second record."""
    curves = (
        Curve(names[0], "#0173b2", (0.0, 0.5, 2.0), ("", "place 0.40", "place 1.90")),
        Curve(names[1], "#7d7d7d", (0.0, float("nan"), 0.05), ("", "", "")),
    )
    return Chart(
        title="KL", subject="latent", holds="holds", control="Record", axis="step", at=at, logarithmic=logarithmic,
        records=({"step": 0, "beta": 9.0}, {"step": 10, "beta": 9.0}, {"step": 40, "beta": 3.0}),
        curves=curves, marks=(Mark(at[1], 0, "froze", "place froze in z0", 0.5),),
        stages=(StageLine(at[0], "stage 1", "Stage 1 of 1"),), threshold=0.1, caption="A curve per latent.",
    )  # fmt: skip


def test_only_this_script_and_this_style_may_run_and_nothing_is_fetched():
    found = Scripts(page("T", "lead", [Section("S", (chart(),))]).decode())
    *data, script = found.held["script"]
    (style,) = found.held["style"]
    assert len(data) == 1
    allowed = dict(each.split(" ", 1) for each in found.policy.split("; "))
    for text, kind in ((script, "script-src"), (style, "style-src")):
        assert allowed[kind] == f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    assert {name: source for name, source in allowed.items() if name not in ("script-src", "style-src")} == {
        "default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function\(|fetch|XMLHttp", script
    )
    assert len(script.splitlines()) <= 150


def test_all_that_the_slider_tells_stands_in_the_table():
    told = chart_data(chart())
    cells = Scripts(page("T", "lead", [Section("S", (chart(),))]).decode()).held["td"]
    assert cells == [
        "0", "9", "0.000", "0.000",
        "10", "9", "0.500 (place 0.40)", "-",
        "40", "3", "2.000 (place 1.90)", "0.050",
    ]  # fmt: skip
    assert told["told"] == ["step 0; beta 9", "step 10; beta 9", "step 40; beta 3"]
    assert [curve["state"] for curve in told["curves"]] == [
        ["asleep", "awake", "awake"], ["asleep", "unknown", "asleep"],
    ]  # fmt: skip
    assert told["curves"][0]["nats"] == ["0.000", "0.500", "2.000"]
    assert told["curves"][1]["y"][1] is None


@pytest.mark.parametrize(
    ("at", "logarithmic", "share"), [((0.0, 10.0, 40.0), False, 0.25), ((1.0, 2.0, 16.0), True, 0.25)]
)
def test_places_are_those_of_the_axis(at, logarithmic, share):
    told = chart_data(chart(at=at, logarithmic=logarithmic))
    first, middle, last = told["x"]
    assert (middle - first) / (last - first) == pytest.approx(share, abs=1e-3)
    low, half, high = told["curves"][0]["y"]
    assert (low - half) / (low - high) == pytest.approx(0.25, abs=1e-3)  # 0.5 of 2 nats
    assert f"translate({middle:.1f} {half:.1f})" in chart_svg(chart(at=at, logarithmic=logarithmic))


@pytest.mark.parametrize("at", [(1.0, 1.0, 2.0), (2.0, 1.0, 3.0), (0.0, 1.0, 2.0), (1.0, 2.0, float("inf")), ()])
def test_records_that_cannot_be_laid_out_are_refused(at):
    with pytest.raises(IFPError, match="need records at finite places that rise"):
        chart(at=at, logarithmic=True) if at else Chart(
            "", "", "", "", "", (), False, (), (), (), (), 0.1, ""
        )  # fmt: skip


@pytest.mark.parametrize("logarithmic", [False, True])
def test_a_single_record_stands_where_the_axis_begins(logarithmic):
    alone = Chart(
        title="KL", subject="latent", holds="holds", control="Record", axis="step", at=(3.0,), logarithmic=logarithmic,
        records=({"step": 3},), curves=(Curve("z0", "#0173b2", (1.0,), ("",)),), marks=(), stages=(), threshold=0.1,
        caption="",
    )  # fmt: skip
    (x,) = chart_data(alone)["x"]
    assert f'd="M{x:.0f}' in chart_svg(alone).split('class="curve"')[0]  # of the axis
    assert chart_data(alone)["told"] == ["step 3"]


def test_a_long_training_shows_the_records_that_are_needed():
    kept = kept_records(100_000, 10, [17, 99_998])
    assert len(kept) <= 302
    assert {0, 17, 99_998, 99_999} <= set(kept)
    assert kept == sorted(kept)


@pytest.mark.parametrize(
    "text",
    ["</script><script>alert(1)</script>", "<!--", "]]>", "a\u2028b\u2029c", "\u202eback\u202c", "\"'&amp;`${x}"],
)
def test_data_come_back_as_they_were_and_are_never_markup(text):
    source = data_block({text: [text]})
    inside = source.removeprefix('<script type="application/json">').removesuffix("</script>")
    assert not set(inside) & set("<>&\u2028\u2029\u202e")
    assert json.loads(inside) == {text: [text]}
    found = Scripts(source + "<td>after</td>")
    assert found.held["script"] == [inside]
    assert found.held["td"] == ["after"]


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_each_panel_of_a_traversal_is_found_where_it_is_drawn(channels):
    shades = np.linspace(0.05, 1.0, 12).reshape(3, 4)
    images = np.broadcast_to(shades[:, :, None, None, None], (3, 4, 8, 8, channels))
    buffer = io.BytesIO()
    draw_traversal(images, (-1.0, 0.0, 1.0, 2.0), ["z0\nplace", "z1  0.31 nats", "z2"]).savefig(
        buffer, format="png", dpi=100
    )
    panels = traversal_panels(buffer.getvalue(), ["z0", "z1", "z2"], (-1.0, 0.0, 1.0, 2.0))
    from PIL import Image

    pixels = np.asarray(Image.open(buffer).convert("L"), float)
    for row, boxes in enumerate(panels.boxes):
        for column, (left, top, width, height) in enumerate(boxes):
            inside = pixels[top + 4 : top + height - 4, left + 4 : left + width - 4]
            np.testing.assert_allclose(inside, 255 * shades[row, column], atol=2)
    assert panels.data()["values"] == ["-1.0", "+0.0", "+1.0", "+2.0"]


def test_a_picture_that_is_no_traversal_has_no_panels(tmp_path):
    from PIL import Image

    for picture in (Image.new("L", (200, 200), 255), Image.new("L", (200, 200), 0), Image.new("RGBA", (30, 3))):
        picture.save(tmp_path / "picture.png")
        data = read_file(tmp_path / "picture.png", "a picture", 2**20)
        assert traversal_panels(data, ["z0", "z1"], (-1.0, 1.0)) is None
    assert traversal_panels(data[:60], ["z0", "z1"], (-1.0, 1.0)) is None
