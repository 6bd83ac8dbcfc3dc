"""dSprites in colour, in noise, before a picture, without its shape, at half its size, and a few of its images."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.random import Generator, Philox
from PIL import Image

from annealing.errors import DataError, IFPError
from ifp.datasets import DataWarning, families, load_dataset
from ifp.datasets.public.dsprites_variants import open_picture

N = 737_280
SEED = 5
PAINTED = ("color-dsprites", "noisy-dsprites", "scream-dsprites")
INDEX = np.random.default_rng(0).integers(N, size=24)
OTHERS = np.random.default_rng(1).integers(N, size=24)


@pytest.fixture(scope="module")
def cache(room):
    """In which dSprites is as it is rendered today."""
    return room / "cache"


@pytest.fixture(scope="module")
def dsprites(cache):
    return load_dataset("dsprites")


@pytest.fixture(scope="module")
def picture(noise):
    """Noise, small enough not to be made smaller: no two pieces of it are alike."""
    return noise(70, 80, 3, seed=2)


def save(folder, pixels, name="background.png"):
    Image.fromarray(np.asarray(pixels, np.uint8)).save(folder / name)
    return str(folder / name)


@pytest.fixture(scope="module")
def background(picture, tmp_path_factory):
    return save(tmp_path_factory.mktemp("picture"), picture)


@pytest.fixture(scope="module")
def opened(background, cache):
    """Each variant by its name, opened once."""
    known = {}

    def open_once(name):
        if name not in known:
            given = {"background": background} if name.startswith("scream") else {}
            known[name] = load_dataset(name, seed=SEED, **given)
        return known[name]

    return open_once


def stream_of(image, seed=SEED):
    """The numbers that are drawn for one image."""
    return Generator(Philox(key=[seed, image]))


def halved(images):
    """Means of 2x2 pixels."""
    return (images[:, ::2, ::2] + images[:, 1::2, ::2] + images[:, ::2, 1::2] + images[:, 1::2, 1::2]) / 4


# What is drawn, image by image


def test_colour_is_the_sprite_times_one_colour_drawn_for_the_image(opened, dsprites):
    for number, image, sprite in zip(
        INDEX, opened("color-dsprites").images(INDEX), dsprites.images(INDEX), strict=True
    ):
        colour = stream_of(number).uniform(0.5, 1, 3).astype(np.float32)
        assert np.array_equal(image, sprite * colour)


def test_noise_is_uniform_noise_drawn_for_the_image_and_ones_on_the_sprite(opened, dsprites):
    for number, image, sprite in zip(
        INDEX, opened("noisy-dsprites").images(INDEX), dsprites.images(INDEX), strict=True
    ):
        noise = stream_of(number).random((64, 64, 3), dtype=np.float32)
        assert np.array_equal(image, np.where(sprite == 1, 1, noise))


def test_scream_is_a_piece_of_the_picture_mixed_with_a_colour_and_its_negative_on_the_sprite(opened, dsprites, picture):
    scream = opened("scream-dsprites")
    for number, image, sprite in zip(INDEX, scream.images(INDEX), dsprites.images(INDEX), strict=True):
        stream = stream_of(number)
        top, left = stream.integers(0, 6, endpoint=True), stream.integers(0, 16, endpoint=True)
        background = (picture[top : top + 64, left : left + 64] / 255 + stream.uniform(0, 1, 3)) / 2
        np.testing.assert_allclose(image, np.where(sprite == 1, 1 - background, background), atol=1e-6)


def test_a_colour_is_one_on_all_of_the_sprite_from_a_half_to_one_and_the_rest_is_black(opened, dsprites):
    index = np.random.default_rng(3).integers(N, size=400)
    colours = []
    for image, sprite in zip(opened("color-dsprites").images(index), dsprites.images(index)[..., 0], strict=True):
        assert np.ptp(image[sprite == 1], axis=0).max() == 0
        assert image[sprite == 0].max() == 0
        colours.append(image[sprite == 1][0])
    assert len(np.unique(colours, axis=0)) == len(np.unique(index))
    assert 0.5 <= np.min(colours) < 0.51
    assert 0.99 < np.max(colours) <= 1
    # U(0.5, 1) has mean 3/4 and variance 1/48
    assert abs(np.mean(colours) - 0.75) < 4 * np.sqrt(1 / 48 / np.size(colours))
    assert np.abs(np.corrcoef(np.transpose(colours)) - np.eye(3)).max() < 0.2


def test_noise_has_the_mean_and_variance_of_numbers_between_0_and_1(opened, dsprites):
    images, sprites = opened("noisy-dsprites").images(INDEX), dsprites.images(INDEX)
    noise = images[np.broadcast_to(sprites == 0, images.shape)].astype(float)
    assert np.all(images[np.broadcast_to(sprites == 1, images.shape)] == 1)
    assert abs(noise.mean() - 1 / 2) < 4 * np.sqrt(1 / 12 / noise.size)
    assert abs(noise.var() - 1 / 12) < 4 * np.sqrt(1 / 180 / noise.size)  # 1/80 - 1/144 = 1/180
    assert 0 <= noise.min() < noise.max() < 1


def test_a_background_is_half_of_some_one_piece_of_the_picture_and_half_a_colour(opened, dsprites, picture):
    """Found by trying every piece: what is left of twice the background is one colour for one piece alone."""
    pieces = np.lib.stride_tricks.sliding_window_view(picture / 255, (64, 64), axis=(0, 1)).reshape(-1, 3, 64, 64)
    for image, sprite in zip(opened("scream-dsprites").images(INDEX[:6]), dsprites.images(INDEX[:6]), strict=True):
        background = np.where(sprite == 1, 1 - image, image)
        left = 2 * background.transpose(2, 0, 1) - pieces
        (found,) = np.flatnonzero(np.ptp(left, axis=(2, 3)).max(axis=1) < 1e-5)
        assert -1e-6 < left[found].min() <= left[found].max() < 1 + 1e-6


@pytest.mark.parametrize("level", [0, 255])
def test_before_a_picture_of_one_level_stands_one_colour_and_its_negative(level, dsprites, tmp_path):
    flat = save(tmp_path, np.full((64, 64, 3), level))
    images = load_dataset("scream-dsprites", background=flat).images(INDEX)
    for image, sprite in zip(images, dsprites.images(INDEX)[..., 0], strict=True):
        behind = image[0, 0]  # no sprite reaches the corner
        assert np.all((level / 510 <= behind) & (behind <= level / 510 + 0.5))
        np.testing.assert_allclose(image, np.where(sprite[..., None] == 1, 1 - behind, behind), atol=1e-6)
    assert np.ptp(images[:, 0, 0]) > 0.4  # and each image's is another


# Which nuisance an image has


@pytest.mark.parametrize("name", [*PAINTED, *(f"{name}-32" for name in PAINTED)])
def test_images_are_floats_in_0_to_1_and_a_pure_function_of_the_index(name, opened):
    data = opened(name)
    images = data.images(INDEX)
    assert images.dtype == np.float32
    assert images.shape == (24, *data.image_shape) == (24, *(2 * [32 if name.endswith("32") else 64]), 3)
    assert 0 <= images.min() < images.max() <= 1
    order = np.random.default_rng(4).permutation(24)
    assert np.array_equal(data.images(INDEX[order]), images[order])
    assert np.array_equal(data.images(INDEX[:1].tolist()), images[:1])
    assert np.array_equal(data.images(INDEX, INDEX), images)
    assert data.images([]).shape == (0, *data.image_shape)


def test_the_colour_of_another_image_is_painted_on_the_own_sprite(opened, dsprites):
    data = opened("color-dsprites")
    colours = data.images(OTHERS).max(axis=(1, 2), keepdims=True)
    assert np.array_equal(data.images(INDEX, OTHERS), dsprites.images(INDEX) * colours)


def test_the_noise_of_another_image_stands_behind_the_own_sprite(opened, dsprites):
    data = opened("noisy-dsprites")
    images, own, others = data.images(INDEX, OTHERS), dsprites.images(INDEX), dsprites.images(OTHERS)
    assert np.all(images[np.broadcast_to(own == 1, images.shape)] == 1)
    neither = np.broadcast_to((own == 0) & (others == 0), images.shape)
    assert np.array_equal(images[neither], data.images(OTHERS)[neither])


def test_the_background_of_another_image_stands_behind_the_own_sprite(opened, dsprites):
    data = opened("scream-dsprites")
    theirs = data.images(OTHERS)
    background = np.where(dsprites.images(OTHERS) == 1, 1 - theirs, theirs)
    expected = np.where(dsprites.images(INDEX) == 1, 1 - background, background)
    np.testing.assert_allclose(data.images(INDEX, OTHERS), expected, atol=1e-6)


@pytest.mark.parametrize("name", PAINTED)
def test_an_index_beyond_the_images_is_refused_as_an_own_or_as_anothers(name, opened):
    for wrong in ([N], [-1]):
        for given in ((wrong,), ([0], np.array(wrong))):
            with pytest.raises(IFPError, match=r"image index in 0\.\.737279"):
                opened(name).images(*given)


@pytest.mark.parametrize("name", PAINTED)
def test_factors_are_those_of_dsprites(name, opened, dsprites):
    for data in (opened(name), opened(f"{name}-32")):
        assert data.factors == dsprites.factors
        assert len(data) == N
        assert np.array_equal(data.factors_at(INDEX), dsprites.factors_at(INDEX))
        assert np.array_equal(data.lookup(dsprites.factors_at(INDEX), nuisances_of=OTHERS), INDEX)
        assert data.holds(np.array([[2, 5, 39, 31, 31], [3, 0, 0, 0, 0]])).tolist() == [True, False]


def test_nuisances_are_named(opened):
    names = [opened(name).nuisances for name in (*PAINTED, "dsprites-noshape", "dsprites-32")]
    assert names == [("colour",), ("noise",), ("background", "colour"), ("shape",), ()]


@pytest.mark.parametrize("name", PAINTED)
def test_another_seed_paints_the_same_sprites_otherwise(name, opened, background, dsprites):
    given = {"background": background} if name.startswith("scream") else {}
    again, other = load_dataset(name, seed=SEED, **given), load_dataset(name, seed=SEED + 1, **given)
    images = opened(name).images(INDEX)
    assert np.array_equal(again.images(INDEX), images)
    assert again.fingerprint == opened(name).fingerprint
    assert other.fingerprint != again.fingerprint
    differs = (other.images(INDEX) != images).any(axis=(1, 2, 3))
    assert differs.all()
    assert np.array_equal(other.factors_at(INDEX), dsprites.factors_at(INDEX))


def test_all_variants_have_fingerprints_of_their_own(opened, dsprites):
    names = [name for name in families() if "dsprites" in name]
    assert len(names) == 10
    found = {name: (dsprites if name == "dsprites" else opened(name)) for name in names}
    assert len({data.fingerprint for data in found.values()}) == 10
    assert all(data.name == data.reference == name for name, data in found.items())


# The picture behind


def test_another_picture_is_another_data_set(opened, picture, tmp_path):
    scream = opened("scream-dsprites")
    changed = picture.copy()
    changed[0, 0, 0] ^= 1
    other = load_dataset("scream-dsprites", seed=SEED, background=save(tmp_path, changed))
    assert other.fingerprint != scream.fingerprint
    copy = load_dataset("scream-dsprites", seed=SEED, background=save(tmp_path, picture))
    assert copy.fingerprint == scream.fingerprint
    assert copy.options.background == str(tmp_path / "background.png")


def test_a_picture_is_made_to_fit_350_by_274_and_keeps_its_proportions(tmp_path):
    for height, width, expected in ((548, 700, (274, 350)), (600, 400, (274, 183)), (200, 700, (100, 350))):
        found, name = open_picture(save(tmp_path, np.full((height, width, 3), [10, 20, 30])))
        assert found.shape == (*expected, 3)
        assert name == "background.png"
        np.testing.assert_allclose(found, np.broadcast_to(np.array([10, 20, 30]) / 255, found.shape), atol=1e-6)
    found, _ = open_picture(save(tmp_path, np.arange(90 * 80).reshape(90, 80) % 256))  # grey, and small enough
    assert np.array_equal(
        found, np.repeat((np.arange(7200).reshape(90, 80, 1) % 256 / 255).astype(np.float32), 3, axis=2)
    )


def test_the_scream_itself_stands_behind_the_sprites(dsprites, real_file):
    path = real_file("the_scream_512x652.jpg")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = load_dataset("scream-dsprites", background=path)
    with Image.open(path) as opened:
        painting = np.asarray(opened.convert("RGB")) / 255
    images = data.images(INDEX)
    background = np.where(dsprites.images(INDEX) == 1, 1 - images, images)
    # half the painting's own mean over all its pieces, and half the colour's mean of 1/2
    np.testing.assert_allclose(background.mean(), painting.mean() / 2 + 1 / 4, atol=0.05)
    assert data.source.startswith("rendered from the geometry, before the_scream_512x652.jpg (")


def test_without_a_picture_a_sample_stands_behind_and_that_is_said():
    with pytest.warns(DataWarning, match=r"^no --background given: .*china\.jpg stands behind the sprites$"):
        data = load_dataset("scream-dsprites")
    assert "before scikit-learn's china.jpg (" in data.source
    assert data.options.background is None


@pytest.mark.parametrize(
    ("shape", "found"), [((63, 200), "200x63"), ((200, 63), "63x200"), ((100, 700), "350x50")], ids=str
)
def test_a_picture_that_is_too_small_once_it_fits_is_refused(shape, found, tmp_path):
    path = save(tmp_path, np.zeros((*shape, 3)))
    with pytest.raises(DataError, match=rf"at least 64x64 pixels once it fits 350x274, background.png has {found}$"):
        load_dataset("scream-dsprites", background=path)


@pytest.mark.parametrize("way", ["its pixels cut off", "no bytes", "a web page", "no file"])
def test_a_damaged_or_missing_picture_is_refused(way, picture, damaged, tmp_path):
    path = damaged(Path(save(tmp_path, picture)), way, {"no file": Path.unlink})
    for name in ("scream-dsprites", "scream-dsprites-32"):
        with pytest.raises(DataError, match=f"^need a .*picture, {path} (cannot be read: |is no file$)"):
            load_dataset(name, background=path)


def test_transparent_pixels_of_the_picture_show_the_background_color(picture, tmp_path):
    opacity = np.random.default_rng(3).integers(0, 2, picture.shape[:2], np.uint8) * 255
    cut, laid = save(tmp_path, np.dstack([picture, opacity])), tmp_path / "laid"
    laid.mkdir()
    shown = save(laid, np.where(opacity[..., None] > 0, picture, [10, 20, 30]).astype(np.uint8))
    with pytest.raises(DataError, match=r"need opaque pictures, .*--background-color"):
        load_dataset("scream-dsprites", background=cut)
    data = load_dataset("scream-dsprites", background=cut, background_color="#0a141e")
    assert np.array_equal(data.images(INDEX), load_dataset("scream-dsprites", background=shown).images(INDEX))


# At half the size, without the shape, and tiny


@pytest.mark.parametrize("name", ["dsprites", *PAINTED])
def test_at_32x32_each_pixel_is_the_mean_of_four(name, opened, dsprites):
    whole, half = dsprites if name == "dsprites" else opened(name), opened(f"{name}-32")
    assert half.image_shape == (32, 32, whole.image_shape[2])
    np.testing.assert_allclose(half.images(INDEX), halved(whole.images(INDEX)), atol=1e-6)
    if half.nuisances:
        np.testing.assert_allclose(half.images(INDEX, OTHERS), halved(whole.images(INDEX, OTHERS)), atol=1e-6)
    assert np.array_equal(half.lookup(dsprites.factors_at(INDEX)), INDEX)


def test_without_shape_the_images_and_the_other_factors_are_those_of_dsprites(opened, dsprites):
    data = opened("dsprites-noshape")
    assert len(data) == N
    assert data.factors.names == ("scale", "orientation", "posX", "posY")
    assert data.factors.sizes == (6, 40, 32, 32)
    assert np.array_equal(data.images(INDEX), dsprites.images(INDEX))
    assert np.array_equal(data.factors_at(INDEX), dsprites.factors_at(INDEX)[:, 1:])
    assert data.holds(np.array([[5, 39, 31, 31], [6, 0, 0, 0]])).tolist() == [True, False]


def test_without_shape_a_lookup_gives_squares_or_the_shape_of_the_images_named(opened, dsprites):
    data = opened("dsprites-noshape")
    classes = dsprites.factors_at(INDEX)
    squares = np.concatenate([np.zeros((24, 1), int), classes[:, 1:]], axis=1)
    assert np.array_equal(data.lookup(classes[:, 1:]), dsprites.lookup(squares))
    shapes = OTHERS // (N // 3)
    assert set(shapes) == {0, 1, 2}
    named = np.concatenate([shapes[:, None], classes[:, 1:]], axis=1)
    assert np.array_equal(data.lookup(classes[:, 1:], nuisances_of=OTHERS), dsprites.lookup(named))
    assert np.array_equal(data.lookup(classes[:, 1:], nuisances_of=INDEX), INDEX)


def test_the_tiny_set_is_every_few_classes_of_dsprites(dsprites):
    tiny = load_dataset("dsprites-tiny")
    assert tiny.factors.names == dsprites.factors.names
    assert tiny.factors.sizes == (3, 3, 8, 8, 8)
    assert len(tiny) == 4608
    shape, scale, orientation, pos_x, pos_y = np.unravel_index(np.arange(4608), (3, 3, 8, 8, 8))
    scale = np.array([0, 2, 5])[scale]
    official = (((shape * 6 + scale) * 40 + 5 * orientation) * 32 + 2 + 4 * pos_x) * 32 + 2 + 4 * pos_y
    assert np.array_equal(tiny.images(range(4608)), dsprites.images(official))
    assert np.array_equal(tiny.lookup(tiny.factors_at(range(4608))), np.arange(4608))


# What is refused


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("dsprites-tiny", {"background": "a.png"}, "need scream-dsprites for --background, got dsprites-tiny"),
        ("color-dsprites", {"background": "a.png"}, "need scream-dsprites for --background, got color-dsprites"),
        ("dsprites-tiny", {"bins": 4}, "need data of your own for --bins, got dsprites-tiny"),
        ("dsprites-tiny", {"bins": 1}, "need two bins or more, got 1"),
        ("colour-dsprites", {}, r"color-dsprites, .*got 'colour-dsprites' \(did you mean color-dsprites\?\)$"),
        ("dsprites-tyni", {}, r"got 'dsprites-tyni' \(did you mean dsprites-tiny\?\)$"),
        (
            "dsprites-tiny",
            {"correlate": ["colour:posX:0.2"]},
            "need a factor out of shape, scale, orientation, posX, posY, got 'colour'",
        ),
        (
            "dsprites-noshape",
            {"correlate": ["shape:posX:0.2"]},
            "need a factor out of scale, orientation, posX, posY, got 'shape'",
        ),
    ],
)
def test_options_and_names_that_do_not_apply_are_refused(name, options, reason):
    with pytest.raises(IFPError, match=reason):
        load_dataset(name, **options)
