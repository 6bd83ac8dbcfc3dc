"""3D chairs: pictures in the published folders, each against its resized pixels, and bad ones refused."""

import os
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from annealing.errors import IFPError
from ifp.datasets import load_dataset

ARCHIVE = "rendered_chairs.tar"
CHAIRS = ("f2f74ca4ae0cf4a9e10e6ec6d4bf0e80", "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "b663f1e4df6c51fe19fb4103277a6b93")
VIEWS = (
    "image_000_p020_t000_r096.png",
    "image_001_p020_t011_r096.png",
    "image_032_p030_t000_r096.png",
    "image_062_p030_t348_r096.png",
)


def picture(number):
    """White, and a rectangle of another place and colour to each number: (600, 600, 3)."""
    stream = np.random.default_rng(number)
    top, left = stream.integers(60, 300, size=2)
    pixels = np.full((600, 600, 3), 255, np.uint8)
    pixels[top : top + 180, left : left + 140] = stream.integers(256, size=3)
    return pixels


def chairs(folder):
    """Paths in the order of chairs and views, which is that of their names."""
    return [folder / "rendered_chairs" / chair / "renders" / view for chair in sorted(CHAIRS) for view in VIEWS]


def write(folder):
    for number, path in enumerate(chairs(folder)):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(number)).save(path, compress_level=1)
    (folder / "rendered_chairs/all_chair_names.mat").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Folder of the pictures; nothing writes to it."""
    return write(tmp_path_factory.mktemp("published"))


@pytest.fixture
def folder(published, tmp_path):
    """A copy that may be damaged."""
    return shutil.copytree(published, tmp_path / "copy")


@pytest.fixture
def data(published):
    return load_dataset("chairs3d", published)


# What is read


def test_chairs_are_an_unlabelled_data_set_in_colour(data, published):
    assert data.name == "chairs3d"
    assert len(data) == len(CHAIRS) * len(VIEWS)
    assert data.image_shape == (64, 64, 3)
    assert data.factors is None
    assert data.factors_at([0]) is None
    assert data.nuisances == ()
    resized = "resized to 64x64 (Lanczos) from 600x600 (12)"
    assert data.source == f"folder {published / 'rendered_chairs'}; {resized}"
    with pytest.raises(IFPError, match="labelled factors, chairs3d has none"):
        data.lookup(np.array([[0]]))


def test_images_are_whole_pictures_resized_by_lanczos_in_the_order_of_names(data):
    images = data.images(range(len(data)))
    assert images.dtype == np.uint8
    for number, image in enumerate(images):
        expected = Image.fromarray(picture(number)).resize((64, 64), Image.Resampling.LANCZOS)
        assert np.array_equal(image, np.asarray(expected))
        assert np.array_equal(image[0], np.full((64, 3), 255))  # white to the very edge: nothing is cut off


@pytest.mark.parametrize("place", [".", "chairs3d"])
def test_the_folder_is_found_by_itself_or_the_environment(place, data, published, tmp_path, monkeypatch):
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / "rendered_chairs").symlink_to(published / "rendered_chairs")
    monkeypatch.setenv("IFP_DATA_DIR", str(tmp_path))
    assert load_dataset("chairs3d").fingerprint == data.fingerprint
    assert load_dataset("chairs3d", published / "rendered_chairs").fingerprint == data.fingerprint


def test_pictures_are_read_once_and_again_when_one_has_changed(folder, data, cache, unwritten):
    assert load_dataset("chairs3d", folder).fingerprint == data.fingerprint
    with unwritten(cache):
        assert load_dataset("chairs3d", folder).fingerprint == data.fingerprint
    Image.fromarray(picture(99)).save(chairs(folder)[5])
    assert load_dataset("chairs3d", folder).fingerprint != data.fingerprint


# What is refused


WAYS = ("no bytes", "a web page", "its header cut off", "its pixels cut off", "damaged pixels", "no picture")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", [0, 7, 11], ids=["the first", "one of all", "the last"])
def test_a_damaged_picture_is_refused_by_name(number, way, folder, damaged, refusal):
    path = damaged(chairs(folder)[number], way)
    assert re.search(
        f"need a whole PNG, JPEG, TIFF, BMP or WebP picture, {path} cannot be read: .", refusal("chairs3d", folder)
    )


def test_a_folder_without_pictures_is_refused(refusal, tmp_path):
    folder = tmp_path / "rendered_chairs"
    folder.mkdir()
    assert re.search(f"need pictures .* in the folder {folder}, it holds none", refusal("chairs3d", tmp_path))


def test_a_missing_folder_is_refused_with_where_it_was_looked_for(refusal, tmp_path):
    expected = f"need rendered_chairs or {ARCHIVE} for chairs3d, not found in {tmp_path} .*ifp data fetch chairs3d"
    assert re.search(expected, refusal("chairs3d", tmp_path))


# The archive


def test_the_archive_is_unpacked_once_beside_itself_pictures_alone(published, data, pack, tmp_path):
    folder = pack(tmp_path / "got" / ARCHIVE, ("rendered_chairs", published / "rendered_chairs")).parent
    opened = load_dataset("chairs3d", folder)
    assert np.array_equal(opened.images(range(len(opened))), data.images(range(len(data))))
    assert sorted(each.name for each in folder.iterdir()) == ["rendered_chairs", ARCHIVE]
    expected = sorted(each.relative_to(published) for each in chairs(published))
    assert sorted(each.relative_to(folder) for each in folder.rglob("*.*") if each.name != ARCHIVE) == expected
    os.truncate(folder / ARCHIVE, 10)  # not looked at again
    assert load_dataset("chairs3d", folder).fingerprint == opened.fingerprint


def test_pictures_whose_names_lead_out_of_the_folder_are_left_out(published, data, pack, tmp_path):
    whole = [(str(each.relative_to(published)), each) for each in chairs(published)]
    outside = ("rendered_chairs/../renders/image.png", "../rendered_chairs/chair/renders/image.png")
    path = pack(tmp_path / "got" / ARCHIVE, *whole, *((name, chairs(published)[0]) for name in outside))
    assert len(load_dataset("chairs3d", path.parent)) == len(data)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cache", "got"]


@pytest.mark.parametrize("size", [0, 1000])
def test_a_damaged_archive_is_refused_and_leaves_nothing(size, published, pack, refusal, tmp_path):
    path = pack(tmp_path / "got" / ARCHIVE, ("rendered_chairs", published / "rendered_chairs"))
    os.truncate(path, size)
    message = refusal("chairs3d", path.parent)
    assert f"need a whole archive of rendered_chairs, {path} cannot" in message
    assert "\n" not in message
    assert list(path.parent.iterdir()) == [path]
