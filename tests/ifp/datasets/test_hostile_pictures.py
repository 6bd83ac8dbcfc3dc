"""Pictures from strangers: five formats by content, whatever a file is called; no program started; bounded memory."""

import io
import subprocess

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import EpsImagePlugin, Image

import ifp
from annealing.errors import DataError, IFPError
from ifp.datasets import load_dataset, user_folder
from ifp.datasets.folder_listing import list_folder
from ifp.datasets.pictures import read_header, whole_png
from ifp.datasets.pixels import read_pixels
from ifp.machine import memory

EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 8 8
%%EndComments
(started) print
showpage
%%EOF
"""
READ = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
OTHERS = ("GIF", "PPM", "ICO", "PCX", "TGA", "SGI", "IM", "DDS", "JPEG2000", "PDF")


def content(kind, pixels=None):
    """A picture of a format, as its file would have it."""
    buffer = io.BytesIO()
    pixels = np.arange(48, dtype=np.uint8).reshape(6, 8) if pixels is None else pixels
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    directory = tmp_path / "pictures"
    directory.mkdir()
    return directory


@pytest.fixture
def no_program(monkeypatch):
    """Nothing starts another program."""

    def refused(*words, **more):
        raise AssertionError(f"started {words}")

    monkeypatch.setattr(subprocess, "Popen", refused)
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", refused)


@pytest.mark.parametrize("kind", ["EPS", *OTHERS])
@pytest.mark.parametrize("name", ["0.png", "0.jpg", "0.tif"])
def test_what_is_of_another_format_is_refused_whatever_it_is_called(kind, name, folder, no_program):
    Image.init()
    if kind not in (*Image.SAVE, "EPS"):
        pytest.skip(f"this Pillow writes no {kind}")
    (folder / name).write_bytes(EPS if kind == "EPS" else content(kind))
    with pytest.raises(DataError, match=r"need a whole PNG, JPEG, TIFF, BMP or WebP picture, .* holds something else"):
        load_dataset(str(folder))
    with pytest.raises(DataError, match="holds something else"):
        load_dataset("scream-dsprites-32", background=folder / name)


def test_the_search_would_see_a_program_that_is_started(tmp_path, no_program):
    (tmp_path / "0.eps").write_bytes(EPS)
    with pytest.raises(AssertionError, match="started"), Image.open(tmp_path / "0.eps") as image:
        image.load()


def test_what_a_file_holds_decides_not_its_name(folder):
    level = np.full((6, 8), 90, np.uint8)
    names = ("0.jpg", "1.bmp", "2.png", "3.webp", "4.tif")  # each another's
    for name, kind in zip(names, READ, strict=True):
        (folder / name).write_bytes(content(kind, level))
    images = load_dataset(str(folder)).images(range(5)).astype(int)
    assert abs(images - 90).max() <= 1  # WebP and JPEG lose a little


def test_a_folder_or_a_device_is_no_picture(tmp_path):
    for path in (tmp_path, "/dev/null", tmp_path / "none.png"):
        with pytest.raises(DataError, match="is no file"):
            load_dataset("scream-dsprites-32", background=path)


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_picture_that_is_changed_is_read_or_refused(tmp_path, data):
    whole = content(data.draw(st.sampled_from(READ)))
    at = data.draw(st.integers(0, len(whole)))
    put, cut = data.draw(st.binary(max_size=8)), data.draw(st.integers(0, 40))
    path = tmp_path / "0.png"
    path.write_bytes(whole[:at] + put + whole[at + cut :])
    try:
        header, pixels = read_header(path), read_pixels(path, (255, 255, 255))
        assert pixels.shape[:2] == (header.height, header.width)
    except DataError as error:
        assert str(path) in str(error)  # noqa: PT017


def test_only_a_whole_png_is_embedded(tmp_path):
    whole = content("PNG")
    assert whole_png(whole, tmp_path) == whole
    for other in (b"", b"secret = 1\n", whole[:-20], content("JPEG"), content("GIF"), EPS):
        with pytest.raises(DataError, match="need a whole PNG picture"):
            whole_png(other, tmp_path)


# Memory


def test_pictures_are_held_by_their_bytes_not_by_their_number(folder, monkeypatch, noise):
    pictures = noise(7, 6, 8)
    for number, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    monkeypatch.setattr(user_folder, "_TOGETHER", 3 * 48)
    blocks = list(user_folder.read_pictures(list_folder(folder).pictures).blocks)
    assert [len(block) for block in blocks] == [3, 3, 1]
    assert np.array_equal(np.concatenate(blocks)[..., 0], pictures)
    monkeypatch.setattr(user_folder, "_TOGETHER", 1)
    assert [len(block) for block in user_folder.read_pictures(list_folder(folder).pictures).blocks] == [1] * 7


@pytest.mark.parametrize("what", ["spectrum", "order", "train", "anneal", "full", "unlabelled"])
def test_what_does_not_fit_into_memory_is_told_before_the_work(what, bars, bars_file, tmp_path, monkeypatch):
    """The least of each computation is known: images held at once, pixel by pixel."""
    out = tmp_path / "run"
    images = np.zeros((6, 4000, 3000, 3), np.uint8) if what == "unlabelled" else None
    work = {
        "spectrum": lambda: ifp.spectrum(bars_file, contexts=2),
        "order": lambda: list(ifp.spectrum(bars, contexts=2).order),
        "train": lambda: ifp.train(bars_file, objective="beta-vae", steps=1, out=out),
        "anneal": lambda: ifp.anneal(bars_file, contexts=1, out=out),
        "full": lambda: ifp.anneal(bars_file, mode="full", out=out),
        "unlabelled": lambda: ifp.spectrum(images),
    }[what]
    if what == "order":
        found = ifp.spectrum(bars, contexts=2)
        work = lambda: found.order  # noqa: E731
    monkeypatch.setattr(memory, "free_memory", lambda: 1000.0)
    with pytest.raises(IFPError, match=r"need .* GB of memory at least for .*, 0\.0 GB are free"):
        work()
    assert not out.exists()


def test_free_memory_is_the_least_of_what_each_limit_leaves(tmp_path, monkeypatch):
    group = {"memory.max": "5000000\n", "memory.current": "3000000\n", "memory.stat": "file 9\ninactive_file 1000\n"}
    for name, text in group.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(memory.resource, "getrlimit", lambda kind: (memory.resource.RLIM_INFINITY,) * 2)
    assert memory.free_memory() == 2_001_000
    (tmp_path / "memory.max").write_text("max\n")
    assert 1e6 < memory.free_memory() < 1e15
    monkeypatch.setattr(memory.resource, "getrlimit", lambda kind: (1, 1))
    assert memory.free_memory() < 0
    memory.require_memory(-1e18, "nothing")
