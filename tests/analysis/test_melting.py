"""Melting points of made-up heating branches whose crossings are known."""

import numpy as np
import pytest

from analysis.attribution import LatentBranch
from analysis.latent_findings import latent_findings
from analysis.melting import factor_melting, latent_melting
from analysis.stages import plan_stages
from analysis.whole_findings import conclude_whole, heating_branch

RISING = np.geomspace(2, 200, 240)
NAMES = ("x", "y", "size")


def held(point, beta=RISING):
    """Nats of a latent that melts at a pressure, by the law of a continuous transition."""
    return np.maximum(np.log(point / beta), 0)


def heated():
    """x alone in latent 0; y first in 1 and 2, last in 2; size in 1 only at the bottom; latent 3 never learnt."""
    kl = np.stack([held(100), held(20), held(80), np.full(len(RISING), 0.002)], axis=1)
    above = np.zeros((len(RISING), 4, 3))
    above[:, 0, 0], above[:, 2, 1] = kl[:, 0], kl[:, 2]
    above[:, 1, 1] = 0.4 * kl[:, 1]
    above[:, 1, 2] = 0.02 * kl[:, 1]
    return LatentBranch(RISING[::-1], kl[::-1], above[::-1], NAMES)


def test_a_latent_melts_where_its_kl_falls_below_the_threshold_for_good():
    found = latent_melting(heated(), (0.1, 0.01))
    for latent, point in enumerate((100, 20, 80)):
        np.testing.assert_allclose(found[latent].melting, [point * np.exp(-0.1), point * np.exp(-0.01)], rtol=0.01)
        assert found[latent].statuses == ("ok", "ok")
        assert found[latent].point == found[latent].knee == pytest.approx(point, rel=1e-3)
        assert found[latent].kl_learned == pytest.approx(np.log(point / 2))
    assert [each.melted.factor for each in found] == ["x", "y", "y", None]
    assert found[3].statuses == ("never_froze", "never_froze")


def test_a_bump_on_the_way_up_moves_no_melting_point():
    kl = held(100)
    kl[RISING < 5] = 0.05  # learnt late: silent at first
    kl[np.abs(RISING - 150) < 2] = 0.3  # noise of a record after it melted
    branch = LatentBranch(RISING[::-1], kl[::-1, None], np.zeros((len(RISING), 1, 0)), ())
    assert latent_melting(branch, (0.1,))[0].melting[0] == pytest.approx(100 * np.exp(-0.1), rel=0.01)


def test_a_lagging_tail_has_no_knee():
    """Beyond its freezing point of 50 a latent that lags loses what is left by an e-fold every 0.2 in ln beta."""
    kl = np.where(RISING < 40, held(50), held(50)[RISING < 40][-1] * np.exp(-np.log(RISING / 40) / 0.2))
    branch = LatentBranch(RISING[::-1], kl[::-1, None], np.zeros((len(RISING), 1, 0)), ())
    (latent,) = latent_melting(branch, (0.1,))
    assert np.isnan(latent.knee)
    assert latent.point == latent.melting[0] == pytest.approx(40 * (np.log(50 / 40) / 0.1) ** 0.2, rel=0.02)


def test_what_is_active_at_the_top_never_melted():
    branch = LatentBranch(RISING[::-1], held(1000)[::-1, None], held(1000)[::-1, None, None], ("x",))
    (latent,), (factor,) = latent_melting(branch, (0.1,)), factor_melting(branch, ())
    assert (latent.statuses, factor.status, factor.owner) == (("never_melted",), "never_melted", 0)
    assert np.isnan([latent.melting[0], factor.melting]).all()


def test_a_factor_melts_with_the_information_in_all_latents_and_its_owner_is_the_last_to_hold_it():
    x, y, size = factor_melting(heated(), latent_melting(heated(), (0.1,)))
    assert x.melting == pytest.approx(100 * np.exp(-0.1), rel=0.01)
    assert (x.owner, x.share, x.status) == (0, 1.0, "ok")
    np.testing.assert_allclose([x.knee, y.knee, size.knee], [100, 80, np.nan], rtol=1e-3)
    assert y.melting == pytest.approx(80 * np.exp(-0.1), rel=0.01)
    assert (y.owner, y.share) == (2, 1.0)
    assert y.nats == pytest.approx(np.log(40) + 0.4 * np.log(10))
    assert (size.status, size.owner, size.share) == ("never_froze", None, None)


def test_a_linear_gaussian_model_melts_at_its_eigenvalues():
    r"""KL = 1/2 ln(lambda / beta) (reverse water-filling): 0.1 nat lies 18% below lambda, the knee at it."""
    eigenvalues = np.array([120.0, 40.0, 9.0])
    kl = 0.5 * np.maximum(np.log(eigenvalues / RISING[:, None]), 0)
    branch = LatentBranch(RISING[::-1], kl[::-1], np.zeros((len(RISING), 3, 0)), ())
    found = latent_melting(branch, (0.1, 0.01))
    np.testing.assert_allclose([each.point for each in found], eigenvalues, rtol=1e-3)
    np.testing.assert_allclose([each.melting[0] for each in found], eigenvalues * np.exp(-0.2), rtol=0.01)


def curves(names=NAMES, melting=(100.0, 80.0, 30.0)):
    """A run that learns, is heated, and cools with a lag of a half; latent 3 stays silent."""
    falling = RISING[::-1]
    up = np.stack([*(held(point) for point in melting), np.zeros(len(RISING))], axis=1)
    down = np.stack([*(held(point / 2, falling) for point in melting), np.zeros(len(RISING))], axis=1)
    kl = np.concatenate([up[:1], up, down])
    mi = np.zeros((len(kl), 4, len(names)))
    for number, _ in enumerate(names):
        mi[:, number, number] = kl[:, number]
    return {
        "step": np.arange(len(kl)), "direction": np.array(["learn"] + ["heat"] * 240 + ["cool"] * 240),
        "beta": np.concatenate([RISING[:1], RISING, falling])[None], "kl": kl[None],
        "reconstruction": np.full((1, len(kl)), 50.0), "silent_reconstruction": np.array([50.0]),
        "mi": mi, "mi_null": np.zeros(mi.shape), "factors": np.array(names, dtype=np.str_),
        "entropy": np.full(len(names), np.log(1000)),
    }  # fmt: skip


def concluded(made, predicted):
    return conclude_whole(
        made, dataset="blobs", fingerprint="f", seed=0, thresholds=(0.1, 0.01), predicted=predicted, images=100
    )


def test_both_branches_are_concluded_from_and_modes_have_both_points():
    found = concluded(curves(), {"x": 100.0, "y": 99.0, "size": 30.0})
    np.testing.assert_allclose([each.melting[0] for each in found.latents_melting][:3],
                               np.array([100, 80, 30]) * np.exp(-0.1), rtol=0.01)  # fmt: skip
    np.testing.assert_allclose([each.freezing[0] for each in found.latents][:3],
                               np.array([50, 40, 15]) * np.exp(-0.1), rtol=0.01)  # fmt: skip
    pair, size = found.modes
    assert pair.melting == pytest.approx(100, rel=1e-3)
    assert pair.freezing == pytest.approx(50 * np.exp(-0.1), rel=0.01)
    assert size.melting == pytest.approx(30, rel=1e-3)
    assert found.to_frame()["melted_about"].tolist()[:3] == ["x", "y", "size"]
    assert found.warnings == ()


def test_the_points_of_latents_are_the_same_without_labels():
    told, untold = concluded(curves(), {}), concluded(curves(()), {})
    assert [each.point for each in told.latents_melting][:3] == [each.point for each in untold.latents_melting][:3]
    assert untold.factors_melting == ()


def test_plans_read_the_melting_points_and_say_so():
    found = latent_findings(concluded(curves(()), {}), image_shape=(8, 8, 1), likelihood="bernoulli")
    plan = plan_stages(found)
    np.testing.assert_allclose([found.conditional[name] for name in ("z0", "z1", "z2")], [100, 80, 30], rtol=1e-3)
    assert plan.source["findings"] == "3 latents of whole-data annealing, heated"
    assert any("melting points of latents as all data were heated" in line for line in plan.stages[0].evidence)


def test_what_was_not_learnt_or_did_not_melt_is_warned_of():
    hot = concluded(curves(melting=(400.0, 80.0, 30.0)), {})
    assert hot.warnings == ("latents 0 are active at the top pressure 200: heat higher",)
    unlearnt = concluded(curves(melting=(100.0, 80.0, 1.0)), {"size": 25.0})
    assert unlearnt.warnings == ("size had not been learnt when heating began at 2: learn longer",)
    nothing = concluded(curves((), melting=(1.0, 1.0, 1.0)), {})
    assert nothing.warnings[0].startswith("no latent had learnt anything when heating began at 2")


def test_a_run_that_only_cooled_has_no_heating():
    made = curves()
    kept = made["direction"] != "heat"
    assert heating_branch({**made, "direction": made["direction"][kept]}) is None
