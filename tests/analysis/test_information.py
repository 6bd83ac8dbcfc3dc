"""Information of Gaussian codes about factors against entropies and integrals of the true mixtures."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import entropy, norm

from analysis.information import adjusted_information, factor_entropy, information, information_and_chance, shuffle_null
from annealing.errors import IFPError


def column(values):
    return np.asarray(values)[:, None]


def one(mean, logvar, labels, **settings):
    """Information of one latent about one factor."""
    means = column(mean).astype(np.float64)
    return information(means, np.broadcast_to(np.float64(logvar), means.shape), column(labels), **settings).item()


def mixture_information(means, sd, frequencies):
    """Information between a class and a Gaussian at the class's mean, by numerical integration."""

    def nats(z):
        densities = norm.pdf(z, means, sd)
        return float(frequencies @ (densities * np.log(densities / (frequencies @ densities))))

    means, frequencies = np.asarray(means, np.float64), np.asarray(frequencies, np.float64)
    return quad(nats, means.min() - 8 * sd, means.max() + 8 * sd, points=means.tolist(), limit=200)[0]


@pytest.mark.parametrize("classes", [2, 3, 10, 40])
@pytest.mark.parametrize("logvar", [-10.0, -16.0, -30.0])
def test_well_separated_classes_show_their_whole_entropy_however_narrow_the_posterior(classes, logvar):
    labels = np.arange(4 * classes) % classes
    np.testing.assert_allclose(one(labels, logvar, labels), np.log(classes), rtol=1e-6)


@pytest.mark.parametrize("n", [7, 60, 1000])
def test_a_silent_latent_has_exactly_no_information(n):
    labels = np.random.default_rng(n).integers(0, 5, (n, 3))
    found = information(np.zeros((n, 1)), np.zeros((n, 1)), labels)
    np.testing.assert_array_equal(found, np.zeros((1, 3)))


@pytest.mark.parametrize(("a", "sd"), [(1.0, 1.0), (0.5, 1.0), (2.0, 0.5), (0.1, 0.3), (0.3, 0.1), (3.0, 1.0)])
def test_two_classes_at_plus_and_minus_a_give_the_integral_over_the_mixture(a, sd):
    labels = np.arange(20) % 2
    exact = mixture_information([-a, a], sd, [0.5, 0.5])
    found = one(a * (2 * labels - 1), 2 * np.log(sd), labels)
    np.testing.assert_allclose(found, exact, atol=1e-3)
    assert found <= exact + 1e-9


def test_unequal_classes_weigh_by_their_frequency():
    labels = np.repeat([0, 1, 2], [2, 5, 13])
    exact = mixture_information([0.0, 0.8, 2.0], 0.6, [0.1, 0.25, 0.65])
    np.testing.assert_allclose(one(np.array([0.0, 0.8, 2.0])[labels], 2 * np.log(0.6), labels), exact, atol=1e-3)


def test_a_code_that_tells_one_class_from_the_rest_shows_the_entropy_of_that_question():
    labels = np.repeat([0, 1, 2], [2, 5, 13])
    found = one((labels == 1).astype(float), -12.0, labels)
    np.testing.assert_allclose(found, entropy([0.25, 0.75]), rtol=1e-6)


def test_posteriors_that_differ_within_a_class_are_averaged():
    labels = np.array([0, 0, 1, 1])
    mean = np.array([0.0, 1.0, 1.0, 2.0])  # class 0 sits at 0 or 1, class 1 at 1 or 2: half the time it is known
    np.testing.assert_allclose(one(mean, -12.0, labels), np.log(2) / 2, rtol=1e-6)


def test_classes_need_not_be_consecutive_numbers():
    labels = np.arange(12) % 3
    codes = labels.astype(float)
    assert one(codes, -2.0, np.array([0, 7, 31])[labels]) == one(codes, -2.0, labels)


def test_rows_are_latents_and_columns_factors():
    a, b = (each.ravel() for each in np.indices((4, 5)))
    noise = np.zeros(20)
    means, logvar = np.stack([b, noise, a], axis=1).astype(float), np.tile([-12.0, 0.0, -12.0], (20, 1))
    expected = [[0, np.log(5), np.log(5)], [0, 0, 0], [np.log(4), 0, np.log(4)]]
    found = information(means, logvar, np.stack([a, b, 5 * (a % 4) + b], axis=1))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(("scale", "shift"), [(1e-3, 0.0), (50.0, 0.0), (1.0, 100.0)])
def test_the_unit_and_origin_of_a_latent_change_nothing(scale, shift):
    labels = np.arange(30) % 5
    expected = one(labels, -1.0, labels)
    np.testing.assert_allclose(one(scale * labels + shift, -1.0 + 2 * np.log(scale), labels), expected, rtol=1e-6)


def test_codes_that_hardly_move_against_their_width_show_nearly_nothing():
    labels = np.arange(100) % 10
    assert 0 <= one(1e-4 * labels, 0.0, labels) < 1e-6


def test_finer_bins_come_closer_from_below():
    labels = np.arange(20) % 2
    exact = mixture_information([-1.0, 1.0], 1.0, [0.5, 0.5])
    found = [one(2.0 * labels - 1, 0.0, labels, bins=bins) for bins in (8, 32, 128, 512)]
    assert found == sorted(found)
    assert exact - 1e-4 < found[-1] <= exact + 1e-9


def test_sharp_codes_that_ignore_the_factor_show_only_what_chance_shows():
    rng = np.random.default_rng(0)
    means, labels = rng.normal(size=(400, 2)), rng.integers(0, 4, (400, 3))
    logvar = np.full_like(means, -8.0)
    found, chance = information(means, logvar, labels), shuffle_null(means, logvar, labels, seed=1, shuffles=8)
    assert (found > 0.2).all()
    np.testing.assert_allclose(found - chance, 0, atol=0.06)


def test_chance_is_small_beside_the_information_of_a_code_that_follows_its_factor():
    labels = np.arange(400) % 4
    means, logvar = column(labels).astype(float), np.full((400, 1), -12.0)
    assert shuffle_null(means, logvar, column(labels), seed=1).item() < 0.03


def test_the_null_is_the_mean_over_shuffles_of_whole_rows_of_labels():
    rng = np.random.default_rng(2)
    means, logvar, labels = rng.normal(size=(50, 2)), rng.normal(-3, 1, (50, 2)), rng.integers(0, 3, (50, 1))
    singles = [shuffle_null(means, logvar, np.tile(labels, 2), seed=seed, shuffles=1) for seed in range(3)]
    for single in singles:
        np.testing.assert_allclose(single[:, 0], single[:, 1], rtol=1e-12)  # equal columns stay equal
    assert np.ptp(singles, axis=0).min() > 0  # another seed, another pairing


def test_the_same_seed_gives_the_same_null():
    rng = np.random.default_rng(3)
    arguments = rng.normal(size=(60, 2)), rng.normal(-3, 1, (60, 2)), rng.integers(0, 3, (60, 2))
    np.testing.assert_array_equal(shuffle_null(*arguments, seed=5), shuffle_null(*arguments, seed=5))
    assert (shuffle_null(*arguments, seed=5) != shuffle_null(*arguments, seed=6)).any()


@pytest.mark.parametrize("measure", [information, lambda *each: shuffle_null(*each, seed=0)], ids=["value", "null"])
@pytest.mark.parametrize(
    ("mean", "logvar", "labels"),
    [
        ((6,), (6,), (6, 1)),
        ((6, 2), (6, 1), (6, 1)),
        ((6, 2), (6, 2), (5, 1)),
        ((6, 2), (6, 2), (6,)),
        ((0, 2), (0, 2), (0, 1)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(measure, mean, logvar, labels):
    with pytest.raises(IFPError, match=r"need mean and logvar \(images, latents\)"):
        measure(np.zeros(mean), np.zeros(logvar), np.zeros(labels, int))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["mean", "logvar"])
def test_posteriors_that_are_not_finite_are_refused(where, value):
    posterior = {"mean": np.zeros((4, 2)), "logvar": np.zeros((4, 2))}
    posterior[where][2, 1] = value
    with pytest.raises(IFPError, match="need finite posteriors"):
        information(posterior["mean"], posterior["logvar"], np.zeros((4, 1), int))


def adjusted(mean, logvar, factors, seed=0):
    """Adjusted information of codes about factors, and the plain difference."""
    means = np.asarray(mean, np.float64)
    shown, null = information_and_chance(means, np.full(means.shape, logvar), factors, seed=seed)
    return adjusted_information(shown, null, factor_entropy(factors)), shown - null


@pytest.mark.parametrize("images", [400, 1000, 10_000])
@pytest.mark.parametrize("classes", [2, 8, 32, 40])
def test_a_code_that_determines_the_factor_holds_its_whole_entropy_however_few_images(classes, images):
    labels = column(np.random.default_rng(classes).integers(0, classes, images))
    found, _ = adjusted(labels / 2, -12.0, labels)
    np.testing.assert_allclose(found, factor_entropy(labels)[None], rtol=1e-6)


def test_subtracting_chance_alone_took_a_third_from_a_perfect_code():
    labels = column(np.random.default_rng(0).integers(0, 32, 400))
    images_apart = labels + np.linspace(0, 0.4, 400)[:, None]  # each image has a code of its own
    found, difference = adjusted(images_apart, -14.0, labels)
    assert factor_entropy(labels).item() > 3.4
    np.testing.assert_allclose(found, factor_entropy(labels)[None], rtol=1e-6)
    assert difference.item() < 2.6


@pytest.mark.parametrize(("images", "near"), [(400, 0.1), (1000, 0.15), (10_000, 0.03)])
def test_a_code_that_is_right_half_of_the_time_holds_what_it_tells_of_the_factor(images, near):
    right = 0.5 + 0.5 / 32
    exact = np.log(32) + right * np.log(right) + (1 - right) * np.log((1 - right) / 31)  # 1.110
    found, difference = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 32, images)
        shown = np.where(rng.random(images) < 0.5, labels, rng.integers(0, 32, images))
        both = adjusted(column(shown), -12.0, column(labels))
        found.append(both[0].item())
        difference.append(both[1].item())
    assert abs(np.mean(found) - exact) < near
    if images == 400:
        assert np.mean(difference) < exact - 0.3  # what chance shows does not add to what an informative code shows


@pytest.mark.parametrize("sizes", [(20, 72), (6, 40)])
def test_on_a_full_lattice_a_code_of_one_factor_holds_nothing_of_the_other(sizes):
    factors = np.stack([axis.ravel() for axis in np.indices(sizes)], axis=1)
    found, difference = adjusted(factors / 2, -12.0, factors)
    np.testing.assert_allclose(found, np.diag(np.log(sizes)), atol=1e-6)
    if sizes == (20, 72):
        np.testing.assert_allclose(difference[1, 0], -0.53, atol=0.03)  # what a fall to silence counted as a gain


def test_where_chance_shows_all_there_is_nothing_is_held():
    shown, null = np.array([[1.5, 0.3]]), np.array([[1.5, 0.0]])
    np.testing.assert_array_equal(adjusted_information(shown, null, np.array([1.5, 0.0])), [[0, 0]])
