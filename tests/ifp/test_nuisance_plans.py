"""A plan with a stage of a nuisance, of a user's own data: made, trained by, resumed, held against what happened."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.text import Text
from typer.testing import CliRunner

import ifp
from analysis.stage_plan import StagePlan
from annealing.errors import PlanError
from ifp.cli import app
from ifp.closed_form.nuisances import nuisance_findings
from ifp.datasets import load_dataset
from ifp.training.plan import require_factors

pytestmark = [
    pytest.mark.usefixtures("_one_thread"),
    pytest.mark.filterwarnings("ignore:.*factor vectors of .* have several images"),
]
SHORT = {"steps": 8, "batch_size": 8, "eval_every": 8, "probe": 32, "checkpoint_every": 3, "network": "conv-8"}


def save(path, names):
    """A faint bar at 4 places in 3 widths, each over four bright backgrounds, 16x16."""
    images, factors = [], []
    for place, width, background in itertools.product(range(4), range(3), range(4)):
        image = np.full((16, 16), 0.2 + 0.15 * background)
        image[4 * place : 4 * place + 2, : 4 + 4 * width] += 0.12
        images.append(image)
        factors.append((place, width))
    np.savez(path, images=np.array(images, np.float32), factors=np.array(factors), factor_names=names)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return save(tmp_path_factory.mktemp("data") / "bars.npz", ["place", "width"])


@pytest.fixture(scope="module")
def plan(data):
    return ifp.plan_stages(dataset=data, contexts=6, final_pressure=0.02)


@pytest.fixture(scope="module")
def trained(data, plan, tmp_path_factory):
    return ifp.train(data, plan=plan, out=tmp_path_factory.mktemp("runs") / "whole", **SHORT)


def test_the_background_has_the_first_stage_and_the_factors_those_after_it(plan):
    assert plan.stages[0].factors == ("image",)
    assert {name for stage in plan.stages[1:] for name in stage.factors} == {"place", "width"}
    assert "image: no factor" in plan.stages[0].evidence[0]


def test_the_command_writes_the_plan_of_the_function(data, plan):
    words = ("plan-stages", "--from", "spectrum", "--dataset", str(data), "--contexts", "6", "--final-pressure", "0.02")
    shown = CliRunner().invoke(app, words)
    assert StagePlan.from_json(shown.stdout) == StagePlan.from_json(plan.to_json())


def test_a_run_planned_with_its_data_has_the_stage_and_one_planned_alone_has_not(data, tmp_path):
    run = ifp.anneal(data, contexts=1, planning_contexts=6, protocol="equilibrium", out=tmp_path / "run")
    alone, both = (ifp.plan_stages(run, order=order, final_pressure=0.02) for order in (False, True))
    assert ("image",) not in [stage.factors for stage in alone.stages]
    assert both.stages[0].factors == ("image",)
    first = nuisance_findings(load_dataset(data)).values[0]
    assert f"freezes by itself at {first:.4g}" in both.stages[0].evidence[0]


def test_training_by_it_goes_on_after_a_stop_to_the_same_bytes(data, plan, trained, tmp_path):
    stopped = tmp_path / "stopped"
    ifp.train(data, plan=plan, out=stopped, **SHORT)
    (stopped / "checkpoint.json").unlink()  # as if it had not come to its end
    again = ifp.train(data, out=stopped, resume=True)
    for name in ("checkpoint.safetensors", "trace.npz", "metrics.csv", "plan.json"):
        assert (again.path / name).read_bytes() == (trained.path / name).read_bytes()


def test_the_plan_is_held_against_the_factors_whose_stages_count_that_of_the_background(plan, trained):
    outcome = {each.factor: each for each in ifp.diagnose(trained).plan}
    assert set(outcome) == {"place", "width"}
    for number, stage in enumerate(plan.stages, 1):
        for name in {*stage.factors} & {*outcome}:
            assert (outcome[name].planned_stage, outcome[name].planned_pressure) == (number, stage.pressure)


def test_table_figure_and_page_name_the_background_s_stage(plan, trained, tmp_path):
    assert plan.to_frame()["factors"].iloc[0] == "image"
    assert "image" in " ".join(text.get_text() for text in plan.plot().findobj(Text)).split()
    CliRunner().invoke(app, ["report", str(trained.path), "--out", str(tmp_path / "page.html")])
    page = (tmp_path / "page.html").read_text()
    assert "image: no factor" in page


def test_a_plan_that_names_what_is_neither_factor_nor_nuisance_is_refused(data, plan, tmp_path):
    other = replace(plan, stages=(replace(plan.stages[0], factors=("noise",)), *plan.stages[1:]))
    with pytest.raises(PlanError, match=r"need factors out of place, width, image in a plan for .*, got 'noise'"):
        ifp.train(data, plan=other, out=tmp_path / "run", **SHORT)


def test_a_factor_that_is_called_image_is_told_from_which_image_of_a_cell_is_shown(tmp_path):
    named = save(tmp_path / "bars.npz", ["place", "image"])
    plan = ifp.plan_stages(dataset=named, contexts=6, final_pressure=0.02)
    assert plan.stages[0].factors == ("image (nuisance)",)
    assert "image" in {name for stage in plan.stages[1:] for name in stage.factors}
    require_factors(plan, load_dataset(named))
    named_alike = replace(plan, stages=(replace(plan.stages[0], factors=("image",)), *plan.stages[1:]))
    with pytest.raises(PlanError, match="need each factor in one stage of a plan, got image in 2"):
        require_factors(named_alike, load_dataset(named))
