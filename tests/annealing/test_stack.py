"""Merged pixels and stacked losses against all pixels, case by case."""

import math

import numpy as np
import pytest
import torch
from torch import Generator

from annealing.bottleneck import shifted_grid
from annealing.errors import IFPError
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.networks import StackedDenseVAE
from annealing.stack import Case, ConvStack, DenseStack, input_gain, merge_pixels

LIKELIHOODS = pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.3)], ids=str)


def images_of(seed, courses, pixels, n=6, levels=2):
    """Images whose pixels follow a few courses, some of them constant; float64."""
    generator = Generator().manual_seed(seed)
    drawn = torch.randint(levels, (n, courses), generator=generator) / (levels - 1)
    drawn[0], drawn[1] = 0, 1  # every course varies
    drawn = torch.cat([drawn, torch.tensor([0.0, 1.0]).expand(n, 2)], dim=1).double()
    return drawn[:, torch.randint(courses + 2, (pixels,), generator=generator)]


def column_of_each_pixel(images, columns):
    """Varying pixels of flat images, and for each the merged column it belongs to."""
    varying = [pixel for pixel in range(images.shape[1]) if len(set(images[:, pixel].tolist())) > 1]
    number = {tuple(column.tolist()): index for index, column in enumerate(columns.T)}
    return varying, [number[tuple(images[:, pixel].tolist())] for pixel in varying]


def dense_stack(cases, likelihood, latents=2):
    streams = [Generator().manual_seed(case.seed) for case in cases]
    return DenseStack(cases, 8, latents, likelihood, streams, "cpu")


def points(cases, nodes, images, latents, seed):
    """Random nodes (cases, nodes, latents) and weights (cases, nodes, images) that sum to 1 over the nodes."""
    generator = Generator().manual_seed(seed)
    weights = torch.rand(cases, nodes, images, generator=generator)
    return torch.randn(cases, nodes, latents, generator=generator), weights / weights.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("levels", [2, 5])
def test_merged_columns_are_the_distinct_varying_courses_with_their_numbers(levels):
    images = images_of(0, 9, 60, levels=levels)
    columns, multiplicity = merge_pixels(images.reshape(6, 5, 4, 3))
    expected = {}
    for course in images.T.tolist():
        if len(set(course)) > 1:
            expected[tuple(course)] = expected.get(tuple(course), 0) + 1
    assert dict(zip(map(tuple, columns.T.tolist()), multiplicity.tolist(), strict=True)) == expected
    assert multiplicity.dtype == images.dtype


@pytest.mark.parametrize("count", [2, 9, 53, 54, 70])
@pytest.mark.parametrize("levels", [2, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_merged_columns_come_in_numpys_order_from_the_first_image_on(count, levels, dtype):
    images = torch.from_numpy(np.random.default_rng(count).integers(0, levels, (count, 300)) / (levels - 1)).to(dtype)
    images[:, 40:200] = images[:, :160]  # some courses several times
    images[:, 7] = 1
    columns, multiplicity = merge_pixels(images)
    varying = images.numpy()[:, np.ptp(images.numpy(), axis=0) > 0]
    expected, count_of_each = np.unique(varying, axis=1, return_counts=True)
    np.testing.assert_array_equal(columns, expected)
    np.testing.assert_array_equal(multiplicity, count_of_each)
    assert columns.dtype == multiplicity.dtype == dtype


@LIKELIHOODS
@pytest.mark.parametrize("levels", [2, 5])
def test_loss_and_gradient_over_merged_columns_are_those_over_all_pixels(levels, likelihood):
    images = images_of(1, 9, 80, levels=levels)
    columns, multiplicity = merge_pixels(images)
    varying, column = column_of_each_pixel(images, columns)
    outputs = torch.randn(columns.shape, dtype=torch.float64, generator=Generator().manual_seed(2)).requires_grad_()
    merged = (likelihood.nats(outputs, columns) * multiplicity).sum()
    full = likelihood.nats(outputs[:, column], images[:, varying]).sum()
    torch.testing.assert_close(merged, full, rtol=1e-12, atol=0)
    gradients = [torch.autograd.grad(loss, outputs)[0] for loss in (merged, full)]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)


@LIKELIHOODS
def test_reconstruction_is_the_likelihood_of_all_varying_pixels_of_each_case(likelihood):
    cases = [Case(images_of(seed, courses, 50).float(), 1.0, 2.0, seed) for seed, courses in ((3, 4), (4, 9))]
    stack = dense_stack(cases, likelihood)
    nodes, weights = points(2, 5, 6, 2, seed=5)
    found = stack.reconstruction(nodes, weights)
    output = stack._networks.decode(nodes).double()
    for case in range(2):
        images = cases[case].images.double()
        varying, column = column_of_each_pixel(images, merge_pixels(images)[0])
        drawn = output[case][:, None, column]  # node by image by pixel
        nats = likelihood.nats(drawn, images[None, :, varying]).sum(dim=2)
        expected = (weights[case].double() * nats).sum() / 6
        torch.testing.assert_close(found[case].double(), expected, rtol=1e-5, atol=0)


@LIKELIHOODS
def test_the_padding_of_a_narrow_case_changes_neither_its_loss_nor_its_gradient(likelihood):
    narrow, wide = (Case(images_of(seed, courses, 50).float(), 1.0, 2.0, seed) for seed, courses in ((3, 3), (4, 10)))
    nodes, weights = points(2, 5, 6, 2, seed=6)
    together, alone = dense_stack([narrow, wide], likelihood), dense_stack([narrow], likelihood)
    losses = []
    for stack, cases in ((together, 2), (alone, 1)):
        mean, logvar = stack.posterior()
        moved = nodes[:cases] + mean.sum(dim=1, keepdim=True)
        loss = stack.reconstruction(moved, weights[:cases]) + (mean.square() + logvar).sum(dim=(1, 2))
        loss.sum().backward()
        losses.append(loss[0])
    torch.testing.assert_close(*losses, rtol=1e-5, atol=0)
    for stacked, single in zip(together.parameters(), alone.parameters(), strict=True):
        inside = tuple(slice(size) for size in single.shape[1:])
        torch.testing.assert_close(stacked.grad[0][inside], single.grad[0], rtol=1e-4, atol=1e-5)
        rest = stacked.grad[0].clone()
        rest[inside] = 0
        assert (rest == 0).all()


@LIKELIHOODS
@pytest.mark.parametrize("colours", [1, 3])
def test_conv_reconstruction_is_the_likelihood_of_whole_images(colours, likelihood):
    images = torch.rand(4, 16, 32, colours, generator=Generator().manual_seed(0))
    cases = [Case(images, 1.0, 2.0, 0), Case(1 - images, 1.0, 2.0, 1)]
    stack = ConvStack(cases, 2, likelihood, [Generator().manual_seed(case.seed) for case in cases], "cpu")
    nodes, weights = points(2, 3, 4, 2, seed=7)
    found = stack.reconstruction(nodes, weights)
    for case in range(2):
        total = 0.0
        for node, weight in zip(nodes[case], weights[case], strict=True):
            drawn = stack._decoders[case](node[None]).permute(0, 2, 3, 1)
            nats = likelihood.nats(drawn, cases[case].images).sum(dim=(1, 2, 3))
            total += (weight * nats).sum().item()
        np.testing.assert_allclose(found[case].item(), total / 4, rtol=1e-5)


def test_the_stack_of_some_of_its_cases_has_their_networks_and_losses():
    cases = [Case(images_of(seed, 4, 50).float(), 1.0, 2.0, seed) for seed in (3, 4, 5)]
    stack = dense_stack(cases, Bernoulli())
    nodes, weights = points(3, 5, 6, 2, seed=8)
    kept = stack.kept([0, 2])
    found, expected = kept.reconstruction(nodes[[0, 2]], weights[[0, 2]]), stack.reconstruction(nodes, weights)
    torch.testing.assert_close(found, expected[[0, 2]])
    torch.testing.assert_close(kept.posterior()[0], stack.posterior()[0][[0, 2]])
    with torch.no_grad():
        kept.parameters()[0].zero_()
    assert stack.parameters()[0].abs().max() > 0  # the whole stack has parameters of its own


def test_cases_kept_in_another_order_train_as_they_would_in_the_whole_stack():
    cases = [Case(images_of(seed, courses, 50).float(), 1.0, 2.0, seed) for seed, courses in ((3, 3), (4, 9), (5, 6))]
    nodes, weights = points(3, 5, 6, 2, seed=8)
    whole = dense_stack(cases, Bernoulli())
    results = []
    for stack, chosen in ((whole.kept([2, 0]), [2, 0]), (whole, [0, 1, 2])):
        optimizer = torch.optim.SGD(stack.parameters(), lr=1e-3)
        for _ in range(5):
            mean, logvar = stack.posterior()
            moved = nodes[chosen] + mean.sum(dim=1, keepdim=True)
            loss = stack.reconstruction(moved, weights[chosen]) + (mean.square() + logvar.square()).sum(dim=(1, 2))
            optimizer.zero_grad()
            loss.sum().backward()
            optimizer.step()
        results.append(loss.detach())
    torch.testing.assert_close(results[0], results[1][[2, 0]], rtol=1e-5, atol=0)


def test_networks_see_an_image_alike_whatever_its_brightness_contrast_and_number_of_equal_pixels():
    images = images_of(4, 6, 50, levels=5).float()
    other = torch.cat([0.4 + 0.2 * images] * 3, dim=1)
    alone, changed, beside = (
        dense_stack([Case(each, 1.0, 2.0, 9) for each in stacked], Gaussian(0.3)).posterior()
        for stacked in ([images], [other], [other, images_of(5, 12, 50).float()])
    )
    assert alone[0].std() > 0.1
    for found in (changed, beside):
        for each, expected in zip(found, alone, strict=True):
            torch.testing.assert_close(each[0], expected[0], rtol=1e-4, atol=1e-4)


@LIKELIHOODS
def test_networks_see_deviations_over_the_decoders_own_deviation_times_the_root_of_the_multiplicity(likelihood):
    images = images_of(4, 6, 50, levels=5)
    columns, multiplicity = (each.numpy() for each in merge_pixels(images))
    p = columns.mean(axis=0)
    variance = 0.3 if isinstance(likelihood, Gaussian) else p * (1 - p)
    expected = (columns - p) * np.sqrt(multiplicity / variance)
    expected /= np.sqrt((expected**2).mean())
    stack = dense_stack([Case(images.float(), 1.0, 2.0, 9)], likelihood)
    found, order = stack._rows[0].double().numpy(), np.lexsort(columns)
    np.testing.assert_allclose(found[:, np.lexsort(stack._target[0].numpy())], expected[:, order], rtol=1e-4, atol=1e-5)


@LIKELIHOODS
def test_reconstruction_on_the_grid_of_the_posteriors_is_that_of_gauss_hermite_quadrature(likelihood):
    cases = [Case(images_of(seed, courses, 50).float(), 1.0, 2.0, seed) for seed, courses in ((3, 4), (4, 9))]
    stack = dense_stack(cases, likelihood, latents=1)
    mean, logvar = stack.posterior()
    uniform = torch.rand(2, 1, 1, generator=Generator().manual_seed(9))
    found = stack.reconstruction(*shifted_grid(mean, logvar, uniform, 64))
    abscissae, masses = (torch.tensor(each) for each in np.polynomial.hermite_e.hermegauss(40))
    masses = masses / math.sqrt(2 * math.pi)
    for case in range(2):
        images = cases[case].images.double()
        varying, column = column_of_each_pixel(images, merge_pixels(images)[0])
        total = 0.0
        for image in range(6):
            z = mean[case, image] + (logvar[case, image] / 2).exp() * abscissae[:, None].float()
            drawn = stack._networks.decode(z.expand(2, -1, -1))[case].double()[:, column]
            total += (masses @ likelihood.nats(drawn, images[image, varying]).sum(dim=1)).item()
        np.testing.assert_allclose(found[case].item(), total / 6, rtol=1e-5)


@LIKELIHOODS
def test_images_that_do_not_differ_cost_nothing_alone_or_beside_others(likelihood):
    same = Case(torch.full((6, 50), 0.3), 1.0, 2.0, 3)
    other = Case(images_of(4, 5, 50).float(), 1.0, 2.0, 4)
    nodes, weights = points(2, 5, 6, 2, seed=8)
    for cases in ([same], [same, other]):
        found = dense_stack(cases, likelihood).reconstruction(nodes[: len(cases)], weights[: len(cases)])
        assert found[0].item() == 0


def test_conv_networks_refuse_images_without_a_colour_axis():
    case = Case(torch.rand(4, 16, 16), 1.0, 2.0, 0)
    with pytest.raises(IFPError, match=r"images \(n, H, W, C\) for a conv network, got \(n, 16, 16\)"):
        ConvStack([case], 1, Bernoulli(), [Generator()], "cpu")


@pytest.mark.parametrize(
    ("low", "high"),
    [(2.0, 1.0), (1.0, 1.0), (0.0, 1.0), (-1.0, 1.0), (1.0, math.inf), (math.nan, 1.0), (1.0, math.nan)],
)
def test_pressures_that_do_not_rise_from_above_0_to_a_finite_value_are_refused(low, high):
    with pytest.raises(IFPError, match=f"pressures 0 < low < high, got {low} and {high}"):
        Case(torch.zeros(2, 3), low, high, 0)


def test_inputs_beyond_400_columns_are_scaled_and_first_weights_too_so_that_the_posterior_is_the_same():
    images = torch.rand(6, 30, 30, 1, generator=Generator().manual_seed(5))
    case = Case(images, 1.0, 2.0, 7)
    scaled = DenseStack([case], 8, 1, Bernoulli(), [Generator().manual_seed(7)], "cpu")
    networks = StackedDenseVAE([900], 8, 1, torch.zeros(1, 900), [Generator().manual_seed(7)])
    columns, count = merge_pixels(images)
    mean = columns.mean(dim=0)
    rows = (columns - mean) * (count / (mean * (1 - mean))).sqrt()
    rows = rows / rows.square().mean().sqrt()
    for found, expected in zip(scaled.posterior(), networks.encode(rows[None]), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert [input_gain(width) for width in (5, 400, 800, 12_288)] == [1, 1, 0.5, 400 / 12_288]
