"""Stacked networks case by case, and the shapes of the convolutional ones."""

import pytest
import torch
from torch import Generator
from torch.nn import functional

from annealing.errors import IFPError
from annealing.networks import StackedDenseVAE, StackedLinear, conv_decoder, conv_encoder

INPUTS, OUTPUTS = [3, 7, 5], [4, 2, 6]


def streams(*seeds):
    return [Generator().manual_seed(seed) for seed in seeds]


def random_rows(*shape):
    return torch.randn(shape, generator=Generator().manual_seed(99))


def padded(rows, width):
    return functional.pad(rows, (0, width - rows.shape[-1]))


def test_stacked_linear_is_one_affine_map_per_case_and_0_in_the_padding():
    stacked = StackedLinear(INPUTS, OUTPUTS, streams(1, 2, 3))
    rows = [random_rows(10, each) for each in INPUTS]
    found = stacked(torch.stack([padded(each, 7) for each in rows]))
    assert found.shape == (3, 10, 6)
    for case, (inputs, outputs) in enumerate(zip(INPUTS, OUTPUTS, strict=True)):
        weight, bias = stacked.weight[case, :inputs, :outputs], stacked.bias[case, 0, :outputs]
        torch.testing.assert_close(found[case, :, :outputs], functional.linear(rows[case], weight.T, bias))
        assert (found[case, :, outputs:] == 0).all()


def test_stacked_linear_starts_within_the_bound_of_torchs_own_layer():
    stacked = StackedLinear([400], [50], streams(4))
    for parameter in (stacked.weight, stacked.bias):
        assert parameter.abs().max() <= 1 / 20
        assert parameter.abs().max() > 0.9 / 20
    torch.testing.assert_close(stacked.weight.std().item(), 1 / 20 / 3**0.5, rtol=0.02, atol=0)


@pytest.mark.parametrize("case", range(3))
def test_an_affine_map_starts_alike_alone_and_in_a_stack(case):
    stacked = StackedLinear(INPUTS, OUTPUTS, streams(1, 2, 3))
    alone = StackedLinear([INPUTS[case]], [OUTPUTS[case]], streams(case + 1))
    assert torch.equal(stacked.weight[case, : INPUTS[case], : OUTPUTS[case]], alone.weight[0])
    assert torch.equal(stacked.bias[case, :, : OUTPUTS[case]], alone.bias[0])


@pytest.mark.parametrize("case", range(3))
def test_a_dense_vae_starts_alike_alone_and_in_a_stack(case):
    silent = random_rows(3, 7)
    stacked = StackedDenseVAE(INPUTS, 8, 2, silent, streams(1, 2, 3))
    width = INPUTS[case]
    alone = StackedDenseVAE([width], 8, 2, silent[case : case + 1, :width], streams(case + 1))
    rows, latents = random_rows(3, 10, width), random_rows(3, 5, 2)
    for found, expected in zip(stacked.encode(padded(rows, 7)), alone.encode(rows[case][None]), strict=True):
        torch.testing.assert_close(found[case], expected[0])
    torch.testing.assert_close(stacked.decode(latents)[case, :, :width], alone.decode(latents[case][None])[0])


def test_a_dense_vae_whose_other_weights_are_0_draws_the_silent_output():
    silent = random_rows(2, 5)
    network = StackedDenseVAE([5, 3], 8, 2, silent, streams(1, 2))
    with torch.no_grad():
        for parameter in [*network.decoder.parameters(), network.decoder_straight.weight]:
            parameter.zero_()
    assert torch.equal(network.decode(random_rows(2, 4, 2)), silent[:, None].expand(2, 4, 5))


@pytest.mark.parametrize("shape", [(64, 64, 1), (32, 32, 3), (16, 48, 2)], ids=str)
def test_conv_networks_map_images_to_outputs_and_latents_to_images(shape):
    height, width, colours = shape
    images = torch.rand(2, colours, height, width)
    assert conv_encoder(shape, 12)(images).shape == (2, 12)
    assert conv_decoder(shape, 6)(torch.randn(2, 6)).shape == images.shape


def test_conv_networks_have_the_published_layers():
    convolutions = 16 * (32 + 32 * 32 + 32 * 64 + 64 * 64)
    encoder = convolutions + (32 + 32 + 64 + 64) + (1024 + 1) * 256 + (256 + 1) * 20
    decoder = convolutions + (64 + 32 + 32 + 1) + (10 + 1) * 256 + (256 + 1) * 1024
    for network, expected in ((conv_encoder((64, 64, 1), 20), encoder), (conv_decoder((64, 64, 1), 10), decoder)):
        assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_the_conv_decoder_ends_without_a_nonlinearity():
    outputs = conv_decoder((16, 16, 1), 2)(10 * random_rows(50, 2))
    shifted = outputs - outputs.mean()
    assert (shifted > 0).any()
    assert (shifted < 0).any()
    assert isinstance(conv_decoder((16, 16, 1), 2)[-1], torch.nn.ConvTranspose2d)


@pytest.mark.parametrize("shape", [(30, 30, 1), (32, 40, 3), (8, 16, 1), (1, 1, 1)], ids=str)
def test_sides_that_are_not_multiples_of_16_are_framed_with_zeros_and_cut_off_again(shape):
    height, width, colours = shape
    framed = (-(-height // 16) * 16, -(-width // 16) * 16, colours)
    images = torch.rand(2, colours, height, width)
    whole = torch.zeros(2, colours, *framed[:2])
    whole[:, :, :height, :width] = images
    encoder, larger = conv_encoder(shape, 12), conv_encoder(framed, 12)
    larger.load_state_dict(dict(zip(larger.state_dict(), encoder.state_dict().values(), strict=True)))
    torch.testing.assert_close(encoder(images), larger(whole))
    decoder, larger = conv_decoder(shape, 6), conv_decoder(framed, 6)
    larger.load_state_dict(decoder.state_dict())
    latents = torch.randn(2, 6)
    assert torch.equal(decoder(latents), larger(latents)[:, :, :height, :width])


@pytest.mark.parametrize("network", [conv_encoder, conv_decoder])
def test_images_without_pixels_are_refused(network):
    with pytest.raises(IFPError, match="images of one pixel or more for a conv network, got 0x16"):
        network((0, 16, 1), 10)
