"""dSprites: the rendered set against real frames, and the official file read, refused and cached."""

import errno
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache as kept
from typing import NamedTuple

import numpy as np
import pytest

from annealing.errors import DataError, IFPError
from ifp.datasets import families, load_dataset
from ifp.datasets.cache import write_once
from ifp.datasets.public.dsprites import OFFICIAL_FILE
from ifp.datasets.public.dsprites_geometry import SCALES, outline, render_all, render_block

SIZES = (3, 6, 40, 32, 32)  # shape, scale, orientation, posX, posY
VALUES = (np.arange(1.0, 4.0), np.linspace(0.5, 1, 6), np.linspace(0, 2 * np.pi, 40), *[np.linspace(0, 1, 32)] * 2)
N = 737_280
CHUNK = 4096


@pytest.fixture(scope="module")
def cache(module_cache):
    """Nothing that older code rendered can stand in for today's images."""
    return module_cache


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    directory = tmp_path / "empty-cache"
    monkeypatch.setenv("IFP_CACHE_DIR", str(directory))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def rendered():
    return load_dataset("dsprites")


def unpacked(bits):
    return np.unpackbits(bits, axis=-1, bitorder="little").reshape(-1, 64, 64)


def block_images(*sprite):
    """Images (32 posX, 32 posY, 64, 64) of one shape, scale and orientation."""
    rows = render_block(*sprite)
    return (rows[..., None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)).astype(np.uint8)


def random_indices(n, seed=0):
    return np.random.default_rng(seed).integers(N, size=n)


# The rendered images


def test_rendered_dsprites_against_the_46080_real_frames(rendered, real_file):
    with np.load(real_file("dsprites_official_grid_46080.npz")) as real:
        frames, values, indices = real["imgs"], real["latents_values"], real["original_dataset_indices"]
    assert len(frames) == 46_080
    parts = [slice(start, start + CHUNK) for start in range(0, len(frames), CHUNK)]
    differing = [(rendered.images(indices[part])[..., 0] != frames[part]).sum(axis=(1, 2)) for part in parts]
    wrong_pixels = np.concatenate(differing)
    assert (wrong_pixels > 0).sum() <= 6
    assert wrong_pixels.max() <= 1
    for of_class, classes, real_values in zip(VALUES, rendered.factors_at(indices).T, values.T, strict=True):
        np.testing.assert_allclose(of_class[classes], real_values, atol=1e-12)


class WholeSet(NamedTuple):
    """Of all rendered images: the sum of their pixels, and which pixels (64, 64) any of them sets."""

    pixel_sum: int
    ever_set: np.ndarray


@pytest.fixture(scope="module")
def whole_set():
    total, ever_set = 0, np.zeros(512, dtype=np.uint8)
    for block in render_all():
        total += int(np.bitwise_count(block).sum(dtype=np.int64))
        ever_set |= np.bitwise_or.reduce(block, axis=0)
    return WholeSet(total, unpacked(ever_set)[0])


def test_the_whole_rendered_set_has_the_known_pixel_sum(whole_set):
    assert whole_set.pixel_sum == 128_328_859  # a published mean of the official set implies 128,328,862


def test_no_rendered_image_reaches_the_edge_of_the_canvas(whole_set):
    for across in (0, 1):
        support = np.flatnonzero(whole_set.ever_set.any(axis=across))
        assert (support.min(), support.max()) == (2, 61)


def test_an_upright_square_covers_the_pixel_centres_between_its_edges_left_and_bottom_edges_included():
    centres = np.arange(64) + 0.5
    for scale, size in enumerate(np.linspace(0.5, 1, 6)):
        middle = 16 + np.linspace(0, 32, 32)[:, None]
        low, high = (np.rint(256 * (middle + side * 9.6 * size)) / 256 for side in (-1, 1))
        columns, rows = (centres >= low) & (centres < high), (centres > low) & (centres <= high)
        expected = rows[None, :, :, None] & columns[:, None, None, :]
        assert np.array_equal(block_images(0, scale, 0), expected)


@pytest.mark.parametrize("orientation", [7, 20, 33])
@pytest.mark.parametrize("shape", [0, 1, 2], ids=["square", "ellipse", "heart"])
def test_the_mean_pixel_count_over_all_positions_is_the_area_of_the_outline(shape, orientation):
    u, v = outline(shape).T
    area = abs((u * np.roll(v, -1) - v * np.roll(u, -1)).sum()) / 2  # shoelace formula
    for scale, size in enumerate(SCALES):
        # 31 positions, 1 + 1/31 pixels apart, meet each 31st of a pixel once
        counts = np.bitwise_count(render_block(shape, scale, orientation)[:31, :31]).sum(axis=-1)
        np.testing.assert_allclose(counts.mean(), size**2 * area, rtol=2e-3)


def test_orientations_0_and_39_are_the_same_images(rendered):
    first = rendered.factors_at(random_indices(3000))
    last = first.copy()
    first[:, 2], last[:, 2] = 0, 39
    assert np.array_equal(rendered.images(rendered.lookup(first)), rendered.images(rendered.lookup(last)))


# Index and factors


def test_the_index_counts_posy_fastest_then_posx_orientation_scale_and_shape(rendered):
    index = random_indices(5000)
    places = [(index // step) % size for step, size in zip((245_760, 40_960, 1024, 32, 1), SIZES, strict=True)]
    assert rendered.factors.names == ("shape", "scale", "orientation", "posX", "posY")
    assert rendered.factors.sizes == SIZES
    assert len(rendered) == N
    assert np.array_equal(rendered.factors_at(index), np.stack(places, axis=1))
    assert rendered.factors_at([0, N - 1]).tolist() == [[0, 0, 0, 0, 0], [2, 5, 39, 31, 31]]


def test_lookup_is_the_inverse_of_factors_at(rendered):
    index = random_indices(5000, seed=1)
    assert np.array_equal(rendered.lookup(rendered.factors_at(index)), index)


def test_images_are_those_of_their_factor_classes(rendered):
    index = random_indices(40, seed=2)
    for image, (*sprite, pos_x, pos_y) in zip(rendered.images(index), rendered.factors_at(index), strict=True):
        assert np.array_equal(image[..., 0], block_images(*sprite)[pos_x, pos_y])


def test_images_are_a_pure_function_of_the_index(rendered):
    index = random_indices(300, seed=3)
    images = rendered.images(index)
    assert images.dtype == np.float32
    assert images.shape == (300, *rendered.image_shape) == (300, 64, 64, 1)
    assert set(np.unique(images)) == {0, 1}
    assert np.array_equal(rendered.images(index), images)
    order = np.random.default_rng(4).permutation(300)
    assert np.array_equal(rendered.images(index[order]), images[order])
    assert np.array_equal(rendered.images(index.tolist()), images)
    assert np.array_equal(load_dataset("dsprites").images(index), images)


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        ([0, N], r"0\.\.737279, got 0\.\.737280"),
        ([-1], r"0\.\.737279, got -1\.\.-1"),
        ([0.5], "whole numbers as image index, got float64"),
        ([True], "whole numbers as image index, got bool"),
        ([[0, 1], [2, 3]], r"image index of shape \(N,\), got \(2, 2\)"),
    ],
    ids=str,
)
def test_an_index_that_names_no_image_is_refused(rendered, index, reason):
    for function in (rendered.images, rendered.factors_at):
        with pytest.raises(IFPError, match=reason):
            function(index)


@pytest.mark.parametrize(
    ("classes", "reason"),
    [
        ([[0, 0, 0, 0]], r"shape \(N, 5\), got \(1, 4\)"),
        ([[0] * 6], r"shape \(N, 5\), got \(1, 6\)"),
        ([[[0] * 5]], r"shape \(N, 5\), got \(1, 1, 5\)"),
        ([[0] * 5, [3, 0, 0, 0, 0]], r"below \(3, 6, 40, 32, 32\), got a class outside"),
        ([[0, 0, 40, 0, 0]], "got a class outside"),
        ([[0, 0, 0, 0, -1]], "got a class outside"),
        ([[0.5, 0, 0, 0, 0]], "whole numbers as factor classes, got float64"),
    ],
    ids=str,
)
def test_factor_classes_that_name_no_image_are_refused(rendered, classes, reason):
    with pytest.raises(IFPError, match=reason):
        rendered.lookup(np.array(classes))


def test_an_unknown_factor_is_refused_with_the_known_names(rendered):
    assert [rendered.factors.position(name) for name in rendered.factors.names] == [0, 1, 2, 3, 4]
    with pytest.raises(IFPError, match="shape, scale, orientation, posX, posY, got 'colour'"):
        rendered.factors.position("colour")


def test_an_unknown_data_set_is_refused_with_the_nearest_name():
    assert "dsprites" in families()
    with pytest.raises(DataError, match=r"dsprites.*got 'dsprite' \(did you mean dsprites\?\)"):
        load_dataset("dsprite")
    with pytest.raises(DataError, match=r"got 'mnist'$"):
        load_dataset("mnist")


# The official file


@dataclass(frozen=True)
class Array:
    """One array of an npz: what its header says, and the data that follow."""

    shape: tuple[int, ...]
    dtype: type
    chunks: Callable[[], Iterable[np.ndarray]] = tuple
    fortran: bool = False


class Unloadable:
    """A pickle that raises when it is loaded."""

    def __reduce__(self):
        return int, ("the metadata are not to be loaded",)


def rendered_chunks():
    return (unpacked(block) for block in render_all())


@kept
def official_classes():
    return np.stack(np.unravel_index(np.arange(N), (1, *SIZES)), axis=1)


def official_values():
    values = (of_class[classes] for of_class, classes in zip(VALUES, official_classes().T[1:], strict=True))
    return np.stack([np.ones(N), *values], axis=1)


IMGS = Array((N, 64, 64), np.uint8, rendered_chunks)
CLASSES = Array((N, 6), np.int64, lambda: [official_classes()])


def write_npz(path, compression=zipfile.ZIP_DEFLATED, **arrays):
    """An npz of the arrays, chunk by chunk, and metadata that only a pickle can hold."""
    with zipfile.ZipFile(path, "w", compression, compresslevel=1) as archive:
        with archive.open("metadata.npy", "w") as stream:
            np.lib.format.write_array(stream, np.array({"title": Unloadable()}, dtype=object), allow_pickle=True)
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                descr = np.lib.format.dtype_to_descr(np.dtype(array.dtype))
                header = {"descr": descr, "fortran_order": array.fortran, "shape": array.shape}
                np.lib.format.write_array_header_1_0(stream, header)
                for chunk in array.chunks():
                    stream.write(np.ascontiguousarray(chunk, array.dtype))


OPEN_AND_REPORT = """
import json, sys
from ifp.datasets import load_dataset
data = load_dataset("dsprites", sys.argv[1])
peak = [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(json.dumps({"peak_kib": peak, "source": data.source, "fingerprint": data.fingerprint}))
"""


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """Folder of an official npz that holds the rendered images."""
    folder = tmp_path_factory.mktemp("official")
    write_npz(
        folder / OFFICIAL_FILE,
        imgs=IMGS,
        latents_classes=CLASSES,
        latents_values=Array((N, 6), np.float64, lambda: [official_values()]),
    )
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def first_opening(official, cache):
    """What a process of its own reports that opens the official file for the first time."""
    environment = {**os.environ, "IFP_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", OPEN_AND_REPORT, str(official)]
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def test_the_official_file_of_3_gb_is_read_in_less_than_1_gib(first_opening):
    # VmHWM and not ru_maxrss: that of a child process starts from the peak of the process that started it
    if not first_opening["peak_kib"]:
        pytest.skip("needs a Linux that reports VmHWM in /proc/self/status")
    assert first_opening["peak_kib"][0] < 1 << 20


def test_the_official_file_and_the_geometry_give_the_same_data_set(first_opening, official, rendered):
    assert first_opening["fingerprint"] == rendered.fingerprint
    assert first_opening["source"] == f"official file {official / OFFICIAL_FILE}"
    assert rendered.source == "rendered from the geometry"
    from_file, index = load_dataset("dsprites", official), random_indices(5000, seed=5)
    assert np.array_equal(from_file.images(index), rendered.images(index))
    assert np.array_equal(from_file.factors_at(index), rendered.factors_at(index))


@pytest.mark.usefixtures("first_opening", "rendered")
def test_the_official_file_is_read_once_and_then_mapped_from_the_cache(official, cache, unwritten):
    with unwritten(cache):
        load_dataset("dsprites", official)
    assert [path.stat().st_size for path in cache.iterdir()] == [N * 512] * 2  # rendered and official, packed and whole


@pytest.mark.usefixtures("first_opening")
def test_the_official_file_is_found_by_its_folder_its_path_or_the_environment(official, monkeypatch):
    path = official / OFFICIAL_FILE
    assert load_dataset("dsprites", str(path)).source == f"official file {path}"
    monkeypatch.setenv("IFP_DATA_DIR", str(official))
    assert load_dataset("dsprites").source == f"official file {path}"


def test_without_the_official_file_in_the_environments_folder_the_images_are_rendered(rendered, tmp_path, monkeypatch):
    monkeypatch.setenv("IFP_DATA_DIR", str(tmp_path))
    data, index = load_dataset("dsprites"), random_indices(100, seed=6)
    assert data.source == "rendered from the geometry"
    assert np.array_equal(data.images(index), rendered.images(index))


def test_a_given_folder_without_the_official_file_is_refused(refusal, tmp_path):
    for data_dir in (tmp_path, tmp_path / "absent"):
        assert f"need {OFFICIAL_FILE} for dsprites, not found in {data_dir}" in refusal("dsprites", data_dir)


def one_chunk_ending_in(pixel):
    chunk = np.zeros((CHUNK, 64, 64), dtype=np.uint8)
    chunk[-1, -1, -1] = pixel
    return lambda: [chunk]


def classes_that_depart_in_the_second_chunk():
    classes = official_classes().copy()
    classes[[5000, 5001]] = classes[[5001, 5000]]
    return [classes]


DAMAGE = {
    "images of another shape": (
        {"imgs": Array((N, 32, 32), np.uint8)},
        r"imgs of shape \(737280, 64, 64\) and type uint8 .* got \(737280, 32, 32\) and uint8",
    ),
    "too few images": ({"imgs": Array((46_080, 64, 64), np.uint8)}, r"got \(46080, 64, 64\) and uint8"),
    "images of another type": ({"imgs": Array((N, 64, 64), np.float32)}, r"got \(737280, 64, 64\) and float32"),
    "images in another memory order": ({"imgs": Array((N, 64, 64), np.uint8, fortran=True)}, "in Fortran order"),
    "no images": ({"imgs": None}, r"need an array imgs in .*, got latents_classes, metadata"),
    "no classes": ({"latents_classes": None}, r"need an array latents_classes in .*, got imgs, metadata"),
    "a pixel of 2": ({"imgs": Array((N, 64, 64), np.uint8, one_chunk_ending_in(2))}, "need pixels 0 or 1 in .*, got 2"),
    "classes without the colour": (
        {"latents_classes": Array((N, 5), np.int64)},
        r"latents_classes of shape \(737280, 6\) .* got \(737280, 5\) and int64",
    ),
    "classes in another order": (
        {"latents_classes": Array((N, 6), np.int64, classes_that_depart_in_the_second_chunk)},
        "official order, .* departs from it after image 0",
    ),
    "images that end early": (
        {"imgs": Array((N, 64, 64), np.uint8, one_chunk_ending_in(1))},
        r"truncated or damaged: imgs ends after 4096 of 737280 rows",
    ),
}


@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize(("changed", "reason"), DAMAGE.values(), ids=DAMAGE)
def test_an_official_file_of_other_content_is_refused(changed, reason, refusal, tmp_path):
    arrays = {"imgs": Array((N, 64, 64), np.uint8), "latents_classes": CLASSES} | changed
    path = tmp_path / OFFICIAL_FILE
    write_npz(path, **{name: array for name, array in arrays.items() if array is not None})
    assert re.search(reason, refusal("dsprites", tmp_path, path))


def overwrite_member(path, name, data, offset=0):
    """Write ``data`` over the bytes of an archive member as they lie in the file."""
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo(name).header_offset
    with path.open("r+b") as file:
        file.seek(start + 26)
        name_length, extra_length = struct.unpack("<HH", file.read(4))
        file.seek(start + 30 + name_length + extra_length + offset)
        file.write(data)


def halve(path):
    os.truncate(path, path.stat().st_size // 2)


def break_the_compressed_images(path):
    overwrite_member(path, "imgs.npy", b"\xff" * 64)  # no deflate block starts like this


def change_a_colour_class(path):
    overwrite_member(path, "latents_classes.npy", b"\x01", offset=128 + 48 * (N - 1))  # only the checksum tells


def claim_encryption(path):
    data = bytearray(path.read_bytes())
    data[data.rfind(b"PK\x01\x02") + 8] |= 1  # flags of the last entry in the archive's directory
    path.write_bytes(data)


def claim_an_unknown_compression(path):
    data = bytearray(path.read_bytes())
    data[data.rfind(b"PK\x01\x02") + 10] = 99
    path.write_bytes(data)


def leave_the_array_header_open(path):
    overwrite_member(path, "latents_classes.npy", b"{'descr': (", offset=10)


def break_the_array_header(path):
    overwrite_member(path, "latents_classes.npy", b"no array")


FILE_DAMAGE = {
    "cut in half": (zipfile.ZIP_DEFLATED, halve, "truncated or damaged: File is not a zip file"),
    "not a zip": (zipfile.ZIP_DEFLATED, lambda path: path.write_text("<html>"), "File is not a zip file"),
    "a broken stream": (zipfile.ZIP_DEFLATED, break_the_compressed_images, "truncated or damaged: Error -3"),
    "a wrong checksum": (zipfile.ZIP_STORED, change_a_colour_class, "truncated or damaged: Bad CRC-32"),
    "a false mark of encryption": (zipfile.ZIP_DEFLATED, claim_encryption, "truncated or damaged: .* is encrypted"),
    "an unknown compression": (zipfile.ZIP_DEFLATED, claim_an_unknown_compression, "damaged: .* not supported"),
    "an open array header": (zipfile.ZIP_STORED, leave_the_array_header_open, "its header is damaged"),
    "a broken array header": (
        zipfile.ZIP_STORED,
        break_the_array_header,
        r"need a numpy array latents_classes in .*, its header is damaged",
    ),
}


@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize(("compression", "damage", "reason"), FILE_DAMAGE.values(), ids=FILE_DAMAGE)
def test_a_damaged_official_file_is_refused(compression, damage, reason, refusal, tmp_path):
    path, images = tmp_path / OFFICIAL_FILE, Array((N, 64, 64), np.uint8, one_chunk_ending_in(1))
    write_npz(path, compression, imgs=images, latents_classes=CLASSES)
    damage(path)
    assert re.search(reason, refusal("dsprites", tmp_path, path))


# The cache


def test_an_unfinished_file_in_the_cache_is_replaced_by_a_whole_one(rendered, cache, empty_cache):
    (whole,) = cache.glob("*rendered*")
    empty_cache.mkdir()
    (empty_cache / whole.name).write_bytes(whole.read_bytes()[:1000])
    data, index = load_dataset("dsprites"), random_indices(100, seed=7)
    assert np.array_equal(data.images(index), rendered.images(index))
    assert [(path.name, path.stat().st_size) for path in empty_cache.iterdir()] == [(whole.name, N * 512)]


def test_a_cache_without_room_is_refused_and_left_empty(tmp_path):
    def blocks():
        yield np.zeros(10, dtype=np.uint8)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DataError, match=r"need room for 20 bytes .*IFP_CACHE_DIR.* No space left on device"):
        write_once(tmp_path / "data.bits", blocks(), 20)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_directory_that_cannot_be_made_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("IFP_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"need a writable cache directory .*IFP_CACHE_DIR"):
        load_dataset("dsprites")
