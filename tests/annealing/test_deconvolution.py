import pytest
import torch

from annealing.deconvolution import Deconvolution


def gradients(layer, features, gradient):
    features = features.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(features)
    layer.zero_grad()
    found.backward(gradient(found))
    return found.detach(), features.grad, layer.weight.grad, layer.bias.grad


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["planes", "pixels"])
@pytest.mark.parametrize(("inputs", "outputs", "side"), [(16, 8, 4), (8, 8, 8), (8, 1, 16), (6, 3, 5)])
def test_in_bfloat16_it_is_the_transposed_convolution_of_float64_but_for_rounding(inputs, outputs, side, layout):
    torch.manual_seed(0)
    layer = Deconvolution(inputs, outputs).to(memory_format=layout)
    features = torch.randn(4, inputs, side, side).bfloat16().float().contiguous(memory_format=layout)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(parameter.bfloat16())  # what is left to differ is what is computed
    upstream = torch.randn(4, outputs, 2 * side, 2 * side).bfloat16()
    found = gradients(layer, features, lambda output: upstream.to(output.dtype))

    precise = torch.nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1).double()
    precise.load_state_dict(layer.state_dict())
    exact = features.double().requires_grad_()
    expected = precise(exact)
    expected.backward(upstream.double())
    for value, truth in zip(
        found, (expected.detach(), exact.grad, precise.weight.grad, precise.bias.grad), strict=True
    ):
        scale = truth.abs().max()
        # one rounding is 2**-8 of the largest; a processor without bfloat16 of its own rounds parts of the sum, too
        torch.testing.assert_close(value.double() / scale, truth / scale, rtol=0, atol=1.5 * 2**-7)


@pytest.mark.parametrize(("inputs", "outputs", "side"), [(16, 8, 4), (8, 1, 16), (6, 3, 5)])
def test_in_float32_pixel_by_pixel_it_is_the_transposed_convolution_of_float64(inputs, outputs, side):
    torch.manual_seed(0)
    layer = Deconvolution(inputs, outputs).to(memory_format=torch.channels_last)
    precise = torch.nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1).double()
    precise.load_state_dict(layer.state_dict())
    features = torch.randn(4, inputs, side, side).contiguous(memory_format=torch.channels_last).requires_grad_()
    exact = features.detach().double().requires_grad_()
    upstream = torch.randn(4, outputs, 2 * side, 2 * side)
    output, expected = layer(features), precise(exact)
    output.backward(upstream)
    expected.backward(upstream.double())
    found = (output, features.grad, layer.weight.grad, layer.bias.grad)
    for value, truth in zip(found, (expected, exact.grad, precise.weight.grad, precise.bias.grad), strict=True):
        scale = truth.abs().max()
        torch.testing.assert_close(value.double() / scale, truth / scale, rtol=0, atol=1e-5)


def test_in_float32_plane_by_plane_it_is_the_librarys_own_to_the_last_bit():
    torch.manual_seed(0)
    layer, plain = Deconvolution(8, 4), torch.nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1)
    plain.load_state_dict(layer.state_dict())
    features = torch.randn(4, 8, 8, 8)
    assert torch.equal(layer(features), plain(features))


def test_features_that_need_no_gradient_get_none():
    layer = Deconvolution(8, 4)
    with torch.autocast("cpu", torch.bfloat16):
        layer(torch.randn(4, 8, 8, 8)).sum().backward()
    assert layer.weight.grad.abs().max() > 0
