"""The user's arrays in any order, type and file, against numpy's own."""

import zipfile

import h5py
import numpy as np
import pytest

import ifp
from annealing.errors import DataError, IFPError
from ifp.datasets import DataWarning, load_dataset
from tests.ifp.datasets.conftest import opened_and_told

GRID = np.stack(np.unravel_index(np.arange(12), (3, 4)), axis=1)
BYTES = np.random.default_rng(0).integers(256, size=(12, 5, 7, 3), dtype=np.uint8)
BINARY = np.random.default_rng(1).integers(2, size=(12, 5, 7), dtype=np.uint8)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mine.npz"


def every(data):
    return data.images(range(len(data)))


def fortran(array):
    """The bytes of an npy in Fortran order, made by hand."""
    header = repr({"descr": array.dtype.str, "fortran_order": True, "shape": array.shape}).encode()
    values = b"".join(np.ascontiguousarray(array.T).tobytes() for _ in range(1))
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + values


# Binary pixels


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, ">u2"], ids=str)
def test_whole_numbers_of_at_most_1_are_binary_and_said_so(dtype, path):
    np.savez(path, images=BINARY.astype(dtype))
    for _ in range(2):  # from the file and from the cache
        data, told = opened_and_told(path)
        assert np.array_equal(every(data)[..., 0], np.where(BINARY == 1, 255, 0))
        assert told == ["mine.npz: pixels of images are whole numbers of at most 1: taken as binary, black and white"]
        assert data.source == f"file {path}; binary pixels 0 and 1"


def test_one_pixel_of_2_makes_bytes_of_them_and_black_images_stay_black(path):
    images = BINARY.copy()
    images[-1, -1, -1] = 2
    np.savez(path, images=images)
    data, told = opened_and_told(path)
    assert np.array_equal(every(data)[..., 0], images)
    np.savez(path, images=0 * BINARY)
    black, told_of_black = opened_and_told(path)
    assert not every(black).any()
    assert told == told_of_black == []


def test_binary_arrays_are_the_same_data_set_from_python_in_a_file_and_as_booleans(path):
    np.savez(path, images=BINARY)
    with pytest.warns(DataWarning, match="taken as binary"):
        given = ifp.from_arrays(BINARY)
    found = [opened_and_told(path)[0], given, ifp.from_arrays(BINARY == 1), ifp.from_arrays(255 * BINARY)]
    assert len({each.fingerprint for each in found}) == 1


def test_dsprites_layout_of_bytes_is_taken_as_it_is(path):
    np.savez(path, imgs=BYTES)
    assert np.array_equal(every(load_dataset(path)), BYTES)


# Orders, types, channels


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_arrays_in_fortran_order_are_read_by_their_index(method, path, monkeypatch):
    monkeypatch.setattr("ifp.files.npz._CHUNK", 250)
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("images.npy", fortran(BYTES))
        archive.writestr("factors.npy", fortran(GRID))
    data, told = opened_and_told(path)
    assert told == []
    assert all(data.images([i])[0, y, x].tolist() == BYTES[i, y, x].tolist() for i, y, x in np.ndindex(12, 5, 7))
    assert data.factors_at(range(12)).tolist() == [[i // 4, i % 4] for i in range(12)]


def test_a_lattice_of_meshgrid_is_taken_as_numpy_saves_it(path):
    lattice = np.array(np.meshgrid(np.arange(3), np.linspace(-1, 1, 4))).T.reshape(-1, 2)
    np.savez(path, images=BYTES.transpose(3, 2, 1, 0).T, factors=np.meshgrid(range(12), [0])[0].T)
    assert opened_and_told(path)[0].factors_at(range(12))[:, 0].tolist() == list(range(12))
    np.savez(path, images=BYTES, factors=lattice)
    assert opened_and_told(path)[0].factors_at(range(12)).tolist() == [[i // 4, i % 4] for i in range(12)]


def test_fortran_order_that_memory_cannot_hold_is_told(path, monkeypatch):
    np.savez(path, images=np.asfortranarray(BYTES))
    monkeypatch.setattr("ifp.machine.memory.free_memory", lambda: 100)
    with pytest.raises(IFPError, match=r"GB of memory at least for images in Fortran order in .*mine.npz"):
        load_dataset(path)


@pytest.mark.parametrize(
    "dtype", [np.int64, np.int16, ">i4", ">u8", np.float16, np.float64, ">f4", np.longdouble], ids=str
)
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_images_of_any_type_and_any_channels_come_back(dtype, channels, path):
    images = np.resize(BYTES, (12, 5, 7, channels))
    floats = np.dtype(dtype).kind == "f"
    np.savez(path, images=(images / 255 if floats else images).astype(dtype))
    data, _ = opened_and_told(path)
    assert data.image_shape == (5, 7, channels)
    if floats:
        assert every(data).dtype == np.float32
        np.testing.assert_array_equal(every(data), (images / 255).astype(dtype).astype(np.float32))
    else:
        assert every(data).dtype == np.uint8
        np.testing.assert_array_equal(every(data), images)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_channels_are_pixels_to_a_closed_form_whatever_their_number(likelihood):
    images = np.random.default_rng(2).random((12, 4, 3, 5))
    found = [
        ifp.spectrum((shaped, GRID), contexts=6, likelihood=likelihood).to_frame()["spectral_beta"].to_numpy()
        for shaped in (images, images.reshape(12, 4, 15))
    ]
    np.testing.assert_allclose(*found, rtol=1e-6)


# Missing labels


def test_images_that_lack_a_label_are_left_out_and_counted(path):
    factors = GRID.astype(float)
    factors[[2, 7], [0, 1]] = np.nan
    np.savez(path, images=BYTES, factors=factors)
    kept = [0, 1, 3, 4, 5, 6, 8, 9, 10, 11]
    data, told = opened_and_told(path)
    assert told == ["mine.npz: 2 of 12 images lack a label and are left out"]
    assert data.source.endswith("; 2 of 12 left out for want of a label")
    assert np.array_equal(every(data), BYTES[kept])
    assert data.factors_at(range(10)).tolist() == GRID[kept].tolist()
    np.savez(path, images=BYTES, factors=np.nan_to_num(factors, nan=-1).astype(int))
    marked, told = opened_and_told(path, missing=-1)
    assert told == ["mine.npz: 2 of 12 images lack a label and are left out"]
    assert marked.fingerprint == data.fingerprint
    assert marked.options.missing == "-1"
    assert opened_and_told(path)[0].factors.sizes == (4, 5)  # else -1 is a class


# Other keys


def test_labels_under_another_key_are_named_and_taken_where_asked(path):
    np.savez(path, images=BYTES, targets=GRID, y=GRID[:, 1], version=np.arange(3))
    data, told = opened_and_told(path)
    assert data.factors is None
    assert told == [
        "mine.npz: no factors, but targets (12, 2), y (12,), a row per image: --factors-from targets takes it as labels"
    ]
    data, told = opened_and_told(path, factors_from="targets")
    assert (told, data.factors.names, data.factors.sizes) == ([], ("targets0", "targets1"), (3, 4))
    assert opened_and_told(path, factors_from="y")[0].factors.names == ("y",)
    both = opened_and_told(path, factors_from="y, targets")[0]
    assert both.factors.names == ("y", "targets0", "targets1")
    assert both.factors_at(range(12)).tolist() == np.column_stack([GRID[:, 1], GRID]).tolist()
    with pytest.raises(DataError, match=r"need an array label in .*, got images, targets, version, y"):
        load_dataset(path, factors_from="label")


def test_the_only_array_of_images_is_taken_whatever_its_name(path):
    np.savez(path, x_train=BYTES, factors=GRID)
    data, _ = opened_and_told(path)
    assert np.array_equal(every(data), BYTES)
    assert data.source == f"file {path}; images from x_train, the only array of images there"
    np.savez(path, x_train=BYTES, x_test=BYTES[:3])
    assert np.array_equal(every(opened_and_told(path, images_from="x_test")[0]), BYTES[:3])


@pytest.mark.parametrize("option", ["bins", "missing", "factors_from", "images_from"])
def test_what_files_alone_have_is_refused_for_public_data(option):
    with pytest.raises(IFPError, match=f"need data of your own for --{option.replace('_', '-')}, got dsprites-tiny"):
        load_dataset("dsprites-tiny", **{option: 3 if option == "bins" else "x"})


# Other files


@pytest.mark.parametrize("suffix", ["h5", "hdf5", "HDF5"])
def test_arrays_of_an_hdf5_file_are_those_of_an_npz(suffix, tmp_path, path):
    text = np.array(["red", "green", "blue"])[GRID[:, 0]]
    with h5py.File(tmp_path / f"mine.{suffix}", "w") as file:
        file.create_dataset("images", data=BYTES, chunks=(2, 5, 7, 3), compression="gzip")
        file["group/colour"] = text.astype("S")
        file["group/place"] = GRID[:, 1] / 7
    np.savez(path, images=BYTES, colour=text, place=GRID[:, 1] / 7)
    names = "group/colour,group/place"
    found = opened_and_told(tmp_path / f"mine.{suffix}", factors_from=names)[0]
    same = opened_and_told(path, factors_from="colour,place")[0]
    assert found.factors.names == same.factors.names == ("colour", "place")
    assert found.factors_at(range(12)).tolist() == [[2 - i // 4 if i // 4 != 1 else 1, i % 4] for i in range(12)]
    assert found.fingerprint == same.fingerprint


def test_strings_of_any_length_in_hdf5_are_labels_and_names(tmp_path):
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file["images"] = BYTES[:3]
        file.create_dataset("factors", data=["b", "ää", "b"], dtype=h5py.string_dtype())
        file.create_dataset("factor_names", data=["letter"], dtype=h5py.string_dtype())
    with pytest.warns(DataWarning, match="several images"):
        data = load_dataset(tmp_path / "mine.h5")
    assert (data.factors.names, data.factors_at(range(3)).ravel().tolist()) == (("letter",), [0, 1, 0])


def test_an_hdf5_file_tells_what_it_holds_and_follows_no_link(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = BYTES
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file["a/one"], file["a/two"] = BYTES, BYTES
        file["away"] = h5py.ExternalLink("other.h5", "x")
    with pytest.raises(DataError, match=r"need an array images in .*, got a/one, a/two \(--images-from a/one takes"):
        load_dataset(tmp_path / "mine.h5")
    with pytest.raises(DataError, match=r"need an array away in .*, got a/one, a/two"):
        load_dataset(tmp_path / "mine.h5", images_from="away")
    (tmp_path / "mine.h5").write_bytes(b"no file of that kind")
    with pytest.raises(DataError, match=r"need a whole HDF5 file, .*mine.h5 is damaged"):
        load_dataset(tmp_path / "mine.h5")


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_npy_holds_images_alone(order, tmp_path):
    np.save(tmp_path / "mine.npy", np.array(BYTES, order=order))
    data, told = opened_and_told(tmp_path / "mine.npy")
    assert (told, data.factors) == ([], None)
    assert np.array_equal(every(data), BYTES)
    with pytest.raises(DataError, match="an npy has one, taken as images: save an npz"):
        load_dataset(tmp_path / "mine.npy", factors_from="labels")


def test_an_npy_of_objects_or_cut_short_is_refused(tmp_path):
    np.save(tmp_path / "mine.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"need a whole npy file of numbers, .*mine.npy"):
        load_dataset(tmp_path / "mine.npy")
    np.save(tmp_path / "mine.npy", BYTES)
    (tmp_path / "mine.npy").write_bytes((tmp_path / "mine.npy").read_bytes()[:500])
    with pytest.raises(DataError, match=r"need a whole npy file of numbers, .*mine.npy"):
        load_dataset(tmp_path / "mine.npy")
