"""Freezing points of nuisances, against covariances that the data are drawn from, and against every image."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

import ifp
from analysis.findings import NuisanceFindings
from annealing.errors import IFPError
from ifp.closed_form.nuisances import nuisance_findings, nuisance_values, validated_eigenvalues
from ifp.datasets import load_dataset
from ifp.datasets.arrays import given_dataset
from ifp.datasets.dataset import DataOptions, Factors, Lattice, nuisance_names

LATTICE = Lattice((5, 8))
PIXELS = 256


class Painted:
    """Brighter by the factors, over a background drawn from a known covariance: an image's own, by its number."""

    name = fingerprint = source = reference = "made up"
    nuisances: tuple[str, ...] = ("background",)
    repaints = True
    repeats = 100_000  # images of a cell: so many that chance gives the noise in all of them no direction
    options = DataOptions()
    image_shape = (16, 16, 1)
    factors = Factors(("height", "width"), LATTICE.sizes)

    def __init__(self, variances, rest=0.0):
        """Variances along the first directions of a random basis, and along all others."""
        self._basis = np.linalg.qr(np.random.default_rng(5).normal(size=(PIXELS, PIXELS)))[0]
        self._scales = np.sqrt(np.concatenate([variances, np.full(PIXELS - len(variances), rest)]))

    def __len__(self):
        return len(LATTICE) * self.repeats

    def factors_at(self, index):
        return LATTICE.factors_at(np.asarray(index) // self.repeats)

    def images(self, index, nuisances_of=None):
        plain = self.factors_at(index) @ np.outer([0.3, 0.2], np.linspace(-1, 1, PIXELS))
        shown = index if nuisances_of is None else nuisances_of
        drawn = np.stack([np.random.default_rng([6, number]).normal(size=PIXELS) for number in shown])
        return (plain + drawn * self._scales @ self._basis).astype(np.float32).reshape(-1, *self.image_shape)


class Several(Painted):
    """Several images to a cell, each with its own background: another's cannot be painted."""

    nuisances = ("image",)
    repaints = False
    repeats = 100

    def images(self, index, nuisances_of=None):
        return super().images(index)


@pytest.mark.parametrize("kind", [Painted, Several])
def test_values_are_the_eigenvalues_of_the_covariance_that_backgrounds_are_drawn_from(kind):
    wanted = [40.0, 20.0, 8.0, 3.0, 1.0]
    values = nuisance_values(kind(wanted), likelihood="gaussian")
    np.testing.assert_allclose(values, wanted, rtol=0.1)  # three standard errors of 2,000 pairs


def test_white_noise_freezes_at_its_variance_though_samples_show_more():
    data = Painted([], rest=2.0)
    values = nuisance_values(data, likelihood="gaussian")
    assert len(values) == 20
    np.testing.assert_allclose(values, 2.0, rtol=0.05)
    samples = data.images(np.arange(2000)).reshape(2000, -1)
    assert np.linalg.eigvalsh(np.cov(samples.T))[-1] > 3.0


def test_what_stands_out_of_noise_is_found_and_the_noise_is_not_taken_for_more():
    values = nuisance_values(Painted([30.0, 12.0], rest=1.0), likelihood="gaussian")
    np.testing.assert_allclose(values[:2], [30.0, 12.0], rtol=0.1)
    np.testing.assert_allclose(values[2:], 1.0, rtol=0.06)


def test_values_are_those_of_every_pair_of_images_of_every_cell():
    """Bernoulli pixels, cells of one to four images, against a sum over all ordered pairs."""
    stream = np.random.default_rng(2)
    counts = stream.integers(1, 5, size=12)
    labels = np.repeat(np.array(list(itertools.product(range(3), range(4)))), counts, axis=0)
    images = (stream.uniform(size=(len(labels), 6, 5, 1)) < 0.3 + 0.1 * labels[:, :1, None, None]).astype(np.float32)
    data = given_dataset((images, labels))
    assert data.nuisances == ("image",)
    flat = images.reshape(len(images), -1).astype(np.float64)
    covariance = np.zeros((30, 30))
    for image, label in zip(flat, labels, strict=True):
        others = flat[(labels == label).all(axis=1)] - image
        covariance += others.T @ others / len(others) / 2
    mean = flat.mean(axis=0)
    scale = np.sqrt(mean * (1 - mean))
    wanted = np.linalg.eigvalsh(covariance / len(flat) / np.outer(scale, scale))[::-1]
    np.testing.assert_allclose(nuisance_values(data)[:6], wanted[:6], rtol=0.1)


def test_the_same_seed_draws_the_same_pairs_and_another_others():
    data = Painted([4.0, 2.0])
    first = nuisance_values(data, likelihood="gaussian")
    assert nuisance_values(data, likelihood="gaussian") == first
    assert nuisance_values(data, likelihood="gaussian", seed=1) != first


def test_data_without_nuisances_have_no_values_and_nuisances_that_do_not_vary_no_findings():
    assert nuisance_values(load_dataset("dsprites-tiny")) == ()
    assert nuisance_findings(load_dataset("dsprites-tiny")) is None
    still = Painted([])
    assert nuisance_findings(still, likelihood="gaussian") is None


def test_a_nuisance_that_is_called_as_a_factor_is_told_from_it():
    labels = np.repeat(np.arange(4)[:, None], 3, axis=0)
    images = np.random.default_rng(0).uniform(size=(12, 4, 4, 1)).astype(np.float32)
    data = given_dataset((images, labels))
    assert nuisance_names(data) == ("image",)
    data.factors = Factors(("image",), (4,))
    assert nuisance_names(data) == ("image (nuisance)",)


@pytest.mark.parametrize("dimensions", [3, 60])
def test_directions_that_no_sample_has_are_worth_nothing(dimensions):
    turned = np.linalg.qr(np.random.default_rng(1).normal(size=(dimensions, 3)))[0].T
    samples = np.random.default_rng(0).normal(size=(40, 3)) @ turned
    values = validated_eigenvalues(torch.from_numpy(samples), 6)
    assert (values[:3] > 0.3).all()
    np.testing.assert_allclose(values[3:], 0.0, atol=1e-12)


def test_values_are_the_same_from_products_of_samples_and_of_dimensions():
    samples = torch.from_numpy(np.random.default_rng(0).normal(size=(60, 20)) * np.geomspace(5, 0.5, 20))
    wider = torch.cat([samples, torch.zeros(60, 50, dtype=torch.float64)], dim=1)
    np.testing.assert_allclose(validated_eigenvalues(samples, 8), validated_eigenvalues(wider, 8), rtol=1e-10)


def test_a_spectrum_s_findings_have_them_with_the_order_alone_and_plans_of_a_run_with_it_too(tmp_path):
    labels = np.repeat(np.arange(4)[:, None], 6, axis=0)
    stream = np.random.default_rng(1)
    images = np.clip(0.2 * labels[:, :, None, None] + stream.uniform(0, 0.4, size=(24, 4, 4, 1)), 0, 1)
    found = ifp.spectrum((images.astype(np.float32), labels), contexts=4, seed=3)
    assert found.findings(order=False).nuisances is None
    wanted = nuisance_findings(found.dataset, seed=3)
    assert wanted is not None
    assert found.findings().nuisances == wanted == found.nuisances


@pytest.mark.parametrize(
    ("names", "values", "message"),
    [
        ((), (1.0,), "need findings of one nuisance or more"),
        (("a", "a"), (1.0,), "each once"),
        (("two\nlines",), (1.0,), "each once"),
        (("a",), (), "need freezing points of nuisances"),
        (("a",), (1.0, 2.0), "that fall"),
        (("a",), (1.0, 0.0), "above 0"),
        (("a",), (float("nan"),), "above 0"),
    ],
)
def test_findings_of_nuisances_that_contradict_themselves_are_refused(names, values, message):
    with pytest.raises(IFPError, match=message):
        NuisanceFindings(names, values)


def test_findings_in_which_a_nuisance_has_a_factor_s_name_are_refused():
    found = ifp.spectrum("dsprites-tiny", factors=["scale"], contexts=3).findings(order=False)
    with pytest.raises(IFPError, match=r"need names of nuisances that are no factor's, got \('scale',\)"):
        replace(found, nuisances=NuisanceFindings(("scale",), (3.0,)))
