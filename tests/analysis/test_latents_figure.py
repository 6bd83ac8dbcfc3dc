"""What the figure of many latents shows, read back from its artists."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from analysis.attribution import LatentBranch, latent_freezing
from analysis.figures.latents import draw_latents
from analysis.figures.palette import factor_colours

BETA = np.geomspace(200, 2, 60)
NAMES = ("scale", "posX", "posY")
PREDICTED = {"posX": 120.0, "posY": 119.0, "scale": 60.0}


def branch(names=NAMES):
    """Latent 0 freezes about posX at 100, 1 about scale at 30; 2 stays silent, 3 is active and about nothing."""
    kl = np.stack([np.maximum(np.log(point / BETA), 0) for point in (100, 30, 0.1, 10)], axis=1)
    above = np.zeros((len(BETA), 4, len(names)))
    if names:
        above[:, 0, 1], above[:, 1, 0] = kl[:, 0], kl[:, 1]
    return LatentBranch(BETA, kl, above, names)


def drawn(made, predicted):
    (axes,) = draw_latents(made, latent_freezing(made, (0.1,)), 0.1, predicted).axes
    curves = {line.get_label(): line for line in axes.lines if len(line.get_xdata()) == len(BETA)}
    dots = [(line.get_xdata()[0], to_rgb(line.get_color())) for line in axes.lines if line.get_marker() == "o"]
    upright = [line for line in axes.lines if len(line.get_xdata()) == 2 and np.ptp(line.get_xdata()) == 0]
    legend = axes.get_legend()
    return axes, curves, dots, upright, [text.get_text() for text in legend.get_texts()] if legend else []


def test_each_latent_has_its_curve_in_the_colour_of_what_it_froze_about():
    made, colours = branch(), factor_colours(NAMES)
    axes, curves, dots, _, legend = drawn(made, {})
    for latent in range(4):
        np.testing.assert_array_equal(curves[f"z{latent}"].get_xdata(), BETA)
        np.testing.assert_array_equal(curves[f"z{latent}"].get_ydata(), made.kl[:, latent])
    assert to_rgb(curves["z0"].get_color()) == to_rgb(colours["posX"])
    assert to_rgb(curves["z1"].get_color()) == to_rgb(colours["scale"])
    assert len({to_rgb(curves[f"z{latent}"].get_color()) for latent in (2, 3)} - set(colours.values())) == 1
    assert [colour for _, colour in dots[:2]] == [to_rgb(colours["posX"]), to_rgb(colours["scale"])]
    np.testing.assert_allclose([beta for beta, _ in dots], np.array([100, 30, 10]) * np.exp(-0.1), rtol=0.01)
    assert [text.get_text() for text in axes.texts] == ["z0", "z1", "z3"]  # the silent one is not named
    assert legend == ["scale", "posX", "no factor told"]


def test_predicted_points_are_lines_and_those_of_one_mode_share_a_name():
    axes, _, _, upright, legend = drawn(branch(), PREDICTED)
    assert sorted(line.get_xdata()[0] for line in upright) == [60.0, 119.0, 120.0]
    assert {text.get_text() for text in axes.texts} == {"z0", "z1", "z3", "posX, posY", "scale"}
    assert legend[-1] == "predicted freezing point"


def test_a_prediction_above_the_swept_range_is_still_in_view():
    axes = drawn(branch(), {"scale": 500.0})[0]
    assert axes.get_xlim()[1] > 500
    assert axes.get_xlim()[0] < BETA[-1]
    assert axes.get_xscale() == "log"
    assert "nats" in axes.get_xlabel()
    assert "nats" in axes.get_ylabel()


@pytest.mark.parametrize("predicted", [{}, {"all": 150.0}])
def test_without_labels_all_curves_are_of_one_colour(predicted):
    _, curves, dots, upright, legend = drawn(branch(()), predicted)
    assert len({to_rgb(line.get_color()) for line in curves.values()}) == 1
    assert len(dots) == 3
    assert [line.get_xdata()[0] for line in upright] == list(predicted.values())
    assert legend[0] == "no labels"
