"""Own networks: looked at in evaluation mode, trained in training mode, refused in a line where they do not fit."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

import ifp
from ifp.models.networks import evaluating
from ifp.models.own_network import require_network
from ifp.models.vae import MultiGroupVAE
from ifp.training.batches import Batches

pytestmark = pytest.mark.usefixtures("_one_thread")

SHORT = {"objective": "beta-vae", "latents": 2, "steps": 8, "eval_every": 4, "batch_size": 8, "learning_rate": 1e-2,
         "warmup": 0, "threads": 1, "precision": "float32", "checkpoint_every": 4,
         "parameters": {"beta": 1.0}}  # fmt: skip
FILES = ("checkpoint.safetensors", "trace.npz", "metrics.csv", "scores.json", "traversal.png")


def encoder_with(*extra):
    """An own encoder with layers in its middle, each made anew."""
    return lambda shape, outputs: nn.Sequential(
        nn.Flatten(), nn.Linear(256, 12, bias=False), *(make() for make in extra), nn.ReLU(), nn.Linear(12, outputs)
    )


def decoder(shape, latents):
    return nn.Sequential(nn.Linear(latents, 12), nn.ReLU(), nn.Linear(12, 256), nn.Unflatten(1, (1, 16, 16)))


def norm_decoder(shape, latents):
    return nn.Sequential(
        nn.Linear(latents, 12, bias=False),
        nn.BatchNorm1d(12),
        nn.ReLU(),
        nn.Linear(12, 256),
        nn.Unflatten(1, (1, 16, 16)),
    )


NOISY = ifp.Network(encoder_with(lambda: nn.BatchNorm1d(12), lambda: nn.Dropout(0.5)), norm_decoder)


@pytest.fixture(scope="module")
def noisy(bars_file, tmp_path_factory):
    return ifp.train(bars_file, network=NOISY, out=tmp_path_factory.mktemp("runs") / "noisy", **SHORT)


class StopsAfter:
    """A watch that stops the work after so many steps."""

    def __init__(self, steps):
        self.steps = steps

    def begun(self, about, run=None, files=()):
        pass

    def follow(self, steps, title):
        for number, step in enumerate(steps, 1):
            yield step
            if number == self.steps:
                raise KeyboardInterrupt


def test_records_codes_and_traversals_are_those_of_evaluation_mode(noisy, bars):
    found = ifp.encode(noisy, network=NOISY)
    model = ifp.load_model(noisy, NOISY)
    assert not any(module.training for module in model.modules())
    images = torch.from_numpy(bars.images(np.arange(len(bars)))).permute(0, 3, 1, 2).float()
    parts = model.encoders[0]
    with torch.no_grad():  # layer by layer, without torch's modules
        hidden = images.flatten(1) @ parts[1].weight.T
        norm = parts[2]
        hidden = (hidden - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias
        mean, logvar = (hidden.relu() @ parts[5].weight.T + parts[5].bias).chunk(2, dim=1)
    np.testing.assert_allclose(found["codes"], mean, atol=1e-5)
    nats = (mean.square() + logvar.exp() - 1 - logvar) / 2
    last = noisy.to_frame().iloc[-1]
    np.testing.assert_allclose(last[["kl_0", "kl_1"]].astype(float), nats.mean(dim=0), rtol=1e-4, atol=1e-6)
    assert ifp.score(noisy, only=["mig"], network=NOISY)["mig"] == pytest.approx(
        ifp.score(mean.numpy(), found["factors"], only=["mig"])["mig"], abs=1e-6
    )
    assert ifp.traverse(noisy, network=NOISY, latents=[1], count=3).axes


def test_running_statistics_are_those_of_a_plain_loop_over_the_training_batches(bars, tmp_path):
    network = ifp.Network(encoder_with(lambda: nn.BatchNorm1d(12)), norm_decoder)
    run = ifp.train(bars, network=network, out=tmp_path / "run", **SHORT)
    torch.manual_seed(0)
    encoder, own_decoder = network.encoder((16, 16, 1), 4), network.decoder((16, 16, 1), 2)
    optimizer = torch.optim.Adam([*encoder.parameters(), *own_decoder.parameters()], lr=1e-2)
    batches = Batches(bars, batch_size=8, latents=2, seed=0, device=torch.device("cpu"))
    for step in range(8):
        batch = batches.at(step)
        mean, logvar = encoder(batch.images).chunk(2, dim=1)
        output = own_decoder(mean + (logvar / 2).exp() * batch.noise)
        loss = functional.binary_cross_entropy_with_logits(output, batch.images, reduction="sum")
        loss = (loss + ((mean**2 + logvar.exp() - 1 - logvar) / 2).sum()) / 8
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = load_file(run.path / "checkpoint.safetensors")
    for name, part in (("encoders.0.2", encoder[2]), ("decoder.1", own_decoder[1])):
        for buffer, value in part.named_buffers():
            torch.testing.assert_close(found[f"{name}.{buffer}"], value, rtol=1e-4, atol=1e-5)


def test_a_stopped_run_goes_on_to_the_same_bytes_whatever_the_process_drew(noisy, bars_file, tmp_path):
    torch.manual_seed(7)
    with pytest.raises(KeyboardInterrupt):
        ifp.train(bars_file, network=NOISY, out=tmp_path / "run", watch=StopsAfter(5), **SHORT)
    torch.manual_seed(8)
    before, again = torch.get_rng_state(), ifp.train(bars_file, network=NOISY, out=tmp_path / "run", resume=True)
    assert torch.equal(torch.get_rng_state(), before)
    for name in FILES:
        assert (again.path / name).read_bytes() == (noisy.path / name).read_bytes(), name


def test_lazy_layers_are_trained_as_if_they_had_been_told_their_sizes(bars, tmp_path):
    def lazy(shape, outputs):
        return nn.Sequential(nn.LazyConv2d(3, 4, 4), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(outputs))

    def told(shape, outputs):
        return nn.Sequential(nn.Conv2d(1, 3, 4, 4), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(48, outputs))

    runs = {}
    for build in (lazy, told):
        network = ifp.Network(
            build, lambda shape, latents: nn.Sequential(nn.Linear(latents, 256), nn.Unflatten(1, shape[2:] + shape[:2]))
        )
        run = ifp.train(bars, network=network, out=tmp_path / build.__name__, **SHORT)
        runs[build.__name__] = load_file(run.path / "checkpoint.safetensors")
        assert ifp.load_model(run, network).encoders[0][3].weight.shape == (4, 48)
    shapes = [{name: value.shape for name, value in found.items()} for found in runs.values()]
    assert shapes[0] == shapes[1]
    assert runs["lazy"]["encoders.0.1.num_batches_tracked"] == 8
    assert (runs["lazy"]["encoders.0.1.running_mean"] != 0).all()


def test_layers_made_in_the_first_pass_and_shared_weights_are_saved_and_loaded(bars, tmp_path):
    class Own(nn.Module):
        def __init__(self, shape, outputs):
            super().__init__()
            self.first, self.second, self.outputs, self.last = nn.Linear(256, 256), nn.Linear(256, 256), outputs, None
            self.second.weight = self.first.weight

        def forward(self, images):
            if self.last is None:
                self.last = nn.Linear(256, self.outputs)
            return self.last(self.second(self.first(images.flatten(1)).relu()))

    network = ifp.Network(Own, decoder)
    run = ifp.train(bars, network=network, out=tmp_path / "run", **SHORT)
    own = ifp.load_model(run, network).encoders[0]
    assert own.first.weight is own.second.weight
    start = load_file(
        ifp.train(bars, network=network, out=tmp_path / "one", **{**SHORT, "steps": 1}).path / "checkpoint.safetensors"
    )
    assert not torch.equal(own.last.weight, start["encoders.0.last.weight"])


class Viewing(nn.Module):
    """An encoder that flattens features by ``view``, which takes those alone that lie in memory plane by plane."""

    def __init__(self, shape, outputs):
        super().__init__()
        self.features, self.last = nn.Conv2d(shape[2], 4, 4, stride=4), nn.Linear(64, outputs)

    def forward(self, images):
        return self.last(self.features(images).relu().view(len(images), 64))


class Flattening(Viewing):
    def forward(self, images):
        return self.last(self.features(images).relu().flatten(1))


def test_a_network_that_views_its_features_trains_in_float32_as_one_that_flattens_them(bars_file, tmp_path):
    runs = [
        ifp.train(bars_file, network=ifp.Network(encoder, decoder), out=tmp_path / encoder.__name__, **SHORT)
        for encoder in (Viewing, Flattening)
    ]
    assert len({(run.path / "checkpoint.safetensors").read_bytes() for run in runs}) == 1


def test_each_module_goes_back_to_the_mode_it_was_in():
    part = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm1d(2), nn.Dropout()))
    part[1][0].eval()
    with evaluating(part):
        assert not any(module.training for module in part.modules())
    assert [module.training for module in part.modules()] == [True, True, True, False, True]


def test_statistics_of_fixed_encoders_stay():
    torch.manual_seed(0)
    model = MultiGroupVAE((16, 16, 1), [[0], [1]], NOISY).train()
    before = [{name: value.clone() for name, value in each.named_buffers()} for each in model.encoders]
    model.encode(torch.rand(5, 1, 16, 16), fixed_groups=1)
    same = [all(torch.equal(value, old[name]) for name, value in each.named_buffers())
            for each, old in zip(model.encoders, before, strict=True)]  # fmt: skip
    assert same == [True, False]
    assert all(each.training for each in model.encoders)


class Apart(nn.Module):
    """Means and log-variances from layers of their own, as a pair or as one tensor."""

    def __init__(self, outputs, *, pair):
        super().__init__()
        self.mean, self.logvar, self.pair = nn.Linear(256, outputs // 2), nn.Linear(256, outputs // 2), pair

    def forward(self, images):
        parts = self.mean(images.flatten(1)), self.logvar(images.flatten(1))
        return parts if self.pair else torch.cat(parts, dim=1)


class EndsInSigmoid(nn.Module):
    """By a function, which no list of layers shows."""

    def __init__(self, shape, latents):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(latents, 12), nn.Tanh(), nn.Linear(12, 256), nn.Unflatten(1, (1, 16, 16)))

    def forward(self, latents):
        return self.layers(latents).sigmoid()


class ChangesInTraining(nn.Module):
    """A pair or a buffer more, in training mode alone."""

    def __init__(self, outputs, *, pair):
        super().__init__()
        self.layer, self.pair = nn.Linear(256, outputs), pair

    def forward(self, images):
        output = self.layer(images.flatten(1))
        if self.training and not self.pair:
            self.register_buffer("seen", output.detach().mean(dim=0))
        return output.chunk(2, dim=1) if self.training and self.pair else output


def broken(shape, outputs):
    raise KeyError("weights")


ONE = encoder_with()(None, 4)
REFUSED = {
    "a pair": (lambda shape, outputs: Apart(outputs, pair=True), decoder,
               r"need one tensor \(2, 4\).*a tuple.*torch.cat"),
    "float64": (lambda *a: encoder_with()(*a).double(), decoder, "need float32 parameters in the own encoder"),
    "other inputs": (lambda shape, outputs: nn.Sequential(nn.Flatten(), nn.Linear(99, outputs)), decoder,
                     r"need \(2, 4\) from the own encoder for inputs \(2, 1, 16, 16\), got RuntimeError: mat1"),
    "a pair in training": (lambda shape, outputs: ChangesInTraining(outputs, pair=True), decoder,
                           r"need \(8, 4\) from the own encoder in training mode, too, got tuple"),
    "a late buffer": (lambda shape, outputs: ChangesInTraining(outputs, pair=False), decoder,
                      "need all buffers of the own encoder before its first step"),
    "not built": (broken, decoder, "need a module that can be built from the own encoder, got KeyError"),
    "one for all": (lambda shape, outputs: ONE, decoder, "need a new module from each call.*deepcopy"),
    "half the width": (lambda shape, outputs: encoder_with()(shape, outputs // 2), decoder,
                       "means, then as many log-var"),
    "sigmoid": (encoder_with(), lambda *a: nn.Sequential(*decoder(*a), nn.Sigmoid()),
                "need logits.*leave its last Sigmoid"),
    "sigmoid unseen": (encoder_with(), EndsInSigmoid, "need logits.*leave its last Sigmoid out"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_in_a_line_before_anything_is_written(what, bars, tmp_path):
    own_encoder, own_decoder, message = REFUSED[what]
    with pytest.raises(ifp.IFPError, match=message) as told:
        ifp.train(bars, network=ifp.Network(own_encoder, own_decoder), out=tmp_path / "run", **SHORT)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "run").exists()


def test_batches_of_one_are_refused_where_batch_norm_has_nothing_to_compare(bars, tmp_path):
    with pytest.raises(ifp.IFPError, match=r"takes \(1, 1, 16, 16\) in training mode, got ValueError: Expected more"):
        ifp.train(bars, network=NOISY, out=tmp_path / "run", **{**SHORT, "batch_size": 1})


def test_means_in_0_to_1_and_outputs_that_start_from_zero_are_no_sigmoid():
    def silent(shape, latents):
        found = decoder(shape, latents)
        nn.init.zeros_(found[2].weight)
        nn.init.zeros_(found[2].bias)
        return found

    require_network(ifp.Network(encoder_with(), silent), (16, 16, 1), [[0, 1]])
    require_network(ifp.Network(encoder_with(), EndsInSigmoid), (16, 16, 1), [[0, 1]], "gaussian")


def test_statistics_of_batches_need_one_process():
    network = ifp.Network(encoder_with(lambda: nn.BatchNorm1d(12)), decoder)
    with pytest.raises(ifp.IFPError, match=r"need one process.*keeps statistics of its batches \(BatchNorm\), got 2"):
        require_network(network, (16, 16, 1), [[0, 1]], batch_size=8, processes=2)
    dropout = ifp.Network(encoder_with(lambda: nn.Dropout(0.5)), decoder)
    require_network(dropout, (16, 16, 1), [[0, 1]], batch_size=8, processes=2)


def test_groups_that_cannot_be_turned_are_told_before_training(bars, tmp_path):
    plan = ifp.plan_stages(ifp.spectrum(bars))
    assert any(len(stage.latents) > 1 for stage in plan.stages)
    network = ifp.Network(lambda shape, outputs: Apart(outputs, pair=False), decoder)
    given = {name: value for name, value in SHORT.items() if name not in ("objective", "latents", "parameters")}
    with pytest.raises(ifp.IFPError, match=r"need a last linear layer of .* outputs in the encoder.*axes.*learned"):
        ifp.train(bars, plan=plan, network=network, out=tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()
    run = ifp.train(
        bars,
        plan=plan,
        network=network,
        out=tmp_path / "run",
        parameters={"axes": "learned", "opening": "noise"},
        **given,
    )
    assert run.finished
