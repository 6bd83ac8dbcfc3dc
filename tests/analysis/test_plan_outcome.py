"""Plans held against traces whose every number is put there by hand."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from analysis.diffusion import diagnose_diffusion
from analysis.information_trace import InformationTrace
from analysis.plain_json import json_bytes
from analysis.plan_outcome import plan_outcome
from analysis.stage_plan import FORMAT, Stage, StagePlan

STEPS = np.arange(0, 901, 100)  # three stages of 300 steps; the record at 300 is the first one's last
BETA = np.array([60.0] * 4 + [20.0] * 3 + [1.0] * 3)
PLAN = StagePlan(
    format=FORMAT,
    dataset="made",
    fingerprint="",
    image_shape=(8, 8, 1),
    likelihood="bernoulli",
    latents=4,
    gamma=0.1,
    stages=(
        Stage(60.0, ("posX",), (0, 1), 1 / 3, {"posX": 1.25}, None),
        Stage(20.0, ("scale",), (2,), 1 / 3, {}, None),
        Stage(1.0, ("shape",), (3,), 1 / 3, {"shape": 0.5}, None),
    ),
    source=None,
    warnings=[],
)


def trace_of(ends=(300, 600, 900), **factors):
    """A trace of the nats that each latent holds of each factor by record; no chance."""
    above = np.stack([np.asarray(nats, float).T for nats in factors.values()], axis=2)
    names = tuple(factors)
    return InformationTrace(STEPS, BETA, above, np.zeros_like(above), names, np.full(len(names), np.log(8)), ends)


def course(**latents):
    """Nats in latents z0 to z3 by record, from (first record, nats) pairs that stay until the next one."""
    found = np.zeros((4, len(STEPS)))
    for name, changes in latents.items():
        for first, nats in changes:
            found[int(name[1]), first:] = nats
    return found


SILENT = course()
THERE_AND_BACK = course(z2=[(4, 0.5), (6, 0.0), (8, 0.5)], z3=[(6, 0.5), (8, 0.0)])
AWAY = course(z2=[(4, 0.5), (7, 0.0)], z3=[(7, 0.8)])


def outcome(nats, factor="scale"):
    (found,) = (each for each in plan_outcome(PLAN, trace_of(**{factor: nats})) if each.factor == factor)
    return found


def test_a_factor_that_came_as_planned_has_its_numbers_beside_the_plan_s():
    found = outcome(course(z1=[(1, 0.4), (3, 1.1), (9, 1.5)], z2=[(8, 0.5)]), "posX")
    assert asdict(found) == {
        "factor": "posX", "planned_stage": 1, "planned_pressure": 60.0, "planned_nats": 1.25, "stage": 1,
        "pressure": 60.0, "owner": 1, "owned_first": 1, "in_group": True, "stage_nats": 1.1, "nats": 1.5,
        "share": 0.75, "verdict": "froze in its stage",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("nats", "stage", "verdict"),
    [
        (course(z2=[(4, 0.5)]), 2, "froze in its stage"),
        (course(z2=[(6, 0.5)]), 2, "froze in its stage"),  # the record with which the stage ends is the stage's
        (course(z2=[(7, 0.5)]), 3, "froze a stage late"),
        (course(z3=[(7, 0.5)]), 3, "froze a stage late, in another group's latent"),
        (course(z0=[(2, 0.5)]), 1, "froze a stage early, in another group's latent"),
        (AWAY, 2, "froze in its stage, in another group's latent, moved from z2"),
        (course(z0=[(4, 0.5), (7, 0.0)], z2=[(7, 0.8)]), 2, "froze in its stage, moved from z0"),
        (THERE_AND_BACK, 2, "froze in its stage, moved and came back"),
        (course(z2=[(4, 0.07)], z3=[(4, 0.07)]), 2, "froze in its stage, in no latent alone"),
        (course(z2=[(4, 0.5), (8, 0.0)]), 2, "froze in its stage, lost since"),
        (course(z2=[(4, 0.09)]), None, "never froze"),
        (SILENT, None, "never froze"),
    ],
)  # fmt: skip
def test_the_verdict_says_when_it_froze_and_where_it_is(nats, stage, verdict):
    found = outcome(nats)
    assert (found.verdict, found.stage) == (verdict, stage)
    assert found.pressure == (None if stage is None else {1: 60.0, 2: 20.0, 3: 1.0}[stage])


def test_two_stages_late_is_counted():
    assert outcome(course(z1=[(8, 0.5)]), "posX").verdict == "froze 2 stages late"


def test_a_factor_outside_the_plan_is_told_of_without_one():
    trace = trace_of(posX=course(z0=[(1, 1.0)]), hue=course(z3=[(5, 0.5)]), noise=SILENT)
    first, hue, noise = plan_outcome(PLAN, trace)
    assert (first.verdict, hue.verdict, noise.verdict) == (
        "froze in its stage",
        "not planned",
        "not planned, never froze",
    )
    assert (hue.planned_stage, hue.stage, hue.owner, hue.in_group, hue.stage_nats, hue.nats) == (
        None, 2, 3, None, None, 0.5,
    )  # fmt: skip


def test_a_lost_owner_has_no_share():
    found = outcome(course(z2=[(4, 0.5), (8, 0.0)]))
    assert (found.owner, found.stage_nats, found.nats, found.share) == (2, 0.5, 0.0, None)


@pytest.mark.parametrize("ends", [(), (450, 900)])
def test_a_run_of_other_stages_is_not_held_against_the_plan(ends):
    assert plan_outcome(PLAN, trace_of(ends, posX=course(z0=[(1, 1.0)]))) == ()


def test_a_plan_of_latents_or_of_another_number_of_them_is_not_held_against_factors():
    assert plan_outcome(PLAN, trace_of(hue=SILENT)) == ()
    fewer = replace(PLAN, latents=3, stages=(replace(PLAN.stages[0], latents=(0,)), *_renumbered(PLAN.stages[1:])))
    assert plan_outcome(fewer, trace_of(posX=SILENT)) == ()


def _renumbered(stages):
    return tuple(replace(stage, latents=tuple(latent - 1 for latent in stage.latents)) for stage in stages)


def test_a_single_stage_lasts_as_long_as_the_run():
    stage = replace(PLAN.stages[0], latents=(0, 1, 2, 3), share=1.0)
    (found,) = plan_outcome(replace(PLAN, stages=(stage,)), trace_of((), posX=course(z3=[(5, 1.0), (9, 1.2)])))
    assert (found.verdict, found.stage, found.stage_nats) == ("froze in its stage", 1, 1.2)


def test_the_diagnosis_has_the_rows_and_agrees_with_its_own_factors():
    trace = trace_of(posX=course(z1=[(2, 1.0)], z0=[(5, 0.6)]), scale=course(z3=[(8, 0.4)]), shape=SILENT)
    found = diagnose_diffusion(trace, PLAN)
    for factor, row in zip(found.factors, found.plan, strict=True):
        assert (row.factor, row.pressure, row.owner) == (factor.factor, factor.pressure, factor.owner)
    assert [each["verdict"] for each in json.loads(json_bytes(found))["plan"]] == [
        "froze in its stage", "froze a stage late, in another group's latent", "never froze",
    ]  # fmt: skip
    assert replace(found, plan=()) == diagnose_diffusion(trace)
