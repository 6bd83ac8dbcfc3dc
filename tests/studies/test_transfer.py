"""Points of networks over each other and over the closed form, on rows made up with known ratios."""

import numpy as np
import pytest

from analysis.stage_settings import StageSettings
from studies.transferred import DEPTH, FORGIVEN, bounds, cases_of, correction, held_at, lines, transferred

SPECTRAL = np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0])
UNEVEN = np.array([0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4])


def network(ratio, status="ok"):
    """Cases whose point is ``ratio`` of the closed form; the last one with a status."""
    statuses = ["ok"] * (len(SPECTRAL) - 1) + [status]
    points = [point if kept == "ok" else None for point, kept in zip(ratio * SPECTRAL, statuses, strict=True)]
    return {
        "context": list(range(len(SPECTRAL))),
        **dict.fromkeys(("ifp_beta", "freezing_beta", "melting_beta"), points),
        "ifp_source": ["knee" if kept == "ok" else "" for kept in statuses],
        "spectral_beta": SPECTRAL.tolist(),
        "transition": ["continuous"] * len(SPECTRAL),
        "status": statuses,
    }


def one_latent(**networks):
    return {"dataset": "made", "factor": "size", "networks": networks, "seconds": 60.0, "device": "cpu"}


HEATED = {
    "dataset": "made",
    "seed": 2,
    "predicted": {"size": 24.0, "place": 40.0, "turn": 5.0},
    "order": [
        {"factor": "place", "value": 40.0},
        {"factor": "size", "value": 10.0},
        {"factor": "turn", "value": 0.5},
        {"factor": "size", "value": 24.0},
        {"factor": "turn", "value": 2.0},
        {"factor": "turn", "value": 5.0},
    ],
    "melted": [
        {"factor": "size", "melting": 16.0, "status": "ok", "nats": 0.4},
        {"factor": "place", "melting": 44.0, "status": "ok", "nats": 2.5},
        {"factor": "turn", "melting": None, "status": "never_froze", "nats": 0.01},
    ],
    "beta": [64.0, 32.0, 8.0],
    "held": {"size": [0.0, 0.0, 0.4], "place": [0.0, 0.5, 2.5], "turn": [0.0, 0.0, 0.01]},
    "seconds": 240.0,
    "device": "cpu",
}


def test_the_ratio_of_two_networks_is_the_median_over_pairs_with_an_interval_by_order_statistics():
    cases = cases_of([one_latent(dense=network(1.0), conv=network(UNEVEN))])
    found = transferred(cases, "ifp_beta", "dense", "conv")
    assert found.n == 7
    assert found.ratio == pytest.approx(np.median(UNEVEN))
    assert np.exp([found.low, found.high]) == pytest.approx([0.8, 1.4])  # of seven pairs the outermost two


def test_a_network_over_the_closed_form_is_over_that_of_its_own_cases():
    cases = cases_of([one_latent(dense=network(1.0), conv=network(UNEVEN))])
    found = transferred(cases, "melting_beta", "closed form", "conv")
    assert found.ratio == pytest.approx(np.exp(np.median(np.log(UNEVEN))))


def test_a_case_that_never_froze_lies_below_all_others_and_is_counted():
    rows = [one_latent(optimal=network(1.0), dense=network(1.0), conv=network(UNEVEN, "never_froze"))]
    found = transferred(cases_of(rows), "ifp_beta", "dense", "conv")
    assert (found.n, found.low) == (7, None)  # the lowest of seven is not known
    assert found.ratio == pytest.approx(np.sort([*UNEVEN[:-1], 0.0])[3])
    assert lines_with(rows, "size", 0).split(" | ")[1:4] == ["7", "0", "1"]


def test_a_case_that_diverged_is_no_pair():
    cases = cases_of([one_latent(dense=network(1.0), conv=network(UNEVEN, "diverged"))])
    assert transferred(cases, "ifp_beta", "dense", "conv").n == 6


def test_what_latents_held_at_a_pressure_lies_between_records_on_the_logarithm():
    held = held_at(HEATED, 16.0)  # the middle of 8 and 32
    assert held == pytest.approx({"size": 0.2, "place": 1.5, "turn": 0.005})


def test_factors_are_worth_from_the_least_to_the_most_along_the_order():
    assert bounds(HEATED) == {"place": (40.0, 40.0), "size": (10.0, 24.0), "turn": (0.5, 5.0)}


def test_a_table_of_the_heating_has_a_line_per_factor_in_the_order_of_the_plan():
    rows = [one_latent(optimal=network(1.0), dense=network(1.0), conv=network(UNEVEN)), HEATED]
    told = [line.strip("| ").split(" | ") for line in lines(rows)]
    start = next(number for number, cells in enumerate(told) if cells[1:2] == ["planned by, nats"])
    assert told[start + 2 : start + 5] == [
        ["place", "40", "40..40", "2.50", "44", "1.100", "-", "20", "22", "none"],
        ["size", "24", "10..24", "0.40", "16", "0.667", "place 1.50", "12", "8", "0.67 times its value"],
        ["turn", "5", "0.5..5", "0.01", "never_froze", "-", "-", "2.5", "-", "-"],
    ]


def test_a_factor_within_what_is_forgiven_is_frozen_in_its_stage_by_any_plan():
    low, high = FORGIVEN
    assert correction(low) == correction(1.0) == correction(high) == "none"
    assert correction(0.5) == "0.50 times its value"
    # what freezes at the low end still lies above its stage's pressure, as the study and as plans hold it
    assert low > max(DEPTH, StageSettings().share)


def lines_with(rows, factor, table):
    """The ``table``-th line about a factor."""
    return [line for line in lines(rows) if line.startswith(f"| {factor} ")][table]
