"""freezing.csv of made-up curves whose freezing, melting and knee are known."""

import csv
import io

import numpy as np
import pytest

from annealing.freezing import FreezingPoint
from annealing.hysteresis import Pace
from annealing.knee import Knee
from annealing.sweep_config import SweepConfig
from benchmarks.hostile_seeds import freezing_csv, spectral_csv
from ifp.annealing_test.columns import FREEZING_COLUMNS
from ifp.annealing_test.config import AnnealConfig
from ifp.annealing_test.freezing_csv import read_tables
from ifp.annealing_test.repeats import Reading, joined
from ifp.annealing_test.rows import freezing_rows
from ifp.closed_form.contexts import SpectralRecord
from ifp.run_directory.run import RunDirectory

LAM, GAIN = 50.0, 2.0
HEAT, COOL = np.geomspace(40, 60, 300), np.geomspace(55, 40, 300)


def spectral(transition):
    return {("a", 0): SpectralRecord("d", "a", 0, 7, LAM, 1.1 * LAM, 0.5, transition, GAIN, False, 6)}


def curves(freezing=(45.0,), cool_only=False):
    """One case per repeat: heated along the law, cooled with a jump at ``freezing``."""
    heat = GAIN * np.maximum(np.log(LAM / HEAT), 0)
    cases = len(freezing)
    cool = [np.where(each > COOL, 0.5, 0.0) for each in freezing]
    branches = [(COOL, cool)] if cool_only else [(COOL, cool), (HEAT, [heat] * cases)]
    ways = ["cool"] if cool_only else ["cool", "heat"]
    kl = np.concatenate([np.array(each) for _, each in branches], axis=1)
    records = kl.shape[1]
    beta = np.tile(np.concatenate([each for each, _ in branches]), (cases, 1))
    return {
        "factor": np.array(["a"] * cases), "context": np.zeros(cases, int), "repeat": np.arange(cases),
        "step": np.tile(np.arange(records) * 10, (cases, 1)), "direction": np.tile(np.repeat(ways, 300), (cases, 1)),
        "loop": np.full((cases, records), 2), "beta": beta, "kl": kl[:, :, None],
        "reconstruction": 90 - beta * kl / 2,
    }  # fmt: skip


def settled(melting=None):
    """An equilibrium of the same case: continuous, or active up to ``melting`` on heating."""
    kl = GAIN * np.maximum(np.log(LAM / HEAT), 0)
    heated = kl if melting is None else np.where(melting > HEAT, 0.6, 0.0)
    return {
        "factor": np.array(["a"]), "context": np.array([0]),
        "direction": np.array([["heat"] * 300 + ["cool"] * 300]),
        "beta": np.concatenate([HEAT, HEAT[::-1]])[None], "kl": np.concatenate([heated, kl[::-1]])[None, :, None],
    }  # fmt: skip


def row(transition="continuous", equilibrium=None, config=None, **made):
    config = config or AnnealConfig(dataset="d", factors=("a",))
    rows = list(freezing_rows(config, curves(**made), spectral(transition), equilibrium or {}))
    assert {each["threshold_nats"] for each in rows} == set(config.thresholds)
    assert all(set(each) <= set(FREEZING_COLUMNS) for each in rows)
    return rows[0]


def test_where_the_law_holds_the_point_is_the_knee_and_the_bracket_reaches_to_it():
    found = row()
    assert (found["status"], found["ifp_source"], found["transition"]) == ("ok", "knee", "continuous")
    assert found["freezing_beta"] == pytest.approx(45, rel=0.002)
    assert found["melting_beta"] == pytest.approx(LAM * np.exp(-0.1 / GAIN), rel=1e-3)
    assert found["ifp_beta"] == found["knee_beta"] == pytest.approx(LAM, rel=1e-3)
    assert found["slope"] == pytest.approx(GAIN, rel=0.01)
    assert (found["ifp_low"], found["ifp_high"]) == (found["freezing_beta"], found["knee_beta"])
    assert found["ifp_over_spectral"] == pytest.approx(1, rel=1e-3)
    assert found["spectral_beta"] == LAM
    assert found["beta_rd"] == 1.1 * LAM
    assert np.isnan(found["knee_low"])


def test_where_it_does_not_the_point_is_the_networks_own_and_equilibrium_stands_beside():
    found = row("degenerate", settled())
    assert (found["ifp_source"], found["transition"]) == ("crossings", "continuous")
    assert found["equilibrium_onset"] == pytest.approx(LAM * np.exp(-0.01 / GAIN), rel=1e-3)
    assert np.isnan([found["knee_beta"], found["slope"]]).all()
    assert found["ifp_beta"] == pytest.approx((found["freezing_beta"] * found["melting_beta"]) ** 0.5)
    assert (found["ifp_low"], found["ifp_high"]) == (found["freezing_beta"], found["melting_beta"])
    assert found["ifp_high"] < found["equilibrium_onset"]  # else the bracket would hold the closed form by itself


def test_at_a_jump_both_ends_at_equilibrium_are_reported():
    found = row("first_order", settled(melting=54.0))
    assert (found["ifp_source"], found["transition"]) == ("crossings", "first_order")
    assert found["equilibrium_melting"] == pytest.approx(54, rel=0.002)
    assert found["equilibrium_freezing"] == pytest.approx(LAM * np.exp(-0.1 / GAIN), rel=0.002)


def test_a_point_at_equilibrium_is_no_network_s():
    found = row(config=AnnealConfig(dataset="d", factors=("a",), protocol="equilibrium"))
    assert found["ifp_source"] == "equilibrium"


def test_repeats_are_joined_by_their_medians_and_six_give_the_knee_an_interval():
    found = row(freezing=(44.0, 45.0, 47.0))
    assert found["freezing_beta"] == pytest.approx(45, rel=0.002)
    assert np.isnan([found["knee_low"], found["knee_high"]]).all()
    assert (found["repeats_ok"], found["repeats_below"], found["repeats_above"]) == (3, 0, 0)
    found = row(freezing=(44.0, 45.0, 47.0, 44.5, 45.5, 46.0))
    assert found["knee_low"] <= found["knee_beta"] <= found["knee_high"]


NEVER = 1.0  # below all that is swept


@pytest.mark.parametrize(
    ("points", "status", "median"),
    [
        ((48.0, 46.0, 44.0, NEVER, NEVER), "ok", 44.0),
        ((48.0, 46.0, NEVER), "ok", 46.0),
        ((48.0, NEVER, NEVER), "never_froze", np.nan),
        ((48.0, NEVER), "never_froze", np.nan),  # halfway to what is known only to lie below
    ],
)
def test_repeats_that_never_froze_count_below_all_others_in_any_order(points, status, median):
    for turn in range(len(points)):
        order = points[turn:] + points[:turn]
        found = row("degenerate", freezing=order)
        assert found["status"] == status
        np.testing.assert_allclose(found["freezing_beta"], median, rtol=0.002)
        assert (found["repeats_ok"], found["repeats_below"]) == (sum(p > NEVER for p in points), points.count(NEVER))
        np.testing.assert_equal(found, row("degenerate", freezing=points))


def test_a_protocol_that_only_cools_has_a_reading_but_no_bracket():
    found = row(config=AnnealConfig(dataset="d", factors=("a",), protocol="deft-2022"), cool_only=True)
    assert (found["status"], found["protocol"], found["stopped_by"]) == ("ok", "deft-2022", "")
    assert found["ifp_beta"] == found["freezing_beta"]
    assert np.isnan([found["ifp_low"], found["ifp_high"], found["melting_beta"], found["knee_beta"]]).all()


def test_a_case_that_never_froze_has_a_status_and_no_point():
    found = row(freezing=(1.0,))
    assert (found["status"], found["stopped_by"]) == ("never_froze", "range")
    assert np.isnan([found["freezing_beta"], found["ifp_beta"], found["ifp_low"], found["knee_beta"]]).all()


def test_knees_of_some_networks_alone_do_not_weigh_against_those_that_never_froze():
    def reading(freezing, knee):
        froze = np.isfinite(freezing)
        point = FreezingPoint(freezing, 46.0 if froze else np.nan, "ok" if froze else "never_froze", 2, "lag")
        return Reading(point, Knee(knee, 2.0 if np.isfinite(knee) else np.nan), 1.0, 100)

    nothing = np.nan
    three_of_five = [(45.0, 50.0), (45.0, 51.0), (45.0, nothing), (nothing, nothing), (nothing, nothing)]
    found = joined([reading(*each) for each in three_of_five], lawful=True, both_ways=True)
    assert (found.status, found.by_knee) == ("ok", False)
    assert found.point == pytest.approx((45 * 46) ** 0.5)
    whole = joined([reading(45.0, knee) for knee in (50.0, 51.0, 53.0)], lawful=True, both_ways=True)
    assert (whole.by_knee, whole.point, whole.slope) == (True, 51.0, 2.0)


def test_a_case_whose_last_loop_did_not_melt_has_no_point_whatever_an_earlier_one_crossed():
    """Two loops: the first melted and did not freeze, the second froze and stayed active."""
    made = curves(freezing=(45.0,))
    kl = made["kl"].copy()
    kl[0, :300, 0], kl[0, 300:, 0] = np.where(COOL < 45, 0.5, 0.0), 0.5
    survey = {"direction": ["heat"] * 300, "loop": [0] * 300, "beta": HEAT, "kl": np.where(HEAT < 42, 0.5, 0.0)}
    first = {
        "direction": np.array(survey["direction"])[None], "loop": np.array(survey["loop"])[None],
        "beta": survey["beta"][None], "kl": survey["kl"][None, :, None], "step": np.arange(300)[None],
        "reconstruction": np.zeros((1, 300)),
    }  # fmt: skip
    made["kl"] = kl
    whole = {name: np.concatenate([first[name], made[name]], axis=1) if name in first else made[name] for name in made}
    config = AnnealConfig(dataset="d", factors=("a",))
    found = next(iter(freezing_rows(config, whole, spectral("degenerate"), {})))
    assert (found["status"], found["repeats_above"], found["ifp_source"]) == ("never_melted", 1, "")
    assert found["freezing_beta"] == pytest.approx(45, rel=0.01)
    assert np.isnan([found["ifp_beta"], found["ifp_low"]]).all()


def test_what_ended_the_loops_is_said():
    spent = AnnealConfig(dataset="d", factors=("a",), sweep=SweepConfig(pace=Pace(max_steps=5995)))
    assert (row()["stopped_by"], row(config=spent)["stopped_by"]) == ("tolerance", "max_steps")
    assert row()["steps"] == 5990


def test_a_table_of_ifp_0_1_is_read_by_what_its_networks_measured(tmp_path):
    rows = list(csv.DictReader(io.StringIO(freezing_csv().decode())))
    for row in rows:
        borrowed = row["factor"] == "width"
        row["knee_source"] = ("equilibrium" if borrowed else "networks") if row["status"] == "ok" else ""
        row["knee_beta"] = row["spectral_beta"]
        row["ifp_beta"] = row["spectral_beta"]
        row["ifp_high"] = row["spectral_beta"]
        del row["ifp_source"]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    (tmp_path / "freezing.csv").write_text(text.getvalue())
    (tmp_path / "spectral.csv").write_bytes(spectral_csv())
    found = read_tables(RunDirectory(tmp_path, {})).freezing
    assert "knee_source" not in found
    own = found[found["factor"] == "place"]
    assert set(own["ifp_source"]) == {"knee"}
    np.testing.assert_allclose(own["ifp_beta"], own["spectral_beta"])
    other = found[(found["factor"] == "width") & (found["status"] == "ok")]
    assert set(other["ifp_source"]) == {"crossings"}
    np.testing.assert_allclose(other["ifp_beta"], np.sqrt(other["freezing_beta"] * other["melting_beta"]))
    assert other["knee_beta"].isna().all()
    np.testing.assert_allclose(other["ifp_low"], other["freezing_beta"])
    assert set(found.loc[found["status"] != "ok", "ifp_source"]) == {""}
