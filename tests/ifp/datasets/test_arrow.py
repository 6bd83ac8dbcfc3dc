"""Arrows: drawn where and as they are said to be, their heading about that of the middle."""

import numpy as np
import pytest

from annealing.errors import DataError
from ifp.datasets import load_dataset
from ifp.datasets.public.arrow import arrow_head, headings


@pytest.fixture(scope="module")
def arrows():
    return load_dataset("arrow")


def test_every_place_has_32_images_and_some_headings_never(arrows):
    labels = arrows.factors_at(range(len(arrows)))
    assert len(arrows) == 32**3
    assert (arrows.factors.names, arrows.factors.sizes) == (("orientation", "posY", "posX"), (32, 32, 32))
    assert np.bincount(labels[:, 1] * 32 + labels[:, 2]).tolist() == [32] * 1024
    grid = np.stack(np.unravel_index(np.arange(32**3), (32, 32, 32)), axis=1)
    there = arrows.holds(grid)
    assert there.sum() == len(np.unique(labels, axis=0)) < 32**3
    with pytest.raises(DataError, match="need factor classes that some image has"):
        arrows.lookup(grid[~there][:1])


def test_the_heading_points_to_the_middle_but_for_noise_of_45_degrees():
    row, column = np.indices((32, 32)) - 16
    away = (row != 0) | (column != 0)
    towards = np.arctan2(-column, -row)[away][:, None]  # class 0 is down, then to the right
    off = (np.degrees(2 * np.pi * (headings()[away] + 0.5) / 32 - towards) + 180) % 360 - 180
    assert abs(off.mean()) < 0.5
    assert np.std(off) == pytest.approx(45, rel=0.03)
    assert np.quantile(off, [0.1587, 0.8413]) == pytest.approx([-45, 45], abs=3)


@pytest.mark.parametrize("heading", range(0, 32, 3))
def test_the_arrow_is_drawn_along_its_heading(heading):
    """A triangle is the thicker the nearer its tail: its mean lies behind the middle, and its third moment shows it."""
    head = arrow_head(heading) / 255
    y, x = np.indices(head.shape) - 6.0
    angle = 2 * np.pi * heading / 32
    along, across = x * np.sin(angle) + y * np.cos(angle), x * np.cos(angle) - y * np.sin(angle)
    mass = head.sum()
    assert mass == pytest.approx(30, rel=0.12)  # half of 10 x 6
    assert (along * head).sum() / mass == pytest.approx(-5 / 3, abs=0.15)  # a triangle's centre of mass
    assert (across * head).sum() / mass == pytest.approx(0, abs=0.12)
    assert (along**2 * head).sum() / mass - (5 / 3) ** 2 == pytest.approx(100 / 18, rel=0.2)


def test_an_image_is_the_arrow_at_its_place_on_black(arrows):
    index = [0, 5_000, 17_031, 32_767]
    for image, (heading, row, column) in zip(arrows.images(index), arrows.factors_at(index).tolist(), strict=True):
        expected = np.zeros((64, 64), np.uint8)
        expected[row + 9 : row + 22, column + 9 : column + 22] = arrow_head(heading)
        assert np.array_equal(image[..., 0], expected)
    assert load_dataset("arrow").fingerprint == arrows.fingerprint
