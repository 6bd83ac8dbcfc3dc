"""COIL-20: the real photographs and files in their layout, every image against them, and bad files refused."""

import os
import re
import shutil

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from ifp.datasets import load_dataset

FILE, OTHER_NAME = "COIL20_32x32.mat", "COIL20.mat"
OBJECTS, AZIMUTHS, N = 20, 72, 1440
PIXELS = np.random.default_rng(0).integers(256, size=(N, 1024), dtype=np.uint8)
NUMBERS = np.repeat(np.arange(1, 21, dtype=np.uint8), AZIMUTHS)[:, None]
GRID = PIXELS.reshape(OBJECTS, AZIMUTHS, 32, 32).transpose(0, 1, 3, 2)  # each picture is stored by columns


def write(folder, name=FILE, packed=False, **arrays):
    """A MATLAB file of the arrays; None leaves one out."""
    folder.mkdir(exist_ok=True)
    there = {key: array for key, array in ({"X": PIXELS, "Y": NUMBERS} | arrays).items() if array is not None}
    scipy.io.savemat(folder / name, there, do_compression=packed)
    return folder


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "data")


@pytest.fixture
def data(folder):
    return load_dataset("coil20", folder)


# What is read


def test_the_real_photographs_are_read_each_of_its_object_and_azimuth(real_file):
    path = real_file(FILE)
    data = load_dataset("coil20", path)
    expected = scipy.io.loadmat(path)["X"].reshape(OBJECTS, AZIMUTHS, 32, 32).transpose(0, 1, 3, 2)
    assert len(data) == N
    images, classes = data.images(range(N)), data.factors_at(range(N))
    assert np.array_equal(images[..., 0], expected[classes[:, 0], classes[:, 1]])
    # one step of 5 degrees changes a picture less than a quarter turn does, the step that closes the circle too
    turns = expected.astype(float)
    step, quarter = (np.abs(turns - np.roll(turns, by, axis=1)).mean(axis=(2, 3)) for by in (1, 18))
    assert step.mean() < quarter.mean() / 2
    assert step[:, 0].mean() < quarter.mean() / 2


def test_the_factors_are_object_and_azimuth_with_the_azimuth_fastest(data, folder):
    assert data.factors.names == ("object", "azimuth")
    assert data.factors.sizes == (OBJECTS, AZIMUTHS)
    assert data.image_shape == (32, 32, 1)
    assert data.nuisances == ()
    assert data.source == f"file {folder / FILE}"
    index = np.arange(N)
    assert np.array_equal(data.factors_at(index), np.stack([index // AZIMUTHS, index % AZIMUTHS], axis=1))
    assert np.array_equal(data.lookup(data.factors_at(index)), index)


def test_images_are_the_columns_of_the_file_turned_upright(data):
    images = data.images(range(N))
    assert images.dtype == np.uint8
    assert np.array_equal(images[..., 0].reshape(GRID.shape), GRID)
    assert images[100, 3, 5, 0] == PIXELS[100, 5 * 32 + 3]


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=str)
def test_floats_in_0_to_1_are_the_bytes_that_they_were(dtype, data, tmp_path):
    unit = load_dataset("coil20", write(tmp_path / "unit", X=(PIXELS / 255).astype(dtype)))
    assert unit.fingerprint == data.fingerprint


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=str)
def test_whole_floats_in_0_to_255_are_the_bytes_that_they_were(dtype, data, tmp_path):
    whole = load_dataset("coil20", write(tmp_path / "whole", X=PIXELS.astype(dtype)))
    assert whole.fingerprint == data.fingerprint


def test_labels_of_any_type_and_packed_arrays_are_taken(data, tmp_path):
    packed = write(tmp_path / "packed", OTHER_NAME, packed=True, Y=NUMBERS.astype(float), im_height=32)
    assert load_dataset("coil20", packed).fingerprint == data.fingerprint


def test_the_file_is_read_once_and_found_by_its_path_or_the_environment(read_once, folder, data):
    read_once("coil20", folder / FILE, data)
    shutil.copy2(folder / FILE, folder / OTHER_NAME)
    assert load_dataset("coil20", folder).source == f"file {folder / FILE}"


# What is refused


def changed(array, row, value, dtype=None):
    array = array.astype(dtype or array.dtype)
    array[row, 0] = value
    return array


def unit(value):
    return changed(PIXELS / 255, 7, value)


IN_ORDER = "need Y to name objects 1 to 20 in order, 72 images each, in .*, got another order"
BYTES_OR_UNIT = "need X as uint8 or as floats in 0..1.* in .*, got"
OTHER = {
    "no pictures": ({"X": None, "fea": PIXELS}, r"need X of shape \(1440, 1024\) in .*, got none"),
    "no objects": ({"Y": None, "gnd": NUMBERS}, r"need Y of shape \(1440, 1\) in .*, got none"),
    "smaller pictures": ({"X": PIXELS[:, :256]}, r"need X of shape \(1440, 1024\) in .*, got \(1440, 256\)"),
    "fewer pictures": ({"X": PIXELS[1:]}, r"need X of shape \(1440, 1024\) in .*, got \(1439, 1024\)"),
    "pictures as columns": ({"X": PIXELS.T}, r"need X of shape \(1440, 1024\) in .*, got \(1024, 1440\)"),
    "fewer objects": ({"Y": NUMBERS[1:]}, r"need Y of shape \(1440, 1\) in .*, got \(1439, 1\)"),
    "object 0": ({"Y": changed(NUMBERS, 0, 0)}, IN_ORDER),
    "object 21": ({"Y": changed(NUMBERS, -1, 21)}, IN_ORDER),
    "objects from 0": ({"Y": NUMBERS - 1}, IN_ORDER),
    "objects in turn": ({"Y": np.tile(np.arange(1, 21), AZIMUTHS)[:, None]}, IN_ORDER),
    "an object of nan": ({"Y": changed(NUMBERS, 3, np.nan, float)}, IN_ORDER),
    "a pixel of nan": ({"X": unit(np.nan)}, f"{BYTES_OR_UNIT} .*float64"),
    "a pixel below 0": ({"X": unit(-0.1)}, f"{BYTES_OR_UNIT} .*float64"),
    "a pixel above 1": ({"X": unit(1.5)}, f"{BYTES_OR_UNIT} .*float64"),
    "a pixel of infinity": ({"X": unit(np.inf)}, f"{BYTES_OR_UNIT} .*float64"),
    "a byte above 255": ({"X": changed(PIXELS, 7, 256, float)}, f"{BYTES_OR_UNIT} .*float64"),
    "integers of 16 bits": ({"X": PIXELS.astype(np.int16)}, f"{BYTES_OR_UNIT} int16"),
    "complex numbers": ({"X": PIXELS * 1j}, f"{BYTES_OR_UNIT} complex128"),
}


@pytest.mark.parametrize(("arrays", "reason"), OTHER.values(), ids=OTHER)
def test_a_file_of_other_content_is_refused(arrays, reason, refusal, tmp_path):
    folder = write(tmp_path / "data", **arrays)
    assert re.search(reason, refusal("coil20", folder, folder / FILE))


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
def test_a_sparse_matrix_is_refused(refusal, tmp_path):
    folder = write(tmp_path / "data", X=scipy.sparse.csc_matrix(PIXELS / 255))
    assert re.search("need X as a full array in .*, got csc_", refusal("coil20", folder, folder / FILE))


DAMAGE = {
    "a web page": "cannot be read: Unknown mat file type",
    "half of it": "got none|cannot be read",
    "its header alone": "got none",
    "damaged packed data": "cannot be read: Error -3",
    "another version of MATLAB": "cannot be read: .*HDF reader for matlab v7.3",
}


@pytest.mark.parametrize(("way", "reason"), DAMAGE.items(), ids=DAMAGE)
def test_a_damaged_file_is_refused(way, reason, damaged, refusal, tmp_path):
    path = damaged(write(tmp_path / "data", packed=True) / FILE, way)
    assert re.search(reason, refusal("coil20", path.parent, path))


@pytest.mark.parametrize("size", [0, 3])
def test_a_file_of_a_few_bytes_is_refused(size, folder, refusal):
    os.truncate(folder / FILE, size)
    expected = f"need a whole MATLAB file, {folder / FILE} cannot be read: .*(empty|truncated)"
    assert re.search(expected, refusal("coil20", folder))


def test_a_folder_in_the_place_of_the_file_is_refused(refusal, tmp_path):
    (tmp_path / FILE).mkdir()
    assert f"need a whole MATLAB file, {tmp_path / FILE} cannot be read" in refusal("coil20", tmp_path)


def test_a_missing_file_is_refused_with_both_of_its_names(refusal, tmp_path):
    expected = f"need {FILE} or {OTHER_NAME} for coil20, not found in {tmp_path} "
    assert expected in refusal("coil20", tmp_path)
