"""The model's groups, and encoders that stay fixed while the scales of their latents learn."""

import pytest
import torch

from ifp.models.networks import NETWORKS, convolutional, network_named
from ifp.models.vae import MultiGroupVAE
from ifp.objectives import Setup, made
from ifp.training.learner import build_learner

pytestmark = pytest.mark.usefixtures("_one_thread")

SMALL = convolutional(4, 16)
IMAGES = torch.rand(5, 1, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return MultiGroupVAE((16, 16, 1), [[0, 2], [1]], SMALL, rescaled=True)


def test_scales_that_have_not_learnt_change_nothing(model):
    plain = MultiGroupVAE((16, 16, 1), [[0, 2], [1]], SMALL)
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if name != "log_scale"})
    for found, expected in zip(model.encode(IMAGES, 2, 1), plain.encode(IMAGES), strict=True):
        assert torch.equal(found, expected)


def test_scales_multiply_mean_and_variance(model):
    before = model.encode(IMAGES)
    with torch.no_grad():
        model.log_scale.copy_(torch.tensor([[0.5, 0.0, -1.0], [0.2, 0.0, 0.3]]))
    mean, logvar = model.encode(IMAGES)  # whether or not an encoder is fixed just now: also once training is over
    torch.testing.assert_close(mean, before[0] * torch.tensor([0.5, 0.0, -1.0]).exp())
    torch.testing.assert_close(logvar.exp(), before[1].exp() * torch.tensor([0.2, 0.0, 0.3]).exp())


def test_only_the_scales_of_fixed_encoders_and_only_the_other_encoders_learn(model):
    mean, logvar = model.encode(IMAGES, 2, fixed_groups=1)
    (mean.square().sum() + logvar.sum()).backward()
    fixed, other = model.encoders
    assert all(parameter.grad is None for parameter in fixed.parameters())
    assert all(parameter.grad.abs().max() > 0 for parameter in other.parameters())
    assert model.log_scale.grad[:, 1].tolist() == [0, 0]
    assert (model.log_scale.grad[:, [0, 2]] != 0).all()


def test_deft_separate_fixes_encoders_stage_by_stage(bars, make_plan):
    plan = make_plan(bars)
    objective = made("deft-separate", Setup(3, 8, 32, 0, 4, plan), {})
    assert [(objective.at(step).fixed_groups, objective.at(step).open_groups) for step in (0, 2, 7)] == [
        (0, 1), (1, 2), (2, 3),
    ]  # fmt: skip
    learner = build_learner(objective, SMALL, (16, 16, 1), 1e-3)
    sizes = [sum(each.numel() for each in group["params"]) for group in learner.optimizer.param_groups]
    assert sum(sizes) == sum(each.numel() for each in learner.model.parameters())
    assert len(sizes) == 4  # the scales learn with the decoder


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(64, 64, 1), (32, 32, 3), (20, 17, 1)])
def test_every_network_fits_every_image(name, shape):
    network = network_named(name)
    images = torch.rand(2, shape[2], *shape[:2])
    assert network.encoder(shape, 6)(images).shape == (2, 6)
    assert network.decoder(shape, 3)(torch.randn(2, 3)).shape == images.shape


def test_the_studys_code_has_2x2_kernels_where_its_paper_prints_4x4():
    def kernels(name):
        layers = network_named(name).encoder((64, 64, 1), 20)
        return [layer.kernel_size[0] for layer in layers if isinstance(layer, torch.nn.Conv2d)]

    assert (kernels("conv"), kernels("conv-locatello")) == ([4, 4, 4, 4], [4, 4, 2, 2])


def test_the_number_of_parameters_is_that_of_the_published_layers():
    def count(module):
        return sum(each.numel() for each in module.parameters())

    study = network_named("conv-locatello")  # 32 4x4, 32 4x4, 64 2x2, 64 2x2, 256, 2 x 10 outputs
    encoder = 16 * 32 + 32 + 16 * 32 * 32 + 32 + 4 * 32 * 64 + 64 + 4 * 64 * 64 + 64 + 1024 * 256 + 256 + 256 * 20 + 20
    assert count(study.encoder((64, 64, 1), 20)) == encoder
    dense = network_named("dense")  # 1200, 1200, 2 x 10 outputs
    assert count(dense.encoder((64, 64, 1), 20)) == 4097 * 1200 + 1201 * 1200 + 1201 * 20
    assert count(dense.decoder((64, 64, 1), 10)) == 11 * 1200 + 2 * 1201 * 1200 + 1201 * 4096
