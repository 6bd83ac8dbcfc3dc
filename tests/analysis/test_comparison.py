import numpy as np

from analysis.comparison import measures_of, summarise_methods
from analysis.figures.comparison import draw_comparison

ROWS = [
    {"method": "a", "seed": 0, "run": "a-0", "steps": 5, "status": "ok", "mig": 0.1, "kl": 3.0},
    {"method": "a", "seed": 1, "run": "a-1", "steps": 5, "status": "ok", "mig": 0.5, "kl": 4.0},
    {"method": "a", "seed": 2, "run": "a-2", "steps": 5, "status": "ok", "mig": 0.2, "kl": None},
    {"method": "b", "seed": 0, "run": "b-0", "steps": 5, "status": "ok", "mig": 0.4, "kl": float("nan")},
    {"method": "b", "seed": 1, "run": "b-1", "steps": 5, "status": "training diverged"},
]


def test_methods_have_median_and_spread_of_what_their_runs_have():
    found = {(each.method, each.measure): each for each in summarise_methods(ROWS)}
    mig = found["a", "mig"]
    assert (mig.count, mig.median, mig.low, mig.high) == (3, 0.2, 0.1, 0.5)
    assert (found["a", "kl"].count, found["a", "kl"].median) == (2, 3.5)
    assert (found["b", "mig"].count, found["b", "mig"].median) == (1, 0.4)
    assert ("b", "kl") not in found
    assert measures_of(ROWS) == ["mig", "kl"]


def test_the_figure_has_a_panel_a_measure_and_a_point_a_run():
    figure = draw_comparison(ROWS, "bars")
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_xlabel() for axes in panels] == ["mig", "kl"]
    points = np.concatenate([each.get_offsets() for each in panels[0].collections])
    assert sorted(points[:, 0].tolist()) == [0.1, 0.2, 0.4, 0.5]
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["a", "b"]
