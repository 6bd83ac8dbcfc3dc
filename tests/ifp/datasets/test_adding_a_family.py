"""A family is added by one file with one line for each of its data sets: as the documents' example has it."""

import json
import sys

import numpy as np
import pytest

import ifp.datasets.public
from annealing.errors import DataError
from ifp.datasets import families, load_dataset


@pytest.fixture
def added(worked_example, noise, tmp_path, monkeypatch):
    """The example as a module of the package, and a file that it reads."""
    (tmp_path / "rings.py").write_text(worked_example('"""Rings'))
    monkeypatch.setattr(ifp.datasets.public, "__path__", [*ifp.datasets.public.__path__, str(tmp_path)])
    images = noise(40, 16, 16, 1)
    np.save(tmp_path / "rings.npy", images)
    yield tmp_path, images
    sys.modules.pop("ifp.datasets.public.rings", None)


def test_a_file_with_one_line_is_all_that_a_family_needs(added):
    folder, images = added
    assert families()["rings"].summary == "radius 5, hue 8"
    ds = load_dataset("rings", folder)
    np.testing.assert_array_equal(ds.images(np.arange(40)), images)
    assert ds.factors.names == ("radius", "hue")
    np.testing.assert_array_equal(ds.factors_at([13]), [[1, 5]])
    spectrum = list(ifp.spectrum(ds, contexts=1))
    assert [each.factor for each in spectrum] == ["radius", "hue"]
    with pytest.raises(DataError, match=r"need rings\.npy for rings, not found in"):
        load_dataset("rings", folder / "cache")


def test_the_commands_know_a_family_that_was_added(added, capsys):
    from ifp.cli.command_data import list_families

    list_families(added[0], json=True)
    (row,) = [each for each in json.loads(capsys.readouterr().out) if each["name"] == "rings"]
    assert (row["images"], row["present"]) == (40, f"in {added[0]}")


def test_without_the_file_the_family_is_unknown():
    with pytest.raises(DataError, match="got 'rings'"):
        load_dataset("rings")
