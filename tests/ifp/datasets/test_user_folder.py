"""A folder of the user's pictures: every picture against its pixels, in order of paths, and bad ones refused."""

import os
import re
import shutil
import warnings
from itertools import product

import numpy as np
import pytest
from PIL import Image

from ifp.datasets import DataWarning, load_dataset


@pytest.fixture
def folder(tmp_path):
    directory = tmp_path / "pictures"
    directory.mkdir()
    return directory


def save(path, pixels, **settings):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path, **settings)
    return path


def flat(path, *level, size=(6, 8)):
    """A picture of one grey or colour: known by its level wherever it stands."""
    return save(path, np.full((*size, 3), level) if len(level) == 3 else np.full(size, level))


def levels(data):
    """The first pixel of each image."""
    return data.images(range(len(data)))[:, 0, 0].squeeze().tolist()


@pytest.mark.parametrize("shape", [(6, 9), (9, 6, 3)], ids=["grey", "colour"])
def test_png_pictures_come_back_pixel_for_pixel(shape, folder, noise):
    pictures = noise(5, *shape)
    for number, pixels in enumerate(pictures):
        save(folder / f"{number}.png", pixels)
    data = load_dataset(str(folder))
    assert data.image_shape == (*shape[:2], 3 if len(shape) == 3 else 1)
    index = [4, 0, 2, 2]
    images = data.images(index)
    assert images.dtype == np.uint8
    assert np.array_equal(images, pictures[index].reshape(4, *data.image_shape))


def test_jpeg_pictures_come_back_within_what_jpeg_loses(folder):
    ramp = np.add.outer(3 * np.arange(16), 5 * np.arange(24)) + 20
    save(folder / "0.jpg", ramp, quality=95)
    flat(folder / "1.jpeg", 77, size=ramp.shape)
    data = load_dataset(str(folder))
    assert data.image_shape == (16, 24, 1)
    np.testing.assert_allclose(data.images([0])[0, ..., 0].astype(int), ramp, atol=4)
    assert np.all(data.images([1]) == 77)


def test_one_picture_in_colour_makes_all_of_them_rgb(folder):
    flat(folder / "0.png", 90)
    flat(folder / "1.png", 10, 20, 30)
    data = load_dataset(str(folder))
    assert data.image_shape == (6, 8, 3)
    assert levels(data) == [[90, 90, 90], [10, 20, 30]]


def test_pictures_of_two_values_or_of_a_palette_are_read_as_grey_or_rgb(folder, tmp_path):
    stripes = np.tile([[0, 255]], (4, 3))
    Image.fromarray(stripes.astype(np.uint8)).convert("1").save(folder / "0.png")
    assert np.array_equal(load_dataset(str(folder)).images([0]), stripes[None, ..., None])
    palette = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), "P")
    palette.putpalette([200, 0, 0, 0, 210, 0, 0, 0, 220])
    (tmp_path / "palette").mkdir()
    palette.save(tmp_path / "palette" / "0.png")
    image = load_dataset(str(tmp_path / "palette")).images([0])[0]
    assert image.tolist() == [[[200, 0, 0], [0, 210, 0]], [[0, 0, 220], [0, 210, 0]]]


def test_pictures_below_the_folder_are_taken_in_order_of_their_paths(folder):
    paths = ["b.png", "a/z.png", "c/d/e.PNG", "a.png", "a/a/q.jpg", "C.jpeg", "10.png", "9.JPG"]
    for level, path in enumerate(sorted(paths, key=lambda path: path.split("/"))):
        flat(folder / path, 10 * level)
    (folder / "folder.png").mkdir()
    assert levels(load_dataset(str(folder))) == [0, 10, 20, 30, 40, 50, 60, 70]


def test_companions_and_hidden_files_are_passed_over_in_silence(folder):
    flat(folder / "0.png", 40)
    for name in ("._0.png", ".DS_Store", "Thumbs.db", "desktop.ini", ".hidden/1.png", "__MACOSX/._0.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"no picture")
    with warnings.catch_warnings(action="error"):
        assert levels(load_dataset(str(folder))) == 40


def test_whatever_else_is_passed_over_is_told_with_its_number(folder):
    flat(folder / "below" / "0.png", 40)
    for name in ("a.txt", "b.TXT", "labels.aux", "README", "below/c.txt", "e\n.g\nif"):
        (folder / name).write_bytes(b"no picture")
    os.mkfifo(folder / "pipe.png")
    told = f"{folder}: passed over 3 .txt, 1 .aux, 1 .g\\nif, 1 pipes or devices, 1 without suffix"
    with pytest.warns(DataWarning, match=f"^{re.escape(told)}$"):
        assert levels(load_dataset(str(folder))) == 40
    (folder / "and.one").touch()
    (folder / "and.two").touch()
    with pytest.warns(DataWarning, match=r", 2 of 2 other kinds$"):
        load_dataset(str(folder))


def test_links_out_of_the_folder_are_left_out_and_those_within_are_followed(folder, tmp_path):
    outside = flat(tmp_path / "outside" / "x.png", 255)
    flat(folder / "below" / "1.png", 50)
    (folder / "0.png").symlink_to(outside)
    (folder / "2.png").symlink_to(folder / "below" / "1.png")
    (folder / "3.png").symlink_to(folder / "absent.png")
    (folder / "4.png").symlink_to(folder / "4.png")
    (folder / "away").symlink_to(tmp_path / "outside")
    with pytest.warns(DataWarning, match=r"passed over 4 links that lead out or to no file$"):
        assert levels(load_dataset(str(folder))) == [50, 50]


def test_a_folder_with_nothing_but_links_out_of_it_is_refused(folder, refusal, tmp_path):
    (folder / "0.png").symlink_to(flat(tmp_path / "outside" / "x.png", 255))
    assert refusal(folder).endswith(f"in the folder {folder}, it holds none")


def test_a_folder_that_is_itself_a_link_is_the_folder_it_leads_to(folder, tmp_path):
    flat(folder / "0.png", 40)
    (tmp_path / "link").symlink_to(folder)
    data = load_dataset(str(tmp_path / "link"))
    assert levels(data) == 40
    assert data.reference == str(folder)


def test_more_pictures_than_are_read_at_a_time_come_back_in_order(folder, noise):
    pictures = noise(150, 3, 4, seed=1)
    for number, pixels in enumerate(pictures):
        save(folder / f"{number:03}.png", pixels)
    data = load_dataset(str(folder))
    assert len(data) == 150
    index = np.random.default_rng(2).permutation(150)
    assert np.array_equal(data.images(index)[..., 0], pictures[index])


def test_the_name_is_the_folders_and_the_reference_opens_it_from_anywhere(folder, tmp_path, monkeypatch):
    flat(folder / "0.png", 40)
    monkeypatch.chdir(tmp_path)
    data = load_dataset("pictures")
    assert data.name == "pictures"
    assert data.reference == str(folder)
    assert data.source == f"folder {folder}"
    monkeypatch.chdir("/")
    again = load_dataset(data.reference)
    assert again.fingerprint == data.fingerprint
    assert again.name == "pictures"


def test_the_fingerprint_is_that_of_the_pictures(folder, tmp_path):
    flat(folder / "0.png", 40)
    fingerprint = load_dataset(str(folder)).fingerprint
    shutil.copytree(folder, tmp_path / "copy")
    assert load_dataset(str(tmp_path / "copy")).fingerprint == fingerprint
    flat(tmp_path / "copy" / "1.png", 40)
    assert load_dataset(str(tmp_path / "copy")).fingerprint != fingerprint


def test_changed_and_removed_pictures_are_seen(folder):
    flat(folder / "0.png", 40)
    flat(folder / "1.png", 50)
    assert levels(load_dataset(str(folder))) == [40, 50]
    flat(folder / "0.png", 60)
    os.utime(folder / "0.png", ns=(0, 10**18))
    assert levels(load_dataset(str(folder))) == [60, 50]
    (folder / "1.png").unlink()
    assert levels(load_dataset(str(folder))) == 60


def test_pictures_of_two_sizes_are_refused_with_a_picture_of_each(folder, refusal):
    for name in ("0.png", "1.png"):
        flat(folder / name, 40, size=(6, 8))
    flat(folder / "2.png", 40, size=(8, 6))
    first, other = folder / "0.png", folder / "2.png"
    assert refusal(folder) == (
        f"need pictures of one size, height x width: {first} is 6x8 and {other} 8x6; --resize H[xW] makes them one, "
        f"like --resize 6x8"
    )


def overwrite_the_middle(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = bytes(40)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        *product(("1.png", "1.jpg"), ("its pixels cut off", "its header cut off", "no bytes")),
        ("1.png", "a web page"),
        ("1.png", "its middle overwritten"),
    ],
)
def test_a_damaged_picture_is_refused_by_name(name, way, folder, noise, damaged, refusal):
    for picture in ("0.png", "2.png", name):
        save(folder / picture, noise(40, 40))
    damaged(folder / name, way, {"its middle overwritten": overwrite_the_middle})
    assert refusal(folder).startswith(
        f"need a whole PNG, JPEG, TIFF, BMP or WebP picture, {folder / name} cannot be read: "
    )


def test_a_picture_of_more_than_50_million_pixels_is_refused(folder, refusal):
    Image.new("1", (10_000, 5001)).save(folder / "0.png")
    expected = f"need a picture of at most 50,000,000 pixels, {folder / '0.png'} has 10000x5001 pixels of mode 1"
    assert refusal(folder) == expected


def test_a_folder_without_pictures_is_refused(folder, refusal):
    (folder / "notes.txt").write_text("no picture")
    expected = f"need pictures (.png, .jpg, .jpeg, .bmp, .tif, .tiff, .webp) in the folder {folder}, it holds none"
    assert refusal(folder) == expected


def test_a_folder_that_is_not_there_is_refused(refusal, tmp_path):
    expected = f"need an npz file or a folder of pictures, there is none at {tmp_path / 'absent'} (see `ifp data list`)"
    assert refusal(tmp_path / "absent") == expected
