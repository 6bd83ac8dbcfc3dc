"""Pictures of several sizes made one: against what is constant or linear in any size, and how that is told."""

import numpy as np
import pytest

from annealing.errors import IFPError
from ifp.datasets import load_dataset
from tests.ifp.datasets.written_pictures import COLOUR, GREY, png


@pytest.fixture
def folder(tmp_path):
    directory = tmp_path / "pictures"
    directory.mkdir()
    return directory


def level(height, width, *values):
    """An image of one grey or colour."""
    return np.full((height, width, len(values)), values, np.uint8)


@pytest.mark.parametrize("shape", [(6, 8), (20, 30)], ids=["smaller", "larger"])
def test_pictures_of_several_sizes_are_resized_to_one_as_they_are_shown(shape, folder):
    """A constant stays one, a linear ramp one inside, however it is sampled; the edges of it meet at its ends."""
    png(folder / "0.png", level(9, 5, 40, 90, 140), COLOUR)
    ramp = np.rint(np.add.outer(np.zeros(12), np.linspace(20, 220, 100)))
    png(folder / "1.png", ramp[..., None].astype(np.uint8), GREY)
    data = load_dataset(str(folder), resize="x".join(map(str, shape)))
    assert data.image_shape == (*shape, 3)
    assert data.options.resize == f"{shape[0]}x{shape[1]}"
    assert data.source == (f"folder {folder}; resized to {shape[0]}x{shape[1]} (Lanczos) from 9x5 (1), 12x100 (1)")
    images = data.images([0, 1])
    assert (images[0] == [40, 90, 140]).all()
    centres = (np.arange(shape[1]) + 0.5) * 100 / shape[1] - 0.5  # of the columns, on the picture's own
    inside = (centres > 40 / shape[1] * 3) & (centres < 100 - 40 / shape[1] * 3)
    expected = 20 + 200 * centres / 99
    np.testing.assert_allclose(images[1][:, inside, 1], np.tile(expected[inside], (shape[0], 1)), atol=1)


def test_sizes_are_told_by_their_range_where_they_are_many_and_not_where_nothing_changes(folder):
    for side in range(4, 12):
        png(folder / f"{side:02}.png", level(side, side + 1, 10 * side), GREY)
    data = load_dataset(str(folder), resize=7)
    assert data.options.resize == "7x7"
    assert data.source.endswith("resized to 7x7 (Lanczos) from 8 sizes, 4x5 to 11x12")
    assert load_dataset(str(folder), resize="7x7").source == data.source  # from the cache
    for side in (*range(4, 7), *range(8, 12)):
        (folder / f"{side:02}.png").unlink()
    plain, resized = load_dataset(str(folder)), load_dataset(str(folder), resize="7x8")
    assert plain.fingerprint == resized.fingerprint
    assert resized.source == f"folder {folder}"


@pytest.mark.parametrize("size", ["0", "7001", "8x", "x8", "8x0", "-8", "8.5", "8X8", "", "8x8x8", "9" * 5000])
def test_what_is_no_size_is_refused(size, folder):
    png(folder / "0.png", level(6, 8, 40), GREY)
    with pytest.raises(IFPError, match=r"^need --resize H or HxW, 1 to 7000 pixels each, got '.{0,50}'$"):
        load_dataset(str(folder), resize=size)


@pytest.mark.parametrize("option", [{"resize": "8"}, {"background_color": "white"}], ids=["resize", "background"])
def test_options_of_pictures_are_refused_where_there_are_none(option, tmp_path):
    np.savez(tmp_path / "mine.npz", images=np.zeros((2, 4, 4), np.uint8))
    for name in (tmp_path / "mine.npz", "dsprites-tiny"):
        with pytest.raises(IFPError, match=r"need a folder of pictures of your own for --\w+(-color)?, got"):
            load_dataset(name, **option)
