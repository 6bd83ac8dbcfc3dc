"""What every data set promises: a family's, the user's own, a tilted one, and one that stands in memory."""

from dataclasses import asdict
from functools import cache as kept

import numpy as np
import pytest
from PIL import Image

import ifp
from annealing.errors import IFPError
from ifp.datasets import DataOptions, families, load_dataset
from ifp.datasets.dataset import is_painted, to_float

TILTED = ["a tilted npz", "a tilted family", "tilted sprites in colour"]
OWN = ["an npz", "arrays", "a folder of pictures", *TILTED, "bars in memory"]
EVERY = [*families(), *OWN]
UNLABELLED = ["chairs3d", "a folder of pictures"]
WITH_NUISANCES = [name for name in families() if "nuisance" in families()[name].summary] + ["arrays", *TILTED[1:]]

labelled = pytest.mark.parametrize("data", [name for name in EVERY if name not in UNLABELLED], indirect=True)
pytestmark = pytest.mark.filterwarnings("ignore:.* have several images:ifp.datasets.DataWarning")


@pytest.fixture(scope="module")
def cache(room):
    return room / "cache"


@pytest.fixture(scope="module")
def own(bars, bars_file, brought, noise, tmp_path_factory):
    """Each data set that is no family, opened once."""

    @kept
    def open_once(what):
        match what:
            case "an npz":
                return load_dataset(bars_file)
            case "arrays":  # of some classes several, of some none
                return ifp.from_arrays(noise(5, 6, 7, 3), [[0, 0], [0, 1], [0, 1], [2, 1], [0, 0]], name="mine")
            case "a folder of pictures":
                folder = tmp_path_factory.mktemp("pictures")
                for number, pixels in enumerate(noise(5, 6, 7)):
                    Image.fromarray(pixels).save(folder / f"{number}.png")
                return load_dataset(folder)
            case "a tilted npz":
                return load_dataset(bars_file, correlate=["position:brightness:0.2"])
            case "a tilted family":
                return load_dataset("smallnorb", brought("smallnorb")[0], correlate=["elevation:azimuth:0.05"])
            case "tilted sprites in colour":
                return load_dataset("color-dsprites-32", correlate=["posX:posY:0.2"])
            case "bars in memory":
                return bars

    return open_once


@pytest.fixture(scope="module", params=EVERY)
def data(request, opened, own):
    return (own if request.param in OWN else opened)(request.param)


@pytest.fixture
def index(data):
    """Some images, among them the first and the last of all, and one twice."""
    drawn = np.random.default_rng(0).integers(len(data), size=9)
    return np.array([len(data) - 1, *drawn, 0, drawn[0]])


def test_it_says_what_it_is_and_where_it_comes_from(data):
    for said in (data.name, data.reference, data.source, data.fingerprint, *data.nuisances):
        assert isinstance(said, str)
        assert said.isprintable()
        assert said.strip()
    assert isinstance(data.options, DataOptions)
    assert isinstance(data.nuisances, tuple)
    assert len(set(data.nuisances)) == len(data.nuisances)
    assert data.repaints in (False, True)
    assert len(data) > 0
    height, width, channels = data.image_shape
    assert min(height, width) > 0
    assert channels in (1, 3)


def test_images_are_bytes_or_floats_from_0_to_1(data, index):
    images = data.images(index)
    assert images.shape == (len(index), *data.image_shape)
    assert images.dtype in (np.uint8, np.float32)
    assert images.dtype == np.uint8 or 0 <= images.min() <= images.max() <= 1


def test_images_are_a_pure_function_of_the_index(data, index):
    images = data.images(index)
    expected = images.copy()
    images[:] = 0  # whoever asked may change them
    order = np.random.default_rng(1).permutation(len(index))
    np.testing.assert_array_equal(data.images(index[order]), expected[order])
    np.testing.assert_array_equal(data.images(index.tolist()), expected)
    for number, image in zip(index, expected, strict=True):
        np.testing.assert_array_equal(data.images([number]), image[None])
    np.testing.assert_array_equal(data.images(range(4)), data.images(np.arange(4, dtype=np.uint8)))
    assert data.images([]).shape == (0, *data.image_shape)
    assert data.images([]).dtype == expected.dtype


def test_an_index_that_names_no_image_is_refused(data):
    for wrong in ([len(data)], [-1], [0, len(data)], [0.5], [True], [[0, 1], [1, 0]]):
        for function in (data.images, data.factors_at):
            with pytest.raises(IFPError, match="image index"):
                function(wrong)


@labelled
def test_classes_are_whole_numbers_below_their_sizes(data, index):
    assert len(set(data.factors.names)) == len(data.factors.sizes) == len(data.factors)
    classes = data.factors_at(index)
    assert classes.shape == (len(index), len(data.factors))
    assert classes.dtype == np.int64
    assert np.all((classes >= 0) & (classes < data.factors.sizes))
    np.testing.assert_array_equal([data.factors_at([number])[0] for number in index.tolist()], classes)
    assert data.factors_at([]).shape == (0, len(data.factors))


@labelled
def test_a_lookup_gives_images_of_the_classes(data, index):
    classes = data.factors_at(index)
    found = data.lookup(classes)
    assert (found.shape, found.dtype) == (index.shape, np.int64)
    np.testing.assert_array_equal(data.factors_at(found), classes)
    none = classes[:0]
    assert data.lookup(none).shape == data.holds(none).shape == (0,)


@labelled
def test_the_classes_of_images_are_held_and_no_others_are_held_or_looked_up(data):
    sizes = np.array(data.factors.sizes)
    classes = data.factors_at(range(len(data)))
    assert data.holds(classes).all()
    asked = np.random.default_rng(2).integers(-1, sizes + 1, size=(60, len(sizes)))
    possible = np.all((asked >= 0) & (asked < sizes), axis=1)
    cells = np.ravel_multi_index(classes.T, sizes)
    expected = possible & np.isin(np.ravel_multi_index(asked.T, sizes, mode="clip"), cells)
    held = data.holds(asked)
    assert (held.dtype, held.tolist()) == (bool, expected.tolist())
    for absent in asked[~expected]:
        with pytest.raises(IFPError):
            data.lookup(absent[None])


@labelled
def test_classes_of_another_shape_or_type_are_refused(data):
    factors = len(data.factors)
    for wrong in (np.zeros((1, factors + 1), int), np.zeros((1, 1, factors), int), np.zeros((1, factors))):
        with pytest.raises(IFPError, match=r"need (factors of shape|whole numbers as factor classes)"):
            data.lookup(wrong)


@labelled
def test_an_image_is_known_by_its_classes_and_its_nuisances(data, index):
    classes = data.factors_at(index)
    again = data.images(data.lookup(classes, index), index) if data.nuisances else data.images(data.lookup(classes))
    np.testing.assert_array_equal(again, data.images(index))


@pytest.mark.parametrize("data", WITH_NUISANCES, indirect=True)
def test_the_nuisances_of_another_image_are_painted_where_it_repaints_and_there_alone(data, index):
    assert data.nuisances
    others = np.roll(index, 1)
    changed = np.any(data.images(index, others) != data.images(index), axis=(1, 2, 3))
    assert changed.tolist() == (data.repaints & (others != index)).tolist()


@pytest.mark.parametrize("data", WITH_NUISANCES, indirect=True)
def test_a_canvas_painted_as_an_image_is_that_image(data, index):
    if not is_painted(data):
        assert not data.repaints
        return
    others = np.roll(index, 1)
    painted = data.painted(to_float(data.canvas.images(index))[:, None], others)
    assert painted.shape == (len(index), 1, *data.image_shape)
    np.testing.assert_allclose(painted[:, 0], data.images(index, others), atol=1e-6)
    np.testing.assert_array_equal(data.canvas.factors_at(index), data.factors_at(index))
    two = data.painted(np.stack([to_float(data.canvas.images(index))] * 2, axis=1), others)
    np.testing.assert_array_equal(two[:, 0], two[:, 1])


@pytest.mark.parametrize("data", UNLABELLED, indirect=True)
def test_without_labels_there_are_no_classes_and_no_nuisances(data, index):
    assert data.factors is None
    assert data.factors_at(index) is None
    assert data.nuisances == ()
    for function in (data.lookup, data.holds):
        with pytest.raises(IFPError, match=f"labelled factors, {data.name} has none"):
            function(np.array([[0]]))


@pytest.mark.parametrize("data", EVERY[:-1], indirect=True)
def test_its_reference_and_options_open_it_again(data, index, brought):
    folder = brought(data.name)[0] if data.name in families() else None
    again = load_dataset(data.reference, folder, **asdict(data.options))
    said = ("name", "reference", "source", "fingerprint", "options", "factors", "nuisances", "image_shape", "repaints")
    assert [getattr(again, each) for each in said] == [getattr(data, each) for each in said]
    assert len(again) == len(data)
    np.testing.assert_array_equal(again.images(index), data.images(index))
