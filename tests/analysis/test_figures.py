"""What the figures show, read back from their artists."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgb

from analysis.figures.curves import draw_curves
from analysis.figures.distributions import draw_distributions
from analysis.figures.samples import draw_samples
from analysis.figures.traversal import draw_traversal
from annealing.errors import IFPError

POINTS = {"posX": [180.0, 170.0, 190.0], "shape": [70.0, 75.0, 60.0], "scale": [130.0, 120.0, 140.0]}
FACTORS = list(POINTS)
RELATIVE = np.geomspace(0.3, 3.0, 9)


def freezing_table():
    rows = [
        {
            "dataset": "shapes",
            "factor": factor,
            "context": context,
            "threshold_nats": 0.1,
            "ifp_beta": 1.02 * point,
            "ifp_low": 0.9 * point,
            "ifp_high": 1.2 * point,
            "spectral_beta": point,
            "status": "never_froze" if (factor, context) == ("shape", 1) else "ok",
        }
        for factor, points in POINTS.items()
        for context, point in enumerate(points)
    ]
    return pd.DataFrame(rows)


def spectral_table():
    rng = np.random.default_rng(1)
    rows = [
        {"factor": factor, "context": context, "spectral_beta": points[0] * rng.lognormal(0, 0.1)}
        for factor, points in POINTS.items()
        for context in range(40)
    ]
    return pd.DataFrame(rows)


def curve_arrays():
    """Cases of a factor in falling order of context; the cooling branch lies lower than the heating one."""
    cases = [(factor, context) for factor in FACTORS for context in (2, 1, 0)]
    heat = np.maximum(np.log(1 / RELATIVE), 0)
    kl = np.concatenate([[9.0], heat, heat[::-1] / 2])
    return {
        "factor": np.array([factor for factor, _ in cases]),
        "context": np.array([context for _, context in cases]),
        "direction": np.tile(np.repeat(["learn", "heat", "cool"], [1, 9, 9]), (len(cases), 1)),
        "loop": np.tile(np.repeat([0, 0, 1], [1, 9, 9]), (len(cases), 1)),
        "beta": np.array(
            [POINTS[factor][context] * np.concatenate([[0.3], RELATIVE, RELATIVE[::-1]]) for factor, context in cases]
        ),
        "kl": np.array([np.stack([kl * (1 + number), 0 * kl], axis=1) for number in range(len(cases))]),
    }


def colours_of_distributions(figure):
    dots = [each for each in figure.axes[0].collections if isinstance(each, PathCollection)]
    return [to_rgb(each.get_facecolor()[0]) for each in dots[::2]]


def scatters(figure):
    """Per factor, the measured points and their closed forms."""
    found = [each.get_offsets() for each in figure.axes[0].collections if isinstance(each, PathCollection)]
    return dict(zip(FACTORS, zip(found[::2], found[1::2], strict=True), strict=True))


@pytest.fixture(params=["box", "violin"])
def distributions(request):
    return draw_distributions(freezing_table(), spectral_table(), request.param)


def test_measured_points_lie_at_their_pressures_in_their_factor_s_row(distributions):
    for row, (factor, (dots, _)) in enumerate(scatters(distributions).items()):
        contexts = [0, 2] if factor == "shape" else [0, 1, 2]
        np.testing.assert_allclose(dots[:, 0], [1.02 * POINTS[factor][context] for context in contexts])
        assert (np.abs(dots[:, 1] - row) < 0.5).all()


def test_each_measured_point_has_its_own_closed_form_and_bracket_on_its_line(distributions):
    brackets = [
        each.get_segments()
        for each in distributions.axes[0].collections
        if isinstance(each, LineCollection) and len(each.get_segments())
    ]
    for (factor, (dots, ticks)), segments in zip(scatters(distributions).items(), brackets, strict=True):
        np.testing.assert_allclose(ticks[:, 0], dots[:, 0] / 1.02, err_msg=factor)
        np.testing.assert_allclose(ticks[:, 1], dots[:, 1])
        for (x, y), segment in zip(dots, segments, strict=True):
            np.testing.assert_allclose(segment, [[x / 1.02 * 0.9, y], [x / 1.02 * 1.2, y]])


def test_pressures_stand_on_a_logarithmic_axis_in_nats_and_factors_are_named(distributions):
    axes = distributions.axes[0]
    assert axes.get_xscale() == "log"
    assert "nats" in axes.get_xlabel()
    assert [label.get_text() for label in axes.get_yticklabels()] == FACTORS
    low, high = axes.get_xlim()
    assert 0 < low < 0.9 * 60
    assert high > 1.2 * 190


def test_measured_points_alone_can_be_drawn():
    dots = scatters(draw_distributions(freezing_table(), spectral_table().iloc[:0]))
    np.testing.assert_allclose(dots["scale"][0][:, 0], 1.02 * np.array(POINTS["scale"]))


def test_closed_forms_alone_can_be_drawn():
    freezing = freezing_table().assign(status="never_froze")
    figure = draw_distributions(freezing, spectral_table())
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == FACTORS
    assert all(len(dots) == 0 for dots, _ in scatters(figure).values())


def test_another_kind_or_no_point_at_all_is_refused():
    with pytest.raises(IFPError, match="need a kind out of box, violin, got 'bar'"):
        draw_distributions(freezing_table(), spectral_table(), "bar")
    with pytest.raises(IFPError, match="need at least one freezing point"):
        draw_distributions(freezing_table().assign(status="diverged"), spectral_table().iloc[:0])


def panels(figure):
    return {panel.get_title(): panel for panel in figure.axes if panel.get_title()}


def test_a_panel_draws_heating_solid_and_cooling_dashed_for_every_case():
    curves = curve_arrays()
    found = panels(draw_curves(curves, freezing_table()))
    assert list(found) == FACTORS
    for factor, panel in found.items():
        cases = np.flatnonzero(curves["factor"] == factor)
        for direction, style in (("heat", "-"), ("cool", "--")):
            drawn = [line for line in panel.lines if line.get_linestyle() == style and len(line.get_xdata()) > 2]
            on = curves["direction"][0] == direction
            assert len(drawn) == len(cases)
            for line, case in zip(drawn, cases, strict=True):
                np.testing.assert_allclose(line.get_xdata(), curves["beta"][case][on])
                np.testing.assert_allclose(line.get_ydata(), curves["kl"][case][on].sum(axis=1))


def test_a_panel_marks_the_closed_form_of_every_case():
    for factor, panel in panels(draw_curves(curve_arrays(), freezing_table())).items():
        ends = [np.asarray(line.get_xdata()) for line in panel.lines if len(line.get_xdata()) == 2]
        marked = [x[0] for x, line in zip(ends, panel.lines[-len(ends) :], strict=False) if x[0] == x[1]]
        assert sorted(marked) == sorted(POINTS[factor]), factor


def test_curves_stand_on_logarithmic_axes_in_nats():
    for panel in panels(draw_curves(curve_arrays(), freezing_table())).values():
        assert panel.get_xscale() == "log"
        assert "nats" in panel.get_xlabel()
        assert "nats" in panel.get_ylabel()


def test_a_factor_has_one_colour_of_its_own_in_both_figures():
    in_rows = colours_of_distributions(draw_distributions(freezing_table(), spectral_table()))
    in_panels = [
        {to_rgb(line.get_color()) for line in panel.lines if len(line.get_xdata()) > 2}
        for panel in panels(draw_curves(curve_arrays(), freezing_table())).values()
    ]
    assert in_panels == [{colour} for colour in in_rows]
    assert len(set(in_rows)) == len(FACTORS)


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_images_of_other_than_1_or_3_channels_are_drawn_as_their_mean_and_said_so(channels):
    images = np.random.default_rng(2).random((2, 3, 4, 5, channels))
    samples = draw_samples([("one", images[0])], "mine")
    shown = np.asarray(samples.axes[0].images[0].get_array())
    np.testing.assert_allclose(shown[:, :5], np.average(images[0, 0], axis=-1))
    assert samples.get_suptitle() == f"mine (mean of {channels} channels)"
    traversal = draw_traversal(images, [-1.0, 0.0, 1.0], ["a", "b"])
    assert traversal.get_suptitle() == f"mean of {channels} channels"
    for panel, image in zip(traversal.axes, images.reshape(6, 4, 5, channels), strict=True):
        np.testing.assert_allclose(panel.images[0].get_array(), np.average(image, axis=-1))
