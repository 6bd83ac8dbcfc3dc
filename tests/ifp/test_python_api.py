"""The names of ``import ifp``: what they take, and how results print, become frames and figures."""

import ast
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import ifp
from analysis.figures.latent_points import draw_points
from analysis.freezing_points import find_freezing_points
from analysis.stage_plan import StagePlan
from ifp.cli import app
from ifp.evaluation.planning import planning_findings

pytestmark = pytest.mark.usefixtures("_one_thread")

SHORT = {"steps": 12, "batch_size": 8, "eval_every": 3, "probe": 16, "threads": 1, "precision": "float32"}


@pytest.fixture(scope="module")
def ds(bars):
    index = np.arange(len(bars))
    return ifp.from_arrays(bars.images(index), bars.factors_at(index), bars.factors.names, name="bars")


@pytest.fixture(scope="module")
def spectrum(ds):
    return ifp.spectrum(ds, contexts=6)


@pytest.fixture(scope="module")
def annealed(ds, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "anneal"
    return ifp.anneal(ds, contexts=2, planning_contexts=6, protocol="equilibrium", out=out)


@pytest.fixture(scope="module")
def trained(ds, spectrum, tmp_path_factory):
    return ifp.train(ds, plan=ifp.plan_stages(spectrum), out=tmp_path_factory.mktemp("runs") / "train", **SHORT)


def test_no_name_is_hidden_by_a_module_of_the_same_name():
    modules = {path.stem for path in Path(ifp.__file__).parent.iterdir()}
    assert modules & set(ifp.__all__) == set()
    assert all(callable(getattr(ifp, name)) for name in ifp.__all__)


def test_what_type_checkers_see_is_what_is_there():
    tree = ast.parse(Path(ifp.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert seen == {name: module for module, names in ifp._HOME.items() for name in names}
    assert sorted(seen) == sorted(ifp.__all__)


def test_arrays_are_a_data_set_that_opens_again(ds, bars):
    index = np.arange(len(bars))
    assert (ds.name, len(ds), ds.image_shape, ds.factors) == ("bars", len(bars), bars.image_shape, bars.factors)
    np.testing.assert_array_equal(ds.images(index), bars.images(index))
    np.testing.assert_array_equal(ds.factors_at(index), bars.factors_at(index))
    assert ifp.load_dataset(ds.reference).fingerprint == ds.fingerprint


def test_torch_and_numpy_and_bytes_and_floats_give_the_same_images(bars):
    images = bars.images(np.arange(len(bars)))
    bright = (images[..., 0] > 0).astype(np.uint8) * 255
    found = [
        ifp.from_arrays(given)
        for given in (bright, torch.from_numpy(bright), bright > 0, (bright > 0).astype(np.float64))
    ]
    for each in found:
        shown = each.images(np.arange(len(each))).astype(float)
        np.testing.assert_array_equal(shown / shown.max(), (bright > 0)[..., None])
    assert found[0].reference == found[1].reference  # the same content is kept once
    chosen = bars.factors_at(np.arange(len(bars)))[:, [1]]  # in Fortran order, as numpy chooses columns
    np.testing.assert_array_equal(ifp.from_arrays(bright, chosen).factors_at(np.arange(len(bars))), chosen)


@pytest.mark.parametrize(
    ("images", "more", "message"),
    [
        (np.zeros((4, 3, 8, 8)), {}, "channels go last"),
        (np.full((4, 8, 8), 2.0), {}, r"need pixels in 0..1 in images of the arrays given, image 0 holds 2.0"),
        (np.zeros((4, 8)), {}, r"need images of shape .* in the arrays given, got \(4, 8\)"),
        (np.zeros((4, 8, 8)), {"factors": [[0]]}, r"need factors of shape \(4, K\) in the arrays given"),
        (np.zeros((4, 8, 8)), {"factor_names": ["a"]}, "need factors with factor_names"),
        (np.zeros((4, 8, 8)), {"name": "a/b"}, "need a name of one line"),
        ([["a"]], {}, "need an array of numbers"),
        ([[0.0], [0.0, 1.0]], {}, "need an array of numbers"),
    ],
)
def test_arrays_that_are_none_are_refused_in_words_of_their_own(images, more, message):
    with pytest.raises(ifp.DataError, match=message):
        ifp.from_arrays(images, **more)


def test_a_spectrum_is_its_records_prints_them_and_plans(spectrum, ds):
    frame = spectrum.to_frame()
    assert len(spectrum) == len(frame) == 12
    assert (
        [each.spectral_beta for each in spectrum]
        == frame["spectral_beta"].tolist()
        == [record.spectral_beta for record in spectrum[:]]
    )
    lines = repr(spectrum).splitlines()
    assert "nats" in lines[0]
    assert [line.split()[0] for line in lines[2:]] == list(ds.factors.names)
    medians = frame.groupby("factor")["spectral_beta"].median()
    assert lines[2].split()[3] == f"{medians['position']:.4g}"
    labels = [label.get_text() for label in spectrum.plot().axes[0].get_yticklabels()]
    assert labels == list(ds.factors.names)


def test_a_plan_comes_from_findings_a_run_and_a_spectrum(annealed, spectrum):
    of_findings, of_run = ifp.plan_stages(ifp.diagnose(annealed)), ifp.plan_stages(annealed.path)
    assert of_findings == of_run == ifp.plan_stages(planning_findings(annealed))
    assert ifp.plan_stages(spectrum).stages[0].factors == (max(spectrum.order, key=spectrum.order.get),)
    assert ifp.plan_stages(spectrum, gamma=0.5).gamma == 0.5
    assert dict(spectrum.findings(order=False).conditional) == {}
    with pytest.raises(ifp.IFPError, match="need findings of an annealing test, an annealing run or a spectrum"):
        ifp.plan_stages(3)
    with pytest.raises(ifp.IFPError, match="need a latent that froze to plan with, none of 1 did"):
        ifp.plan_stages(find_freezing_points(np.arange(2), np.array([2.0, 1.0]), np.zeros((2, 1))))


def test_a_plan_prints_its_stages_and_is_read_back(annealed):
    plan = ifp.plan_stages(annealed)
    assert StagePlan.from_json(plan.to_json()) == plan
    assert plan.to_frame()["pressure"].tolist() == [stage.pressure for stage in plan.stages]
    assert len(repr(plan).splitlines()) == 2 + len(plan.stages)
    axes = plan.plot().axes[0]
    stairs = axes.patches[0].get_data()
    np.testing.assert_allclose(stairs.values, [stage.pressure for stage in plan.stages])
    np.testing.assert_allclose(stairs.edges[-1], 1)


def test_each_kind_of_run_is_diagnosed_as_what_it_is(annealed, trained, ds, tmp_path):
    cooled = ifp.anneal(
        ds, mode="full", latents=2, steps=20, hold_steps=2, record_every=5, batch_size=8, probe=16, channels=4,
        hidden=8, threads=1, out=tmp_path / "whole",
    )  # fmt: skip
    kinds = [type(ifp.diagnose(run)).__name__ for run in (annealed, cooled.path, trained, str(trained.path))]
    assert kinds == ["Findings", "WholeFindings", "Diffusion", "Diffusion"]
    assert (
        ifp.diagnose({"step": [0, 1], "beta": [2, 1], "kl": np.zeros((2, 3))}).to_frame()["status"].tolist()
        == ["never_froze"] * 3
    )
    whole = ifp.diagnose(cooled)
    assert whole.to_frame()["latent"].tolist() == [0, 1]
    assert len(cooled.to_frame()) == 4  # two latents at two thresholds
    assert len(whole.plot().axes) == len(cooled.plot().axes) == 1
    assert ifp.freezing_points(cooled).kl.shape[1] == 2


def test_dots_stand_at_the_points_in_falling_order():
    figure = draw_points({0: 3.0, 4: 20.0, 2: 7.0}, {0: None, 4: "a", 2: "b"}, {"a": 25.0}, "data")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["z4", "z2", "z0"]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in dots] == [(20.0, 0), (7.0, 1), (3.0, 2)]
    assert [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"] == [25.0]


def test_a_run_says_what_it_is_and_shows_its_table_and_figures(annealed, trained):
    assert repr(annealed) == f"Run {str(annealed.path)!r}: anneal, on bars, finished"
    assert repr(trained).endswith("train, deft, on bars, finished")
    assert list(annealed.to_frame()["factor"].unique()) == ["position", "brightness"]
    assert trained.to_frame()["step"].iloc[-1] == SHORT["steps"]
    assert [len(annealed.plot(what).axes) for what in (None, "curves")] == [1, 2]
    assert trained.plot("curves").axes[0].get_xscale() == "log"
    assert len(trained.plot("traversal", latents=[1], values=(-1.0, 0.0, 1.0)).axes) == 3
    with pytest.raises(ifp.IFPError, match="need a figure out of distributions, curves"):
        annealed.plot("information")


def test_diffusion_is_one_row_and_one_bar_a_factor(trained):
    found = ifp.diagnose(trained)
    assert found.to_frame()["factor"].tolist() == ["position", "brightness"]
    bars = found.plot().axes[0].patches
    total = [bars[row].get_width() + bars[2 + row].get_width() for row in range(2)]
    np.testing.assert_allclose(total, [factor.nats for factor in found.factors])


def test_findings_are_drawn_and_printed_as_they_are_tabled(annealed):
    found = ifp.diagnose(annealed)
    assert found.to_frame()["ifp"].tolist() == [each.ifp.median for each in found.factors]
    assert repr(found).splitlines()[2].split()[3] == f"{found.factors[0].ifp.median:.4g}"
    shares = found.plot().axes[0].collections[0].get_array().reshape(2, 2)
    assert shares[0, 1] == pytest.approx(100 * found.pairs[0].comparison.superiority)


def test_scores_of_codes_torch_or_numpy_and_of_a_run_are_one_mapping(trained):
    found = ifp.encode(trained)
    names = ("mig", "modularity")
    scores = ifp.score(trained, only=names)
    again = ifp.score(torch.from_numpy(found["codes"]), found["factors"], only=names)
    assert again == pytest.approx(dict(scores), abs=1e-12)
    assert scores.to_frame()["score"].tolist() == list(scores) == list(names)
    assert [bar.get_width() for bar in scores.plot().axes[0].patches] == list(scores.values())
    with pytest.raises(ifp.IFPError, match="need factors"):
        ifp.score(found["codes"])
    with pytest.raises(ifp.IFPError, match="got both"):
        ifp.score(trained, found["factors"])


class Encoder(nn.Sequential):
    """Of the user's own."""

    def __init__(self, image_shape, outputs):
        super().__init__(nn.Flatten(), nn.Linear(int(np.prod(image_shape)), outputs))


class Decoder(nn.Sequential):
    """Of the user's own."""

    def __init__(self, image_shape, latents):
        height, width, channels = image_shape
        super().__init__(nn.Linear(latents, height * width * channels), nn.Unflatten(1, (channels, height, width)))


OWN = ifp.Network(Encoder, Decoder)


def test_own_modules_are_trained_resumed_and_loaded(ds, tmp_path):
    given = {"objective": "annealed-beta", "latents": 2, "network": OWN, **SHORT, "checkpoint_every": 3}
    whole = ifp.train(ds, out=tmp_path / "whole", **given)
    stopped = tmp_path / "stopped"
    ifp.train(ds, out=stopped, **given)
    (stopped / "checkpoint.json").unlink()  # as if it had not come to its end
    again = ifp.train(ds, out=stopped, resume=True, network=OWN)
    for name in ("checkpoint.safetensors", "trace.npz", "metrics.csv"):
        assert (again.path / name).read_bytes() == (whole.path / name).read_bytes()
    model = ifp.load_model(whole, OWN)
    assert isinstance(model.encoders[0], Encoder)
    images = torch.from_numpy(ds.images(np.arange(4))).permute(0, 3, 1, 2)
    np.testing.assert_allclose(model.encode(images)[0].detach(), ifp.encode(whole, network=OWN)["codes"][:4], atol=1e-6)
    assert [each.latent for each in ifp.freezing_points(whole).points] == [0, 1]
    assert list(ifp.score(whole, only=["mig"], network=OWN)) == ["mig"]
    with pytest.raises(ifp.IFPError, match="need the own network"):
        ifp.load_model(whole)


def test_an_own_network_is_one_per_group_of_a_plan(ds, spectrum, tmp_path):
    plan = ifp.plan_stages(spectrum)
    model = ifp.load_model(ifp.train(ds, plan=plan, network=OWN, out=tmp_path / "run", **SHORT), OWN)
    assert [encoder[1].out_features for encoder in model.encoders] == [2 * len(stage.latents) for stage in plan.stages]


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (ifp.Network(lambda shape, outputs: nn.Flatten(), Decoder), "need parameters in the own encoder"),
        (
            ifp.Network(lambda shape, outputs: Encoder(shape, outputs + 1), Decoder),
            r"need \(2, 4\) from the own encoder",
        ),
        (ifp.Network(Encoder, lambda shape, latents: nn.Linear(latents, 3)), r"need \(2, 1, 16, 16\) from the own dec"),
        (ifp.Network(Encoder, lambda shape, latents: torch.sin), "need a torch module from the own decoder"),
    ],
)
def test_own_modules_of_another_shape_are_refused_before_anything_is_written(network, message, ds, tmp_path):
    with pytest.raises(ifp.IFPError, match=message):
        ifp.train(ds, objective="beta-vae", latents=2, network=network, out=tmp_path / "run", **SHORT)
    assert not (tmp_path / "run").exists()


def test_annealing_goes_on_from_python(ds, annealed, tmp_path):
    again = ifp.anneal(ds, out=annealed.path, resume=True)
    assert again == annealed
    with pytest.raises(ifp.RunError, match="contexts is 2 there and 3 here"):
        ifp.anneal(ds, out=annealed.path, resume=True, contexts=3)
    with pytest.raises(ifp.RunError, match="there is no unfinished run of kind anneal"):
        ifp.anneal(ds, runs=tmp_path, resume=True)
    with pytest.raises(ifp.IFPError, match="need a mode out of action, full"):
        ifp.anneal(ds, mode="both", out=tmp_path / "run")


def table_of(points):
    return pd.DataFrame({"step": points.step, "beta": points.beta, **{
        f"kl_{latent}": column for latent, column in enumerate(points.kl.T)
    }})  # fmt: skip


def test_a_table_from_elsewhere_is_read_in_every_form(tmp_path):
    beta = np.concatenate([np.geomspace(100, 1, 80), np.geomspace(1, 100, 80)])
    kl = np.maximum(np.log([50.0, 10.0] / beta[:, None]), 0)
    wanted = find_freezing_points(np.arange(160), beta, kl)
    frame = table_of(wanted).assign(note="a", loss=1.0)
    frame.to_csv(tmp_path / "log.csv", index=False)
    forms = (
        frame, tmp_path / "log.csv", str(tmp_path / "log.csv"), {"step": np.arange(160), "pressure": beta, "kl": kl},
        {"step": list(range(160)), "beta": torch.from_numpy(beta), "kl": torch.from_numpy(kl)},
    )  # fmt: skip
    for form in forms:
        np.testing.assert_allclose(ifp.freezing_points(form).to_frame()["ifp"], wanted.to_frame()["ifp"])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"step": [0, 1], "beta": [2, 1]}, "need columns step, beta and kl_0, kl_1, .* got 'step', 'beta'"),
        ({"step": [0, 1], "beta": [2, 1], "kl_1": [0, 0]}, "need columns kl_0 to kl_0"),
        ({"step": [0, 1], "beta": ["a", "b"], "kl_0": [0, 0]}, "need numbers as beta"),
        ({"step": [0, 1], "beta": [2, 1], "kl_0": [0]}, "need columns of one length"),
        (3, "need a DataFrame, a mapping, the path of a CSV file or a run, got int"),
    ],
)
def test_tables_that_are_none_are_refused(table, message):
    with pytest.raises(ifp.DataError, match=message):
        ifp.freezing_points(table)


def test_a_csv_that_is_none_and_a_run_of_another_kind_are_refused(tmp_path, annealed):
    (tmp_path / "log.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ifp.DataError, match="comma-separated"):
        ifp.freezing_points(tmp_path / "log.csv")
    with pytest.raises(ifp.RunError, match="of kind anneal"):
        ifp.freezing_points(annealed)
    with pytest.raises(ifp.RunError, match="there is no"):
        ifp.freezing_points(tmp_path / "none.csv")


def test_records_of_a_training_run_are_those_of_its_metrics(trained):
    found, table = ifp.freezing_points(trained), ifp.freezing_points(trained.path / "metrics.csv")
    np.testing.assert_allclose(found.kl, table.kl)
    np.testing.assert_allclose(found.beta, table.beta)
    assert json.loads(trained.path.joinpath("config.json").read_text())["settings"]["steps"] == found.step[-1]


def test_the_command_reads_a_table_as_python_does(tmp_path):
    beta = np.concatenate([np.geomspace(100, 1, 80), np.geomspace(1, 100, 80)])
    wanted = find_freezing_points(np.arange(160), beta, np.maximum(np.log([50.0, 10.0] / beta[:, None]), 0))
    table_of(wanted).to_csv(tmp_path / "log.csv", index=False)
    ended = CliRunner().invoke(
        app, ["diagnose", str(tmp_path / "log.csv"), "--json", "--plot", str(tmp_path / "a.png")]
    )
    assert ended.exit_code == 0, ended.stderr
    assert [row["ifp"] for row in json.loads(ended.stdout)] == pytest.approx([each.ifp for each in wanted.points])
    assert (tmp_path / "a.png").is_file()
    shown = CliRunner().invoke(app, ["diagnose", str(tmp_path / "log.csv")]).stderr
    assert f"{wanted.points[0].ifp:.4g}" in shown
    assert isinstance(CliRunner().invoke(app, ["diagnose", "a.csv", "b.csv"]).exception, ifp.IFPError)


def test_whole_data_annealing_predicts_by_itself(ds, spectrum, tmp_path):
    tiny = {"latents": 2, "steps": 10, "hold_steps": 2, "record_every": 5, "batch_size": 8, "probe": 16}
    run = ifp.anneal(ds, mode="full", **tiny, channels=4, hidden=8, threads=1, out=tmp_path / "run")
    settings = run.config["settings"]
    assert settings["predicted"] == pytest.approx(dict(spectrum.order))
    assert settings["pressures"][1] == pytest.approx(1.6 * max(spectrum.order.values()))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("step,beta,kl_0,kl_0\n0,2,1,1\n1,1,2,2\n", "need columns each once in .*, got 'kl_0' 2 times"),
        ("step,beta,beta,kl_0\r\n0,2,2,1\r\n1,1,1,2\r\n", "got 'beta' 2 times"),
        ('step,be\rta,kl_0\n0,2,1\n1,1,2\n', "need columns step, beta and kl_0|need a table"),
    ],
)  # fmt: skip
def test_a_log_with_a_column_twice_is_refused(text, reason, tmp_path):
    (tmp_path / "log.csv").write_text(text, newline="")
    with pytest.raises(ifp.DataError, match=reason):
        ifp.freezing_points(tmp_path / "log.csv")


def test_a_latent_that_two_columns_name_is_refused(tmp_path):
    (tmp_path / "log.csv").write_text("step,beta,kl_00,kl_0\n0,2,1,3\n1,1,2,4\n")
    with pytest.raises(ifp.DataError, match="got 'kl_0' and 'kl_00' for latent 0: keep one of them"):
        ifp.freezing_points(tmp_path / "log.csv")


def test_a_table_with_a_column_twice_is_refused():
    table = pd.DataFrame([[0, 2.0, 1.0, 1.0], [1, 1.0, 2.0, 2.0]], columns=["step", "beta", "kl_0", "kl_0"])
    with pytest.raises(ifp.DataError, match="need columns each once in the table, got 'kl_0' 2 times"):
        ifp.freezing_points(table)
