"""SmallNORB: small files in the published format, every image and label against them, and damaged ones refused."""

import gzip
import re
import struct

import numpy as np
import pytest
from PIL import Image

from ifp.datasets import load_dataset

SPLITS = ("5x46789x9x18x6x2x96x96-training", "5x01235x9x18x6x2x96x96-testing")
MAGIC = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54, "float32": 0x1E3D4C51, "int16": 0x1E3D4C56}
LABELS = ("category", "instance", "elevation", "azimuth", "lighting")  # azimuth as the files hold it: 0, 2, .., 34
TOYS = ((4, 9), (0, 5))  # instances of training and of testing


def grid(toys, seed):
    """Labels (32, 5) of every combination of two values each, in no order."""
    values = ((1, 4), toys, (0, 8), (6, 34), (2, 5))
    combinations = np.stack(np.meshgrid(*values, indexing="ij"), axis=-1).reshape(-1, 5)
    return np.random.default_rng(seed).permutation(combinations)


CLASSES = [grid(toys, seed) for seed, toys in enumerate(TOYS)]
CAMERAS = [np.random.default_rng(seed).integers(256, size=(32, 2, 96, 96), dtype=np.uint8) for seed in (2, 3)]
N = 64


def matrix(array, *, magic=None, sizes=None):
    """A file of the format: magic, number of dimensions, sizes (three at least, 1 where there is none), values."""
    sizes = list(array.shape if sizes is None else sizes)
    padded = sizes + [1] * (3 - len(sizes))
    head = struct.pack("<2i", MAGIC[array.dtype.name] if magic is None else magic, len(sizes))
    return head + struct.pack(f"<{len(padded)}i", *padded) + array.astype(array.dtype.newbyteorder("<")).tobytes()


def parts(labels, cameras):
    return {
        "dat": matrix(cameras),
        "cat": matrix(labels[:, 0].astype(np.int32)),
        "info": matrix(labels[:, 1:].astype(np.int32)),
    }


def file_name(split, part, packed=False):
    return f"smallnorb-{SPLITS[split]}-{part}.mat{'.gz' if packed else ''}"


def write(folder, classes=CLASSES, cameras=CAMERAS, packed=False):
    folder.mkdir(exist_ok=True)
    for split in (0, 1):
        for part, data in parts(classes[split], cameras[split]).items():
            path = folder / file_name(split, part, packed)
            path.write_bytes(gzip.compress(data, 1) if packed else data)
    return folder


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "norb")


@pytest.fixture
def data(folder):
    return load_dataset("smallnorb", folder)


def expected_order():
    """Labels and left images of both splits, sorted by category, elevation, azimuth, lighting, instance."""
    rows = [
        (c, e, a // 2, li, i, cameras[row, 0])
        for classes, cameras in zip(CLASSES, CAMERAS, strict=True)
        for row, (c, i, e, a, li) in enumerate(classes.tolist())
    ]
    rows.sort(key=lambda row: row[:5])
    return np.array([row[:5] for row in rows]), [row[5] for row in rows]


def small(picture):
    return np.asarray(Image.fromarray(picture).resize((64, 64), Image.Resampling.LANCZOS))


# What is read


def test_both_splits_are_one_data_set_of_four_factors(data):
    assert data.factors.names == ("category", "elevation", "azimuth", "lighting")
    assert data.factors.sizes == (5, 9, 18, 6)
    assert data.image_shape == (64, 64, 1)
    assert len(data) == N
    assert data.nuisances == ("instance",)


def test_labels_are_sorted_with_azimuth_halved(data):
    labels, _ = expected_order()
    assert np.array_equal(data.factors_at(range(N)), labels[:, :4])
    assert set(labels[:, 2]) == {3, 17}


def test_every_image_is_the_left_cameras_resized_by_lanczos(data):
    _, pictures = expected_order()
    images = data.images(range(N))
    assert images.dtype == np.uint8
    for image, picture in zip(images, pictures, strict=True):
        assert np.array_equal(image[..., 0], small(picture))


def test_bytes_are_unsigned_and_an_even_picture_stays_even(tmp_path):
    levels = np.arange(N, dtype=np.uint8) * 4 + 3
    cameras = [np.empty((32, 2, 96, 96), np.uint8) for _ in TOYS]
    for split in (0, 1):
        cameras[split][:, 0] = levels[32 * split : 32 * split + 32, None, None]
        cameras[split][:, 1] = 0
    data = load_dataset("smallnorb", write(tmp_path / "even", cameras=cameras))
    images = data.images(range(N))
    assert np.array_equal(images, np.broadcast_to(images[:, :1, :1], images.shape))
    assert sorted(images[:, 0, 0, 0].tolist()) == levels.tolist()


def test_the_instance_is_held_while_factors_run(data):
    labels, pictures = expected_order()
    by_label = {tuple(label): picture for label, picture in zip(labels.tolist(), pictures, strict=True)}
    like = np.arange(N)
    for target in np.unique(labels[:, :4], axis=0):
        found = data.lookup(np.tile(target, (N, 1)), nuisances_of=like)
        instances = labels[found, 4]
        assert np.array_equal(instances, labels[like, 4])
        for image, instance in zip(data.images(found[:4]), instances[:4], strict=True):
            assert np.array_equal(image[..., 0], small(by_label[(*target.tolist(), int(instance))]))


def test_without_a_nuisance_the_lowest_instance_is_found(data):
    labels, _ = expected_order()
    found = data.lookup(np.unique(labels[:, :4], axis=0))
    assert labels[found, 4].tolist() == [0] * 16


@pytest.mark.parametrize("together", [1, 7, 1000])
def test_images_are_the_same_however_many_are_read_at_a_time(together, data, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("ifp.datasets.public.smallnorb._TOGETHER", together)
    monkeypatch.setenv("IFP_CACHE_DIR", str(tmp_path / f"cache-{together}"))
    again = load_dataset("smallnorb", folder)
    assert np.array_equal(again.images(range(N)), data.images(range(N)))


def test_gzipped_files_give_the_same_data_set(data, tmp_path):
    packed = load_dataset("smallnorb", write(tmp_path / "packed", packed=True))
    assert packed.fingerprint == data.fingerprint


def test_files_are_found_in_the_folder_of_their_name_and_half_of_them_packed(folder, tmp_path, monkeypatch, data):
    monkeypatch.setenv("IFP_DATA_DIR", str(tmp_path / "shared"))
    (tmp_path / "shared").mkdir()
    folder.rename(tmp_path / "shared/smallnorb")
    path = tmp_path / "shared/smallnorb" / file_name(1, "dat")
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    path.unlink()
    assert load_dataset("smallnorb").fingerprint == data.fingerprint


def test_files_are_read_once_and_another_order_of_rows_is_the_same_data_set(read_once, data, folder, tmp_path):
    read_once("smallnorb", folder, data, place=folder)
    turned = write(tmp_path / "turned", [each[::-1] for each in CLASSES], [each[::-1] for each in CAMERAS])
    assert load_dataset("smallnorb", turned).fingerprint == data.fingerprint


# What is refused


def labelled(column, value, row=5):
    """The part of training that holds the label, with another value in one row."""
    classes = CLASSES[0].copy()
    classes[row, LABELS.index(column)] = value
    return parts(classes, CAMERAS[0])["cat" if column == "category" else "info"]


GOOD = parts(CLASSES[0], CAMERAS[0])
ENTIRE = "need a file of SmallNORB, .* is truncated in its header"
HUGE = 2**31 - 1

DAMAGE = {
    "no bytes": ("dat", b"", ENTIRE),
    "no bytes of categories": ("cat", b"", ENTIRE),
    "a header cut off": ("info", GOOD["info"][:14], ENTIRE),
    "images cut off": ("dat", GOOD["dat"][:-1], r"need 32 rows of shape \(2, 96, 96\) in .*, it is truncated"),
    "categories cut off": ("cat", GOOD["cat"][:-4], r"need 32 rows of shape \(\) in .*, it is truncated"),
    "info cut off": ("info", GOOD["info"][:-4], r"need 32 rows of shape \(4,\) in .*, it is truncated"),
    "a web page": ("dat", b"<html><body>not found", "need a magic number out of 0x1e3d4c55, .* got 0x6d74683c"),
    "a wrong magic number": ("cat", matrix(np.zeros(32, np.int32), magic=0x1E3D4C57), "magic .* got 0x1e3d4c57"),
    "big-endian": ("dat", matrix(CAMERAS[0], magic=0x554C3D1E), "magic number .* got 0x554c3d1e"),
    "a negative magic number": ("dat", matrix(CAMERAS[0], magic=-2), "magic number .* got 0xfffffffe"),
    "no dimensions": ("cat", matrix(np.zeros(32, np.int32), sizes=()), "need 1 to 8 dimensions in .*, got 0"),
    "many dimensions": (
        "cat",
        matrix(np.zeros(32, np.int32), sizes=(1,) * 9),
        "need 1 to 8 dimensions in .*, got 9",
    ),
    "a size below 0": ("dat", matrix(CAMERAS[0], sizes=(-32, 2, 96, 96)), r"sizes of 1 or more .* got \(-32, 2, 96"),
    "images of another type": (
        "dat",
        matrix(CAMERAS[0].astype(np.int16)),
        r"need uint8 of shape \(32, 2, height, width\) in .*, got int16 of \(32, 2, 96, 96\)",
    ),
    "one camera": ("dat", matrix(CAMERAS[0][:, :1]), r"\(32, 2, height, width\) in .* got uint8 of \(32, 1, 96, 96\)"),
    "images without cameras": ("dat", matrix(CAMERAS[0][:, 0]), r"got uint8 of \(32, 96, 96\)"),
    "fewer images than labels": ("dat", matrix(CAMERAS[0][:31]), r"got uint8 of \(31, 2, 96, 96\)"),
    "categories of another type": (
        "cat",
        matrix(CLASSES[0][:, 0].astype(np.uint8)),
        r"need int32 of shape \(N, \) in .*, got uint8 of shape \(32,\)",
    ),
    "fewer categories": ("cat", matrix(np.zeros(31, np.int32)), "as many rows in .*info.mat as in .*, got 32 and 31"),
    "info of three columns": (
        "info",
        matrix(CLASSES[0][:, 1:4].astype(np.int32)),
        r"need int32 of shape \(N, 4\) in .*, got int32 of shape \(32, 3\)",
    ),
    "category 5": ("cat", labelled("category", 5), r"need category in 0\.\.4 in .*, got 1\.\.5"),
    "category -1": ("cat", labelled("category", -1), r"need category in 0\.\.4 in .*, got -1\.\.4"),
    "instance 10": ("info", labelled("instance", 10), r"need instance in 0\.\.9 in .*, got 4\.\.10"),
    "elevation 9": ("info", labelled("elevation", 9), r"need elevation in 0\.\.8 in .*, got 0\.\.9"),
    "azimuth 36": ("info", labelled("azimuth", 36), r"need azimuth in 0\.\.34 in .*, got 6\.\.36"),
    "azimuth 7": ("info", labelled("azimuth", 7), "need even azimuths in .*, got 7"),
    "lighting 6": ("info", labelled("lighting", 6), r"need lighting in 0\.\.5 in .*, got 2\.\.6"),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize(("part", "content", "reason"), DAMAGE.values(), ids=DAMAGE)
def test_a_file_of_other_content_is_refused(part, content, reason, packed, folder, refusal):
    path = folder / file_name(0, part)
    path.unlink()
    if packed:
        path, content = folder / file_name(0, part, packed=True), gzip.compress(content, 1)
    path.write_bytes(content)
    assert re.search(reason.replace("info.mat", r"info\.mat(\.gz)?"), refusal("smallnorb", folder, path))


def test_a_damaged_file_of_testing_is_named_too(folder, damaged, refusal):
    path = damaged(folder / file_name(1, "dat"), "all but a byte")
    assert re.search(f"rows of shape .* in {path}, it is truncated", refusal("smallnorb", folder))


GZIP_DAMAGE = {
    "no bytes": (lambda data: b"", ENTIRE),
    "half of it": (lambda data: data[: len(data) // 2], "is damaged or not to be read: Compressed file ended"),
    "not gzipped": (lambda data: gzip.decompress(data), "is damaged or not to be read: Not a gzipped file"),
    "a broken stream": (lambda data: data[:10] + b"\xff" * 8 + data[18:], "is damaged or not to be read: Error -3"),
}


@pytest.mark.parametrize(("damage", "reason"), GZIP_DAMAGE.values(), ids=GZIP_DAMAGE)
@pytest.mark.parametrize("part", ["dat", "cat", "info"])
def test_a_damaged_gzipped_file_is_refused(part, damage, reason, refusal, tmp_path):
    path = write(tmp_path / "packed", packed=True) / file_name(0, part, packed=True)
    path.write_bytes(damage(path.read_bytes()))
    assert re.search(reason, refusal("smallnorb", path.parent, path))


@pytest.mark.parametrize("part", ["dat", "cat", "info"])
def test_a_gzipped_file_of_a_wrong_checksum_is_refused(part, refusal, tmp_path):
    path = write(tmp_path / "packed", packed=True) / file_name(0, part, packed=True)
    data = bytearray(path.read_bytes())
    data[-8] ^= 1  # the first byte of the checksum
    path.write_bytes(bytes(data))
    assert f"{path} is damaged or not to be read: CRC check failed" in refusal("smallnorb", path.parent)


@pytest.mark.parametrize("part", ["dat", "cat", "info"])
def test_a_file_longer_than_its_sizes_say_is_refused(part, folder, refusal):
    path = folder / file_name(0, part)
    path.write_bytes(path.read_bytes() + b"\0")
    assert "it is longer" in refusal("smallnorb", folder, path)


HUGE_SIZES = {
    "images": ("dat", matrix(CAMERAS[0], sizes=(32, 2, HUGE, HUGE))),
    "long images": ("dat", matrix(CAMERAS[0], sizes=(32, 2, 2**20, 2**20))),
}


@pytest.mark.parametrize(("part", "content"), HUGE_SIZES.values(), ids=HUGE_SIZES)
def test_sizes_that_no_file_has_are_refused(part, content, folder, refusal):
    path = folder / file_name(0, part)
    path.write_bytes(content)
    assert re.search(f"at most 2,147,483,648 bytes, {path} claims the sizes", refusal("smallnorb", folder))


@pytest.mark.parametrize("split", [0, 1], ids=["training", "testing"])
@pytest.mark.parametrize("part", ["dat", "cat", "info"])
def test_a_missing_file_is_refused_with_both_of_its_names(part, split, folder, refusal):
    path = folder / file_name(split, part)
    path.unlink()
    expected = f"need {path.name} or {path.name}.gz for smallnorb, not found in {folder}"
    assert expected in refusal("smallnorb", folder)


def test_a_folder_in_the_place_of_a_file_is_refused(folder, refusal):
    path = folder / file_name(0, "cat")
    path.unlink()
    path.mkdir()
    assert re.search(f"{path} is damaged or not to be read: .*directory", refusal("smallnorb", folder))
