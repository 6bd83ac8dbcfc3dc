"""Where plans come from: a run, a run and the freezing order, whole-data annealing; and what is refused."""

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

import ifp
from analysis.stage_plan import StagePlan
from annealing.errors import IFPError
from ifp.annealing_test.annealed import annealed_test
from ifp.cli import app
from ifp.closed_form.order import freezing_order, predicted_values
from ifp.closed_form.spectrum import with_order
from ifp.evaluation.planning import planning_findings
from ifp.files.npz import npz_bytes
from ifp.run_directory.run import create_run, open_run
from ifp.whole_annealing.config import WholeConfig

pytestmark = pytest.mark.usefixtures("_one_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A bar at 8 places, in 4 widths, 16x16."""
    folder = tmp_path_factory.mktemp("data")
    factors = np.stack(np.meshgrid(np.arange(8), np.arange(4), indexing="ij"), axis=-1).reshape(-1, 2)
    images = np.zeros((len(factors), 16, 16), np.uint8)
    for image, (place, width) in zip(images, factors, strict=True):
        image[2 * place : 2 * place + 2, : 4 + 4 * width] = 255
    np.savez(folder / "bars.npz", images=images, factors=factors, factor_names=["place", "width"])
    return folder


@pytest.fixture(scope="module")
def run(data):
    return ifp.anneal(str(data / "bars.npz"), contexts=2, planning_contexts=6, protocol="equilibrium", out=data / "run")


@pytest.fixture(scope="module")
def order(data):
    return predicted_values(list(freezing_order(ifp.load_dataset(str(data / "bars.npz")))))


def planned(*arguments):
    ended = CliRunner().invoke(app, ["plan-stages", *map(str, arguments)])
    assert ended.exit_code == 0, ended.stderr
    return StagePlan.from_json(ended.stdout)


def test_a_run_is_planned_by_its_findings_and_with_the_order_by_conditional_values(run, order):
    alone, both = planned(run.path), planned(run.path, "--from", "spectrum")
    assert alone == ifp.plan_stages(annealed_test(run).findings)
    assert both == ifp.plan_stages(with_order(annealed_test(run).findings, order))
    assert "with the factors known that freeze before" in " ".join(both.stages[0].evidence)
    assert both.source["findings"].endswith("and the freezing order")
    assert any("by the heating curves" in line for stage in both.stages for line in stage.evidence)


def test_the_command_s_settings_reach_the_plan(run):
    plan = planned(run.path, "--pressures", "20,5", "--group-size", 3)
    assert [stage.pressure for stage in plan.stages] == [20.0, 5.0]
    assert len(plan.stages[-1].latents) == 3
    assert len(planned(run.path, "--stages", 1).stages) == 1
    assert (plan.gamma, planned(run.path, "--gamma", 0.5).gamma) == (1.0, 0.5)


def test_whole_data_annealing_is_planned_without_labels(tmp_path):
    beta = np.geomspace(200, 1, 300)
    kl = np.stack([np.maximum(np.log(point / beta), 0) for point in (120.0, 0.5, 15.0)], axis=1)
    curves = {
        "step": np.arange(301), "direction": np.array(["hold"] + ["cool"] * 300),
        "beta": np.concatenate([beta[:1], beta])[None], "kl": np.concatenate([kl[:1], kl])[None],
        "reconstruction": np.full((1, 301), 50.0), "silent_reconstruction": np.array([50.0]),
        "mi": np.zeros((301, 3, 0)), "mi_null": np.zeros((301, 3, 0)), "factors": np.array([], dtype=np.str_),
        "entropy": np.empty(0),
    }  # fmt: skip
    settings = WholeConfig(dataset="plain", pressures=(1.0, 200.0), probe=64)
    about = {"name": "plain", "fingerprint": "f", "image_shape": (16, 16, 1), "images": 32, "source": "drawn"}
    run = create_run(tmp_path / "run", "anneal-whole", settings, about)
    run.write("curves.npz", npz_bytes(curves))
    with pytest.raises(IFPError, match="need a finished run"):
        planning_findings(run)
    run.write("freezing.csv", b"latent\n")
    with pytest.raises(IFPError, match="need an annealing run with --from spectrum"):
        raise CliRunner().invoke(app, ["plan-stages", str(run.path), "--from", "spectrum"]).exception
    plan = planned(run.path)
    assert [stage.factors for stage in plan.stages] == [("z0",), ("z2",)]
    assert plan.stages[0].pressure == pytest.approx(15.0 * np.exp(-0.1), rel=0.01)  # held at the next one's point
    assert (plan.fingerprint, plan.stages[-1].pressure) == ("f", 1.0)


def test_an_order_without_one_of_the_factors_is_refused(run, order):
    with pytest.raises(IFPError, match="need a value in the freezing order for every factor, width has none"):
        with_order(annealed_test(run).findings, {"place": order["place"]})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "spectrum"], "need a data set or a run with --from spectrum"),
        (["RUN", "--from", "spectrum", "--seed", "3"], "need either a run or --seed with --from spectrum"),
        (["RUN", "--pressures", "20,x"], "need --pressures as numbers, a,b,c, got '20,x'"),
        (["RUN", "--pressures", "5,20"], "need pressures above 0 that fall from stage to stage, got 5, 20"),
        (["RUN", "--gamma", "2"], "need gamma in 0..1, got 2"),
        (["RUN", "--stages", "3"], "need 1 to 2 stages for 2 factors, got 3"),
        (["RUN", "--pressures", "20,5", "--depth", "0.3"], "need either --pressures or --depth, got both"),
    ],
)
def test_what_cannot_be_planned_is_refused_in_one_sentence(run, arguments, message):
    given = [str(run.path) if each == "RUN" else each for each in arguments]
    ended = CliRunner().invoke(app, ["plan-stages", *given])
    assert ended.stdout == ""
    assert message in str(ended.exception)


def test_findings_of_an_earlier_format_are_concluded_again(run, tmp_path):
    copied = open_run(shutil.copytree(run.path, tmp_path / "run"))
    copied.write("findings.json", b'{"format": "ifp-findings/1"}')
    assert annealed_test(copied).findings == annealed_test(run).findings


def test_findings_of_a_run_are_read_back_as_they_were_concluded(run):
    found = ifp.diagnose(run, save=True)
    assert json.loads((run.path / "findings.json").read_text())["conditional"] == {}
    assert planning_findings(run) == found
