"""MPI3D: the published layout on small lattices, every image and label against them, and bad files refused."""

import math
import re
import zipfile

import numpy as np
import pytest

from ifp.datasets import families, load_dataset
from ifp.datasets.public.mpi3d import LATTICES

KINDS = ("toy", "realistic", "real")
NAMES = ("object_color", "object_shape", "object_size", "camera_height", "background_color", "horizontal", "vertical")
SMALL = ((3, 2, 2, 1, 2, 3, 2), (2, 2, 2, 1, 2, 3, 2))  # of 144 and of 96 images, in the place of the files' own
IMAGES = np.random.default_rng(0).integers(256, size=(144, 64, 64, 3), dtype=np.uint8)


@pytest.fixture
def small(monkeypatch):
    """Lattices of which a test can write the images."""
    monkeypatch.setattr("ifp.datasets.public.mpi3d.LATTICES", SMALL)


def write(folder, kind="toy", save=np.savez, **arrays):
    folder.mkdir(exist_ok=True)
    save(folder / f"mpi3d_{kind}.npz", **arrays)
    return folder


# What is read


def test_the_lattices_are_those_of_the_files_in_circulation():
    assert set(LATTICES) == {(6, 6, 2, 3, 3, 40, 40), (4, 4, 2, 3, 3, 40, 40)}
    assert {math.prod(sizes) for sizes in LATTICES} == {1_036_800, 460_800}
    assert {families()[f"mpi3d-{kind}"].images for kind in KINDS} == {1_036_800}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("sizes", SMALL, ids=["six colours", "four colours"])
@pytest.mark.parametrize("kind", KINDS)
def test_images_are_those_of_the_file_and_their_order_gives_the_factors(kind, sizes, tmp_path):
    number = math.prod(sizes)
    folder = write(tmp_path / "data", kind, images=IMAGES[:number])
    data = load_dataset(f"mpi3d-{kind}", folder)
    assert data.name == f"mpi3d-{kind}"
    assert data.factors.names == NAMES
    assert data.factors.sizes == sizes
    assert data.image_shape == (64, 64, 3)
    assert data.nuisances == ()
    assert data.images([0]).dtype == np.uint8
    assert np.array_equal(data.images(range(number)), IMAGES[:number])
    grid = IMAGES[:number].reshape(*sizes, 64, 64, 3)
    for index in np.random.default_rng(1).integers(number, size=30):
        (classes,) = data.factors_at([index])
        assert np.array_equal(grid[tuple(classes)], IMAGES[index])
        assert data.lookup(classes[None]).tolist() == [index]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("chunk", [1, 50_000, 10**7])
def test_a_packed_file_gives_the_same_images_however_many_are_read_at_a_time(chunk, tmp_path, monkeypatch):
    whole = load_dataset("mpi3d-real", write(tmp_path / "data", "real", images=IMAGES))
    monkeypatch.setattr("ifp.files.npz._CHUNK", chunk)
    packed = write(tmp_path / "packed", "real", np.savez_compressed, images=IMAGES, more=np.zeros(3))
    assert load_dataset("mpi3d-real", packed).fingerprint == whole.fingerprint


@pytest.mark.usefixtures("small")
def test_the_file_is_read_once_and_found_in_the_folder_of_its_name(read_once, tmp_path, monkeypatch):
    monkeypatch.setenv("IFP_DATA_DIR", str(tmp_path / "shared"))
    (tmp_path / "shared").mkdir()
    folder = write(tmp_path / "shared/mpi3d-realistic", "realistic", images=IMAGES)
    data = load_dataset("mpi3d-realistic")
    assert data.source == f"file {folder / 'mpi3d_realistic.npz'}"
    read_once("mpi3d-realistic", folder / "mpi3d_realistic.npz", data, place=tmp_path / "shared")


# What is refused


WANTED = "need 144 or 96 uint8 images of 64x64x3 in .*, got"
OTHER = {
    "another key": ({"imgs": IMAGES}, "need an array images in .*, got imgs"),
    "an image less": ({"images": IMAGES[1:]}, rf"{WANTED} uint8 of \(143, 64, 64, 3\)"),
    "no images": ({"images": IMAGES[:0]}, rf"{WANTED} uint8 of \(0, 64, 64, 3\)"),
    "another size": ({"images": IMAGES[:, ::2, ::2]}, rf"{WANTED} uint8 of \(144, 32, 32, 3\)"),
    "grey": ({"images": IMAGES[..., 0]}, rf"{WANTED} uint8 of \(144, 64, 64\)"),
    "on a lattice": ({"images": IMAGES.reshape(*SMALL[0], 64, 64, 3)}, rf"{WANTED} uint8 of \(3, 2, 2, 1, 2, 3, 2"),
    "floats": ({"images": IMAGES[:96].astype(np.float32)}, rf"{WANTED} float32 of \(96, 64, 64, 3\)"),
    "signed": ({"images": IMAGES.view(np.int8)}, rf"{WANTED} int8 of \(144, 64, 64, 3\)"),
    "another memory order": ({"images": np.asfortranarray(IMAGES)}, "it is in Fortran order"),
    "Python objects": ({"images": np.array([{"a": 1}])}, "got Python objects, which are never unpickled"),
    "one number": ({"images": np.uint8(3)}, rf"{WANTED} uint8 of \(\)"),
}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("arrays", "reason"), OTHER.values(), ids=OTHER)
def test_a_file_of_other_content_is_refused(arrays, reason, refusal, tmp_path):
    folder = write(tmp_path / "data", **arrays)
    assert re.search(reason, refusal("mpi3d-toy", folder, folder / "mpi3d_toy.npz"))


def test_the_refusal_names_the_numbers_of_images_that_there_are(refusal, tmp_path):
    folder = write(tmp_path / "data", images=IMAGES)
    expected = f"need 1,036,800 or 460,800 uint8 images of 64x64x3 in {folder / 'mpi3d_toy.npz'}"
    assert refusal("mpi3d-toy", folder).startswith(expected)


def claim_more(path):
    """Rewrite the file so that its header claims all 1,036,800 images, and its data are those of 144."""
    with zipfile.ZipFile(path, "w") as archive, archive.open("images.npy", "w") as stream:
        header = {"descr": "|u1", "fortran_order": False, "shape": (1_036_800, 64, 64, 3)}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(IMAGES.tobytes())


def test_images_that_are_claimed_and_not_there_are_refused(refusal, tmp_path):
    path = write(tmp_path / "data", images=IMAGES) / "mpi3d_toy.npz"
    claim_more(path)
    expected = f"need 12740198400 bytes for images of shape .* in {path}, it holds 1769472"
    assert re.search(expected, refusal("mpi3d-toy", path.parent))


def change_a_pixel(path):
    data = bytearray(path.read_bytes())
    data[-5000] ^= 1  # of the last image: only the checksum tells
    path.write_bytes(data)


DAMAGE = {
    "no bytes": "File is not a zip file",
    "a web page": "File is not a zip file",
    "half of it": "File is not a zip file",
    "all but a byte": "",
    "another pixel": "Bad CRC-32 for file 'images.npy'",
}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("way", "reason"), DAMAGE.items(), ids=DAMAGE)
def test_a_damaged_file_is_refused(way, reason, damaged, refusal, tmp_path):
    path = damaged(write(tmp_path / "data", images=IMAGES) / "mpi3d_toy.npz", way, {"another pixel": change_a_pixel})
    assert f"need a whole npz file, {path} is truncated or damaged: {reason}" in refusal("mpi3d-toy", path.parent)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_is_refused_and_another_kinds_is_not_taken(kind, refusal, tmp_path):
    for other in set(KINDS) - {kind}:
        (tmp_path / f"mpi3d_{other}.npz").touch()
    expected = f"need mpi3d_{kind}.npz for mpi3d-{kind}, not found in {tmp_path} "
    assert expected in refusal(f"mpi3d-{kind}", tmp_path)
