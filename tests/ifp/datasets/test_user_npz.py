"""The user's own npz: every layout that is taken, against its arrays, and every other refused by name and reason."""

import os
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from annealing.errors import DataError
from ifp.datasets import DataWarning, load_dataset

N, HEIGHT, WIDTH = 12, 5, 7
BYTES = np.random.default_rng(0).integers(256, size=(N, HEIGHT, WIDTH, 3), dtype=np.uint8)
FLOATS = np.random.default_rng(1).random((N, HEIGHT, WIDTH, 3))
FLOATS[0, 0, 0] = [0, 1, 0.5]
GRID = np.stack(np.unravel_index(np.arange(N), (3, 4)), axis=1)  # one image to each of 3x4


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mine.npz"


def load(path, save=np.savez, *, bins=None, **arrays):
    save(path, **arrays)
    return load_dataset(str(path), bins=bins)


def every_image(data):
    return data.images(range(len(data)))


def classes_of(data):
    return data.factors_at(range(len(data)))


# What is taken


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed], ids=["stored", "compressed"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, ">f4", np.float16], ids=str)
@pytest.mark.parametrize("channels", [None, 1, 3], ids=["N,H,W", "N,H,W,1", "N,H,W,3"])
def test_images_of_each_layout_come_back_as_bytes_or_single_floats(channels, dtype, save, path):
    images = BYTES if dtype == np.uint8 else FLOATS.astype(dtype)
    images = images[..., 0] if channels is None else images[..., :channels]
    data = load(path, save, images=images)
    expected = images.astype(np.uint8 if dtype == np.uint8 else np.float32).reshape(N, HEIGHT, WIDTH, channels or 1)
    assert data.image_shape == (HEIGHT, WIDTH, channels or 1)
    assert every_image(data).dtype == expected.dtype
    assert np.array_equal(every_image(data), expected)
    assert np.array_equal(data.images([7, 2, 7]), expected[[7, 2, 7]])


@pytest.mark.parametrize("chunk", [1, 250, 10**6], ids=["an image", "a few images", "all images"])
def test_images_come_back_however_many_are_read_at_a_time(chunk, path, monkeypatch):
    monkeypatch.setattr("ifp.files.npz._CHUNK", chunk)
    data = load(path, images=BYTES, factors=GRID)
    assert np.array_equal(every_image(data), BYTES)
    assert np.array_equal(classes_of(data), GRID)


def test_without_factors_the_data_set_is_unlabelled(path):
    data = load(path, images=BYTES)
    assert data.factors is None
    assert data.factors_at([0]) is None
    assert data.nuisances == ()


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int32, np.float32, np.float64, ">i2"], ids=str)
def test_factors_that_are_whole_numbers_are_taken_as_they_are(dtype, path):
    data = load(path, images=BYTES, factors=GRID.astype(dtype))
    assert data.factors.names == ("factor0", "factor1")
    assert data.factors.sizes == (3, 4)
    assert np.array_equal(classes_of(data), GRID)
    assert data.nuisances == ()
    order = np.random.default_rng(2).permutation(N)
    assert np.array_equal(data.lookup(GRID[order]), order)


def test_factor_names_are_the_users(path):
    data = load(path, images=BYTES, factors=GRID, factor_names=np.array(["Größe", "hue of it"]))
    assert data.factors.names == ("Größe", "hue of it")
    assert data.factors.position("hue of it") == 1


def test_factors_of_a_type_of_two_values_are_classes_0_and_1(path):
    data = load(path, images=BYTES[:2], factors=np.array([[True], [False]]))
    assert data.factors.sizes == (2,)
    assert classes_of(data).tolist() == [[1], [0]]


def test_a_grid_with_gaps_holds_its_images_and_no_others(path):
    kept = np.array([0, 2, 3, 7, 8, 11])
    data = load(path, images=BYTES[kept], factors=GRID[kept])
    assert data.factors.sizes == (3, 3)  # no image has 1 as its second factor: 0, 2 and 3 are its classes
    grid = GRID[np.isin(GRID[:, 1], [0, 2, 3])]
    assert [each for each in grid.tolist() if each in GRID[kept].tolist()] == GRID[kept].tolist()
    held = data.holds(np.stack([grid[:, 0], np.searchsorted([0, 2, 3], grid[:, 1])], axis=1))
    assert grid[held].tolist() == GRID[kept].tolist()
    assert np.array_equal(data.images(data.lookup(np.array([[1, 2], [0, 1]]))), BYTES[[7, 2]])
    with pytest.raises(DataError, match=r"none has \[1, 1\]"):
        data.lookup(np.array([[1, 1]]))


def test_several_images_of_a_factor_vector_are_a_nuisance_that_is_warned_of(path):
    factors = np.array([[0], [1], [1], [0], [2], [1]])
    with pytest.warns(DataWarning, match=r"^2 factor vectors of mine.npz have several images: .* is a nuisance$"):
        data = load(path, images=BYTES[:6], factors=factors)
    assert data.nuisances == ("image",)
    assert data.lookup(np.array([[0], [1], [2]])).tolist() == [0, 1, 4]
    assert data.lookup(np.array([[0], [1], [2]]), nuisances_of=np.array([2, 3, 5])).tolist() == [3, 2, 4]


def test_the_name_is_the_files_and_the_reference_opens_it_from_anywhere(path, monkeypatch):
    np.savez(path, images=BYTES)
    monkeypatch.chdir(path.parent)
    data = load_dataset(path.name)
    assert data.name == "mine"
    assert data.reference == str(path)
    assert data.source == f"file {path}"
    monkeypatch.chdir("/")
    assert load_dataset(data.reference).fingerprint == data.fingerprint


def test_the_fingerprint_is_that_of_the_arrays_whatever_the_file(path, tmp_path):
    arrays = {"images": BYTES, "factors": GRID}
    fingerprint = load(path, **arrays).fingerprint
    assert load(tmp_path / "same.npz", np.savez_compressed, **arrays, more=np.zeros(3)).fingerprint == fingerprint
    others = [{"images": BYTES[::-1]}, {"factors": GRID[::-1]}, {"factor_names": np.array(["a", "b"])}]
    found = [load(tmp_path / f"{number}.npz", **arrays | other).fingerprint for number, other in enumerate(others)]
    assert len({fingerprint, *found}) == 4


def test_a_file_is_read_once_and_again_when_it_has_changed(path, cache, unwritten):
    np.savez(path, images=BYTES)
    load_dataset(str(path))
    assert len(os.listdir(cache)) == 1
    with unwritten(cache):
        load_dataset(str(path))
    data = load(path, images=FLOATS)
    assert np.array_equal(every_image(data), FLOATS.astype(np.float32))


# dSprites' own layout

SPRITES = np.random.default_rng(3).integers(2, size=(N, HEIGHT, WIDTH), dtype=np.uint8)
LATENTS = np.zeros((N, 5), np.int64)
LATENTS[:, [0, 4]] = GRID
DSPRITES_NAMES = ("shape", "scale", "orientation", "posX", "posY")


@pytest.mark.parametrize("colour", [False, True], ids=["five columns", "six columns"])
def test_dsprites_layout_gives_white_sprites_and_five_named_factors(colour, path):
    latents = np.insert(LATENTS, 0, 0, axis=1) if colour else LATENTS
    data = load(path, imgs=SPRITES, latents_classes=latents)
    assert data.factors.names == DSPRITES_NAMES
    assert data.factors.sizes == (3, 1, 1, 1, 4)
    assert np.array_equal(classes_of(data), LATENTS)
    assert every_image(data).dtype == np.uint8
    assert np.array_equal(every_image(data)[..., 0], np.where(SPRITES == 1, 255, 0))


def test_images_and_factors_come_before_dsprites_own_arrays(path):
    data = load(path, images=BYTES, imgs=SPRITES, factors=GRID, latents_classes=LATENTS)
    assert np.array_equal(every_image(data), BYTES)
    assert data.factors.sizes == (3, 4)


def test_real_frames_of_dsprites_are_read_from_their_file(real_file):
    path = real_file("dsprites_official_grid_46080.npz")
    data = load_dataset(path)
    with np.load(path) as real:
        frames, classes = real["imgs"], real["latents_classes"]
    assert data.factors.names == DSPRITES_NAMES
    assert data.factors.sizes == (3, 6, 10, 16, 16)
    assert data.nuisances == ()
    assert np.array_equal(classes_of(data), classes)
    for start in range(0, len(frames), 8192):
        part = slice(start, start + 8192)
        assert np.array_equal(data.images(np.arange(len(frames))[part])[..., 0], 255 * frames[part])
    index = np.random.default_rng(4).integers(len(frames), size=1000)
    assert np.array_equal(data.lookup(classes[index]), index)


# Continuous factors


@pytest.mark.parametrize("bins", [2, 5, 16])
def test_bins_are_of_equal_width_over_the_range_of_each_factor(bins, path):
    stream = np.random.default_rng(bins)
    factors = np.stack([stream.normal(40, 7, 400), stream.exponential(0.01, 400), -stream.random(400)], axis=1)
    with pytest.warns(DataWarning):
        data = load(path, images=np.zeros((400, 2, 2), np.uint8), factors=factors, bins=bins)
    assert data.factors.sizes == (bins,) * 3
    for column, classes in zip(factors.T, classes_of(data).T, strict=True):
        counts, edges = np.histogram(column, bins)
        assert np.array_equal(np.bincount(classes, minlength=bins), counts)
        assert np.array_equal(classes, np.digitize(column, edges[1:-1]))
        assert classes[column.argmin()] == 0
        assert classes[column.argmax()] == bins - 1
        width = (column.max() - column.min()) / bins
        assert np.all(np.abs(column - column.min() - (classes + 0.5) * width) <= width / 2 * (1 + 1e-9))


def test_a_value_between_two_bins_is_of_the_upper_one(path):
    values = np.array([0, 0.2, 0.25, 0.45, 0.5, 0.7, 0.75, 1])
    with pytest.warns(DataWarning, match="^4 factor vectors"):
        data = load(path, images=BYTES[:8], factors=values[:, None], bins=4)
    assert classes_of(data).ravel().tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_bins_leave_factors_stored_as_integers_as_they_are(path):
    data = load(path, images=BYTES, factors=GRID, bins=2)
    assert data.factors.sizes == (3, 4)
    assert np.array_equal(classes_of(data), GRID)


@pytest.mark.filterwarnings("ignore::ifp.datasets.DataWarning")
def test_another_number_of_bins_is_another_data_set(path):
    values = np.linspace(0, 0.9, N)[:, None]
    first = load(path, images=BYTES, factors=values, bins=2)
    second = load_dataset(str(path), bins=6)
    assert (first.factors.sizes, second.factors.sizes) == ((2,), (6,))
    assert first.fingerprint != second.fingerprint
    assert second.options.bins == 6


def test_a_discrete_column_among_continuous_ones_keeps_its_classes(path):
    factors = np.stack([np.linspace(0, 1, N), np.repeat([0.0, 2.0, 5.0], 4), np.full(N, 7.0)], axis=1)
    with pytest.warns(DataWarning, match="^6 factor vectors"):
        data = load(path, images=BYTES, factors=factors, bins=6)
    assert data.factors.sizes == (6, 3, 1)
    assert classes_of(data)[:, 1].tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_floats_in_dsprites_layout_stay_what_they_are(path):
    data = load(path, imgs=FLOATS.astype(np.float32))
    assert np.array_equal(every_image(data), FLOATS.astype(np.float32))


# What is refused


class Unpickled:
    """A pickle that makes a folder when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def objects(path, name):
    loaded = np.empty(N, object)
    loaded[:] = [Unpickled(path.parent / "unpickled")] * N
    np.savez(path, **{"images": BYTES, name: loaded})


def declared(path, shape, order=False, bytes_held=1024):
    """An npz of one array whose header says more than the array holds."""
    with zipfile.ZipFile(path, "w") as archive, archive.open("images.npy", "w") as stream:
        header = {"descr": "|u1", "fortran_order": order, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(bytes(bytes_held))


def cut(path, save=np.savez):
    save(path, images=BYTES, factors=GRID)
    os.truncate(path, path.stat().st_size // 2)


def overwritten(path):
    np.savez_compressed(path, images=np.zeros((N, 100, 100), np.uint8))
    data = bytearray(path.read_bytes())
    data[100:120] = b"\xff" * 20
    path.write_bytes(data)


def holding(save=np.savez, **arrays):
    return lambda path: save(path, **arrays)


def images_holding(value, at=(8, 1, 2)):
    images = FLOATS.astype(np.float32)
    images[at] = value
    return holding(images=images)


def factors_holding(value, dtype=np.float64):
    factors = GRID.astype(dtype)
    factors[5, 1] = value
    return holding(images=BYTES, factors=factors)


def named(*names):
    return holding(images=BYTES, factors=GRID, factor_names=np.array(names))


BAD = {
    "truncated": (cut, "is truncated or damaged: File is not a zip file"),
    "truncated, compressed": (lambda path: cut(path, np.savez_compressed), "truncated or damaged: .* not a zip file"),
    "no bytes": (Path.touch, "is truncated or damaged: File is not a zip file"),
    "no zip": (lambda path: path.write_text("<html>"), "is truncated or damaged: File is not a zip file"),
    "a damaged stream": (overwritten, "is truncated or damaged: Error -3"),
    "a folder": (Path.mkdir, "is truncated or damaged: .*Is a directory"),
    "an empty zip": (lambda path: zipfile.ZipFile(path, "w").close(), "need an array images in .*, got none"),
    "no images": (holding(classes=GRID, factors=GRID), "need an array images in .*, got classes, factors"),
    "two that may be images": (
        holding(pictures=BYTES, others=BYTES),
        r"need an array images in .*, got others, pictures \(--images-from pictures takes that one\)",
    ),
    "a damaged array": (
        lambda path: zipfile.ZipFile(path, "w").writestr("images.npy", "no array"),
        "need a numpy array images in .*, its header is damaged",
    ),
    "images of 2 axes": (holding(images=BYTES[:, 0, :, 0]), r"need images of shape \(N, H, W\), .*, got \(12, 7\)"),
    "images of 5 axes": (holding(images=BYTES[None]), r"need images of shape .*, got \(1, 12, 5, 7, 3\)"),
    "channels first": (
        holding(images=np.zeros((4, 3, 8, 8), np.uint8)),
        r"need images \(N, H, W, C\) in .*, got \(4, 3, 8, 8\): channels go last, np.moveaxis",
    ),
    "0 images": (holding(images=BYTES[:0]), r"need images of shape .*, got \(0, 5, 7, 3\)"),
    "images 0 wide": (holding(images=BYTES[:, :, :0]), r"need images of shape .*, got \(12, 5, 0, 3\)"),
    "int32 images beyond bytes": (
        holding(images=BYTES.astype(np.int32) * 2),
        r"need pixels in 0\.\.255 in images of .*, image 0 holds \d+ \(others as floats in 0\.\.1\)",
    ),
    "int16 images below 0": (holding(images=BYTES.astype(np.int16) - 9), r"need pixels in 0\.\.255 .* holds -\d"),
    "complex images": (holding(images=FLOATS + 0j), "need images as numbers, .*, got complex128"),
    "NaN": (images_holding(np.nan), r"need pixels in 0\.\.1 in images of .*, image 8 holds nan"),
    "a pixel above 1": (images_holding(1.5), r"need pixels in 0\.\.1 in images of .*, image 8 holds 1\.5"),
    "a pixel below 0": (images_holding(-0.25), r"need pixels in 0\.\.1 in images of .*, image 8 holds -0\.25"),
    "an infinite pixel": (images_holding(np.inf, at=(0, 0, 0)), r"need pixels in 0\.\.1 .*, image 0 holds inf"),
    "too few factors": (
        holding(images=BYTES, factors=GRID[:-1]),
        r"need factors of shape \(12, K\) in .*, one row per image, got \(11, 2\)",
    ),
    "factors of three axes": (holding(images=BYTES, factors=GRID[None]), r"need factors of shape .*, got \(1, 12, 2\)"),
    "a single factor": (holding(images=BYTES, factors=np.int64(3)), "need an array factors in .*, got a single value"),
    "an infinite factor": (factors_holding(np.inf), r"need finite labels in factors in .*, factor1, got inf"),
    "no label at all": (
        holding(images=BYTES, factors=np.full((N, 2), np.nan)),
        "need a row of factors in .* without missing labels, all 12 lack one",
    ),
    "a factor of complex numbers": (factors_holding(1j, complex), "need numbers or text in factors .*, got complex128"),
    "images as objects": (lambda path: objects(path, "images"), "numbers or text in images of .*, got Python objects"),
    "factors as objects": (lambda path: objects(path, "factors"), "in factors of .*, got Python objects"),
    "one name for two": (named("a"), r"need factor_names of shape \(2,\) as text in .*, got \(1,\) of <U1"),
    "three names for two": (named(*"abc"), r"need factor_names of shape \(2,\) as text in .*, got \(3,\) of <U1"),
    "names as numbers": (named(1, 2), r"need factor_names .* as text in .*, got \(2,\) of int64"),
    "the same name twice": (named("a", "a"), "need different, printable factor_names for .*, got 'a', 'a'"),
    "a blank name": (named("a", " "), "need different, printable factor_names for .*, got 'a', ' '"),
    "a name of two lines": (named("a\nb", "c"), r"need different, printable factor_names for .*, got 'a\\nb', 'c'"),
    "a name with a comma": (named("a,b", "c"), "need factor_names without commas and colons for .*, got 'a,b', 'c'"),
    "a name with a colon": (named("a", "b:c"), "need factor_names without commas and colons for .*, got 'a', 'b:c'"),
    "10^12 images": (
        lambda path: declared(path, (10**12, 8, 8)),
        r"need 64000000000000 bytes for images of shape \(1000000000000, 8, 8\) in .*, it holds 1024",
    ),
    "an image of 10^15 pixels": (
        lambda path: declared(path, (1, 10**9, 10**6)),
        "need 1000000000000000 bytes for images of .*, it holds 1024",
    ),
    "too few bytes": (lambda path: declared(path, (17, 8, 8)), "need 1088 bytes for images .*, it holds 1024"),
    "too many bytes": (lambda path: declared(path, (15, 8, 8)), "need 960 bytes for images .*, it holds 1024"),
}


@pytest.mark.parametrize(("write", "reason"), BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_by_name_and_reason_and_leaves_nothing(write, reason, path, cache, refusal):
    write(path)
    assert re.search(reason, refusal(path, path=path))
    assert [each.name for each in path.parent.iterdir() if each != cache] == ["mine.npz"]  # nothing was unpickled


@pytest.mark.parametrize("name", ["images", "factors"])
def test_the_pickle_that_is_never_loaded_would_make_a_folder(name, path):
    """So that its absence above tells something."""
    objects(path, name)
    with np.load(path, allow_pickle=True) as opened:
        opened[name]
    assert (path.parent / "unpickled").is_dir()


def test_the_image_that_is_wrong_is_named_by_its_place_in_the_whole_file(path, refusal, monkeypatch):
    monkeypatch.setattr("ifp.files.npz._CHUNK", 4 * HEIGHT * WIDTH * 3 * 4)  # four images at a time
    images_holding(np.nan, at=(9, 4, 6))(path)
    assert "image 9 holds nan" in refusal(path)


def test_a_file_that_is_not_there_is_refused(path, cache, refusal):
    assert f"need an npz of your own, there is none at {path}" in refusal(path)
    assert not cache.exists()


def test_a_file_that_must_not_be_read_is_refused(path, refusal):
    if os.geteuid() == 0:
        pytest.skip("needs a user who is not root, whom permissions keep out")
    np.savez(path, images=BYTES)
    path.chmod(0)
    assert re.search(f"{path}.*Permission denied", refusal(path))


def test_the_command_line_tells_a_bad_file_in_one_line(path, cache, run_ifp, environment, monkeypatch):
    monkeypatch.setitem(environment, "IFP_CACHE_DIR", str(cache))
    folder = path.parent / "here"
    folder.mkdir()
    cut(path)
    ended = run_ifp(folder, "spectrum", "--dataset", path)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr == f"ifp: need a whole npz file, {path} is truncated or damaged: File is not a zip file\n"
    assert list(folder.iterdir()) == list(cache.glob("*")) == []
