"""Data sets kept in the cache: read once and whole, told apart by their sources, refused where damaged."""

import json
import os
import shutil
from collections import namedtuple

import numpy as np
import pytest

from annealing.errors import DataError, IFPError
from ifp.datasets.dataset import Factors
from ifp.datasets.stored import Content, StoredDataset, prepared

BYTES = np.random.default_rng(0).integers(256, size=(11, 4, 5, 3), dtype=np.uint8)
FLOATS = np.random.default_rng(1).random((7, 3, 6, 1), dtype=np.float32)
LABELS = np.array([[0, 0], [0, 2], [1, 1], [0, 0], [1, 2], [1, 1], [0, 0], [0, 1], [1, 0], [1, 0], [0, 1]])
FACTORS = Factors(("kind", "size"), (2, 3))
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(b"what the images are read from")
    return path


class Reader:
    """Reads images into contents, some at a time, and counts how often."""

    def __init__(self, images, labels=None, factors=None, together=4, before_the_end=lambda: None):
        self.images, self.labels, self.factors, self.times = images, labels, factors, 0
        self._together, self._before_the_end = together, before_the_end

    def _blocks(self):
        for start in range(0, len(self.images), self._together):
            yield self.images[start : start + self._together]
        self._before_the_end()

    def __call__(self):
        self.times += 1
        return Content(
            shape=self.images.shape,
            dtype=self.images.dtype.type,
            blocks=self._blocks(),
            labels=self.labels,
            factors=self.factors,
        )


def stored(images, source, *labelled, **settings):
    return StoredDataset("data", prepared("data", [source], Reader(images, *labelled)), source="a test", **settings)


@pytest.mark.parametrize("images", [BYTES, FLOATS], ids=["bytes", "floats"])
def test_images_come_back_as_they_were_read(images, source):
    data = stored(images, source)
    index = np.random.default_rng(2).integers(len(images), size=40)
    assert len(data) == len(images)
    assert data.image_shape == images.shape[1:]
    assert data.images(index).dtype == images.dtype
    assert np.array_equal(data.images(index), images[index])
    assert np.array_equal(data.images(index.tolist()), images[index])
    assert data.images([]).shape == (0, *images.shape[1:])


@pytest.mark.parametrize("together", [1, 3, 11, 100])
def test_how_many_images_are_read_at_a_time_changes_nothing(together, source, cache):
    whole = stored(BYTES, source, LABELS, FACTORS)
    (folder,) = cache.iterdir()
    shutil.rmtree(folder)
    again = prepared("data", [source], Reader(BYTES, LABELS, FACTORS, together))
    assert (again / "images.bin").read_bytes() == BYTES.tobytes()
    assert StoredDataset("data", again, source="a test").fingerprint == whole.fingerprint


def test_labels_come_back_and_are_looked_up(source):
    data = stored(BYTES, source, LABELS, FACTORS, nuisances=("which",))
    index = np.arange(len(BYTES))
    assert data.factors == FACTORS
    assert np.array_equal(data.factors_at(index), LABELS)
    assert data.lookup(np.array([[0, 0], [1, 1], [0, 2]])).tolist() == [0, 2, 1]
    assert data.lookup(np.array([[1, 1], [0, 0]]), nuisances_of=np.array([6, 3])).tolist() == [2, 3]  # ranks 2 and 1
    assert data.holds(np.array([[0, 2], [1, 2], [2, 0]])).tolist() == [True, True, False]
    assert data.several == 4
    assert data.nuisances == ("which",)


def test_which_of_its_cells_images_is_no_nuisance_where_each_cell_has_one(source):
    data = stored(BYTES[:3], source, LABELS[:3], FACTORS, nuisances=("which",))
    assert data.several == 0
    assert data.nuisances == ()


def test_without_labels_no_factors_are_told_and_a_lookup_is_refused(source):
    data = stored(BYTES, source, nuisances=("which",))
    assert data.factors is None
    assert data.factors_at([0, 1]) is None
    assert data.nuisances == ()
    assert data.several == 0
    for function in (data.lookup, data.holds):
        with pytest.raises(IFPError, match=r"^need a data set with labelled factors, data has none$"):
            function(np.array([[0, 0]]))


@pytest.mark.parametrize("index", [[0, 11], [-1]], ids=str)
def test_an_index_beyond_the_images_is_refused(index, source):
    data = stored(BYTES, source, LABELS, FACTORS)
    for function in (data.images, data.factors_at):
        with pytest.raises(IFPError, match=r"image index in 0\.\.10"):
            function(index)


def test_sources_are_read_once(source, cache, unwritten):
    reader = Reader(BYTES, LABELS, FACTORS)
    folder = prepared("data", [source], reader)
    assert {path.name for path in folder.iterdir()} == {"images.bin", "labels.npy", "header.json"}
    assert list(cache.iterdir()) == [folder]
    with unwritten(cache):
        assert prepared("data", [source], reader) == folder
    assert reader.times == 1


def longer(path):
    stat = path.stat()
    path.write_bytes(b"something longer than what the images were read from")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def later(path):
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000_000))


@pytest.mark.parametrize("change", [longer, later])
def test_a_source_of_another_size_or_time_is_read_again(change, source):
    prepared("data", [source], Reader(BYTES))
    change(source)
    data = stored(FLOATS, source)
    assert np.array_equal(data.images(range(len(FLOATS))), FLOATS)


@pytest.mark.parametrize("other", ["name", "version", "place"])
def test_another_name_version_or_place_of_the_sources_is_kept_apart(other, source, tmp_path):
    first, reader = prepared("data", [source], Reader(BYTES)), Reader(BYTES)
    copy = shutil.copy2(source, tmp_path / "copy")
    given = {"name": ("more", [source]), "version": ("data", [source], reader, "2"), "place": ("data", [copy])}[other]
    name, sources, *rest = given
    second = prepared(name, sources, *(rest or [reader]))
    assert second != first
    assert reader.times == 1


def test_a_source_that_is_missing_is_refused_before_anything_is_read(tmp_path, cache):
    reader = Reader(BYTES)
    with pytest.raises(DataError, match=rf"need to read the files of data, got: .*'{tmp_path / 'absent'}'"):
        prepared("data", [tmp_path / "absent"], reader)
    assert reader.times == 0
    assert not cache.exists()


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (DataError("image 12 is no picture"), "^image 12 is no picture$"),
        (OSError(5, "Input/output error"), r"^need to read data into .*, got: .*Input/output error"),
    ],
    ids=["data", "disk"],
)
def test_a_failure_amid_the_images_leaves_nothing_and_the_next_time_reads_them(failure, reason, source, cache):
    def fail():
        raise failure

    with pytest.raises(DataError, match=reason):
        prepared("data", [source], Reader(BYTES, before_the_end=fail))
    assert list(cache.iterdir()) == []
    data = stored(BYTES, source)
    assert np.array_equal(data.images(range(11)), BYTES)


def test_an_interruption_amid_the_images_leaves_nothing(source, cache):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepared("data", [source], Reader(BYTES, before_the_end=interrupt))
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("held", [10, 12])
def test_images_of_another_number_than_said_are_refused(held, source, cache):
    def read():
        images = np.zeros((held, 4, 5, 3), np.uint8)
        return Content(shape=BYTES.shape, dtype=np.uint8, blocks=iter([images]))

    with pytest.raises(DataError, match=f"^need 660 bytes of images for data, got {60 * held}$"):
        prepared("data", [source], read)
    assert list(cache.iterdir()) == []


def test_a_cache_without_room_is_refused_before_an_image_is_read(source, cache, monkeypatch):
    def blocks():
        raise AssertionError("no image is to be read")
        yield

    def read():
        return Content(shape=(1000, 10, 10, 1), dtype=np.float32, blocks=blocks())

    monkeypatch.setattr("ifp.datasets.stored.shutil.disk_usage", lambda _: Usage(10**6, 600_001, 399_999))
    with pytest.raises(DataError, match=rf"^need 400,000 bytes in {cache} .* 399,999 are free \(IFP_CACHE_DIR sets"):
        prepared("data", [source], read)
    assert list(cache.iterdir()) == []


def test_a_cache_with_just_the_room_is_filled(source, monkeypatch):
    monkeypatch.setattr("ifp.datasets.stored.shutil.disk_usage", lambda _: Usage(10**6, 10**6 - 660, BYTES.size))
    assert np.array_equal(stored(BYTES, source).images([3]), BYTES[3:4])


def test_a_cache_directory_that_cannot_be_made_is_refused(source, tmp_path, monkeypatch):
    monkeypatch.setenv("IFP_CACHE_DIR", str(source))
    with pytest.raises(DataError, match=r"^need a writable cache directory \(IFP_CACHE_DIR sets another\), got: "):
        prepared("data", [source], Reader(BYTES))


def test_a_folder_that_another_process_filled_meanwhile_is_taken(source, cache):
    reader = Reader(BYTES, before_the_end=lambda: prepared("data", [source], Reader(BYTES)))
    folder = prepared("data", [source], reader)
    assert list(cache.iterdir()) == [folder]
    assert np.array_equal(StoredDataset("data", folder, source="a test").images(range(11)), BYTES)


def cut_the_images(folder):
    os.truncate(folder / "images.bin", 659)


def lengthen_the_images(folder):
    with (folder / "images.bin").open("ab") as file:
        file.write(b"0")


def remove_the_images(folder):
    (folder / "images.bin").unlink()


def cut_the_header(folder):
    os.truncate(folder / "header.json", 20)


def forget_the_shape(folder):
    (folder / "header.json").write_text("{}")


def invent_a_type(folder):
    header = json.loads((folder / "header.json").read_text())
    (folder / "header.json").write_text(json.dumps(header | {"dtype": "uint7"}))


@pytest.mark.parametrize(
    "damage",
    [cut_the_images, lengthen_the_images, remove_the_images, cut_the_header, forget_the_shape, invent_a_type],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_folder_of_the_cache_is_refused_and_to_be_removed(damage, source):
    folder = prepared("data", [source], Reader(BYTES, LABELS, FACTORS))
    damage(folder)
    with pytest.raises(DataError, match=rf"need .* {folder}.*remove it"):
        stored(BYTES, source, LABELS, FACTORS)
    shutil.rmtree(folder)
    assert np.array_equal(stored(BYTES, source, LABELS, FACTORS).images([10]), BYTES[10:])


def test_the_cache_can_be_read_by_others(source):
    folder = prepared("data", [source], Reader(BYTES))
    assert folder.stat().st_mode & 0o777 == 0o755


def one_pixel_off(images):
    changed = images.copy()
    changed[-1, -1, -1, -1] += 1
    return changed


OTHERS = {
    "a pixel": (one_pixel_off(BYTES), LABELS, FACTORS),
    "the height and width": (BYTES.reshape(11, 5, 4, 3), LABELS, FACTORS),
    "the order": (BYTES[::-1], LABELS, FACTORS),
    "a label": (BYTES, LABELS[::-1], FACTORS),
    "the names": (BYTES, LABELS, Factors(("size", "kind"), (2, 3))),
    "the sizes": (BYTES, LABELS, Factors(("kind", "size"), (2, 4))),
    "no labels": (BYTES, None, None),
    "the type": (BYTES.astype(np.float32), LABELS, FACTORS),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_the_fingerprint_is_that_of_images_and_labels_wherever_they_come_from(other, source, tmp_path):
    elsewhere, third = tmp_path / "elsewhere", tmp_path / "third"
    elsewhere.write_bytes(b"of another size and name")
    third.write_bytes(b"of a third")
    fingerprint = stored(BYTES, source, LABELS, FACTORS).fingerprint
    assert stored(BYTES, source, LABELS, FACTORS).fingerprint == fingerprint
    assert stored(BYTES, elsewhere, LABELS, FACTORS).fingerprint == fingerprint
    assert stored(other[0], third, *other[1:]).fingerprint != fingerprint
