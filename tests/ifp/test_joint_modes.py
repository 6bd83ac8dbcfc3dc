"""Two factors of a data set together, by ifp spectrum --pair and from Python, on sets whose modes are known."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import ifp
import ifp.datasets.batches
from annealing.errors import IFPError
from ifp.cli import app
from ifp.closed_form.joint_modes import pair_modes

A, B, C = np.indices((2, 2, 2)).reshape(3, -1)
FACTORS = np.stack([A, B, C], axis=1)
# six pixels follow a, three b, and two c, turned round where b is 1
PIXELS = np.stack([A] * 6 + [B] * 3 + [C ^ B] * 2 + [np.zeros_like(A)], axis=1)
IMAGES = (PIXELS * 255).astype(np.uint8).reshape(-1, 2, 6, 1)


@pytest.fixture(scope="module")
def turned():
    return ifp.from_arrays(IMAGES, FACTORS, ("a", "b", "c"))


def rows(modes):
    return [(mode.value, mode.first, mode.second, mode.both) for mode in modes]


@pytest.mark.parametrize("images", [None, 3])
def test_a_factor_that_turns_another_shares_its_mode(images, turned, monkeypatch):
    if images is not None:  # so many images a batch
        monkeypatch.setattr(ifp.datasets.batches, "_IMAGES", images)
    expected = [pytest.approx(row, abs=1e-6) for row in ((3, 1, 0, 0), (2, 0, 0, 1))]
    assert rows(pair_modes(turned, ("b", "c"), ("a",))) == expected
    assert rows(pair_modes(turned, ("b", "c"))) == expected  # a moves pixels of its own


def test_the_factors_before_both_are_known_unless_others_are_given(turned):
    spectrum = ifp.spectrum(turned, contexts=4, pair=("c", "b"))
    assert spectrum.before("c", "b") == ("a",)
    assert rows(spectrum.joint) == [pytest.approx(row, abs=1e-6) for row in ((3, 0, 1, 0), (2, 0, 0, 1))]
    (own, both) = spectrum.joint_modes("a", "c", given=("b",))
    assert (own.value, own.first) == pytest.approx((6, 1), abs=1e-6)
    assert (both.value, both.second) == pytest.approx((2, 1), abs=1e-6)  # with b known c is seen alone


def test_the_command_names_the_factor_without_a_mode_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("turned.npz", images=IMAGES, factors=FACTORS, factor_names=["a", "b", "c"])
    words = ["spectrum", "--dataset", "turned.npz", "--contexts", "2", "--jobs", "1", "--pair", "b,c"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0
    notes = [line for line in shown.stderr.splitlines() if line.startswith("note:")]
    assert len(notes) == 1
    assert "c has no mode of its own" in notes[0]
    assert "also tells of b" in notes[0]
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)["pair"]
    assert (told["factors"], told["given"]) == (["b", "c"], ["a"])
    assert told["modes"][1]["both"] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("b",), "need two factors, e.g. a,b, got b"),
        (("b", "b"), "need two factors, e.g. a,b, got b, b"),
        (("b", "d"), "need a factor out of a, b, c, got 'd'"),
    ],
)
def test_what_is_no_pair_is_refused(pair, message, turned):
    with pytest.raises(IFPError, match=message):
        ifp.spectrum(turned, contexts=2, pair=pair)


def test_a_factor_of_the_pair_cannot_be_known_and_unlabelled_images_have_no_pair(turned):
    with pytest.raises(IFPError, match="need two factors that are not given, got b and c given c"):
        pair_modes(turned, ("b", "c"), ("c",))
    with pytest.raises(IFPError, match="need labels for the modes of b and c"):
        ifp.spectrum(ifp.from_arrays(IMAGES), pair=("b", "c"))
