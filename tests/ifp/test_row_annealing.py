"""Rows of any data annealed as a whole: closed forms beside, own networks and likelihoods, resuming, refusals."""

import json

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

import ifp
from ifp.run_directory.kinds import Kind

pytestmark = pytest.mark.usefixtures("_one_thread")

NETWORK = ifp.Network(
    lambda shape, outputs: nn.Sequential(nn.Linear(shape[0], 6), nn.Dropout(0.2), nn.Tanh(), nn.Linear(6, outputs)),
    lambda shape, latents: nn.Linear(latents, shape[0]),
)
OWN = ifp.Likelihood(
    lambda x, log_rate, exposure: torch.distributions.Poisson(exposure * log_rate.exp()).log_prob(x),
    ("log_rate",),
    exposed=True,
)
TINY = {
    "latents": 2, "hold_steps": 8, "heat_steps": 12, "cool_steps": 12, "batch_size": 8, "record_every": 4,
    "checkpoint_every": 4, "probe": 30, "threads": 1,
}  # fmt: skip
FILES = ("curves.npz", "freezing.csv", "model.safetensors")


@pytest.fixture(scope="module")
def counts():
    """30 rows of counts of one hidden cause, and how long each was counted."""
    rng = np.random.default_rng(1)
    exposure = rng.uniform(0.5, 2, 30)
    rates = np.exp(np.outer(rng.standard_normal(30), [1.0, -1.0, 0.5, 0.0]))
    return rng.poisson(4 * rates * exposure[:, None]) + np.eye(1, 4, dtype=int), exposure


def annealed(rows, folder, **settings):
    values, exposure = rows
    given = {"likelihood": "poisson", "exposure": exposure, "network": NETWORK, **TINY, **settings}
    return ifp.anneal(values, out=folder, **given)


@pytest.fixture(scope="module")
def whole(counts, tmp_path_factory):
    return annealed(counts, tmp_path_factory.mktemp("runs") / "whole")


def curves(run):
    with np.load(run.path / "curves.npz") as arrays:
        return dict(arrays)


def test_rows_are_annealed_as_a_whole_below_what_is_suggested_for_them(whole, counts):
    settings = whole.config["settings"]
    found = ifp.suggest(counts[0], likelihood="poisson", exposure=counts[1])
    expected = {f"mode {mode.mode}": mode.freezing for mode in found.modes[:2]}
    assert whole.kind == Kind.WHOLE_ANNEALING
    assert settings["network"] == "own"
    assert settings["predicted"] == pytest.approx(expected)
    assert settings["pressures"] == pytest.approx([0.016 * found.silent_above, 1.6 * found.silent_above])


def test_the_silent_decoder_draws_rates_in_proportion_to_the_exposure(whole, counts):
    values, exposure = counts
    rates = exposure[:, None] * values.sum(axis=0) / exposure.sum()
    expected = -stats.poisson.logpmf(values, rates).sum(axis=1).mean()
    assert curves(whole)["silent_reconstruction"][0] == pytest.approx(expected, rel=1e-5)


def test_a_stopped_run_goes_on_to_the_same_bytes_with_the_same_network_alone(whole, counts, tmp_path):
    class Stops:
        def begun(self, about, run=None, files=()):
            pass

        def follow(self, steps, title):
            for step in steps:
                yield step
                if step.done == 14:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        annealed(counts, tmp_path / "run", watch=Stops())
    with pytest.raises(ifp.IFPError, match="need the own network that the run was trained with"):
        ifp.anneal(out=tmp_path / "run", resume=True)
    other = ifp.Network(NETWORK.encoder, lambda shape, latents: nn.Linear(latents, shape[0], bias=False))
    with pytest.raises(ifp.IFPError, match="need a state of this run"):
        ifp.anneal(out=tmp_path / "run", resume=True, network=other)
    again = ifp.anneal(out=tmp_path / "run", resume=True, network=NETWORK)
    for name in FILES:
        assert (again.path / name).read_bytes() == (whole.path / name).read_bytes(), name


def test_a_likelihood_of_ones_own_has_the_closed_forms_of_the_named_one_of_the_same_probability(
    whole, counts, tmp_path
):
    own = annealed(counts, tmp_path / "own", likelihood=OWN)
    settings = own.config["settings"]
    assert settings["likelihood"] == "own"
    assert settings["likelihood_settings"] == {"name": "own", "parameters": "log_rate", "learned": ""}
    assert settings["predicted"] == pytest.approx(whole.config["settings"]["predicted"], rel=1e-6)
    for name in ("beta", "silent_reconstruction"):  # an encoder is not told that values are counts, and sees no logs
        np.testing.assert_allclose(curves(own)[name], curves(whole)[name], rtol=1e-5)
    (own.path / "freezing.csv").unlink()  # not finished
    with pytest.raises(ifp.IFPError, match=r"need the own likelihood .* likelihood=ifp.Likelihood"):
        ifp.anneal(out=own.path, resume=True, network=NETWORK)
    renamed = ifp.Likelihood(OWN.log_prob, ("rate",), exposed=True)
    with pytest.raises(ifp.IFPError, match="parameters is 'log_rate' there and 'rate' here"):
        ifp.anneal(out=own.path, resume=True, network=NETWORK, likelihood=renamed)


def test_labels_of_rows_are_told_beside_their_modes(counts, tmp_path):
    kinds = np.arange(30) % 2
    rows = ifp.from_rows(counts[0], kinds, ["kind"], exposure=counts[1], name="counts")
    run = ifp.anneal(rows, likelihood="poisson", out=tmp_path / "run", hidden=5, **TINY)
    assert run.config["settings"]["network"] == "dense"
    assert list(run.config["settings"]["predicted"]) == ["mode 1", "mode 2"]
    assert curves(run)["mi"].shape[1:] == (2, 1)
    assert [each.factor for each in run.findings().factors] == ["kind"]
    assert "mode 2" in ifp.report(run).read_text()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"network": "conv"}, r"need the network dense for rows, or your own \(ifp.Network\), got conv"),
        ({"network": "own"}, "need the own network that the run was trained with, from Python"),
        ({"likelihood": "own"}, "need the own likelihood that the run was begun with, from Python"),
        ({"likelihood": "bernoulli"}, "need rows without exposure for a bernoulli likelihood"),
        ({"mode": "action"}, "need no --hold-steps with --mode action"),
        (
            {"network": ifp.Network(NETWORK.encoder, lambda shape, latents: nn.Linear(latents, 5))},
            r"need \(2, 4\) from",
        ),
    ],
)
def test_what_does_not_fit_rows_is_told_before_anything_is_written(counts, tmp_path, settings, message):
    with pytest.raises(ifp.IFPError, match=message):
        annealed(counts, tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_each_mode_says_what_it_does_not_take(counts, bars, tmp_path):
    with pytest.raises(ifp.IFPError, match=r"need images for --mode action, .* got rows: --mode full"):
        ifp.anneal(counts[0], mode="action", out=tmp_path / "run")
    with pytest.raises(ifp.IFPError, match="need rows for a likelihood of your own, bars holds images"):
        ifp.anneal(bars, mode="full", likelihood=OWN, out=tmp_path / "run")
    with pytest.raises(ifp.IFPError, match="bernoulli or gaussian for --mode action, got a likelihood of your own"):
        ifp.anneal(bars, likelihood=OWN, out=tmp_path / "run")
    with pytest.raises(ifp.IFPError, match="need no --set-likelihood with --mode action"):
        ifp.anneal(bars, likelihood_settings={"variance": 0.1}, out=tmp_path / "run")


def test_an_own_network_on_images_is_the_named_one_that_is_built_alike(bars, tmp_path):
    from ifp.models.networks import dense

    given = {**TINY, "mode": "full", "pressures": (0.5, 20.0), "predicted": {}}
    named = ifp.anneal(bars, network="dense", hidden=7, out=tmp_path / "named", **given)
    own = ifp.anneal(bars, network=dense(7), out=tmp_path / "own", **given)
    for name in FILES:
        assert (own.path / name).read_bytes() == (named.path / name).read_bytes(), name
    settings = [json.loads((run.path / "config.json").read_text())["settings"]["network"] for run in (named, own)]
    assert settings == ["dense", "own"]
