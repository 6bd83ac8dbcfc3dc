"""Pressures as functions of the step, against closed forms."""

import math

import numpy as np
import pytest

from annealing.errors import IFPError
from annealing.pressure import geometric, stage_at


@pytest.mark.parametrize("steps", [2, 7, 5000])
@pytest.mark.parametrize(("start", "end"), [(0.3, 90.0), (90.0, 0.3), (1e-6, 1e6), (5.0, 5.0)])
def test_pressure_goes_from_start_to_end_in_equal_ratios(start, end, steps):
    found = np.array([geometric(step, steps, start, end) for step in range(steps)])
    assert found[0] == start
    np.testing.assert_allclose(found, np.geomspace(start, end, steps), rtol=1e-9)
    np.testing.assert_allclose(found[1:] / found[:-1], (end / start) ** (1 / (steps - 1)), rtol=1e-9)


def test_halfway_the_pressure_is_the_geometric_mean():
    assert geometric(50, 101, 2.0, 18.0) == pytest.approx(6.0, rel=1e-12)


def test_a_single_step_is_taken_at_the_start():
    assert geometric(0, 1, 3.0, 7.0) == 3


@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (1.0, -2.0), (math.nan, 1.0)])
def test_pressures_that_are_not_above_0_are_refused(start, end):
    with pytest.raises(IFPError, match=f"pressures above 0, got {start} and {end}"):
        geometric(0, 10, start, end)


@pytest.mark.parametrize("boundaries", [[4], [1, 2, 3], [3, 3, 8], [10, 20]], ids=str)
def test_a_step_is_in_the_first_stage_that_ends_after_it_and_else_in_the_last(boundaries):
    for step in range(25):
        open_stages = [stage for stage, end in enumerate(boundaries) if step < end]
        assert stage_at(step, boundaries) == (open_stages[0] if open_stages else len(boundaries) - 1)
