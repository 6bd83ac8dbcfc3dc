"""Stages that settle: the groups before go to a stage's pressure by safe falls, and only then does it open."""

import itertools
from dataclasses import replace

import pytest

from analysis.stage_plan import FORMAT, SETTLING_FORMAT, StagePlan
from annealing.errors import IFPError, PlanError
from ifp.objectives import Setup, objectives
from ifp.objectives.deft import Deft

STEPS = 1000  # stages of 250, 500 and 250 steps, at 9, 3 and 1 nats


@pytest.fixture(scope="module")
def plan(bars, make_plan):
    """The second stage settles at 6 and 4 nats and at its own 3, over 0.3 of its 500 steps."""
    plain = make_plan(bars)
    first, second, third = plain.stages
    settling = replace(second, settling=(6.0, 4.0), settle=0.3)
    return replace(plain, format=SETTLING_FORMAT, stages=(first, settling, third))


def deft_of(plan, **settings):
    return Deft(setup=Setup(plan.latents, STEPS, 32, 0, 4, plan), **settings)


def test_pressure_falls_by_the_plan_while_the_stage_is_closed(plan):
    deft = deft_of(plan)
    told = [(step, deft.at(step).pressure, deft.at(step).open_groups) for step in range(STEPS)]
    changes = [told[0], *(after for before, after in itertools.pairwise(told) if before[1:] != after[1:])]
    assert changes == [(0, 9.0, 1), (250, 6.0, 1), (300, 4.0, 1), (350, 3.0, 1), (400, 3.0, 2), (750, 1.0, 3)]


def test_the_groups_before_settle_by_full_steps_and_then_by_gamma(plan):
    deft = deft_of(plan)
    assert deft.at(399).scales == (1.0, 0.0, 0.0)
    assert deft.at(400).scales == (0.1, 1.0, 0.0)


def test_a_plan_that_settles_is_read_as_it_was_written(plan):
    again = StagePlan.from_json(plan.to_json())
    assert again.stages[1].settling == (6.0, 4.0)
    assert again == StagePlan.from_json(again.to_json())


def test_a_plan_of_the_first_format_reads_as_before(plan):
    plain = replace(plan, format=FORMAT, stages=tuple(replace(each, settling=(), settle=0.0) for each in plan.stages))
    assert "settl" not in plain.to_json()
    assert StagePlan.from_json(plain.to_json()) == plain
    pressures = [deft_of(plain).at(step).pressure for step in (0, 249, 250, 749, 750)]
    assert pressures == [9.0, 9.0, 3.0, 3.0, 1.0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"format": FORMAT}, "need format ifp-stage-plan/2 for a plan with stages that settle"),
        ({"first": {"settle": 0.1}}, "need a first stage that does not settle"),
        ({"second": {"settle": 1.0}}, "need a settle of 0 or more and below 1"),
        ({"second": {"settle": 0.0}}, "need a settle of 0 or more and below 1, above 0 where it settles"),
        ({"second": {"settling": (10.0,)}}, "need settling pressures that fall"),
        ({"second": {"settling": (3.0,)}}, "need settling pressures that fall"),
        ({"second": {"settling": (4.0, 6.0)}}, "need settling pressures that fall"),
        ({"second": {"settling": (float("nan"),)}}, "need settling pressures that fall"),
    ],
)
def test_settling_that_cannot_be_is_refused(plan, changed, message):
    first, second, third = plan.stages
    stages = (replace(first, **changed.get("first", {})), replace(second, **changed.get("second", {})), third)
    with pytest.raises(PlanError, match=message):
        replace(plan, stages=stages, format=changed.get("format", SETTLING_FORMAT))


@pytest.mark.parametrize("name", ["deft-hook", "deft-separate"])
def test_other_forms_refuse_a_plan_that_settles(plan, name):
    with pytest.raises(IFPError, match="need a plan whose stages do not settle"):
        objectives()[name](setup=Setup(plan.latents, STEPS, 32, 0, 4, plan))


def test_by_plateau_no_stage_ends_while_it_settles(plan):
    import torch

    deft = deft_of(plan, advance="plateau", heat=1.0)
    held = torch.tensor([2.0, 2.0, 2.0])
    for step in (50, 100, 150, 200):
        deft.observe(step, held)
    begun = deft.span(deft.stage(200))[0]
    assert deft.stage(200) == 1
    for step in range(begun + 10, deft.opens(1), 10):
        deft.observe(step, held)
    assert deft.stage(deft.opens(1)) == 1
    for step in range(deft.opens(1) + 10, deft.opens(1) + 50, 10):
        deft.observe(step, held)
    assert deft.stage(deft.opens(1) + 50) == 2
