"""Factors that occur together: counts, covariances and images of a tilted data set against its density."""

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from annealing.errors import DataError, IFPError
from ifp.datasets import load_dataset
from ifp.datasets.cells import Cells
from ifp.datasets.correlated import Correlated, correlated
from ifp.datasets.dataset import DataOptions, Factors
from ifp.datasets.public.dsprites import load_tiny
from ifp.datasets.public.dsprites_variants import PaintedSprites, in_noise

N = 4608
NAMES, SIZES = ("shape", "scale", "orientation", "posX", "posY"), (3, 3, 8, 8, 8)
PAIRS = [("posX", "posY"), ("scale", "orientation"), ("posY", "shape")]


@pytest.fixture(scope="module")
def whole():
    return load_dataset("dsprites-tiny")


def tilted(*pairs, **options):
    return load_dataset("dsprites-tiny", correlate=pairs, **options)


def places(name):
    """The classes of a factor, scaled to 0..1."""
    return np.linspace(0, 1, SIZES[NAMES.index(name)])


def density(first, second, sigma):
    """Of the classes of two factors of a full grid, summing to 1."""
    apart = places(first)[:, None] - places(second)
    bell = np.exp(-0.5 * (apart / sigma) ** 2)
    return bell / bell.sum()


def counts(data, first, second):
    """How many images have the classes of two factors."""
    columns = [NAMES.index(first), NAMES.index(second)]
    table = np.zeros([SIZES[column] for column in columns], int)
    np.add.at(table, tuple(data.factors_at(range(len(data)))[:, columns].T), 1)
    return table


def taken(data, whole):
    """Index into the whole of the images that the tilted data set consists of, by their factors."""
    return whole.lookup(data.factors_at(range(len(data))))


def test_a_nuisance_is_held_wherever_the_tilted_data_set_has_the_image():
    """The shape of dsprites-noshape, chosen among three images of a cell, one of which may not have been taken."""
    labels = load_dataset("dsprites-tiny").factors_at(range(N))
    tiny = Cells(labels[:, 1:], SIZES[1:])

    class Hidden:
        name, reference, image_shape, fingerprint, source = "hidden", "hidden", (64, 64, 1), "1", "here"
        factors, nuisances, repaints = Factors(NAMES[1:], SIZES[1:]), ("shape",), False
        options = DataOptions(correlate=("posX:posY:0.2",))
        __len__, factors_at, lookup, holds = (
            lambda self: N, lambda self, index: tiny.factors_at(index),
            lambda self, factors, of=None: tiny.lookup(factors, of), lambda self, factors: tiny.holds(factors),
        )  # fmt: skip

        def images(self, index, nuisances_of=None):
            return labels[index, 0]  # the shape alone

    data = Correlated(Hidden())
    shapes = data.images(range(N))
    has = {(*cell, shape) for cell, shape in zip(map(tuple, data.factors_at(range(N)).tolist()), shapes, strict=True)}
    index = np.arange(0, N, 7)
    others = np.roll(index, 13)
    found = data.images(data.lookup(data.factors_at(index), others))
    for cell, shape, other in zip(data.factors_at(index).tolist(), found, shapes[others], strict=True):
        assert shape == other or (*cell, other) not in has
    assert np.mean(found == shapes[others]) > 0.8


@pytest.mark.parametrize("sigma", ["1e200", "1e-200", "1e-156"])
def test_a_width_beyond_reason_is_refused(sigma):
    with pytest.raises(IFPError, match=r"a width of 0\.001 to 1000"):
        tilted(f"posX:posY:{sigma}")


def moments(table, first, second):
    """Mean and covariance of two factors, scaled to 0..1, of a table of counts or of a density."""
    share = table / table.sum()
    grid = np.stack(np.meshgrid(places(first), places(second), indexing="ij")).reshape(2, -1)
    return grid @ share.ravel(), np.cov(grid, aweights=share.ravel(), ddof=0)


@pytest.mark.parametrize("sigma", [0.07, 0.2, 0.7, 3])
@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
def test_each_cell_of_the_pair_holds_its_share_of_the_density(pair, sigma):
    table = counts(tilted(f"{pair[0]}:{pair[1]}:{sigma}"), *pair)
    assert table.sum() == N
    assert np.abs(table - N * density(*pair, sigma)).max() < 1


@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
def test_means_and_covariance_are_those_of_the_density(pair):
    correlations = []
    for sigma in (0.2, 0.4, 0.7):
        mean, covariance = moments(counts(tilted(f"{pair[0]}:{pair[1]}:{sigma}"), *pair), *pair)
        expected_mean, expected = moments(density(*pair, sigma), *pair)
        np.testing.assert_allclose(mean, expected_mean, atol=1e-3)
        np.testing.assert_allclose(covariance, expected, atol=1e-3)
        correlations.append(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))
    assert 1 > correlations[0] > correlations[1] > correlations[2] > 0


def test_the_order_of_the_pair_does_not_matter():
    assert np.array_equal(
        counts(tilted("posX:scale:0.3"), "posX", "scale"), counts(tilted("scale:posX:0.3"), "posX", "scale")
    )


@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
def test_within_a_cell_of_the_pair_each_image_is_taken_as_often_give_or_take_one(pair, whole):
    times = np.bincount(taken(tilted(f"{pair[0]}:{pair[1]}:0.25"), whole), minlength=N)
    columns = [NAMES.index(name) for name in pair]
    cell = np.ravel_multi_index(tuple(whole.factors_at(range(N))[:, columns].T), [SIZES[each] for each in columns])
    for each in np.unique(cell):
        assert np.ptp(times[cell == each]) <= 1


def test_the_other_factors_stay_uniform_and_uncorrelated(whole):
    data = tilted("posX:posY:0.2")
    correlation = np.corrcoef(data.factors_at(range(N)).T)
    others = [pair for pair in combinations(range(5), 2) if pair != (3, 4)]
    assert correlation[3, 4] > 0.7
    assert max(abs(correlation[pair]) for pair in others) < 0.03
    for factor in ("shape", "scale", "orientation"):
        shares = counts(data, factor, "posX").sum(axis=1) / N
        np.testing.assert_allclose(shares, 1 / len(shares), rtol=0.03)


def test_a_wide_tilt_is_the_whole_data_set(whole):
    data = tilted("posX:posY:1000")
    assert np.array_equal(taken(data, whole), np.arange(N))
    assert len(data) == N


def test_a_narrow_tilt_leaves_the_diagonal_alone_and_as_many_images():
    data = tilted("posX:posY:0.01")
    assert len(data) == N
    assert np.array_equal(counts(data, "posX", "posY"), N // 8 * np.eye(8, dtype=int))


def test_a_narrow_tilt_of_factors_of_other_sizes_leaves_the_cells_nearest_to_the_diagonal():
    table = counts(tilted("scale:posX:0.01"), "scale", "posX")
    expected = np.zeros((3, 8), int)
    expected[[0, 2], [0, 7]] = N // 2  # the middle scale lies between two places
    assert np.array_equal(table, expected)


# Lookup and images


def test_lookup_finds_images_of_the_classes_and_holds_tells_where_there_are_any(whole):
    data = tilted("posX:posY:0.1")
    every = whole.factors_at(range(N))
    there = np.bincount(taken(data, whole), minlength=N) > 0
    assert 0 < there.sum() < N
    assert np.array_equal(data.holds(every), there)
    assert np.array_equal(data.factors_at(data.lookup(every[there])), every[there])
    missing = every[~there][7]
    with pytest.raises(DataError, match=rf"none has \[{', '.join(map(str, missing))}\]"):
        data.lookup(missing[None])


def test_images_are_those_of_the_whole(whole):
    data = tilted("posX:posY:0.2")
    index = np.random.default_rng(0).integers(N, size=300)
    assert np.array_equal(data.images(index), whole.images(taken(data, whole)[index]))
    assert data.image_shape == whole.image_shape
    assert data.factors == whole.factors
    for wrong in ([N], [-1]):
        for function in (data.images, data.factors_at):
            with pytest.raises(IFPError, match=r"image index in 0\.\.4607"):
                function(wrong)


def test_nuisances_are_those_of_the_images_of_the_tilted_data_set(whole):
    options = DataOptions(correlate=("posX:posY:0.2",))
    noisy = PaintedSprites("noisy", load_tiny("dsprites-tiny", None, options), in_noise, ("noise",), "in noise")
    data = Correlated(noisy)
    index, others = np.random.default_rng(1).integers(N, size=(2, 20))
    rows = taken(data, whole)
    assert np.array_equal(data.images(index), noisy.images(rows[index]))
    assert np.array_equal(data.images(index, others), noisy.images(rows[index], rows[others]))
    assert data.nuisances == ("noise",)


def test_without_a_pair_the_data_set_is_itself(whole):
    assert correlated(whole) is whole


# The seed, and what a data set is called


def test_the_seed_decides_which_images_are_repeated(whole):
    first, again, other = (taken(tilted("posX:posY:0.2", seed=seed), whole) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    first, other = (counts(tilted("posX:posY:0.2", seed=seed), "posX", "posY") for seed in (0, 1))
    assert np.array_equal(first, other)


def test_the_fingerprint_is_that_of_the_pairs_and_of_the_seed(whole):
    fingerprint = tilted("posX:posY:0.2").fingerprint
    assert tilted("posX:posY:0.2").fingerprint == fingerprint
    others = [tilted("posX:posY:0.3"), tilted("posX:scale:0.2"), tilted("posX:posY:0.2", seed=1), whole]
    others.append(tilted("posX:posY:0.2", "shape:scale:0.2"))
    assert len({fingerprint, *(each.fingerprint for each in others)}) == 6


def test_name_and_reference_are_those_of_the_whole_and_the_source_tells_the_pairs():
    data = tilted("posX:posY:0.2", "shape:scale:0.7")
    assert data.name == data.reference == "dsprites-tiny"
    assert data.options.correlate == ("posX:posY:0.2", "shape:scale:0.7")
    assert data.source == "rendered from the geometry, correlated posX:posY:0.2, shape:scale:0.7"


# Two pairs


def test_a_second_pair_tilts_what_the_first_has_left():
    first, both = tilted("posX:posY:0.2"), tilted("posX:posY:0.2", "scale:orientation:0.3")
    weight = counts(first, "scale", "orientation") * density("scale", "orientation", 0.3)
    assert len(both) == N
    assert np.abs(counts(both, "scale", "orientation") - N * weight / weight.sum()).max() < 1


def test_two_pairs_have_the_covariance_of_their_own_density_and_none_with_each_other():
    data = tilted("posX:posY:0.2", "scale:orientation:0.3")
    for pair, sigma in ((("posX", "posY"), 0.2), (("scale", "orientation"), 0.3)):
        _, covariance = moments(counts(data, *pair), *pair)
        np.testing.assert_allclose(covariance, moments(density(*pair, sigma), *pair)[1], atol=0.01)
    correlation = np.corrcoef(data.factors_at(range(N)).T)
    assert np.abs(correlation[1:3, 3:]).max() < 0.05


# What is refused


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        (["colour:posX:0.2"], "need a factor out of shape, scale, orientation, posX, posY, got 'colour'"),
        (["posX:posx:0.2"], "need a factor out of .*, got 'posx'"),
        (["posX:posX:0.2"], "need A:B:SIGMA, two different factors and a width of 0.001 to 1000, got 'posX:posX:0.2'"),
        (
            ["posX:posY:0.2", "posY:scale:0.2"],
            "need each factor in one pair at most, got posX:posY:0.2, posY:scale:0.2",
        ),
        (["posX:posY:0.2", "posY:posX:0.2"], "need each factor in one pair at most"),
        (["posX:posY:0"], "a width of 0.001 to 1000, got 'posX:posY:0'"),
        (["posX:posY:-0.2"], "a width of 0.001 to 1000, got 'posX:posY:-0.2'"),
        (["posX:posY:nan"], "a width of 0.001 to 1000, got 'posX:posY:nan'"),
        (["posX:posY:inf"], "a width of 0.001 to 1000, got 'posX:posY:inf'"),
        (["posX:posY:wide"], "need A:B:SIGMA, two factors and a width, got 'posX:posY:wide'"),
        (["posX:posY"], "need A:B:SIGMA, two factors and a width, got 'posX:posY'"),
        (["posX"], "need A:B:SIGMA, two factors and a width, got 'posX'"),
        ([""], "need A:B:SIGMA, two factors and a width, got ''"),
        (["posX:posY:0.2:0.3"], "need A:B:SIGMA, .* got 'posX:posY:0.2:0.3'"),
    ],
    ids=str,
)
def test_pairs_that_are_none_are_refused(pairs, reason):
    with pytest.raises(IFPError, match=reason):
        tilted(*pairs)


def test_unlabelled_data_are_refused(tmp_path):
    (tmp_path / "pictures").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "pictures" / "0.png")
    with pytest.raises(IFPError, match="need labelled factors for --correlate, pictures has none"):
        load_dataset(str(tmp_path / "pictures"), correlate=["posX:posY:0.2"])
