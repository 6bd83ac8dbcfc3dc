"""What ifp spectrum and a plan from it stand on: images read in small batches, ties, progress, and the commands."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import ifp.datasets
import ifp.datasets.batches
from analysis.stage_plan import StagePlan
from analysis.stages import plan_stages
from ifp.cli import app
from ifp.cli.spectrum_table import show_order
from ifp.closed_form.contexts import closed_forms
from ifp.closed_form.mixing import data_mixing
from ifp.closed_form.order import OrderRecord, freezing_order, predicted_values
from ifp.closed_form.spectrum import spectral_findings
from ifp.closed_form.whole import whole_spectrum
from ifp.datasets.dataset import DataOptions, Factors, Lattice
from ifp.machine.progress import Unwatched

FACTORS = Factors(("c", "b", "a"), (2, 2, 2))


class Blocks:
    """Binary factors: 6 pixels follow a, 3 follow b, and 2 follow c, turned round where b is 1; one is always 0."""

    name = "blocks"
    image_shape = (2, 6, 1)
    fingerprint = "blocks-1"
    nuisances: tuple[str, ...] = ()
    source = "drawn in memory"
    reference = "blocks"
    options = DataOptions()

    def __init__(self, factors=FACTORS, copies=1):
        self.factors = factors
        self._lattice = Lattice((2, 2, 2))
        self._copies = copies
        self.longest_read = 0

    def __len__(self):
        return 8 * self._copies

    def images(self, index):
        self.longest_read = max(self.longest_read, len(index))
        c, b, a = self._lattice.factors_at(np.asarray(index) % 8).T
        pixels = [a] * 6 + [b] * 3 + [c ^ b] * 2 + [np.zeros_like(a)]
        return (np.stack(pixels, axis=1) * 255).astype(np.uint8).reshape(-1, *self.image_shape)

    def factors_at(self, index):
        return None if self.factors is None else self._lattice.factors_at(np.asarray(index) % 8)

    def lookup(self, factors):
        return self._lattice.lookup(factors)

    def holds(self, factors):
        return self._lattice.holds(factors)


def values(records, given):
    return {each.factor: each.value for each in records if each.given == given}


def assert_alike(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert replace(one, value=0) == replace(other, value=0)
        assert one.value == pytest.approx(other.value, abs=1e-12)


def test_a_factor_drawn_in_turns_is_worth_nothing_until_what_turns_it_is_known():
    records = list(freezing_order(Blocks()))
    assert values(records, ()) == pytest.approx({"a": 6, "b": 3, "c": 0})
    assert values(records, ("a",)) == pytest.approx({"b": 3, "c": 0})
    assert values(records, ("a", "b")) == pytest.approx({"c": 2})
    assert [each.factor for each in records if each.freezes] == ["a", "b", "c"]
    assert [each.step for each in records] == [0, 0, 0, 1, 1, 2]


@pytest.mark.parametrize("images", [1, 3, 16, 1000])
def test_the_order_does_not_depend_on_the_size_of_the_batches(images, monkeypatch):
    dataset = Blocks(copies=5)
    expected = list(freezing_order(dataset))
    monkeypatch.setattr(ifp.datasets.batches, "_IMAGES", images)
    dataset.longest_read = 0
    assert_alike(freezing_order(dataset), expected)
    assert dataset.longest_read == min(images, 40)


def test_contexts_whose_sums_would_be_too_many_are_taken_a_few_at_a_time(monkeypatch):
    expected = list(freezing_order(Blocks(copies=5)))
    monkeypatch.setattr("ifp.closed_form.context_batches._SUMS", 1)
    assert_alike(freezing_order(Blocks(copies=5)), expected)


def test_equal_values_freeze_in_the_order_of_the_factors():
    class Twins(Blocks):
        def images(self, index):
            c, b, a = self._lattice.factors_at(np.asarray(index)).T
            return np.stack([a, b, c] * 4, axis=1).astype(np.float32).reshape(-1, *self.image_shape)

    records = list(freezing_order(Twins()))
    assert [each.factor for each in records if each.freezes] == ["c", "b", "a"]
    assert [each.value for each in records] == pytest.approx([4.0] * 6)


def test_images_alone_in_their_context_are_not_read():
    passes = []

    class Seen(Unwatched):
        def follow(self, steps, title):
            seen = list(steps)
            passes.append([(each.doing, each.done, each.total) for each in seen])
            return iter(seen)

    watch = Seen()
    list(freezing_order(Blocks(), watch=watch))
    assert [each[-1] for each in passes] == [("marginal values", 8, 8), ("given a", 8, 8), ("given a, b", 8, 8)]

    class Numbered(Blocks):  # one factor names the image: once it is given, nothing is left to read
        def factors_at(self, index):
            return np.stack([np.asarray(index), self._lattice.factors_at(index)[:, 0]], axis=1)

    passes.clear()
    records = list(freezing_order(Numbered(Factors(("image", "c"), (8, 2))), watch=watch))
    assert passes[1] == []
    assert values(records, ("image",)) == {"c": 0.0}


def test_threads_are_what_they_were_afterwards():
    before = torch.get_num_threads()
    list(freezing_order(Blocks()))
    assert torch.get_num_threads() == before


def test_the_whole_spectrum_is_watched_batch_by_batch():
    seen = []

    class Seen(Unwatched):
        def follow(self, steps, title):
            for each in steps:
                seen.append((title, each.done, each.total))
                yield each

    found = whole_spectrum(Blocks(factors=None), count=4, watch=Seen())
    np.testing.assert_allclose(found, [6, 3, 2, 0], atol=1e-9)
    assert seen == [("eigenvalues", 8, 8)]


@pytest.fixture
def command(monkeypatch):
    """``ifp`` in this process on the data set of this file."""

    def run(*arguments, dataset=None):
        monkeypatch.setattr(
            "ifp.datasets.arrays.load_dataset", lambda name, data_dir=None, **options: dataset or Blocks()
        )
        ended = CliRunner().invoke(app, list(map(str, arguments)))
        assert ended.exit_code == 0, ended.exception
        return ended

    return run


def test_the_command_prints_three_tables_for_people(command):
    ended = command("spectrum", "--dataset", "blocks", "--contexts", 4)
    assert ended.stdout == ""
    for words in ("action", "marginal", "freezing order", "a, b"):
        assert words in ended.stderr


def test_a_factor_that_freezes_below_its_value_has_the_pressure_in_the_table(capsys):
    order = [
        OrderRecord(0, "x", (), 44.0, True),
        OrderRecord(0, "s", (), 2.0, False),
        OrderRecord(1, "s", ("x",), 117.0, True),
    ]
    show_order("rested", order)
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in capsys.readouterr().err.splitlines()]
    assert ["0", "x", "44", "freezes", "-"] in lines
    assert ["1", "s", "117", "at 44", "x"] in lines


def test_the_command_prints_one_object_for_programs(command):
    ended = command("spectrum", "--dataset", "blocks", "--contexts", 4, "--json")
    found = json.loads(ended.stdout)
    assert set(found) == {"action", "marginal", "order", "predicted"}
    assert found["predicted"] == pytest.approx({"a": 6, "b": 3, "c": 2})
    assert {row["factor"]: row["median"] for row in found["action"]} == pytest.approx({"a": 6, "b": 5, "c": 2})
    assert found["marginal"] == pytest.approx({"a": 6, "b": 3, "c": 0})
    assert found["order"] == json.loads(json.dumps([asdict(each) for each in freezing_order(Blocks())]))


def test_the_command_takes_some_factors_alone(command):
    found = json.loads(command("spectrum", "--dataset", "blocks", "--factors", "b,a", "--json").stdout)
    assert [row["factor"] for row in found["action"]] == ["b", "a"]
    assert set(found["marginal"]) == {"a", "b"}


def test_a_data_set_without_labels_has_eigenvalues_alone(command):
    ended = command("spectrum", "--dataset", "blocks", "--json", dataset=Blocks(factors=None))
    found = json.loads(ended.stdout)
    assert set(found) == {"eigenvalues"}
    np.testing.assert_allclose(found["eigenvalues"][:4], [6, 3, 2, 0], atol=1e-9)
    assert "eigenvalue" in command("spectrum", "--dataset", "blocks", dataset=Blocks(factors=None)).stderr


def test_a_plan_of_the_command_is_that_of_the_records(command):
    ended = command("plan-stages", "--from", "spectrum", "--dataset", "blocks", "--contexts", 8, "--seed", 2)
    records = list(closed_forms(Blocks(), contexts=8, seed=2))
    order = predicted_values(list(freezing_order(Blocks())))
    mixing = data_mixing(Blocks(), seed=2)
    expected = plan_stages(spectral_findings(Blocks(), records, seed=2, conditional=order, mixing=mixing))
    assert StagePlan.from_json(ended.stdout) == expected
    assert expected.source["findings"] == "spectrum over 8 contexts, nothing measured"
    assert all("no case of its own measured" in " ".join(each.evidence) for each in expected.stages)
    assert "with the factors known that freeze before" in " ".join(expected.stages[0].evidence)
    assert not any("freezing point" in warning for warning in expected.warnings)


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_workers_finds_the_same_numbers(workers, monkeypatch):
    ds = ifp.datasets.load_dataset("dsprites-tiny")
    records, order = list(closed_forms(ds, contexts=60)), list(freezing_order(ds, factors=("scale", "posX")))
    monkeypatch.setattr("ifp.machine.threads.ThreadPoolExecutor", lambda cores: ThreadPoolExecutor(workers))
    np.testing.assert_equal(
        [asdict(each) for each in closed_forms(ds, contexts=60)], [asdict(each) for each in records]
    )
    assert list(freezing_order(ds, factors=("scale", "posX"))) == order


def test_where_no_factor_varies_the_order_alone_is_printed(tmp_path):
    np.savez(tmp_path / "same.npz", images=np.random.default_rng(0).random((6, 4, 4)), factors=np.zeros((6, 1), int))
    result = CliRunner().invoke(app, ["spectrum", "--dataset", str(tmp_path / "same.npz"), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["action"] == []
    assert found["marginal"] == {"factor0": 0}


def test_with_a_loss_every_value_stands_there_as_a_weight_of_its_kl_too(command):
    asked = ("spectrum", "--dataset", "blocks", "--contexts", 4, "--loss", "bce-mean-kl-total", "--batch-size", 5)
    found = json.loads(command(*asked, "--json").stdout)
    nats = 12 * 5  # of a weight of 1: 12 pixels, 5 images
    assert found["loss"]["beta_of_weight_1"] == nats
    assert found["predicted_weights"] == pytest.approx({"a": 6 / nats, "b": 3 / nats, "c": 2 / nats})
    assert found["marginal_weights"] == pytest.approx({"a": 6 / nats, "b": 3 / nats, "c": 0})
    assert [row["weight"] for row in found["order"]] == pytest.approx([row["value"] / nats for row in found["order"]])
    assert [row["weight"] for row in found["action"]] == pytest.approx(
        [row["median"] / nats for row in found["action"]]
    )
    told = command(*asked).stderr
    assert " ".join(told.split()).count("as the weight of the KL in your loss (bce-mean-kl-total, N = 12, B = 5)") == 3


def test_eigenvalues_of_images_alone_are_weights_of_a_mean_squared_error_too(command):
    """Two lambda_max(C) / N, where C is numpy's covariance."""
    dataset = Blocks(factors=None)
    flat = dataset.images(range(8)).reshape(8, -1) / 255
    weights = 2 * np.linalg.eigvalsh(np.cov(flat.T, bias=True))[::-1] / 12
    asked = ("spectrum", "--dataset", "blocks", "--likelihood", "gaussian", "--loss", "mse-mean")
    found = json.loads(command(*asked, "--json", dataset=dataset).stdout)
    np.testing.assert_allclose(found["weights"][:3], weights[:3])
    spectrum = ifp.spectrum(dataset, likelihood="gaussian", loss="mse-mean", kl_mean_over=4)
    np.testing.assert_allclose(spectrum.to_frame()["weight"][:3], 4 * weights[:3])
    assert "loss mse-mean, N = 12, KL a mean over 4 latents" in repr(spectrum)
    assert "weight" not in ifp.spectrum(dataset).to_frame()


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"loss": "mse-mean"}, "need the likelihood gaussian with mse-mean, got bernoulli: --likelihood gaussian"),
        ({"batch_size": 4}, "need a loss whose batch size .* --loss NAME"),
        ({"loss": "bce-total"}, "need the batch size with bce-total"),
        ({"loss": "l1-sum"}, "of laplace: ifp suggest takes it"),
    ],
    ids=["likelihood", "no loss", "batch size", "laplace"],
)
def test_a_loss_that_does_not_fit_is_refused_before_data_are_opened(asked, line):
    with pytest.raises(ifp.IFPError, match=line):
        ifp.spectrum("no such data set", **asked)
