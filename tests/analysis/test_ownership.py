"""Latents, owners and modes of a made-up cooling branch whose freezing points are known."""

import numpy as np
import pytest

from analysis.attribution import LatentBranch, latent_freezing
from analysis.modes import degenerate_modes, early_shares, mode_freezing, share_about
from analysis.ownership import factor_ownership, spells
from analysis.whole_findings import conclude_whole, cooling_branch
from annealing.errors import IFPError

BETA = np.geomspace(200, 2, 240)
NAMES = ("x", "y", "scale")
ENTROPY = np.log([200.0, 200.0, 200.0])
FREEZE = {"x": 100.0, "y": 98.0, "scale": 30.0}


def rising(point, gain=1.0):
    return gain * np.maximum(np.log(point / BETA), 0)


def made(mixed=False):
    """Four latents: x in 0, y in 1 (or both in both), scale in 2 and, far down, in 3 too."""
    kl = np.stack([rising(100), rising(98), rising(30), rising(5)], axis=1)
    above = np.zeros((len(BETA), 4, 3))
    share = 0.5 if mixed else 1.0
    above[:, 0, 0] += share * kl[:, 0]
    above[:, 1, 1] += share * kl[:, 1]
    above[:, 0, 1] += (1 - share) * kl[:, 0]
    above[:, 1, 0] += (1 - share) * kl[:, 1]
    above[:, 2, 2] += kl[:, 2]
    above[:, 3, 2] += 3 * kl[:, 3]
    return LatentBranch(BETA, kl, above, NAMES)


def test_a_latent_freezes_where_its_kl_passes_the_threshold_and_is_about_what_it_then_holds():
    found = latent_freezing(made(), (0.1, 0.01))
    for latent, (point, factor) in enumerate(((100, "x"), (98, "y"), (30, "scale"), (5, "scale"))):
        each = found[latent]
        assert each.statuses == ("ok", "ok")
        np.testing.assert_allclose(each.freezing, [point * np.exp(-0.1), point * np.exp(-0.01)], rtol=0.01)
        assert each.frozen.factor == factor
        assert each.frozen.share == pytest.approx(1.0)


def test_a_latent_that_never_froze_is_about_nothing():
    branch = made()
    silent = LatentBranch(BETA, np.concatenate([branch.kl, 0 * branch.kl[:, :1]], axis=1),
                           np.concatenate([branch.above, 0 * branch.above[:, :1]], axis=1), NAMES)  # fmt: skip
    last = latent_freezing(silent, (0.1,))[-1]
    assert (last.statuses, last.frozen.factor, last.holds.factor) == (("never_froze",), None, None)
    assert np.isnan(last.freezing[0])


def test_a_factor_has_one_owner_from_where_it_froze_until_another_latent_takes_a_share():
    x, _, scale = factor_ownership(made())
    assert (x.factor, x.owner, x.status, x.lost_at) == ("x", 0, "ok", None)
    assert x.freezing == pytest.approx(100 * np.exp(-0.1), rel=0.02)
    assert x.sole_from == pytest.approx(100 * np.exp(-0.1), rel=0.05)
    assert scale.owner == 2
    # 3 ln(5/b) = 0.2 of the whole: ln(30/b) * 0.2 = 0.8 * 3 ln(5/b)
    log_b = (2.4 * np.log(5) - 0.2 * np.log(30)) / 2.2
    assert scale.lost_at == pytest.approx(np.exp(log_b), rel=0.05)


def test_a_factor_split_between_latents_has_no_owner_of_its_own():
    x = factor_ownership(made(mixed=True))[0]
    assert x.sole_from is None
    assert x.share == pytest.approx(0.5, abs=0.02)


def test_noise_of_a_record_does_not_end_a_spell():
    nats = np.array([[1.0, 0.0], [0.85, 0.15], [1.0, 0.0], [0.0, 0.05], [0.0, 1.0]])
    assert [(each.owner, each.start, each.end) for each in spells(nats)] == [(0, 0, 3), (1, 4, 5)]


def test_factors_predicted_alike_are_one_mode_with_one_freezing_point_and_their_mixing():
    for mixed, mixing in ((False, 0.0), (True, 0.5)):
        branch = made(mixed)
        pair, scale = mode_freezing(latent_freezing(branch, (0.1,)), NAMES, FREEZE)
        assert (pair.factors, pair.latents, pair.predicted) == (("x", "y"), (0, 1), 100.0)
        assert pair.freezing == pytest.approx(100 * np.exp(-0.1), rel=0.01)
        assert pair.mixing == pytest.approx(mixing, abs=0.02)
        assert scale.factors == ("scale",)


def test_modes_are_told_apart_from_5_percent_on():
    assert degenerate_modes({"a": 100.0, "b": 94.0}) == (("a",), ("b",))
    assert degenerate_modes({"b": 96.0, "a": 100.0}) == (("a", "b"),)
    assert degenerate_modes({}) == ()


def test_what_froze_above_a_prediction_is_about_the_factors_predicted_there():
    branch = made()
    (early,) = early_shares(branch, latent_freezing(branch, (0.1,)), FREEZE)
    assert (early.before, early.pressure, early.latents, early.factors) == (("scale",), 30.0, (0, 1), ("x", "y"))
    assert early.share == pytest.approx(1.0)
    assert share_about(np.array([[1.0, 3.0]]), [0], [1]) == 0.75
    assert share_about(np.zeros((2, 2)), [0, 1], [0]) is None


def arrays(branch, hold_kl=0.0, reconstruction=50.0):
    """curves.npz of a run with one record at the top before it cools."""
    null = np.full(branch.above.shape, 0.1)
    return {
        "step": np.arange(len(BETA) + 1),
        "direction": np.array(["hold"] + ["cool"] * len(BETA)),
        "beta": np.concatenate([[BETA[0]], BETA])[None],
        "kl": np.concatenate([np.full((1, 4), hold_kl), branch.kl])[None],
        "reconstruction": np.full((1, len(BETA) + 1), reconstruction),
        "silent_reconstruction": np.array([50.0]),
        "mi": np.concatenate([null[:1], branch.above * (1 - null / ENTROPY) + null]),  # I_adj solved for I
        "mi_null": np.concatenate([null[:1], null]),
        "factors": np.array(NAMES),
        "entropy": ENTROPY,
    }


def concluded(curves, predicted=FREEZE):
    return conclude_whole(
        curves, dataset="d", fingerprint="f", seed=0, thresholds=(0.1,), predicted=predicted, images=100
    )


def test_findings_take_chance_off_and_join_all_parts():
    found = concluded(arrays(made()))
    np.testing.assert_allclose(cooling_branch(arrays(made())).above, made().above, atol=1e-12)
    assert [each.frozen.factor for each in found.latents] == ["x", "y", "scale", "scale"]
    assert [each.factors for each in found.modes] == [("x", "y"), ("scale",)]
    assert found.warnings == ()


def test_what_makes_a_run_doubtful_is_said():
    assert "active at the top pressure" in concluded(arrays(made(), hold_kl=0.2)).warnings[0]
    assert "had not learnt the mean image" in concluded(arrays(made(), reconstruction=60.0)).warnings[0]
    assert "below the predicted 300" in concluded(arrays(made()), {"x": 300.0}).warnings[0]


def test_curves_of_another_kind_of_run_are_refused():
    with pytest.raises(IFPError, match="those here lack factors, mi, mi_null"):
        cooling_branch({name: each for name, each in arrays(made()).items() if "mi" not in name and name != "factors"})
    with pytest.raises(IFPError, match="records at falling pressures"):
        LatentBranch(BETA[::-1], made().kl, made().above, NAMES)
    with pytest.raises(IFPError, match=r"information \(records, latents, factors\) of 240 records and 2 factors"):
        LatentBranch(BETA, made().kl, made().above, NAMES[:2])
