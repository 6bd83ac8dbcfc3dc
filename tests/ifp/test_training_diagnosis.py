"""Diffusion of runs whose files say what it must be: read, printed, drawn, refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import ifp
from analysis.figures.information import draw_information
from analysis.plain_json import json_bytes
from annealing.errors import RunError
from ifp.cli import app
from ifp.evaluation.diffusion import information_trace
from ifp.files.npz import load_npz, npz_bytes
from ifp.run_directory.run import create_run
from ifp.training.config import TrainConfig

DATA = {"name": "bars", "fingerprint": "bars-1", "image_shape": [16, 16, 1], "images": 32, "source": "drawn"}
STEPS = np.arange(0, 1001, 100)


ENTROPY = np.log([8, 4])


def shown(above):
    """Plug-in information that reads ``above`` once 0.01 nats of chance are taken out: I_adj solved for I."""
    return above * (1 - 0.01 / ENTROPY[: above.shape[-1]]) + 0.01


def held(leak):
    """Position in latent 0 in the first half, brightness in latent 1 in the second, when position leaks into it."""
    above = np.zeros((len(STEPS), 3, 2))
    above[:, 0, 0] = 1.5 * np.clip(STEPS / 500, 0, 1)
    above[:, 1, 1] = 1.0 * np.clip(STEPS / 500 - 1, 0, 1)
    above[:, 1, 0] = leak * np.clip(STEPS / 500 - 1, 0, 1)
    return above


@pytest.fixture
def make_run(tmp_path, bars, make_plan):
    """A finished training run with a trace; ``leak`` nats of position end in the wrong latent."""

    def make(name="run", leak=0.0, stages=2, finished=True, labelled=True):
        settings = TrainConfig(dataset="bars", steps=1000)
        run = create_run(tmp_path / name, "train", settings, DATA)
        run.write("plan.json", json_bytes(make_plan(bars, (9.0, 3.0), (0.5, 0.5))))
        above = held(leak) if labelled else held(leak)[..., :0]
        nats = held(leak).sum(axis=2)
        arrays = {
            "step": STEPS, "stage": np.minimum(STEPS > 500, stages - 1).astype(int),
            "pressure": np.where(STEPS > 500, 3.0, 9.0),
            "reconstruction": np.full(len(STEPS), 50.0),
            "kl": nats, "mi": shown(above), "mi_null": np.full_like(above, 0.01),
            "factors": np.array(["position", "brightness"] if labelled else [], dtype=np.str_),
            "entropy": ENTROPY if labelled else np.empty(0),
        }  # fmt: skip
        run.write("trace.npz", npz_bytes(arrays))
        if finished:
            run.write("checkpoint.json", b"{}")
        return run

    return make


def test_the_trace_of_a_run_has_its_stages_and_the_chance_of_its_probe_set(make_run):
    trace = information_trace(make_run(leak=0.5))
    assert (trace.names, trace.ends) == (("position", "brightness"), (500, 1000))
    np.testing.assert_allclose(trace.above, held(0.5), atol=1e-12)
    above_chance = ENTROPY / (ENTROPY - 0.01)
    np.testing.assert_allclose(trace.deviation, np.broadcast_to(np.sqrt(0.01 / 32) * above_chance, trace.above.shape))
    assert information_trace(make_run("other", stages=1)).ends == ()


def test_the_index_of_a_run_is_written_beside_it(make_run):
    run = make_run(leak=0.5)
    found = ifp.diagnose(run.path, save=True)
    # 1.5 in one latent and 0.5 in another, 1.0 in one; two latents carry information
    weights = np.array([2.0 / np.log(8), 1.0 / np.log(4)])
    np.testing.assert_allclose(found.index, weights @ [2 * 0.25, 0] / weights.sum())
    assert json.loads((run.path / "diffusion.json").read_text())["index"] == found.index


def test_diagnose_prints_owners_and_the_step_and_pressure_at_which_information_spread(make_run):
    run = make_run(leak=0.5)
    told = CliRunner().invoke(app, ["diagnose", str(run.path)], env={"COLUMNS": "200"}).stderr
    assert "z0 owns position and z1 owns brightness." in told
    assert "the largest event: 0.5 nats of position spread from z0 into z1 at step 700, beta 3." in told
    assert f"ifp diagnose {run.path} --tables  # the tables behind these sentences" in told
    assert "where information went" not in told
    shown = CliRunner().invoke(app, ["diagnose", str(run.path), "--tables"])
    assert shown.exit_code == 0
    assert "where information went" in shown.stderr
    event = next(line for line in shown.stderr.splitlines() if line.startswith("│") and "spread" in line)
    assert [each.strip() for each in event.strip("│").split("│")] == [
        "700",
        "3",
        "position",
        "spread",
        "z0",
        "z1",
        "0.5",
    ]


def test_of_factors_that_end_in_one_latent_it_names_the_command_that_tells_whether_pressure_could_part_them(make_run):
    words = "ifp spectrum --dataset bars --pair position,brightness"
    for leak, named in ((0.5, False), (1.8, True)):
        run = make_run(f"leak-{leak}", leak=leak)
        told = CliRunner().invoke(app, ["diagnose", str(run.path)], env={"COLUMNS": "200"}).stderr
        assert (words in told) is named


def test_a_run_by_a_plan_of_its_factors_shows_each_as_planned_and_as_it_came(make_run, bars, make_plan):
    run = make_run(leak=0.5)
    first, second = make_plan(bars, (9.0, 3.0), (0.5, 0.5)).stages
    stages = (
        replace(first, factors=("brightness",), latents=(0, 2), predicted_nats={"brightness": 0.5}),
        replace(second, factors=("position",), latents=(1,)),
    )
    run.write("plan.json", json_bytes(make_plan(bars, (9.0, 3.0), (0.5, 0.5), stages=stages, latents=3)))
    shown = CliRunner().invoke(app, ["diagnose", str(run.path), "--tables"], env={"COLUMNS": "200"})
    assert "brightness: froze a stage late, in another group's latent." in shown.stderr
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in shown.stderr.splitlines()]
    assert [
        *("brightness", "froze a stage late, in another group's latent", "stage 1", "stage 2", "9", "3", "z1", "no"),
        *("0.5", "0", "1", "1"),
    ] in rows
    assert [
        *("position", "froze a stage early, in another group's latent", "stage 2", "stage 1", "3", "9", "z0", "no"),
        *("-", "1.5", "1.5", "0.75"),
    ] in rows
    both = json.loads((run.path / "diffusion.json").read_text())["plan"]
    assert [(each["factor"], each["stage_nats"]) for each in both] == [("position", 1.5), ("brightness", 0.0)]
    other = make_run("other")
    assert ifp.diagnose(other).plan == ()  # whose plan is of latents
    assert "plan and outcome" not in CliRunner().invoke(app, ["diagnose", str(other.path), "--tables"]).stderr


def test_json_is_what_the_file_holds(make_run):
    run = make_run(leak=0.5)
    shown = CliRunner().invoke(app, ["diagnose", str(run.path), "--json"])
    assert json.loads(shown.stdout) == json.loads((run.path / "diffusion.json").read_text())
    both = CliRunner().invoke(app, ["diagnose", str(run.path), str(make_run("clean").path), "--json"])
    assert [each["findings"]["index"] for each in json.loads(both.stdout)] == [json.loads(shown.stdout)["index"], 0.0]


def test_several_runs_are_one_table_and_one_figure_side_by_side(make_run, tmp_path):
    runs = [make_run(name, leak) for name, leak in (("clean", 0.0), ("leaky", 0.5))]
    figure = tmp_path / "both.svg"
    shown = CliRunner().invoke(app, ["diagnose", *(str(run.path) for run in runs), "--plot", str(figure)])
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in shown.stderr.splitlines()]
    shown_index = {row[0]: float(row[1]) for row in rows if row[0] in ("clean", "leaky")}
    assert shown_index == {run.path.name: pytest.approx(ifp.diagnose(run).index or 0, rel=1e-3) for run in runs}
    drawn = draw_information([(run.path.name, information_trace(run), ifp.diagnose(run)) for run in runs])
    assert [axes.get_ylabel() for axes in drawn.axes if axes.get_ylabel()] == [
        "position\n(nats)", "brightness\n(nats)", "index D",
    ]  # fmt: skip
    assert "<svg" in figure.read_text()
    tops = [axes.get_ylim()[1] for axes in drawn.axes]  # row by row: the two runs share a scale
    np.testing.assert_allclose(tops, np.repeat([1.05 * 2.0, 1.05 * 1.0, 1.0], 2))


def test_runs_on_other_factors_are_not_set_side_by_side(make_run):
    first, second = make_run("first"), make_run("second")
    arrays = load_npz(second.path / "trace.npz")
    second.write("trace.npz", npz_bytes(arrays | {"factors": np.array(["hue", "brightness"])}))
    shown = CliRunner().invoke(app, ["diagnose", str(first.path), str(second.path)])
    assert "need runs on the same factors to set side by side" in str(shown.exception)
    assert not any((run.path / "diffusion.json").exists() for run in (first, second))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"finished": False}, "need a finished run of training, .* is an unfinished run of kind train"),
        ({"labelled": False}, "need a run whose trace tells of labelled factors"),
    ],
)
def test_runs_without_an_answer_are_refused(make_run, settings, message):
    run = make_run(**settings)
    with pytest.raises(RunError, match=message):
        ifp.diagnose(run)
    assert not (run.path / "diffusion.json").exists()


def test_a_figure_that_cannot_be_written_is_refused_before_anything_is(make_run, tmp_path):
    run = make_run()
    shown = CliRunner().invoke(app, ["diagnose", str(run.path), "--plot", str(tmp_path / "nowhere" / "a.png")])
    assert "need an existing folder for the figure" in str(shown.exception)
    assert not (run.path / "diffusion.json").exists()
