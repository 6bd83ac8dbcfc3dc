"""Plans from the latents of whole-data annealing, labelled or not."""

import numpy as np
import pytest

from analysis.latent_findings import latent_findings
from analysis.stages import plan_stages
from analysis.whole_findings import conclude_whole
from annealing.errors import IFPError

BETA = np.geomspace(300, 1, 400)
FREEZING = {0: 140.0, 3: 130.0, 1: 40.0}  # latents 2 stays silent


def whole(freezing, labels=()):
    kl = np.zeros((len(BETA), 4))
    for latent, beta in freezing.items():
        kl[:, latent] = np.maximum(np.log(beta / BETA), 0)
    mi = np.zeros((len(BETA), 4, len(labels)))
    for number, _ in enumerate(labels):
        mi[:, list(freezing)[number], number] = kl[:, list(freezing)[number]]
    curves = {
        "step": np.arange(401), "direction": np.array(["hold"] + ["cool"] * 400),
        "beta": np.concatenate([BETA[:1], BETA])[None], "kl": np.concatenate([kl[:1], kl])[None],
        "reconstruction": np.full((1, 401), 50.0), "silent_reconstruction": np.array([50.0]),
        "mi": np.concatenate([mi[:1], mi]), "mi_null": np.zeros((401, 4, len(labels))),
        "factors": np.array(labels, dtype=np.str_), "entropy": np.full(len(labels), np.log(1000)),
    }  # fmt: skip
    return conclude_whole(
        curves, dataset="blobs", fingerprint="f", seed=0, thresholds=(0.1, 0.01), predicted={}, images=100
    )


def findings(freezing=FREEZING, labels=()):
    return latent_findings(whole(freezing, labels), image_shape=(16, 16, 1), likelihood="bernoulli")


def test_latents_that_froze_near_each_other_share_a_stage():
    plan = plan_stages(findings())
    assert [stage.factors for stage in plan.stages] == [("z0", "z3"), ("z1",)]
    next_one = 40.0 * np.exp(-0.1)  # the threshold is crossed below the knee
    np.testing.assert_allclose(plan.stages[0].pressure, next_one, rtol=0.01)  # 0.35 times the lowest lies above
    assert plan.stages[-1].pressure == 1.0
    assert (plan.dataset, plan.fingerprint, plan.image_shape) == ("blobs", "f", (16, 16, 1))
    assert plan.source["findings"] == "3 latents of whole-data annealing, cooled"


def test_latents_that_a_factor_was_told_of_are_named_after_it():
    assert {each.factor for each in findings(labels=("x", "y")).factors} == {"x (z0)", "y (z3)", "z1"}


def test_latents_that_were_active_at_the_top_are_in_no_stage_and_named():
    plan = plan_stages(findings({0: 1000.0, 1: 40.0}))
    assert [stage.factors for stage in plan.stages] == [("z1",)]
    assert "z0 held information at the top pressure already and is in no stage" in plan.warnings
    assert any("start higher" in each for each in plan.warnings)


def test_where_no_latent_froze_nothing_is_planned():
    with pytest.raises(IFPError, match="need a latent that froze to plan with, none of 4 did"):
        findings({})
