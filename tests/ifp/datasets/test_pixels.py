"""What a picture's pixels are, against numpy, for files written here byte by byte: depth, palettes, transparency."""

import struct

import numpy as np
import pytest
from PIL import Image

from annealing.errors import DataError, IFPError
from ifp.datasets import load_dataset, pixels
from ifp.datasets.pixels import parse_color, read_pixels
from tests.ifp.datasets.written_pictures import (
    COLOUR,
    COLOUR_ALPHA,
    GREY,
    GREY_ALPHA,
    PALETTE,
    bmp,
    chunk,
    deep,
    over,
    png,
    tiff,
)

RED = "#ff0000"


@pytest.fixture
def folder(tmp_path):
    directory = tmp_path / "pictures"
    directory.mkdir()
    return directory


# Depth


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_grey_pngs_of_every_depth_span_the_bytes(bits, folder):
    levels = np.random.default_rng(bits).integers(0, 2**bits, (5, 7, 1), np.uint8)
    found = read_pixels(png(folder / "0.png", levels, GREY, bits))
    assert found.dtype == np.uint8
    assert np.array_equal(found, levels.astype(int) * 255 // (2**bits - 1))


@pytest.mark.parametrize(("kind", "channels"), [(GREY, 1), (COLOUR, 3), (GREY_ALPHA, 2), (COLOUR_ALPHA, 4)])
def test_pngs_of_16_bits_have_all_of_them(kind, channels, folder):
    values = deep(6, 9, channels)
    if channels in (2, 4):
        values[..., -1] = 65535
    path = png(folder / "0.png", values, kind, 16)
    shown = values if channels in (1, 3) else values[..., :-1]
    assert np.array_equal(read_pixels(path), shown)
    images = load_dataset(folder).images([0])
    assert images.dtype == np.float32
    assert np.array_equal(images[0], shown.astype(np.float32) / np.float32(65535))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("packing", [1, 8], ids=["plain", "deflated"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [8, 16])
def test_tiffs_of_8_and_16_bits_have_all_of_them(order, packing, channels, bits, folder):
    values = deep(6, 9, channels) >> (16 - bits)
    path = tiff(folder / "0.tif", values, order, bits, 2 if channels == 3 else 1, packing)
    found = read_pixels(path)
    assert found.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert np.array_equal(found, values)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_whose_zero_is_white_is_turned_over(bits, folder):
    values = deep(4, 5, 1) >> (16 - bits)
    found = read_pixels(tiff(folder / "0.tif", values, "<", bits, photometric=0))
    assert np.array_equal(found, 2**bits - 1 - values.astype(int))


@pytest.mark.parametrize(
    "tags", [{"t339": 2}, {"t339": 3}, {"t284": 2}], ids=["signed", "halves of floats", "plane by plane"]
)
def test_16_bits_that_are_something_else_are_refused(tags, folder):
    values, photometric = (deep(4, 5, 3), 2) if "t284" in tags else (deep(4, 5, 1), 1)
    path = tiff(folder / "0.tif", values, photometric=photometric, **tags)
    with pytest.raises(DataError, match=r"^need a (picture of 8 or 16 bits a channel|whole .* picture)[^\n]*$"):
        read_pixels(path)


def test_a_picture_of_16_bits_has_half_as_many_pixels_at_most(folder):
    size = struct.pack(">IIBBBBB", 5000, 5001, 16, GREY, 0, 0, 0)  # a header that promises more than there is
    path = folder / "0.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    with pytest.raises(DataError, match=r"^need a picture of at most 25,000,000 pixels, .* has 5000x5001 pixels"):
        read_pixels(path)


def test_pixels_are_laid_over_a_background_some_rows_at_a_time(folder, noise, monkeypatch):
    values = noise(7, 5, 4)
    path = png(folder / "0.png", values, COLOUR_ALPHA)
    whole = read_pixels(path, (1, 2, 3))
    monkeypatch.setattr(pixels, "_TOGETHER", 10)  # two rows
    assert np.array_equal(read_pixels(path, (1, 2, 3)), whole)


def test_floats_and_32_bits_are_refused_with_the_way_on(folder):
    for number, dtype in enumerate((np.float32, np.int32)):
        Image.fromarray(np.ones((3, 4), dtype)).save(folder / f"{number}.tif")
        with pytest.raises(DataError, match=r"need a picture of 8 or 16 bits a channel.*floats in an npz"):
            read_pixels(folder / f"{number}.tif")


def test_a_folder_with_8_and_16_bits_is_one_of_floats(folder):
    shallow, values = deep(4, 5, 3) >> 8, deep(4, 5, 1, seed=1)
    bmp(folder / "0.bmp", shallow.astype(np.uint8))
    png(folder / "1.png", values, GREY, 16)
    images = load_dataset(folder).images([0, 1])
    np.testing.assert_array_equal(images[0], shallow.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(images[1], np.repeat(values.astype(np.float32) / np.float32(65535), 3, axis=2))


def test_16_bits_are_resized_as_floats_and_stay_in_their_range(folder):
    values = np.zeros((40, 40, 1), np.uint16)
    values[:, 20:] = 65535  # rings beside the edge
    values[:20] //= 3
    png(folder / "0.png", values, GREY, 16)
    image = load_dataset(folder, resize="10").images([0])[0, ..., 0]
    assert (image.min(), image.max()) == (0, 1)
    np.testing.assert_allclose(image[[1, 1, 8, 8], [1, 8, 1, 8]], [0, 21845 / 65535, 0, 1], atol=2e-3)


# Palettes


def test_a_palette_gives_each_pixel_its_colour_and_its_opacity(folder):
    colours = np.array([[200, 0, 0], [0, 210, 0], [0, 0, 220], [9, 8, 7]])
    index = np.random.default_rng(0).integers(0, 4, (6, 5, 1), np.uint8)
    before = chunk(b"PLTE", colours.astype(np.uint8).tobytes())
    path = png(folder / "0.png", index, PALETTE, 2, before)
    assert np.array_equal(read_pixels(path), colours[index[..., 0]])
    for opacity in ([255, 0, 100, 255], [255, 0, 255, 255], [255, 255], [0]):
        path = png(folder / "0.png", index, PALETTE, 4, before + chunk(b"tRNS", bytes(opacity)))
        full = np.array([*opacity, 255, 255, 255, 255][:4])
        shown = over(colours[index[..., 0]], full[index[..., 0]] / 255, [0, 1, 1], 255)
        assert np.array_equal(read_pixels(path, parse_color("cyan")), shown)
        if min(opacity) == 255:
            assert np.array_equal(read_pixels(path), shown)
        else:
            with pytest.raises(DataError, match="--background-color"):
                read_pixels(path)


# Transparent pixels


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", [GREY_ALPHA, COLOUR_ALPHA])
@pytest.mark.parametrize("background", ["white", "#808080", RED])
def test_alpha_is_the_share_of_the_picture_over_the_background(bits, kind, background, folder):
    most = 2**bits - 1
    values = deep(16, 17, 2 if kind == GREY_ALPHA else 4) >> (16 - bits)
    values[:4, :, -1], values[4:8, :, -1] = 0, most
    path = png(folder / "0.png", values, kind, bits)
    colour = np.array(parse_color(background)) / 255
    grey = kind == GREY_ALPHA and background != RED
    shown = over(values[..., :-1], values[..., -1] / most, colour[:1] if grey else colour, most)
    found = read_pixels(path, parse_color(background))
    assert found.shape == (16, 17, 1 if grey else 3)
    assert np.array_equal(found, shown)
    data = load_dataset(folder, background_color=background)
    assert data.image_shape == found.shape
    assert np.array_equal(data.images([0])[0], found if bits == 8 else found.astype(np.float32) / np.float32(65535))
    assert data.source.endswith("transparent pixels over #" + bytes(parse_color(background)).hex())


@pytest.mark.parametrize("kind", [GREY_ALPHA, COLOUR_ALPHA])
def test_what_is_not_opaque_is_refused_in_a_line_that_names_the_way_on(kind, folder, refusal):
    values = np.full((4, 5, 2 if kind == GREY_ALPHA else 4), 255, np.uint8)
    png(folder / "0.png", values, kind)
    values[3, 4, -1] = 254
    path = png(folder / "1.png", values, kind)
    assert refusal(folder) == (
        f"need opaque pictures, {path} has transparent pixels: name what is behind them with --background-color, "
        "like white or #rrggbb"
    )


@pytest.mark.parametrize("background", [None, "white", RED])
def test_opaque_alpha_changes_nothing(background, folder, noise):
    opaque = np.full((4, 5, 1), 255, np.uint8)
    for kind, values in ((GREY_ALPHA, noise(4, 5, 1)), (COLOUR_ALPHA, noise(4, 5, 3))):
        (folder / str(kind)).mkdir()
        (folder / f"{kind} without").mkdir()
        png(folder / str(kind) / "0.png", np.dstack([values, opaque]), kind)
        png(folder / f"{kind} without" / "0.png", values, kind - 4)
        with_alpha = load_dataset(folder / str(kind), background_color=background)
        assert with_alpha.fingerprint == load_dataset(folder / f"{kind} without").fingerprint


def test_colours_under_transparent_pixels_never_show(folder):
    """Neither as they stand nor, once resized, at edges."""
    opacity = np.zeros((40, 40, 1), np.uint8)
    opacity[10:30, 10:30] = 255
    for number, hidden in enumerate((0, 255, 77)):
        values = np.where(opacity > 0, 200, hidden).astype(np.uint8)
        png(folder / f"{number}.png", np.dstack([values, opacity]), GREY_ALPHA)
    for options in ({}, {"resize": "13x9"}):
        images = load_dataset(folder, background_color="black", **options).images([0, 1, 2])
        assert (images == images[:1]).all()
        assert (images[:, 0, 0] == 0).all()


@pytest.mark.parametrize(
    ("kind", "bits"), [(GREY, 1), (GREY, 2), (GREY, 4), (GREY, 8), (GREY, 16), (COLOUR, 8), (COLOUR, 16)]
)
def test_a_value_that_stands_for_transparent_is_compared_with_all_its_bits(kind, bits, folder):
    most, channels = 2**bits - 1, 1 if kind == GREY else 3
    rng = np.random.default_rng(bits)
    values = rng.integers(0, most + 1, (6, 7, channels), np.uint16)
    key = values[2, 3].copy()
    near = key.copy()
    near[-1] ^= 1  # another value, alike in the upper byte
    values[4, 4], values[5, 5] = key, near
    path = png(folder / "0.png", values, kind, bits, chunk(b"tRNS", key.astype(">u2").tobytes()))
    full = 65535 if bits == 16 else 255
    shown = over(values * (full / most), ~(values == key).all(axis=-1) * 1.0, [0.2] * channels, full)
    assert np.array_equal(read_pixels(path, parse_color("#333333")), shown)
    with pytest.raises(DataError, match="--background-color"):
        read_pixels(path)
    values[(values == key).all(axis=-1)] = near
    path = png(folder / "0.png", values, kind, bits, chunk(b"tRNS", key.astype(">u2").tobytes()))
    assert np.array_equal(read_pixels(path), np.rint(values * (full / most)))


@pytest.mark.parametrize("text", ["", "whit", "#12345", "#ff000080", "rgb(300, 0, 0)", "0", "#" * 5000])
def test_what_is_no_colour_is_refused(text, folder):
    png(folder / "0.png", np.zeros((2, 2, 1), np.uint8), GREY)
    with pytest.raises(IFPError, match=r"^need --background-color as a name like white, or as #rrggbb, got '.{0,50}'$"):
        load_dataset(folder, background_color=text)


def test_a_colour_has_one_spelling_in_the_options_and_another_one_other_images(folder):
    png(folder / "0.png", np.zeros((2, 2, 4), np.uint8), COLOUR_ALPHA)
    spelt = [load_dataset(folder, background_color=text) for text in ("White", "#FFF", "#ffffff", "rgb(255,255,255)")]
    assert {each.options.background_color for each in spelt} == {"#ffffff"}
    other = load_dataset(folder, background_color="black")
    assert len({each.fingerprint for each in (*spelt, other)}) == 2
    assert (spelt[0].images([0]) == 255).all()
    assert (other.images([0]) == 0).all()
