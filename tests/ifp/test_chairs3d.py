"""3D chairs: pictures in the published folders, each against its resized pixels, and bad ones refused."""

import os
import re
import shutil
import tarfile

import numpy as np
import pytest
from PIL import Image

from annealing.errors import DataError, IFPError
from ifp.datasets import load_dataset

ARCHIVE = "rendered_chairs.tar"
CHAIRS = ("f2f74ca4ae0cf4a9e10e6ec6d4bf0e80", "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "b663f1e4df6c51fe19fb4103277a6b93")
VIEWS = (
    "image_000_p020_t000_r096.png",
    "image_001_p020_t011_r096.png",
    "image_032_p030_t000_r096.png",
    "image_062_p030_t348_r096.png",
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    directory = tmp_path / "cache"
    monkeypatch.delenv("IFP_DATA_DIR", raising=False)
    monkeypatch.setenv("IFP_CACHE_DIR", str(directory))
    return directory


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
    assert data.source == f"folder {published / 'rendered_chairs'}"
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


def test_pictures_are_read_once_and_again_when_one_has_changed(folder, data, cache):
    first = load_dataset("chairs3d", folder)
    assert first.fingerprint == data.fingerprint
    before = {each: each.stat().st_mtime_ns for each in cache.rglob("*")}
    assert load_dataset("chairs3d", folder).fingerprint == data.fingerprint
    assert {each: each.stat().st_mtime_ns for each in cache.rglob("*")} == before
    Image.fromarray(picture(99)).save(chairs(folder)[5])
    assert load_dataset("chairs3d", folder).fingerprint != data.fingerprint


# What is refused


def refusal(folder, cache):
    """The message of the DataError that opening the folder raises, having left nothing in the cache."""
    with pytest.raises(DataError) as caught:
        load_dataset("chairs3d", folder)
    assert list(cache.glob("*")) == []
    return str(caught.value)


def break_the_pixels(path):
    data = bytearray(path.read_bytes())
    data[60:100] = b"\xff" * 40
    path.write_bytes(data)


DAMAGE = {
    "no bytes": lambda path: path.write_bytes(b""),
    "a web page": lambda path: path.write_text("<html>" * 100),
    "its header cut off": lambda path: os.truncate(path, 20),
    "its pixels cut off": lambda path: os.truncate(path, path.stat().st_size // 2),
    "damaged pixels": break_the_pixels,
    "no picture": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 100),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("number", [0, 7, 11], ids=["the first", "one of all", "the last"])
def test_a_damaged_picture_is_refused_by_name(number, damage, folder, cache):
    path = chairs(folder)[number]
    damage(path)
    assert re.search(f"need a whole PNG or JPEG picture, {path} cannot be read: .", refusal(folder, cache))


def test_a_picture_of_16_bits_a_channel_is_refused(folder, cache):
    path = chairs(folder)[2]
    Image.fromarray(np.zeros((600, 600), np.uint16)).save(path)
    assert re.search(f"8 bits a channel .*{path} has 600x600 pixels of mode I;16", refusal(folder, cache))


def test_a_folder_without_pictures_is_refused(tmp_path, cache):
    folder = tmp_path / "rendered_chairs"
    folder.mkdir()
    assert re.search(f"need pictures .* in the folder {folder}, it holds none", refusal(tmp_path, cache))


def test_a_missing_folder_is_refused_with_where_it_was_looked_for(tmp_path):
    names = "rendered_chairs or rendered_chairs.tar"
    with pytest.raises(
        DataError, match=f"need {names} for chairs3d, not found in {tmp_path} .*ifp data fetch chairs3d"
    ):
        load_dataset("chairs3d", tmp_path)


# The archive


def pack(folder, *members):
    """The published archive, of (name, file)."""
    folder.mkdir()
    with tarfile.open(folder / ARCHIVE, "w") as tar:
        for name, file in members:
            tar.add(file, name)
    return folder


def test_the_archive_is_unpacked_once_beside_itself_pictures_alone(published, data, tmp_path):
    folder = pack(tmp_path / "got", ("rendered_chairs", published / "rendered_chairs"))
    opened = load_dataset("chairs3d", folder)
    assert np.array_equal(opened.images(range(len(opened))), data.images(range(len(data))))
    assert sorted(each.name for each in folder.iterdir()) == ["rendered_chairs", ARCHIVE]
    expected = sorted(each.relative_to(published) for each in chairs(published))
    assert sorted(each.relative_to(folder) for each in folder.rglob("*.*") if each.name != ARCHIVE) == expected
    os.truncate(folder / ARCHIVE, 10)  # not looked at again
    assert load_dataset("chairs3d", folder).fingerprint == opened.fingerprint


def test_pictures_whose_names_lead_out_of_the_folder_are_left_out(published, data, tmp_path):
    whole = [(str(each.relative_to(published)), each) for each in chairs(published)]
    outside = ("rendered_chairs/../renders/image.png", "../rendered_chairs/chair/renders/image.png")
    folder = pack(tmp_path / "got", *whole, *((name, chairs(published)[0]) for name in outside))
    assert len(load_dataset("chairs3d", folder)) == len(data)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cache", "got"]


@pytest.mark.parametrize("size", [0, 1000])
def test_a_damaged_archive_is_refused_and_leaves_nothing(size, published, tmp_path):
    folder = pack(tmp_path / "got", ("rendered_chairs", published / "rendered_chairs"))
    os.truncate(folder / ARCHIVE, size)
    with pytest.raises(
        DataError, match=f"need a whole archive of rendered_chairs, {folder / ARCHIVE} cannot"
    ) as caught:
        load_dataset("chairs3d", folder)
    assert "\n" not in str(caught.value)
    assert list(folder.iterdir()) == [folder / ARCHIVE]
