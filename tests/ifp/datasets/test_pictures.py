"""Pictures of five formats, against numpy: what is read of them, how they stand, and files that hold several."""

import warnings

import numpy as np
import pytest
from PIL import Image

from annealing.errors import DataError
from ifp.datasets import load_dataset, pictures
from ifp.datasets.pictures import read_header
from ifp.datasets.pixels import parse_color, read_pixels
from tests.ifp.datasets.written_pictures import COLOUR, GREY, bmp, chunk, deep, orientation, over, png, tiff

# Formats


def test_bmps_are_read_pixel_for_pixel(tmp_path, noise):
    values = noise(5, 7, 3)
    assert np.array_equal(read_pixels(bmp(tmp_path / "0.bmp", values)), values)


def test_webp_without_loss_is_read_pixel_for_pixel(tmp_path, noise):
    values = noise(5, 7, 3)
    Image.fromarray(values).save(tmp_path / "0.webp", lossless=True)
    assert np.array_equal(read_pixels(tmp_path / "0.webp"), values)
    for name, background in (("white", 1), ("black", 0)):
        opacity = np.zeros((5, 7), np.uint8)
        opacity[2:] = 255
        Image.fromarray(np.dstack([values, opacity])).save(tmp_path / "0.webp", lossless=True, exact=True)
        shown = over(values, opacity / 255, [background] * 3, 255)
        assert np.array_equal(read_pixels(tmp_path / "0.webp", parse_color(name)), shown)


def test_a_decoder_that_pillow_lacks_is_named(tmp_path, monkeypatch):
    path = tmp_path / "0.webp"
    Image.new("RGB", (4, 4)).save(path)
    monkeypatch.setattr(pictures, "_FORMATS", ("PNG", "JPEG", "TIFF", "BMP"))
    monkeypatch.setattr(pictures.features, "check", lambda library: False)
    with pytest.raises(DataError, match=f"^need a Pillow with webp to read {path}, .* in another format$"):
        read_header(path)


@pytest.mark.parametrize("kind", ["tif", "png", "webp", "gif.png"])
def test_files_of_several_pictures_are_refused_with_the_way_on(kind, tmp_path, noise):
    path = tmp_path / f"0.{kind}"
    if kind == "tif":
        tiff(path, noise(4, 5, 1), bits=8, pages=3)
    else:
        first, *others = (Image.fromarray(each) for each in noise(3, 4, 5, 3))
        first.save(path, format=kind[:3] if kind == "gif.png" else None, save_all=True, append_images=others)
    refusal = "holds something else" if kind == "gif.png" else "save each page or frame as a file of its own$"
    with pytest.raises(DataError, match=refusal):
        load_dataset(tmp_path)


def test_a_file_too_large_to_be_a_picture_is_refused_unread(tmp_path):
    with (tmp_path / "0.webp").open("wb") as file:
        file.write(b"RIFF\xff\xff\xff\xffWEBP")
        file.truncate(2**29 + 1)
    with pytest.raises(DataError, match=r"^need a picture of at most 536,870,912 bytes, .* has 536,870,913$"):
        load_dataset(tmp_path)


def test_nothing_but_the_refusal_is_said_of_a_damaged_picture(tmp_path, capfd, caplog):
    """libtiff writes to stderr by itself, Pillow to its log."""
    path = tiff(tmp_path / "0.tif", deep(6, 9, 1), packing=8)
    whole = path.read_bytes()  # 8 bytes of header, the packed pixels, the directory
    for damaged in (whole[:8] + bytes(4) + whole[12:], whole[:10] + b"\xff" * 9 + whole[19:], whole[:-30]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=f"^need a whole .* picture, {path} cannot be read: .+$"):
            read_pixels(path)
    many = tiff(tmp_path / "1.tif", deep(6, 9, 1), t277=2051)
    with pytest.raises(DataError, match=f"^need a whole .* picture, {many} cannot be read: "):
        read_pixels(many)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


# Orientation


TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("number", TURNED)
@pytest.mark.parametrize("kind", ["before", "after", "16 bits", "16 bits in colour", "tif", "webp", "jpg"])
def test_pictures_stand_as_the_camera_was_held(kind, number, tmp_path, noise):
    values = {"16 bits": deep(4, 6, 1), "16 bits in colour": deep(4, 6, 3)}.get(kind, noise(4, 6, 3))
    exif = orientation(number)
    if kind == "tif":
        path = tiff(tmp_path / "0.tif", values, bits=8, photometric=2, t274=number)
    elif kind in ("webp", "jpg"):
        values = np.full((32, 48, 3), 30, np.uint8)
        values[:16, :16] = 220  # a corner that JPEG keeps
        path = tmp_path / f"0.{kind}"
        Image.fromarray(values).save(path, exif=b"Exif\0\0" + exif, lossless=True, quality=95)
    else:
        place = {"after" if kind == "after" else "before": chunk(b"eXIf", exif)}
        path = png(
            tmp_path / "0.png", values, GREY if kind == "16 bits" else COLOUR, 16 if "16" in kind else 8, **place
        )
    expected = TURNED[number](values)
    header = read_header(path)
    assert (header.height, header.width) == expected.shape[:2]
    found = read_pixels(path)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= (2 if kind == "jpg" else 0)


@pytest.mark.parametrize(
    "note", ["", "MM", "MM\0*\0\0\0\xff", "\xff" * 40, orientation(9).decode("latin1")], ids=range(5)
)
@pytest.mark.parametrize("place", ["before", "after"])
def test_an_orientation_that_is_none_changes_nothing(note, place, tmp_path, noise):
    values = noise(4, 6, 3)
    path = png(tmp_path / "0.png", values, COLOUR, **{place: chunk(b"eXIf", note.encode("latin1"))})
    with warnings.catch_warnings(action="error"):
        assert np.array_equal(read_pixels(path), values)
        assert read_header(path).width == 6
