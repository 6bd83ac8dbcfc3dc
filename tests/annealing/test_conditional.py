"""Values of shared codes against an explicit float64 construction, context by context and pixel by pixel."""

import numpy as np
import pytest
import torch

from annealing.conditional import context_gram, shared_code_error, shared_code_value
from annealing.errors import IFPError
from annealing.likelihoods.pixels import Bernoulli, Gaussian
from annealing.spectral import freezing_point

LIKELIHOODS = pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.3)], ids=str)


def drawn(contexts, classes, pixels, levels, seed, incomplete):
    """Mean images and numbers of images, some of them 0."""
    rng = np.random.default_rng(seed)
    means = rng.integers(0, levels, (contexts, classes, pixels)) / (levels - 1)
    means[:, :, :2] = [0.0, 1.0]  # pixels that never vary
    counts = rng.integers(0 if incomplete else 1, 4, (contexts, classes))
    counts[:, 0] += 1  # no context without images
    return means, counts


def by_hand(means, counts, variance):
    """lam_max(F^-1/2 B F^-1/2), written out."""
    classes = means.shape[1]
    total = counts.sum()
    matrix = np.zeros((classes, classes))
    for mean, count in zip(means, counts, strict=True):
        frequency = count / count.sum()
        centre = frequency @ mean
        for a in range(classes):
            for b in range(classes):
                for pixel in range(means.shape[2]):
                    v = variance(centre[pixel])
                    if v > 1e-12:
                        product = (mean[a, pixel] - centre[pixel]) * (mean[b, pixel] - centre[pixel]) / v
                        matrix[a, b] += count.sum() / total * frequency[a] * frequency[b] * product
    root = np.sqrt(counts.sum(axis=0) / total)
    there = root > 0
    return np.linalg.eigvalsh((matrix / np.outer(root, root).clip(1e-300))[np.ix_(there, there)])[-1]


@LIKELIHOODS
@pytest.mark.parametrize("levels", [2, 6])
@pytest.mark.parametrize("incomplete", [False, True])
def test_the_value_is_that_of_the_matrix_written_out(likelihood, levels, incomplete):
    means, counts = drawn(4, 5, 7, levels, levels, incomplete)
    variance = (lambda p: p * (1 - p)) if isinstance(likelihood, Bernoulli) else (lambda p: 0.3)
    counted = torch.from_numpy(counts)
    gram = context_gram(torch.from_numpy(means), counted, likelihood)
    assert shared_code_value(gram, counted.sum(dim=0)) == pytest.approx(by_hand(means, counts, variance), rel=1e-9)


@LIKELIHOODS
def test_contexts_add_up_whether_they_come_together_or_one_by_one(likelihood):
    means, counts = (torch.from_numpy(each) for each in drawn(6, 3, 9, 4, 0, True))
    apart = sum(context_gram(mean, count, likelihood) for mean, count in zip(means, counts, strict=True))
    torch.testing.assert_close(context_gram(means, counts, likelihood), apart)


@LIKELIHOODS
def test_one_context_of_single_images_is_an_action_sequence(likelihood):
    images = torch.rand(6, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ones = torch.ones(6, dtype=torch.int64)
    found = shared_code_value(context_gram(images, ones, likelihood), ones)
    assert found == pytest.approx(freezing_point(images, likelihood), rel=1e-9)


def test_on_a_full_lattice_it_is_the_spectrum_of_the_mean_gram_matrix():
    means = torch.rand(5, 4, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    counts = torch.full((5, 4), 3)
    grams = []
    for mean in means:
        centre = mean.mean(dim=0)
        whitened = (mean - centre) / (centre * (1 - centre)).sqrt()
        grams.append(whitened @ whitened.T / 4)
    expected = float(torch.linalg.eigvalsh(torch.stack(grams).mean(dim=0))[-1])
    assert shared_code_value(context_gram(means, counts, Bernoulli()), counts.sum(0)) == pytest.approx(expected)


def test_a_code_that_means_opposite_things_in_two_contexts_is_worth_nothing_there_until_they_are_told_apart():
    image = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    flipped, ones = 1 - image, torch.ones(2, dtype=torch.int64)
    marginal = context_gram((image + flipped) / 2, 2 * ones, Bernoulli())
    assert shared_code_value(marginal, 2 * ones) == 0
    known = context_gram(torch.stack([image, flipped]), torch.ones(2, 2), Bernoulli())
    assert shared_code_value(known, 2 * ones) == pytest.approx(2.0)


def test_images_that_never_vary_are_worth_nothing():
    counts = torch.tensor([2, 0, 3])
    assert shared_code_value(context_gram(torch.ones(3, 4), counts, Bernoulli()), counts) == 0.0


def test_groups_that_do_not_fit_are_refused():
    with pytest.raises(IFPError, match=r"means \(..., classes, pixels\) and counts"):
        context_gram(torch.ones(3, 4), torch.ones(4), Bernoulli())
    with pytest.raises(IFPError, match="contexts of one image or more"):
        context_gram(torch.ones(2, 3, 4), torch.tensor([[1, 1, 1], [0, 0, 0]]), Bernoulli())
    with pytest.raises(IFPError, match="mean images that a bernoulli decoder can draw"):
        context_gram(torch.tensor([[2.0], [3.0]]), torch.ones(2), Bernoulli())


def test_a_pixel_that_is_always_1_in_one_context_but_not_in_another_adds_nothing_in_the_first():
    # thirds of 1 add up to a hair more than 1: the mean must not leave what a Bernoulli decoder can draw
    moving, still = torch.tensor([[0.2], [0.5], [0.9]]), torch.ones(3, 1)
    counts = torch.tensor([[1, 1, 1], [3, 7, 11]])
    means = torch.stack([torch.cat([moving, still], dim=1), torch.cat([still, moving], dim=1)])
    apart = sum(context_gram(moving, count, Bernoulli()) for count in counts)
    torch.testing.assert_close(context_gram(means, counts, Bernoulli()), apart)


def test_contexts_of_one_image_count_among_the_images_of_a_class():
    image, both = torch.tensor([[0.0], [1.0]]), torch.tensor([1, 1])
    for alone in ([1, 0], [0, 1]):
        assert not context_gram(image, torch.tensor(alone), Bernoulli()).any()
    # the one pixel is worth 1 where both classes are seen, in a context of 2 images out of 4
    assert shared_code_value(context_gram(image, both, Bernoulli()), 2 * both) == pytest.approx(0.5)


@LIKELIHOODS
def test_mean_images_in_single_precision_are_enough(likelihood):
    means, counts = (torch.from_numpy(each) for each in drawn(6, 4, 30, 200, 2, True))
    exact, narrow = (context_gram(each, counts, likelihood) for each in (means, means.float()))
    assert narrow.dtype == torch.float64
    total = counts.sum(dim=0)
    assert shared_code_value(narrow, total) == pytest.approx(shared_code_value(exact, total), rel=1e-6)


def test_the_error_of_a_sum_of_parts_is_the_scatter_of_its_value_from_sum_to_sum():
    rng = np.random.default_rng(3)
    mean = np.diag([8.0, 3.0, 1.0]) + 0.5
    counts = torch.full((3,), 40)
    values, errors = [], []
    for _ in range(400):
        root = rng.standard_normal((16, 3, 4)) * 0.1
        grams = torch.from_numpy(40 * (mean / 16 + root @ root.swapaxes(1, 2) - 4 * 0.01 * np.eye(3)))
        values.append(shared_code_value(grams.sum(dim=0), counts))
        errors.append(shared_code_error(grams, counts, torch.ones(16)))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values), rel=0.1)


def test_parts_that_are_alike_have_no_error_and_neither_has_a_single_one():
    gram = torch.tensor([[4.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    counts = torch.tensor([3, 3])
    assert shared_code_error(gram.repeat(5, 1, 1), counts, torch.ones(5)) == pytest.approx(0, abs=1e-12)
    assert shared_code_error(gram[None], counts, torch.ones(1)) == 0
    assert shared_code_error(gram.repeat(5, 1, 1), torch.zeros(2, dtype=torch.int64), torch.ones(5)) == 0
    sizes = torch.tensor([1.0, 2.0, 2.0], dtype=torch.float64)  # alike but for their size
    assert shared_code_error(gram * sizes[:, None, None], counts, sizes) == pytest.approx(0, abs=1e-12)
