"""Cars3D: MATLAB files in the published layout, every view against their pixels, and damaged ones refused."""

import os
import re

import numpy as np
import pytest
import scipy.io
from PIL import Image

from ifp.datasets import load_dataset

CARS, ELEVATIONS, AZIMUTHS = 3, 4, 24
ARCHIVE = "nips2015-analogy-data.tar.gz"
# height, width, channel, azimuth, elevation: the first car is noise, each view of the others is even
MESHES = [np.random.default_rng(0).integers(256, size=(128, 128, 3, AZIMUTHS, ELEVATIONS), dtype=np.uint8)]
for car in (1, 2):
    colours = np.random.default_rng(car).integers(256, size=(3, AZIMUTHS, ELEVATIONS), dtype=np.uint8)
    MESHES.append(np.broadcast_to(colours, MESHES[0].shape))


def write_car(path, im, **settings):
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, {"im": im}, **settings)
    return path


def write(folder):
    """The files of the cars, in a folder ``cars`` as the archive has it, besides others that are no cars."""
    for number in (2, 0, 1):
        write_car(folder / f"cars/car_{number + 1:03d}_mesh.mat", MESHES[number])
    (folder / "cars/list.txt").write_text("car_001_mesh\ncar_002_mesh\ncar_003_mesh\n")
    scipy.io.savemat(folder / "cars/other.mat", {"im": np.zeros(3)})
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Folder of the three cars; nothing writes to it."""
    return write(tmp_path_factory.mktemp("published"))


@pytest.fixture
def data(published):
    return load_dataset("cars3d", published)


# What is read


def test_the_factors_are_elevation_azimuth_and_object_with_the_object_fastest(data):
    assert data.factors.names == ("elevation", "azimuth", "object")
    assert data.factors.sizes == (ELEVATIONS, AZIMUTHS, CARS)
    assert data.image_shape == (64, 64, 3)
    assert data.nuisances == ()
    index = np.arange(ELEVATIONS * AZIMUTHS * CARS)
    assert len(data) == len(index)
    assert np.array_equal(data.factors_at(index), np.stack([index // 72, index // 3 % 24, index % 3], axis=1))


def test_every_image_is_the_view_of_its_car_resized_by_lanczos(data):
    images = data.images(range(len(data)))
    assert images.dtype == np.uint8
    for image, (elevation, azimuth, number) in zip(images, data.factors_at(range(len(data))), strict=True):
        view = MESHES[number][:, :, :, azimuth, elevation]
        if number:  # one colour, which no resizing changes
            assert np.array_equal(image, np.broadcast_to(view[0, 0], (64, 64, 3)))
        else:
            expected = Image.fromarray(np.ascontiguousarray(view)).resize((64, 64), Image.Resampling.LANCZOS)
            assert np.array_equal(image, np.asarray(expected))


def test_another_nuisance_changes_nothing_as_each_view_is_there_once(data):
    index = np.arange(len(data))
    assert np.array_equal(data.lookup(data.factors_at(index), nuisances_of=index[::-1]), index)


@pytest.mark.parametrize("place", ["cars", "data/cars", "nips2015-analogy-data/data/cars", "cars3d/data/cars"])
def test_the_cars_are_found_wherever_their_folder_is_unpacked(place, published, data, tmp_path, monkeypatch):
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).symlink_to(published / "cars")
    monkeypatch.setenv("IFP_DATA_DIR", str(tmp_path))
    assert load_dataset("cars3d").fingerprint == data.fingerprint
    assert load_dataset("cars3d", tmp_path / place).fingerprint == data.fingerprint


def test_files_are_read_once_and_packed_ones_are_the_same_cars(data, published, cache, unwritten, tmp_path):
    assert len(os.listdir(cache)) == 1
    with unwritten(cache):
        assert load_dataset("cars3d", published).fingerprint == data.fingerprint
    for number, im in enumerate(MESHES):
        write_car(tmp_path / f"cars/car_{number + 1:03d}_mesh.mat", im, do_compression=True)
    assert load_dataset("cars3d", tmp_path).fingerprint == data.fingerprint


# The archive


def members(published):
    return [(f"data/cars/{each.name}", each) for each in sorted((published / "cars").iterdir())]


def test_the_archive_is_unpacked_once_beside_itself_cars_alone(published, data, pack, unwritten, tmp_path):
    folder = pack(tmp_path / "got" / ARCHIVE, ("data/sprites/sprites_1.mat", b"no car"), *members(published)).parent
    assert load_dataset("cars3d", folder).fingerprint == data.fingerprint
    names = [f"car_{number:03d}_mesh.mat" for number in (1, 2, 3)]
    assert sorted(each.name for each in folder.iterdir()) == ["cars", ARCHIVE]
    assert sorted(each.name for each in (folder / "cars").iterdir()) == names
    with unwritten(folder):
        assert load_dataset("cars3d", folder).fingerprint == data.fingerprint
        assert load_dataset("cars3d", folder / ARCHIVE).fingerprint == data.fingerprint


def test_names_that_lead_out_of_the_folder_stay_in_it(published, pack, tmp_path):
    car = published / "cars/car_001_mesh.mat"
    path = pack(tmp_path / "got" / ARCHIVE, ("../../cars/car_001_mesh.mat", car), ("/cars/car_002_mesh.mat", car))
    assert len(load_dataset("cars3d", path.parent)) == 2 * ELEVATIONS * AZIMUTHS
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cache", "got"]


@pytest.mark.parametrize("way", ["no bytes", "a web page", "half of it"])
def test_a_damaged_archive_is_refused_and_a_whole_one_unpacked_afterwards(
    way, published, data, pack, damaged, refusal, tmp_path
):
    path = pack(tmp_path / "got" / ARCHIVE, *members(published))
    whole = path.read_bytes()
    damaged(path, way)
    assert f"need a whole archive of cars, {path} cannot be unpacked: " in refusal("cars3d", path.parent)
    assert list(path.parent.iterdir()) == [path]
    path.write_bytes(whole)
    assert load_dataset("cars3d", path.parent).fingerprint == data.fingerprint


def test_an_archive_without_cars_is_refused_and_leaves_nothing(published, data, pack, refusal, tmp_path):
    path = pack(tmp_path / "got" / ARCHIVE, ("data/sprites/sprites_1.mat", b"no car"))
    refusal("cars3d", path.parent, path)
    assert list(path.parent.iterdir()) == [path]
    pack(path, *members(published))
    assert load_dataset("cars3d", path.parent).fingerprint == data.fingerprint


# What is refused


@pytest.fixture
def second(tmp_path):
    """The place of the second of two cars, which is not there yet."""
    write_car(tmp_path / "cars/car_001_mesh.mat", view(8, 8, 3, 24, 4))
    return tmp_path / "cars/car_002_mesh.mat"


def view(*shape, dtype=np.uint8):
    return np.zeros(shape, dtype)


OTHER = {
    "no im": ({"image": view(8, 8, 3, 24, 4)}, r"need im \(height, width, 3, 24, 4\) as uint8 in .*, got none of \(\)"),
    "one view": ({"im": view(8, 8, 3)}, r"got uint8 of \(8, 8, 3\)"),
    "azimuth and elevation exchanged": ({"im": view(8, 8, 3, 4, 24)}, r"got uint8 of \(8, 8, 3, 4, 24\)"),
    "grey": ({"im": view(8, 8, 1, 24, 4)}, r"got uint8 of \(8, 8, 1, 24, 4\)"),
    "floats": ({"im": view(8, 8, 3, 24, 4, dtype=float)}, r"got double of \(8, 8, 3, 24, 4\)"),
    "signed": ({"im": view(8, 8, 3, 24, 4, dtype=np.int8)}, r"got int8 of \(8, 8, 3, 24, 4\)"),
    "text": ({"im": "a car"}, r"got char of \(1,\)"),
    "a structure": ({"im": {"pixels": view(8, 8)}}, r"got struct of \(1, 1\)"),
    "too large": ({"im": view(520, 520, 3, 24, 4)}, r"got uint8 of \(520, 520, 3, 24, 4\)"),
}


@pytest.mark.parametrize(("variables", "reason"), OTHER.values(), ids=OTHER)
def test_a_file_of_other_content_is_refused(variables, reason, second, refusal, tmp_path):
    scipy.io.savemat(second, variables, do_compression=True)
    assert re.search(reason, refusal("cars3d", tmp_path, second))


def test_views_without_pixels_are_refused(second, refusal, tmp_path):
    write_car(second, view(0, 8, 3, 24, 4))
    assert re.search(r"need im \(height, width, 3, 24, 4\)", refusal("cars3d", tmp_path, second))


DAMAGE = {
    "a web page": "Unknown mat file type",
    "half of it": "cannot be read",
    "its header alone": "got none",
    "all but a byte": "cannot be read",
    "damaged packed data": "Error -3",
    "another version of MATLAB": "HDF reader for matlab v7.3",
}


@pytest.mark.parametrize(("way", "reason"), DAMAGE.items(), ids=DAMAGE)
def test_a_damaged_file_is_refused(way, reason, second, damaged, refusal, tmp_path):
    damaged(write_car(second, MESHES[0][:8, :8], do_compression=True), way)
    assert re.search(f"need .* {second}.*{reason}", refusal("cars3d", tmp_path))


@pytest.mark.parametrize("size", [0, 3])
def test_a_file_of_a_few_bytes_is_refused(size, second, refusal, tmp_path):
    os.truncate(write_car(second, MESHES[0][:8, :8], do_compression=True), size)
    expected = f"need a whole MATLAB file, {second} cannot be read: .*(empty|truncated)"
    assert re.search(expected, refusal("cars3d", tmp_path))


def test_a_folder_in_the_place_of_a_file_is_refused(second, refusal, tmp_path):
    second.mkdir()
    assert re.search(f"need a whole MATLAB file, {second} cannot be read", refusal("cars3d", tmp_path))


def test_a_folder_without_cars_is_refused(refusal, tmp_path):
    (tmp_path / "cars").mkdir()
    assert f"need files car_NNN_mesh.mat in {tmp_path / 'cars'}, it holds none" in refusal("cars3d", tmp_path)


def test_missing_cars_are_refused_with_every_name_that_they_may_have(refusal, tmp_path):
    names = f"cars or data/cars or nips2015-analogy-data/data/cars or {ARCHIVE}"
    assert f"need {names} for cars3d, not found in {tmp_path} " in refusal("cars3d", tmp_path)
