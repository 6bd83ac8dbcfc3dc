"""The cache after kills: what writers left goes, what is being written stays; how large it is, and emptying it."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

import ifp
from annealing.errors import DataError
from ifp.datasets.cache import CacheUse, cache_use, clear_cache, write_once
from ifp.files.atomic import PARTIAL, new_folder, replacing, sweep, workplace

HELD = """
import sys, time
from pathlib import Path
from ifp.files.atomic import new_folder, replacing
with (replacing if sys.argv[1] == "file" else new_folder)(Path(sys.argv[2], "x.bits")) as made:
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    directory = tmp_path / "cache"
    directory.mkdir()
    monkeypatch.setenv("IFP_CACHE_DIR", str(directory))
    return directory


@pytest.fixture(params=["file", "folder"])
def writer(request, cache, environment):
    """A process in the middle of writing into the cache."""
    command = [sys.executable, "-c", HELD, request.param, str(cache)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def unfinished(folder):
    return sorted(each.name for each in folder.glob(f"{PARTIAL}*"))


def test_what_is_being_written_stays_and_goes_once_its_writer_is_dead(writer, cache):
    (left,) = unfinished(cache)
    sweep(cache)
    write_once(cache / "other.bits", [np.zeros(4, np.uint8)], 4)
    assert unfinished(cache) == [left]
    writer.kill()
    writer.wait()
    assert unfinished(cache) == [left]  # nothing but the next writer removes it
    write_once(cache / "another.bits", [np.zeros(4, np.uint8)], 4)
    assert unfinished(cache) == []
    assert sorted(each.name for each in cache.iterdir()) == ["another.bits", "other.bits"]


def test_every_way_into_the_cache_takes_what_others_left(cache, tmp_path):
    from PIL import Image

    def leave(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{PARTIAL}old.bits").write_bytes(b"x")
        (folder / f"{PARTIAL}room" / "deep").mkdir(parents=True)

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.fromarray(np.zeros((6, 8), np.uint8)).save(pictures / "0.png")
    leave(cache)
    ifp.load_dataset(str(pictures))
    assert unfinished(cache) == []
    images = np.random.default_rng(0).integers(0, 256, (3, 6, 8), np.uint8)
    ds = ifp.from_arrays(images)
    (cache / "arrays").mkdir(exist_ok=True)
    place = next((cache / "arrays").iterdir())
    leave(place)
    (place / "arrays.npz").unlink()
    assert np.array_equal(ifp.from_arrays(images).images([0, 1, 2]), ds.images([0, 1, 2]))
    assert unfinished(place) == []


def test_links_and_other_files_are_not_swept(cache, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    (cache / f"{PARTIAL}link").symlink_to(tmp_path / "mine")
    (cache / "partial").write_text("not ours")
    sweep(cache)
    assert (tmp_path / "mine" / "file").read_text() == "mine"
    assert (cache / "partial").exists()


def test_a_place_swept_away_before_it_was_locked_is_made_again(cache, monkeypatch):
    real, swept = os.open, []

    def opened(path, *arguments, **more):
        handle = real(path, *arguments, **more)
        if PARTIAL in str(path) and not swept:
            swept.append(path)
            os.unlink(path)
        return handle

    monkeypatch.setattr(os, "open", opened)
    with replacing(cache / "x.bits") as file:
        file.write(b"whole")
    assert (cache / "x.bits").read_bytes() == b"whole"
    assert len(swept) == 1


def test_folders_that_cannot_be_made_are_an_error(cache):
    for make in (replacing, new_folder):
        with pytest.raises(FileNotFoundError), make(cache / "none" / "x"):
            pass

    def fail():
        with workplace(cache) as room:
            (room / "file").write_text("x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(cache.iterdir()) == []


def test_processes_that_are_killed_while_others_build_leave_nothing(cache, environment, tmp_path):
    """Two builders at a time, the first killed at once: in the end one whole file, and nothing else."""
    script = (
        "import numpy as np, os\nfrom pathlib import Path\nfrom ifp.datasets.cache import write_once\n"
        "def blocks():\n    for number in range(200):\n        yield np.full(2**14, number, np.uint8)\n"
        "write_once(Path(os.environ['IFP_CACHE_DIR'], 'big.bits'), blocks(), 200 * 2**14)\n"
    )
    own = {**environment, "IFP_CACHE_DIR": str(cache)}
    for wait in (0.0, 0.3, 0.35, 0.4):
        processes = [subprocess.Popen([sys.executable, "-c", script], env=own) for _ in range(2)]
        time.sleep(wait)
        processes[0].kill()
        assert [process.wait() for process in processes][1] == 0
        if wait < 0.4:
            (cache / "big.bits").unlink()
    write_once(cache / "last.bits", [np.zeros(1, np.uint8)], 1)
    assert sorted(each.name for each in cache.iterdir()) == ["big.bits", "last.bits"]
    expected = np.repeat(np.arange(200, dtype=np.uint8), 2**14)
    assert np.array_equal(np.fromfile(cache / "big.bits", np.uint8), expected)


# How large it is, and emptying it


@pytest.fixture
def filled(cache):
    """Sizes of what is in the cache, each a power of two."""
    (cache / "dsprites-rendered-1.bits").write_bytes(b"x")
    (cache / ("shapes3d-" + "0" * 16)).mkdir()
    (cache / ("shapes3d-" + "0" * 16) / "images.bin").write_bytes(b"x" * 2)
    (cache / ("shapes3d-" + "0" * 16) / "header.json").touch()
    (cache / ("photos-" + "0" * 16)).mkdir()  # somebody else's, of such a name
    (cache / ("photos-" + "0" * 16) / "me.png").write_bytes(b"mine")
    (cache / "data" / "cars3d").mkdir(parents=True)
    (cache / "data" / "cars3d" / "nips2015.tar.gz").write_bytes(b"x" * 4)
    (cache / "arrays" / "abc").mkdir(parents=True)
    (cache / "arrays" / "abc" / "bars.npz").write_bytes(b"x" * 8)
    (cache / f"{PARTIAL}old.bits").write_bytes(b"x" * 16)
    (cache / "notes.txt").write_bytes(b"mine")
    return cache


def test_the_size_of_the_cache_is_told_by_what_it_is(filled, told):
    assert cache_use() == CacheUse(prepared=3, fetched=4, arrays=8, left=16)
    code, error, _ = told("data", "list")
    assert code == 0
    assert f"cache {filled}:" in " ".join(error.split())


def test_clearing_leaves_what_is_not_made_again(filled, told):
    assert clear_cache() == CacheUse(prepared=3, fetched=4, arrays=8, left=16)
    assert cache_use() == CacheUse(prepared=0, fetched=4, arrays=8, left=0)
    assert (filled / "notes.txt").read_bytes() == b"mine"
    assert (filled / ("photos-" + "0" * 16) / "me.png").read_bytes() == b"mine"
    code, error, out = told("data", "clear", "--all")
    assert (code, out, error.count("\n")) == (0, "", 1)
    assert sorted(each.name for each in filled.iterdir()) == ["notes.txt", "photos-" + "0" * 16]
    assert cache_use() == CacheUse(0, 0, 0, 0)


def test_clearing_keeps_what_is_being_written(writer, cache):
    clear_cache(everything=True)
    assert len(unfinished(cache)) == 1


def test_there_need_be_no_cache(cache, told):
    cache.rmdir()
    assert clear_cache(everything=True) == cache_use() == CacheUse(0, 0, 0, 0)
    assert told("data", "clear")[0] == 0
    assert not cache.exists()


def test_links_in_the_cache_are_neither_counted_nor_followed(filled, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "file").write_bytes(b"x" * 1000)
    (filled / ("linked-" + "0" * 16)).symlink_to(mine)
    (filled / "data" / "linked").symlink_to(mine)
    assert cache_use() == CacheUse(prepared=3, fetched=4, arrays=8, left=16)
    clear_cache(everything=True)
    assert (mine / "file").exists()


def test_a_cache_that_cannot_be_read_or_made_is_one_error(tmp_path, monkeypatch):
    monkeypatch.setenv("IFP_CACHE_DIR", str(tmp_path / ("x" * 300)))
    with pytest.raises(DataError, match="need a"):
        write_once(tmp_path / ("x" * 300) / "file", [np.zeros(1, np.uint8)], 1)
    with pytest.raises(DataError, match="need a"):
        ifp.from_arrays(np.zeros((3, 4, 4), np.uint8))
    with pytest.raises(DataError, match="need a"):
        cache_use()
