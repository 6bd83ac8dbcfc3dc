"""Files of data from anyone: each is read or refused with a DataError; nothing is run, followed or without bounds."""

import io
import os
import re
import struct
import tarfile
import zipfile
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from annealing.errors import DataError
from ifp.datasets import DataWarning, load_dataset
from ifp.datasets.archives import unpacked
from ifp.datasets.folder_listing import list_folder
from ifp.datasets.mat_arrays import read_variable
from ifp.files.names import file_name
from ifp.run_directory.listing import new_run_path

BOUNDED = settings(
    derandomize=True,
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
pytestmark = [pytest.mark.filterwarnings("ignore::ifp.datasets.DataWarning", "ignore::RuntimeWarning")]
PIXELS = np.random.default_rng(0).integers(256, size=(6, 4, 5), dtype=np.uint8)
GRID = np.stack(np.unravel_index(np.arange(6), (2, 3)), axis=1)
KINDS = st.one_of(
    hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.floating_dtypes(), hnp.boolean_dtypes(),
    hnp.complex_number_dtypes(), hnp.unicode_string_dtypes(max_len=4), hnp.byte_string_dtypes(max_len=4),
    hnp.datetime64_dtypes(),
)  # fmt: skip
SHAPES = hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=6)
ARRAYS = KINDS.flatmap(lambda kind: hnp.arrays(kind, SHAPES))
NAMED = st.sampled_from(["images", "imgs", "factors", "factor_names", "latents_classes", "../x", "more"])


@pytest.fixture(scope="module")
def cache(module_cache):
    return module_cache


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("npz")


def read(path, bins=None):
    """Whether the file is taken, its images and factors too; else it is refused."""
    try:
        data = load_dataset(str(path), bins=bins)
    except DataError:
        return False
    assert data.images(range(len(data))).shape == (len(data), *data.image_shape)
    assert (data.factors_at(range(len(data))) is None) == (data.factors is None)
    return True


def zipped(path, method=zipfile.ZIP_DEFLATED, **members):
    """A zip of these bytes as arrays."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return path


def npy(array):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def claiming(header, values=b"", version=1, length=None):
    """An array whose header is that text."""
    text = header.encode()
    packed = struct.pack("<H" if version == 1 else "<I", len(text) if length is None else length)
    return b"\x93NUMPY" + bytes((version, 0)) + packed + text + values


@BOUNDED
@given(st.dictionaries(NAMED, ARRAYS, min_size=1, max_size=4), st.sampled_from([None, 2]))
def test_any_arrays_are_a_data_set_or_refused(place, arrays, bins):
    read(zipped(place / "any.npz", **{name: npy(array) for name, array in arrays.items()}), bins)


@BOUNDED
@given(
    hnp.arrays(st.sampled_from([np.uint8, np.float32]), SHAPES), hnp.arrays(KINDS, SHAPES), st.sampled_from([None, 3])
)
def test_any_images_and_factors_are_a_data_set_or_refused(place, images, factors, bins):
    read(zipped(place / "both.npz", images=npy(np.clip(images, 0, 1)), factors=npy(factors)), bins)


@BOUNDED
@given(st.data())
def test_any_header_is_believed_only_where_its_bytes_are_there(place, data):
    sizes = st.sampled_from([0, 1, 2, 4, 5, 6, 10**6, 2**31, 2**62, 2**64, -1])
    described = st.sampled_from(
        ["|u1", "<f4", "|O", "<U3", "<U0", "|V0", "(3,)u1", "x", "", [("a", "|O")], (), 7, None]
    )
    shape = data.draw(st.lists(sizes, max_size=5).map(tuple) | st.just((6, 4, 5)) | st.just((0,) * 65))
    header = {
        "descr": data.draw(described),
        "fortran_order": data.draw(st.sampled_from([False, True, 2])),
        "shape": shape,
    }
    member = claiming(repr(header), PIXELS.tobytes(), data.draw(st.sampled_from([1, 2, 3])))
    name = data.draw(st.sampled_from(["images", "factors"]))
    read(zipped(place / "header.npz", **{"images": npy(PIXELS), name: member}))


@BOUNDED
@given(st.integers(0, 10**6), st.binary(max_size=4), st.booleans(), st.integers(0, 3))
def test_a_file_with_bytes_changed_is_read_or_refused(place, at, put, packed, cut):
    whole = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(whole, images=PIXELS, factors=GRID, factor_names=["a", "b"])
    data = whole.getvalue()
    (place / "bytes.npz").write_bytes(data[: at % len(data)] + put + data[at % len(data) + cut :])
    read(place / "bytes.npz")


@BOUNDED
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_an_hdf5_file_or_an_npy_with_bytes_changed_is_read_or_refused(place, at, put):
    with h5py.File(place / "whole.h5", "w") as file:
        file["images"], file["factors"], file["factor_names"] = PIXELS, GRID / 2, np.array(["a", "b"], "S")
    np.save(place / "whole.npy", PIXELS)
    for kind in ("h5", "npy"):
        data = (place / f"whole.{kind}").read_bytes()
        at %= len(data)
        (place / f"changed.{kind}").write_bytes(data[:at] + put + data[at + len(put) :])
        read(place / f"changed.{kind}")


def with_names(*names):
    return {"images": npy(PIXELS), "factors": npy(GRID), "factor_names": npy(np.array(names))}


def header(shape):
    return repr({"descr": "|u1", "fortran_order": False, "shape": shape})


BLACK = np.zeros((1, 6000, 10_000), np.uint8)
HEADER = header((6, 4, 5))
NO_CHARACTERS = npy(np.array(["ab", "cd"]))[:-16] + b"\xff" * 16
REFUSED = {
    "an image of 60 million pixels": ({"images": npy(BLACK)}, "at most 50,000,000 values"),
    "257 factors": ({"images": npy(PIXELS), "factors": npy(np.zeros((6, 257), np.uint8))}, "at most 256 columns"),
    "a header of 4 GB": ({"images": claiming(HEADER, version=2, length=2**32 - 1)}, "its header is damaged"),
    "a deep header": ({"images": claiming("(" * 5000)}, "its header is damaged"),
    "a header that calls": ({"images": claiming("__import__('os').mkdir('called')")}, "its header is damaged"),
    "a header of signs": ({"images": claiming("-" * 9000 + "1")}, "its header is damaged"),
    "65 axes": ({"images": claiming(header((0,) * 65))}, "claims the shape"),
    "2^70 images of no pixels": ({"images": claiming(header((2**70, 0, 4)))}, "claims the shape"),
    "objects in a structure": (
        {"images": npy(np.zeros(3, [("a", object)]))}, "got Python objects, which are never unpickled",
    ),
    "names that are no characters": (
        {"images": npy(PIXELS), "factors": npy(GRID), "factor_names": NO_CHARACTERS}, "numbers that are no characters",
    ),
    "a name that clears the screen": (with_names("a", "\x1b[2J"), r"printable factor_names .*'\\x1b\[2J'"),
    "a name with half a character": (with_names("a", "\ud800"), r"printable factor_names .*'\\ud800'"),
    "a formula as a name": (with_names("a", "$\\x$"), "printable factor_names"),
    "a name of a page": (with_names("a", "b" * 5000), "printable factor_names"),
}  # fmt: skip


@pytest.mark.parametrize(("members", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_would_take_too_much_or_be_run_is_refused(members, reason, place, monkeypatch):
    monkeypatch.chdir(place)
    with pytest.raises(DataError, match=reason) as caught:
        load_dataset(str(zipped(place / "bad.npz", **members)))
    assert len(str(caught.value)) < 1000
    assert not (place / "called").exists()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packing_that_unpacks_whole_blocks_is_refused(method, place):
    with pytest.raises(DataError, match=r"packing method 1[24] is not supported"):
        load_dataset(str(zipped(place / "packed.npz", method, images=npy(PIXELS))))


def test_a_bomb_is_refused_before_anything_is_written(place, refusal, monkeypatch):
    path = zipped(place / "bomb.npz", images=npy(np.zeros((50, 1000, 1000), np.uint8)))  # 50 KB
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=40_000_000))
    assert re.search("need 50,000,000 bytes in .* 40,000,000 are free", refusal(path))


def test_separators_in_a_factor_s_name_lead_nowhere(place):
    assert read(zipped(place / "separators.npz", **with_names("../../a", "b/c")))


def test_a_pipe_is_not_waited_for(place):
    os.mkfifo(place / "pipe.npz")
    with pytest.raises(DataError, match=r"pipe\.npz is no file"):
        load_dataset(str(place / "pipe.npz"))


@pytest.mark.parametrize(
    "name", ["two\nlines.npz", "\x1b[2J.npz", b"\xff.npz".decode(errors="surrogateescape"), "$a$.npz"]
)
def test_a_file_whose_name_cannot_be_shown_is_refused(name, place):
    zipped(place / "plain.npz", images=npy(PIXELS)).rename(place / name)
    with pytest.raises(DataError, match="need a path in one line of UTF-8") as caught:
        load_dataset(str(place / name))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("path", ["a\0b.npz", "~nobody-of-that-name/a.npz"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(DataError, match="need a path, got"):
        load_dataset(path)
    with pytest.raises(DataError, match="need a path, got"):
        load_dataset("scream-dsprites-32", background=path)


def test_a_name_as_long_as_a_file_system_takes_is_read_and_names_a_run(place):
    path = zipped(place / ("界" * 83 + ".npz"), images=npy(PIXELS))
    data = load_dataset(str(path))
    assert np.array_equal(data.images(range(6))[..., 0], PIXELS)
    new_run_path(place / "runs", "anneal", data.name).mkdir(parents=True)


@pytest.mark.parametrize(
    "name", ["x" * 5000, "x" * 5000 + ".npz", "a/" * 5000, "/" + "x" * 300 + "/a.npz", "界" * 200 + ".npz"]
)
def test_a_name_longer_than_a_file_system_takes_is_refused(name):
    with pytest.raises(DataError, match=r"need (a data set out of|an npz|a path in one line)"):
        load_dataset(name)


@BOUNDED
@given(st.text(max_size=200))
def test_a_part_of_a_file_s_name_stays_in_its_folder(name):
    text = name.encode("utf-8", "ignore").decode()
    found = file_name(text)
    assert len(found.encode()) <= 100
    assert not set(found) & set("/\\\0\n")


# Folders and archives


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4)).save(path)
    return path


def test_links_out_of_a_folder_of_pictures_are_left_out(tmp_path):
    secret = picture(tmp_path / "secret/a.png")
    inside = picture(tmp_path / "mine/b.png")
    (tmp_path / "mine/link.png").symlink_to(secret)
    (tmp_path / "mine/folder").symlink_to(secret.parent)
    (tmp_path / "mine/round.png").symlink_to("round.png")
    (tmp_path / "mine/again.png").symlink_to(inside)
    assert [each.name for each in list_folder(tmp_path / "mine").pictures] == ["again.png", "b.png"]


def link(name, to, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, to
    return member


def test_members_that_lead_out_of_an_archive_are_not_unpacked(pack, tmp_path):
    path = pack(tmp_path / "in/a.tgz", ("a", b"a"), ("../../b", b"b"))
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpacked(path, "cars", lambda name: name)
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["a.tgz", "in"]


def test_links_and_devices_of_an_archive_are_left_out(pack, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    others = (link("l", str(secret)), link("h", "../secret", tarfile.LNKTYPE), link("d", "", tarfile.CHRTYPE))
    folder = unpacked(pack(tmp_path / "a.tgz", *others, ("a", b"a")), "cars", lambda name: name)
    assert [each.name for each in folder.iterdir()] == ["a"]


def test_an_archive_that_unpacks_to_too_much_is_refused_and_leaves_nothing(pack, tmp_path, monkeypatch):
    monkeypatch.setattr("ifp.datasets.archives._LARGEST", 10**6)
    path = pack(tmp_path / "a.tgz", *((f"f{number}", bytes(10**5)) for number in range(11)))
    with pytest.raises(DataError, match="unpacks to more than is free or sensible"):
        unpacked(path, "cars", lambda name: name)
    assert [each.name for each in tmp_path.iterdir()] == ["a.tgz"]


def test_a_packed_variable_of_matlab_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("ifp.datasets.mat_arrays._LARGEST", 10**6)
    scipy.io.savemat(tmp_path / "a.mat", {"x": np.zeros((1000, 1001), np.uint8)}, do_compression=True)
    with pytest.raises(DataError, match="need variables of at most 1,000,000 bytes"):
        read_variable(tmp_path / "a.mat", "x")


def test_a_type_that_matlab_has_not_is_refused_and_does_not_end_the_process(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"x": np.ones((4, 4), np.uint8)})
    data = bytearray((tmp_path / "a.mat").read_bytes())
    at = data.rindex(struct.pack("<II", 2, 16))  # the tag of the values
    for number in (0, 8, 14, 15, 19, 0x202, 0xFFFF):
        data[at : at + 4] = struct.pack("<I", number)
        (tmp_path / "a.mat").write_bytes(data)
        with pytest.raises(DataError, match=r"a\.mat cannot be read: an array lacks elements that are numbers"):
            read_variable(tmp_path / "a.mat", "x")


@pytest.mark.parametrize("kind", ["a link to another file", "values in another file", "a virtual data set"])
def test_an_hdf5_file_does_not_reach_into_other_files(kind, refusal, tmp_path):
    images = np.zeros((4, 8, 8, 3), np.uint8)
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["images"] = images
    (tmp_path / "raw").write_bytes(images.tobytes())
    with h5py.File(tmp_path / "3dshapes.h5", "w") as file:
        file["labels"] = np.zeros((4, 6))
        if kind == "a link to another file":
            file["images"] = h5py.ExternalLink("other.h5", "images")
        elif kind == "values in another file":
            file.create_dataset("images", images.shape, np.uint8, external=[(str(tmp_path / "raw"), 0, images.size)])
        else:
            layout = h5py.VirtualLayout(images.shape, np.uint8)
            layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "images", images.shape)
            file.create_virtual_dataset("images", layout)
    expected = "need (a data set images in|images in .* itself, it lies in other files)"
    assert re.search(expected, refusal("shapes3d", tmp_path))


def test_a_warning_of_data_is_still_one(place):
    with pytest.warns(DataWarning):
        load_dataset(str(zipped(place / "several.npz", images=npy(PIXELS), factors=npy(0 * GRID))))
