"""Results show themselves in a notebook as the table that they print, and what is in a name stays text."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from analysis.freezing_points import find_freezing_points
from analysis.printed import printed, printed_html
from analysis.scores.scores import Scores
from analysis.stage_plan import FORMAT, Stage, StagePlan


class Cells(HTMLParser):
    """The texts of a page's cells, row by row, and the names of its tags."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.tags = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data):
        if data.strip() and self.rows and self.lasttag in ("td", "th"):
            self.rows[-1].append(data.strip())


def points():
    beta = np.geomspace(200, 10, 60)
    kl = np.stack([np.maximum(np.log(90 / beta), 0), np.zeros(60)], axis=1)
    return find_freezing_points(np.arange(60), beta, kl)


def plan():
    stages = (
        Stage(9.0, ("posX",), (0,), 0.5, {"posX": 2.0}, None),
        Stage(1.0, ("scale",), (1,), 0.5, {"scale": 1}, None),
    )
    return StagePlan(FORMAT, "mine", "0" * 16, (8, 8, 1), "bernoulli", 2, 0.1, stages, None, [])


@pytest.mark.parametrize("made", [points, plan, lambda: Scores(mig=0.5, sap=0.25)], ids=["points", "plan", "scores"])
def test_a_notebook_shows_what_a_prompt_does(made):
    result = made()
    title, *lines = repr(result).splitlines()
    page = result._repr_html_()
    assert page.startswith(f"<p>{title}</p>")
    cells = Cells(page).rows
    assert [word for row in cells for cell in row for word in cell.split()] == " ".join(lines).split()
    assert cells[0] == list(result.to_frame())


def test_names_are_no_html_and_long_frames_are_cut():
    frame = pd.DataFrame({"<b>name</b>": ["<script>alert(1)</script>"] * 30})
    page = printed_html("<i>title</i>", frame)
    found = Cells(page)
    assert found.tags == {"p", "table", "thead", "tbody", "tr", "th", "td"}
    assert found.rows[1] == ["<script>alert(1)</script>"]
    assert len(found.rows) == 1 + 20
    assert page.endswith("<p>... 10 more rows: .to_frame()</p>")
    assert printed("title", frame).endswith("... 10 more rows: .to_frame()")
