"""A watched loop: what is planted is told and stands in its run; a run that was killed goes on to the same bytes."""

import gc
import json
import re
import sys
import types
import weakref

import numpy as np
import pytest
import torch

import ifp
import ifp.watching.course
from annealing.errors import DivergenceError
from ifp.api.kinds import METHODS
from ifp.datasets.dataset import describe
from ifp.files.npz import load_npz
from ifp.run_directory.kinds import Kind
from ifp.run_directory.run import create_run
from ifp.watching.lightning import from_encode, from_outputs, watch_callback

pytestmark = pytest.mark.usefixtures("_one_thread")

VALUES = 4  # of a factor


def posteriors(kl, rows=8):
    """Means and log-variances of a batch whose every image has this KL in each latent, nats."""
    kl = np.asarray(kl, float)
    signs = np.where(np.arange(rows) % 2, 1.0, -1.0)[:, None]
    return {"mean": signs * np.sqrt(2 * kl), "logvar": np.zeros((rows, len(kl)))}


def law(beta, point, slope):
    return slope * np.maximum(np.log(point / beta), 0)


def pressures_told(lines, word):
    """Latent and pressure of each line with a word."""
    found = [re.search(rf"z(\d+) {word} at beta (\S+) ", line) for line in lines]
    return {int(match[1]): float(match[2]) for match in found if match}


def quiet(line):
    """Nobody is told."""


# What is told


def test_freezing_and_silence_are_told_at_the_pressures_of_the_law(tmp_path):
    lines = []
    watch = ifp.watch(out=tmp_path / "run", latents=3, every=10, tell=lines.append)
    for step in range(2000):
        beta = 200 * 20 ** (-min(step, 2000 - step) / 1000)  # falls to 10, rises again
        watch(step, beta=beta, **posteriors([law(beta, 120, 2.0), law(beta, 40, 0.5), 0.0]))
    froze, silent = pressures_told(lines, "froze"), pressures_told(lines, "fell silent")
    assert froze == {0: pytest.approx(120 * np.exp(-0.1 / 2), rel=0.05), 1: pytest.approx(40 * np.exp(-0.2), rel=0.05)}
    assert silent == {0: pytest.approx(120, rel=0.05), 1: pytest.approx(40, rel=0.05)}
    assert len([line for line in lines if "z" in line.split()[2]]) == 4


def blobs(seed=0):
    """Images of 4x4 pixels in 0..1 about one shared course, and the largest eigenvalue of their covariance."""
    rng = np.random.default_rng(seed)
    images = (
        0.5 + 0.1 * rng.uniform(-1, 1, (64, 1)) * np.sign(rng.normal(size=16)) + 0.02 * rng.uniform(-1, 1, (64, 16))
    )
    images = images.astype(np.float32)
    return images.reshape(64, 4, 4), np.linalg.eigvalsh(np.cov(images.T, bias=True))[-1]


def train_linear_vae(images, weight, steps, tell, out):
    """A linear VAE by mean squared error, from a code that carries much."""
    torch.manual_seed(0)
    x = torch.from_numpy(images).reshape(64, 16)
    x = x - x.mean(0)
    encoder, decoder = torch.nn.Linear(16, 4), torch.nn.Linear(2, 16)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.1)
    with ifp.watch(out=out, data=images, latents=2, loss="mse-mean", every=10, tell=tell) as watch:
        for step in range(steps):
            mean, logvar = encoder(x).chunk(2, dim=1)
            sample = mean + (logvar / 2).exp() * torch.randn_like(mean)
            error = (decoder(sample) - x).square().mean()
            kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar)
            loss = error + weight * kl.sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watch(step, beta=weight, mean=mean, logvar=logvar, reconstruction=error.detach() * 16 / 2)


def test_a_collapse_is_told_within_200_steps_with_the_right_weight(tmp_path):
    images, variance = blobs()
    freezing = variance / (16 / 2)  # a weight of the KL beside a mean of 16 squared errors
    lines = []
    train_linear_vae(images, 5 * freezing, 200, lines.append, tmp_path / "above")
    (told,) = [line for line in lines if "everything is silent" in line]
    times, start = re.search(
        r"is (\S+) times the freezing point of your data.*; start below weight (\S+)", told
    ).groups()
    assert float(start) == pytest.approx(freezing, rel=1e-3)
    assert float(times) == pytest.approx(5, rel=1e-2)
    assert int(re.match(r"step (\d+):", told)[1]) < 200
    above = ifp.diagnose(tmp_path / "above")
    assert f"start below weight {freezing:.4g}" in above.notes[0]
    lines.clear()
    train_linear_vae(images, 0.2 * freezing, 200, lines.append, tmp_path / "below")
    assert [line for line in lines if "everything is silent" in line] == []
    assert ifp.diagnose(tmp_path / "below").latents[0].kl_peak > 0.1


def silence_told(out, pressures, **given):
    lines = []
    watch = ifp.watch(out=out, latents=2, every=1, tell=lines.append, **given)
    for step, beta in enumerate(pressures):
        watch(step, beta=beta, **posteriors([0.0, 0.001]))
    watch.close()
    return lines


def test_silence_is_told_once_and_not_to_whoever_lowers_the_pressure(tmp_path):
    (told,) = silence_told(tmp_path / "a", [30.0] * 50, freezing_point=12.0)
    assert told == (
        "step 2: everything is silent: beta 30 nats is 2.5 times the freezing point of your data; start below beta 12 "
        "nats"
    )
    assert silence_told(tmp_path / "b", np.geomspace(30, 13, 50), freezing_point=12.0) == []
    (late,) = silence_told(tmp_path / "c", [30.0] * 50)
    assert late.startswith("step 19: no latent carries information at beta 30 nats")
    alike = np.full((4, 8, 8), 0.5)
    (same,) = silence_told(tmp_path / "e", [30.0] * 50, data=alike)
    assert same.startswith("step 19: no latent carries information at beta 30 nats")
    (below,) = silence_told(tmp_path / "d", [6.0] * 50, freezing_point=12.0)
    assert below.startswith("step 19: no latent carries information at beta 6 nats")
    assert below.endswith("train longer, or with a higher learning rate")


# Information


def codes_about(labels, owner, shared):
    """Two latents, of which the first tells a factor exactly where ``owner``, the second where ``shared``."""
    place = (labels[:, 0] - 1.5) * 1.2
    mean = np.stack([owner * place, shared * place], axis=1)
    logvar = np.where([owner, shared], -8.0, 0.0) * np.ones((len(labels), 1))
    return {"mean": mean, "logvar": logvar}


@pytest.fixture(scope="module")
def spreading(tmp_path_factory):
    """A loop in which the second latent tells what the first does from step 100 on, and what was told of it."""
    rng, lines = np.random.default_rng(0), []
    out = tmp_path_factory.mktemp("spreading") / "run"
    watch = ifp.watch(out=out, latents=2, every=2, factor_names=["hue", "noise"], tell=lines.append)
    for step in range(201):
        labels = rng.integers(0, VALUES, (256, 2))
        watch(step, beta=3.0, reconstruction=7.0, factors=labels, **codes_about(labels, 1, step > 100))
    watch.close()
    return out, lines


def test_a_factor_that_begins_to_spread_is_told_and_diagnosed(spreading, told):
    out, lines = spreading
    (line,) = [line for line in lines if "spread" in line]
    assert line.startswith("step 120: hue begins to spread from z0 into z1 at beta 3 nats, ")
    found = ifp.diagnose(out)
    hue, noise = found.diffusion.factors
    assert (hue.factor, hue.owner, hue.froze_at) == ("hue", 0, 0)
    assert hue.nats == pytest.approx(2 * np.log(VALUES), rel=0.02)
    assert hue.share == pytest.approx(0.5, abs=0.01)
    assert (noise.nats, noise.owner) == (0, None)
    assert [(event.kind, event.into, event.step) for event in found.diffusion.events] == [("spread", 1, 120)]
    code, error, _ = told("diagnose", out)
    assert code == 0
    assert f"{hue.nats:.4g}" in error
    assert json.loads((out / "findings.json").read_text())["diffusion"]["events"][0]["step"] == 120
    code, error, _ = told("report", out)
    page = (out / "report.html").read_text()
    assert code == 0, error
    assert "Diffusion index 1.000" in page
    assert f"hue {hue.nats:.2f} nats, 50% in the latent with most" in page
    assert 'aria-label="hue spread from z0 into z1, ' in page  # the mark on the curve
    (before, after) = (re.search(rf"<tr><td>{step}</td>.*?</tr>", page)[0] for step in (100, 200))
    assert (">z0</td>" in before, ">z0, z1</td>" in after) == (True, True)
    assert ifp.verify(out).faults == ()


def test_the_kinds_figures_show_the_planted_numbers(spreading, tmp_path, told):
    out, _ = spreading
    run = ifp.open_run(out)
    upper, lower = METHODS[run.kind].figures["curves"](run).axes
    assert {line.get_label() for line in upper.lines[:2]} == {"z0", "z1"}
    assert lower.lines[0].get_ydata().tolist() == [3.0] * 101
    assert run.plot("information").axes[0].get_title().startswith("run\ndiffusion index 1.00")
    assert run.to_frame()["reconstruction"].tolist() == [7.0] * 101
    assert run._repr_html_().count("<tr") == 1 + 20  # in a notebook: a header and the first rows
    beta = np.geomspace(200, 10, 60)
    with ifp.watch(out=tmp_path / "fall", latents=1, every=1, tell=quiet) as watch:
        for step, pressure in enumerate(beta):
            watch(step, beta=pressure, **posteriors([law(pressure, 100, 1.0)]))
    code, error, printed = told("plot-curves", tmp_path / "fall")
    assert (code, printed.strip()) == (0, str(tmp_path / "fall" / "curves.png")), error
    curve = ifp.open_run(tmp_path / "fall").plot().axes[0].lines[0]
    assert curve.get_xdata()[:60] == pytest.approx(beta)
    assert curve.get_ydata()[:60] == pytest.approx(law(beta, 100, 1.0))
    (point,) = ifp.freezing_points(tmp_path / "fall").points
    assert point.freezing == pytest.approx(100 * np.exp(-0.1), rel=1e-3)
    assert ifp.diagnose(tmp_path / "fall").to_frame()["freezing"].tolist() == [pytest.approx(point.freezing)]
    code, error, _ = told("diagnose", tmp_path / "fall")
    assert (code, f"{point.freezing:.4g}" in error) == (0, True)


def test_stages_are_planned_from_the_data_that_were_told(bars_file, tmp_path):
    with ifp.watch(out=tmp_path / "run", data=bars_file, latents=2, tell=quiet) as watch:
        watch(0, beta=1.0, **posteriors([0.0, 0.0]))
    assert ifp.plan_stages(tmp_path / "run") == ifp.plan_stages(dataset=bars_file)
    with ifp.watch(out=tmp_path / "untold", latents=2, tell=quiet) as watch:
        watch(0, beta=1.0, **posteriors([0.0, 0.0]))
    with pytest.raises(ifp.RunError, match=r"was not: ifp\.watch\(data=\.\.\.\) tells them"):
        ifp.plan_stages(tmp_path / "untold")


# Going on


def loop(watch, steps):
    """A loop whose numbers follow from the step alone, as with a checkpoint of its own."""
    for step in steps:
        rng = np.random.default_rng(step)
        labels = rng.integers(0, VALUES, (40, 2))
        watch(step, beta=50 - step / 4, reconstruction=step / 7, factors=labels, **codes_about(labels, 1, step > 60))


def contents(folder):
    """Files by name, but for what holds the time."""
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("checksums.json", ".lock")
    }
    config = json.loads(files.pop("config.json"))
    return {**files, "settings": (config["settings"], config["data"]["fingerprint"])}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    out = tmp_path_factory.mktemp("alone") / "run"
    with ifp.watch(out=out, latents=2, every=2, tell=quiet) as watch:
        loop(watch, range(150))
    return contents(out)


@pytest.mark.parametrize(
    ("stops", "back"), [((1, 41, 80, 81, 149), 0), ((90,), 7), ((45, 139), 44)], ids=["between", "back", "far back"]
)
def test_a_loop_that_was_killed_goes_on_to_the_same_bytes(stops, back, alone, tmp_path):
    start = 0
    for stop in (*stops, 150):
        watch = ifp.watch(out=tmp_path / "run", latents=2, every=2, tell=quiet)
        loop(watch, range(start, stop))
        start = max(stop - back, 0)
        if stop == 150:
            watch.close()
        del watch  # its process is gone, and the lock with it
        gc.collect()
    assert contents(tmp_path / "run") == alone
    assert ifp.verify(tmp_path / "run").faults == ()


@pytest.mark.parametrize("name", ["append_reading", "trace_bytes"])
def test_a_stop_within_a_reading_leaves_the_ones_before(name, alone, tmp_path, monkeypatch):
    watch = ifp.watch(out=tmp_path / "run", latents=2, every=2, tell=quiet)
    loop(watch, range(80))
    monkeypatch.setattr(ifp.watching.course, name, interrupt)
    with pytest.raises(KeyboardInterrupt):
        loop(watch, range(80, 150))
    monkeypatch.undo()
    del watch
    gc.collect()
    with ifp.watch(out=tmp_path / "run", latents=2, every=2, tell=quiet) as watch:
        loop(watch, range(80, 150))
    assert contents(tmp_path / "run") == alone


def interrupt(*_, **__):
    raise KeyboardInterrupt


def test_an_ended_run_goes_on_to_the_same_bytes_too(alone, tmp_path):
    for steps in (range(57), range(57, 150)):
        with ifp.watch(out=tmp_path / "run", latents=2, every=2, tell=quiet) as watch:
            loop(watch, steps)
        assert ifp.verify(tmp_path / "run").faults == ()
    with ifp.watch(out=tmp_path / "run", latents=2, every=2, tell=quiet):
        pass  # nothing is told: nothing changes
    assert contents(tmp_path / "run") == alone
    assert ifp.verify(tmp_path / "run").faults == ()


def test_torch_and_numpy_are_read_alike_and_no_graph_is_held(tmp_path):
    kl = {}
    for name, given in {"numpy": np.float32, "torch": None}.items():
        with ifp.watch(out=tmp_path / name, latents=2, every=1, tell=quiet) as watch:
            for step in range(3):
                told = {key: value.astype(np.float32) for key, value in posteriors([0.5, step / 9]).items()}
                if given is None:
                    told = {key: (torch.from_numpy(value).requires_grad_() * 1) for key, value in told.items()}
                graph = weakref.ref(told["mean"])
                watch(step, beta=torch.tensor(2.0), **told)
                del told
                assert graph() is None
        kl[name] = (tmp_path / name / "metrics.csv").read_bytes()
    assert kl["numpy"] == kl["torch"]


def test_events_hold_the_readings(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with ifp.watch(out=tmp_path / "run", latents=1, every=5, tensorboard=True, tell=quiet) as watch:
        for step in range(20):
            watch(step, beta=step + 1, reconstruction=3.0, **posteriors([step / 10]))
    events = accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert [(each.step, each.value) for each in events.Scalars("kl/0")] == [
        (step, pytest.approx(step / 10)) for step in (0, 5, 10, 15)
    ]
    assert [each.value for each in events.Scalars("pressure")] == [1, 6, 11, 16]


# Refusals


@pytest.mark.parametrize(
    ("told", "error", "message"),
    [
        ({"step": 3}, ifp.IFPError, "need steps that rise, got 3 after 3"),
        ({"step": 1}, ifp.IFPError, "need steps that rise, got 1 after 3"),
        ({"step": -1}, ifp.IFPError, "need a step of 0 or more, got -1"),
        ({"step": 4.5}, ifp.IFPError, "need a step as a whole number, got float"),
        ({"beta": np.nan}, DivergenceError, "need a finite beta, got nan at step 4"),
        ({"beta": -1}, ifp.IFPError, "need beta of 0 or more, got -1"),
        ({"mean": np.zeros((8, 3))}, ifp.IFPError, r"need mean and logvar of shape \(batch, 2\)"),
        ({"mean": np.zeros(8)}, ifp.IFPError, r"need mean and logvar of shape \(batch, 2\)"),
        ({"mean": np.full((8, 2), np.nan)}, DivergenceError, "need finite means and log-variances, .* at step 4"),
        ({"logvar": np.full((8, 2), 1e6)}, DivergenceError, "need finite means and log-variances"),
        ({"reconstruction": np.inf}, DivergenceError, "need a finite reconstruction, got inf at step 4"),
        ({"factors": None}, ifp.IFPError, "need factors at every reading or at none, got none at step 4"),
        ({"factors": np.zeros((8, 2))}, ifp.IFPError, r"need factors of shape \(8, 1\), as at the first reading"),
        ({"factors": np.zeros((7, 1))}, ifp.IFPError, r"need factors of shape \(8, 1\)"),
        ({"factors": np.full((8, 1), 0.5)}, ifp.IFPError, "need whole numbers as factors"),
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_the_loop_goes_on(told, error, message, tmp_path):
    watch = ifp.watch(out=tmp_path / "run", latents=2, every=1, tell=quiet)
    good = {"beta": 1.0, "factors": np.zeros((8, 1)), **posteriors([0.1, 0.2])}
    for step in range(4):
        watch(step, **good)
    with pytest.raises(error, match=message):
        watch(**{"step": 4, **good, **told})
    watch(5, **good)
    watch.close()
    with pytest.raises(ifp.IFPError, match="need an open watch"):
        watch(6, **good)
    assert ifp.open_run(tmp_path / "run").to_frame()["step"].tolist() == [0, 1, 2, 3, 5]


@pytest.fixture
def other_runs(bars, tmp_path):
    """Runs of other kinds that have begun."""
    for name, kind in {"train": Kind.TRAINING, "anneal": Kind.ANNEALING_TEST}.items():
        create_run(tmp_path / name, kind, {}, describe(bars))
    return tmp_path


def test_a_place_that_is_taken_or_another_runs_is_refused(tmp_path, other_runs):
    for name in ("train", "anneal"):
        before = contents(other_runs / name)
        with pytest.raises(ifp.RunError, match="need a run of kind watch to resume"):
            ifp.watch(out=other_runs / name, latents=2)
        assert contents(other_runs / name) == before
    watch = ifp.watch(out=tmp_path / "run", latents=2)
    with pytest.raises(ifp.RunError, match="this process itself is writing to it"):
        ifp.watch(out=tmp_path / "run", latents=2)
    watch.close()
    with pytest.raises(ifp.RunError, match=r"nothing in it yet: `ifp\.watch\(out="):
        ifp.diagnose(tmp_path / "run")
    assert ifp.open_run(tmp_path / "run")._repr_html_().endswith("unfinished</p>")
    with pytest.raises(ifp.RunError, match="latents is 2 there and 3 here"):
        ifp.watch(out=tmp_path / "run", latents=3)
    ifp.watch(out=tmp_path / "run", latents=3, overwrite=True).close()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(ifp.RunError, match="need a new or empty directory"):
        ifp.watch(out=tmp_path / "mine", latents=3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"latents": 0}, "need latents of at least 1"),
        ({"every": 0}, "need every of at least 1"),
        ({"freezing_point": 0.0}, "need a freezing point above 0 nats"),
        ({"loss": "mse-mean"}, "need data or features="),
        ({"factor_names": ["a", "a"]}, "need different names of one line"),
        ({"factor_names": ["a\nb"]}, "need different names of one line"),
        ({"batch_size": 4}, "need a loss whose batch size"),
        ({"loss": "mse-meen", "features": 4}, "did you mean mse-mean"),
        ({"data": np.zeros((4, 8, 8)), "loss": "mse-mean", "features": 5}, "need the 64 features of arrays, got 5"),
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused_before_anything_is_written(settings, message, tmp_path):
    with pytest.raises(ifp.IFPError, match=message):
        ifp.watch(**{"out": tmp_path / "run", "latents": 2, **settings})
    assert not (tmp_path / "run").exists()


# Lightning


class Trainer:
    """Calls the hooks of callbacks in the order that Lightning's Trainer does."""

    is_global_zero = True
    global_step = 0

    def fit(self, module, batches, callbacks):
        for callback in callbacks:
            callback.on_fit_start(self, module)
        for number, batch in enumerate(batches):
            outputs = module.training_step(batch, number)
            self.global_step += 1
            for callback in callbacks:
                callback.on_train_batch_end(self, module, outputs, batch, number)
        for callback in callbacks:
            callback.on_train_end(self, module)


class Module(torch.nn.Module):
    """A module with an encoder that drops units while it trains."""

    beta = 4.0

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(3, 4))

    def encode(self, x):
        return self.layers(x).chunk(2, dim=1)

    def training_step(self, batch, number):
        mean, logvar = self.encode(batch[0])
        return {"loss": mean.sum(), "mean": mean, "logvar": logvar, "reconstruction": torch.tensor(2.0)}


@pytest.fixture
def callback_base(monkeypatch):
    """Lightning's own Callback, or a stand-in where it is not installed."""
    try:
        from lightning.pytorch import Callback
    except ImportError:
        stand_in = types.ModuleType("lightning.pytorch")
        Callback = stand_in.Callback = type("Callback", (), {})
        monkeypatch.setitem(sys.modules, "lightning", types.ModuleType("lightning"))
        monkeypatch.setitem(sys.modules, "lightning.pytorch", stand_in)
    return Callback


@pytest.mark.parametrize("posterior", [from_outputs, from_encode], ids=["outputs", "encode"])
def test_a_callback_tells_what_a_loop_would(posterior, callback_base, tmp_path):
    module, batches = Module(), [(torch.randn(6, 3), torch.arange(6)) for _ in range(9)]
    callback = watch_callback(lambda: ifp.watch(out=tmp_path / "run", latents=2, every=4, tell=quiet), posterior)
    assert isinstance(callback, callback_base)
    Trainer().fit(module, batches, [callback])
    frame = ifp.open_run(tmp_path / "run").to_frame()
    assert frame["step"].tolist() == [1, 5, 9]
    assert frame["pressure"].tolist() == [4.0] * 3
    assert frame["reconstruction"].tolist() == [2.0] * 3
    assert module.training
    if posterior is from_encode:  # without dropout, so that any pass gives the same
        mean, logvar = module.eval().encode(batches[8][0])
        wanted = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).mean(0)
        assert frame[["kl_0", "kl_1"]].iloc[-1].tolist() == pytest.approx(wanted.tolist(), rel=1e-5)
        assert load_npz(tmp_path / "run" / "trace.npz")["factors"].tolist() == ["factor0"]


@pytest.mark.usefixtures("callback_base")
def test_a_module_that_tells_too_little_is_told_what_is_missing(tmp_path):
    watch = ifp.watch(out=tmp_path / "run", latents=2, tell=quiet)
    trainer, module = Trainer(), Module()
    with pytest.raises(
        ifp.IFPError, match=r"need mean and logvar in what training_step returns, .*, got loss: or give"
    ):
        watch_callback(watch).on_train_batch_end(trainer, module, {"loss": 0}, None, 0)
    del Module.beta
    try:
        with pytest.raises(ifp.IFPError, match="need beta in what training_step returns, or as an attribute"):
            watch_callback(watch, from_encode).on_train_batch_end(trainer, module, None, torch.zeros(2, 3), 0)
    finally:
        Module.beta = 4.0


def test_without_lightning_the_extra_is_named(monkeypatch, tmp_path):
    for name in ("lightning", "lightning.pytorch", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ifp.IFPError, match=r"pip install 'ifp\[lightning\]'"):
        watch_callback(lambda: None)
