"""Shapes3D: the official layout in small, every image and label against the arrays written, and bad files refused."""

import re

import h5py
import numpy as np
import pytest

from ifp.datasets import families, load_dataset

FILE = "3dshapes.h5"
NAMES = ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
SIZES = (10, 10, 10, 8, 4, 15)
HUES = np.linspace(0, 0.9, 10)
VALUES = (HUES, HUES, HUES, np.linspace(0.75, 1.25, 8), np.arange(4.0), np.linspace(-30, 30, 15))
WHOLE = 480_000
SMALL = (2, 1, 2, 2, 3, 2)
N = 48
IMAGES = np.random.default_rng(0).integers(256, size=(N, 64, 64, 3), dtype=np.uint8)


def labels_of(sizes):
    """Label values (N, 6) of a full grid of the first classes, orientation fastest."""
    classes = np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)
    return np.stack([values[column] for values, column in zip(VALUES, classes.T, strict=True)], axis=1)


def write(folder, **arrays):
    """An HDF5 file of the arrays; None leaves one out."""
    folder.mkdir(exist_ok=True)
    with h5py.File(folder / FILE, "w") as file:
        for name, array in ({"images": IMAGES, "labels": labels_of(SMALL)} | arrays).items():
            if array is not None:
                file[name] = array
    return folder


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "data")


@pytest.fixture
def data(folder):
    return load_dataset("shapes3d", folder)


def test_images_and_classes_are_those_of_the_file(data, folder):
    assert data.factors.names == NAMES
    assert data.factors.sizes == SIZES
    assert data.image_shape == (64, 64, 3)
    assert data.source == f"file {folder / FILE}"
    assert data.nuisances == ()
    assert data.images(range(N)).dtype == np.uint8
    assert np.array_equal(data.images(range(N)), IMAGES)
    assert np.array_equal(data.factors_at(range(N)), np.stack(np.unravel_index(np.arange(N), SMALL), axis=1))
    assert np.array_equal(data.lookup(data.factors_at(range(N))), np.arange(N))


def test_all_480000_combinations_have_an_image_in_the_official_order(tmp_path):
    number = np.arange(WHOLE)
    pixels = np.stack([number >> 16, number >> 8 & 255, number & 255], axis=1).astype(np.uint8)  # one to an image
    data = load_dataset("shapes3d", write(tmp_path / "whole", images=pixels[:, None, None], labels=labels_of(SIZES)))
    assert len(data) == families()["shapes3d"].images == WHOLE
    assert np.array_equal(data.factors_at(number), np.stack(np.unravel_index(number, SIZES), axis=1))
    assert np.array_equal(data.images(number)[:, 0, 0], pixels)
    order = np.random.default_rng(1).permutation(WHOLE)[:10_000]
    assert np.array_equal(data.lookup(data.factors_at(order)), order)


def test_classes_are_ranks_whatever_the_order_and_the_type_of_the_values(data, tmp_path):
    order = np.random.default_rng(2).permutation(N)
    single = labels_of(SMALL)[order].astype(np.float32)
    turned = load_dataset("shapes3d", write(tmp_path / "turned", images=IMAGES[order], labels=single))
    assert np.array_equal(turned.factors_at(range(N)), data.factors_at(order))
    classes = data.factors_at(range(N))
    assert np.array_equal(turned.images(turned.lookup(classes)), IMAGES)


@pytest.mark.parametrize("together", [1, 7, 1000])
def test_images_of_a_packed_file_come_back_however_many_are_read_at_a_time(together, data, tmp_path, monkeypatch):
    monkeypatch.setattr("ifp.datasets.public.shapes3d._TOGETHER", together)
    packed = write(tmp_path / "packed", images=None)
    with h5py.File(packed / FILE, "a") as file:
        file.create_dataset("images", data=IMAGES, chunks=(5, 16, 16, 3), compression="gzip", compression_opts=1)
    assert load_dataset("shapes3d", packed).fingerprint == data.fingerprint


def test_the_file_is_read_once_and_found_by_its_path_or_the_environment(read_once, folder, data):
    read_once("shapes3d", str(folder / FILE), data)


# What is refused


def labels_with(value, row=3, column=0):
    labels = labels_of(SMALL)
    labels[row, column] = value
    return labels


OTHER = {
    "no images": ({"images": None}, "need a data set images in .*, got labels"),
    "no labels": ({"labels": None}, "need a data set labels in .*, got images"),
    "nothing": ({"images": None, "labels": None}, "need a data set images in .*, got none"),
    "a link to nothing": ({"images": h5py.SoftLink("/nowhere")}, "need a data set images in"),
    "no data set but a type": ({"images": np.dtype(np.uint8)}, "need a data set images in"),
    "a single number": ({"images": np.uint8(3)}, r"uint8 images of shape \(N, H, W, 3\) in .*, got uint8 of \(\)"),
    "grey images": ({"images": IMAGES[..., 0]}, r"got uint8 of \(48, 64, 64\)"),
    "four channels": ({"images": np.zeros((N, 8, 8, 4), np.uint8)}, r"got uint8 of \(48, 8, 8, 4\)"),
    "channels before": ({"images": np.zeros((N, 3, 8, 8), np.uint8)}, r"got uint8 of \(48, 3, 8, 8\)"),
    "images of another type": ({"images": np.zeros((N, 8, 8, 3), np.float32)}, r"got float32 of \(48, 8, 8, 3\)"),
    "images of none": ({"images": np.zeros((0, 8, 8, 3), np.uint8)}, r"got uint8 of \(0, 8, 8, 3\)"),
    "fewer images": ({"images": IMAGES[:-1]}, r"labels of shape \(47, 6\) in .*, got float64 of \(48, 6\)"),
    "a label less": (
        {"labels": labels_of(SMALL)[:, :5]},
        r"need numbers as labels of shape \(48, 6\) in .*, got float64 of \(48, 5\)",
    ),
    "labels as text": ({"labels": labels_of(SMALL).astype("S8")}, r"need numbers as labels .*, got \|S8 of \(48, 6\)"),
    "a label of nan": ({"labels": labels_with(np.nan)}, "need finite labels in .*, got nan"),
    "a label of infinity": ({"labels": labels_with(-np.inf)}, "need finite labels in .*, got -inf"),
    "five shapes": (
        {"labels": labels_with(np.arange(N) % 5, slice(None), NAMES.index("shape"))},
        "need at most 4 values of shape in .*, got 5",
    ),
}


@pytest.mark.parametrize(("changed", "reason"), OTHER.values(), ids=OTHER)
def test_a_file_of_other_content_is_refused(changed, reason, refusal, tmp_path):
    folder = write(tmp_path / "data", **changed)
    assert re.search(reason, refusal("shapes3d", folder, folder / FILE))


@pytest.mark.parametrize("shape", [(N, 0, 64, 3), (N, 64, 0, 3)], ids=["no rows", "no columns"])
def test_images_without_pixels_are_refused(shape, refusal, tmp_path):
    folder = write(tmp_path / "data", images=np.zeros(shape, np.uint8))
    assert "need uint8 images of shape (N, H, W, 3)" in refusal("shapes3d", folder, folder / FILE)


def test_a_number_of_images_that_no_file_has_is_refused(refusal, tmp_path):
    folder = write(tmp_path / "data", images=None, labels=None)
    with h5py.File(folder / FILE, "a") as file:  # never written: such a file is small
        file.create_dataset("images", (10**13, 64, 64, 3), np.uint8, chunks=(1, 64, 64, 3))
        file.create_dataset("labels", (10**13, 6), np.float64, chunks=(1000, 6))
    expected = f"need .* in {folder / FILE}, .*got .*10,?000,?000,?000,?000"
    assert re.search(expected, refusal("shapes3d", folder))


def break_the_signature(path):
    path.write_bytes(b"\0" + path.read_bytes()[1:])


@pytest.mark.parametrize("way", ["no bytes", "a web page", "half of it", "all but a byte", "a broken signature"])
def test_a_damaged_file_is_refused(way, folder, damaged, refusal):
    path = damaged(folder / FILE, way, {"a broken signature": break_the_signature})
    expected = f"need a whole HDF5 file of Shapes3D, {path} is damaged or not to be read: Unable to"
    assert expected in refusal("shapes3d", folder)


def test_a_packed_block_that_is_damaged_is_refused_when_images_are_half_read(refusal, tmp_path, monkeypatch):
    monkeypatch.setattr("ifp.datasets.public.shapes3d._TOGETHER", 8)
    folder = write(tmp_path / "data", images=None)
    with h5py.File(folder / FILE, "a") as file:
        images = file.create_dataset("images", data=IMAGES, chunks=(8, 64, 64, 3), compression="gzip")
        place = images.id.get_chunk_info(4).byte_offset
    with (folder / FILE).open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 100)
    assert f"{folder / FILE} is damaged or not to be read" in refusal("shapes3d", folder)


def test_a_missing_file_is_refused_with_where_it_was_looked_for(refusal, tmp_path):
    expected = f"need {FILE} for shapes3d, not found in {tmp_path} .*ifp data fetch"
    assert re.search(expected, refusal("shapes3d", tmp_path))


def test_a_folder_in_the_place_of_the_file_is_refused(refusal, tmp_path):
    (tmp_path / FILE).mkdir()
    assert f"{tmp_path / FILE} is damaged or not to be read" in refusal("shapes3d", tmp_path)
