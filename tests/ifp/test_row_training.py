"""Training on rows of any data: closed forms of linear Gaussian models, freezing points, resuming, refusals."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from torch import nn

import ifp
from annealing.likelihoods import row_likelihood
from annealing.rows import Rows
from ifp.datasets.dataset import DataOptions, RowDescription
from ifp.datasets.user_rows import holds_rows, load_rows
from ifp.models.row_network import RowLayout, RowStart, row_network
from ifp.run_directory.opening import run_dataset
from ifp.run_directory.run import open_run

LINEAR = ifp.Network(
    lambda shape, outputs: nn.Linear(shape[0], outputs),
    lambda shape, latents: nn.Sequential(nn.Linear(latents, math.prod(shape)), nn.Unflatten(1, shape)),
)
SHORT = {"objective": "beta-vae", "network": LINEAR, "batch_size": 64, "threads": 1, "latents": 2}


@pytest.fixture(scope="module")
def linear_rows():
    """512 rows of two hidden causes and noise of variance 0.25."""
    rng = np.random.default_rng(0)
    causes = rng.standard_normal((512, 2)) * [2.0, 1.0]
    axes = np.linalg.qr(rng.standard_normal((6, 2)))[0]
    return causes @ axes.T + 0.5 * rng.standard_normal((512, 6)) + 3


@pytest.fixture(scope="module")
def counts():
    """256 rows of counts of two hidden causes, seen for times of their own."""
    rng = np.random.default_rng(1)
    rates = np.exp(rng.standard_normal((256, 2)) @ rng.standard_normal((2, 5)) / 2)
    return rng.poisson(4 * rates * rng.uniform(0.5, 2, (256, 1))) + np.eye(1, 5, dtype=int)


def trained(data, folder, **settings):
    return ifp.train(data, out=folder, **{**SHORT, **settings})


def test_the_bound_is_that_of_probabilistic_pca(linear_rows, tmp_path):
    """Tipping and Bishop 1999: -N/2 (D log 2 pi + log det C + D), C of the leading modes and the mean of the others."""
    run = trained(
        linear_rows, tmp_path / "run", likelihood="gaussian-shared", parameters={"beta": 1.0}, steps=800,
        learning_rate=1e-2, probe=512, eval_every=800,
    )  # fmt: skip
    last = run.to_frame().iloc[-1]
    values = np.linalg.eigvalsh(np.cov(linear_rows.T, bias=True))[::-1]
    variance = values[2:].mean()
    nats = (6 * np.log(2 * np.pi) + np.log(values[:2]).sum() + 4 * np.log(variance) + 6) / 2
    assert last.reconstruction + last.kl_0 + last.kl_1 == pytest.approx(nats, rel=0.02)
    learned = ifp.load_model(run, LINEAR).decoder.log_learned["variance"].detach().exp()
    assert float(learned) == pytest.approx(variance, rel=0.1)


def test_a_latent_is_awake_below_the_suggested_pressure_and_silent_above(linear_rows, tmp_path):
    found = ifp.suggest(linear_rows, likelihood="gaussian-each")
    first = found.modes[0].freezing
    for times, held in ((0.6, True), (1.4, False)):
        run = trained(
            linear_rows, tmp_path / str(times), likelihood="gaussian-each", parameters={"beta": times * first},
            steps=700, learning_rate=1e-2, eval_every=700, probe=512,
        )  # fmt: skip
        assert (run.to_frame().iloc[-1][["kl_0", "kl_1"]].max() > 0.1) == held


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("gaussian", {"variance": 0.5}), ("gaussian-each", {}), ("poisson", {}), ("negative-binomial", {}),
        ("softmax-negative-binomial", {}), ("gaussian-decoded", {}),
    ],
)  # fmt: skip
def test_a_decoder_that_adds_nothing_draws_as_the_silent_one(counts, name, settings):
    likelihood = row_likelihood(name, **settings)
    exposure = counts.sum(1).astype(float) if likelihood.counts else None
    rows = Rows(counts.astype(float), exposure)
    layout = RowLayout(likelihood, 5, exposure is not None)
    network = row_network(LINEAR, layout, RowStart.of(rows, layout))
    decoder = network.decoder((1, 5, 1), 2)
    for parameter in decoder.network.parameters():
        nn.init.zeros_(parameter)
    silence = likelihood.silence(rows)
    count = len(likelihood.parameters)
    with torch.no_grad():
        output = decoder(torch.randn(3, 2))
    np.testing.assert_allclose(output[1, :count], silence.outputs, rtol=1e-5)
    for number, learned in enumerate(likelihood.learned):
        np.testing.assert_allclose(output[2, count + number], np.broadcast_to(silence.free[learned], 5), rtol=1e-5)


def test_an_encoder_sees_logs_of_counts_and_of_exposures_standardised(counts):
    layout = RowLayout(row_likelihood("poisson"), 5, True)
    total = counts.sum(1).astype(float)
    rows = Rows(sparse.csr_array(counts), total)
    copy = ifp.Network(lambda shape, outputs: nn.Identity(), LINEAR.decoder)
    encoder = row_network(copy, layout, RowStart.of(rows, layout)).encoder((1, 6, 1), 6)
    laid_out = torch.from_numpy(np.column_stack([counts, total])).float()[:, None, None]
    seen = np.column_stack([np.log1p(counts), np.log(total)])
    np.testing.assert_allclose(encoder(laid_out), (seen - seen.mean(0)) / seen.std(0), atol=1e-5)


def test_a_run_that_is_stopped_goes_on_to_the_same_bytes(counts, tmp_path, stopped_training):
    settings = {"likelihood": "negative-binomial", "exposure": "total", "steps": 30, "eval_every": 10}
    whole = trained(counts, tmp_path / "whole", checkpoint_every=10, **settings)
    half = stopped_training(counts, tmp_path / "half", steps=20, settings={**SHORT, **settings, "checkpoint_every": 10})
    assert not half.finished
    again = ifp.train(out=tmp_path / "half", resume=True, network=LINEAR)
    for name in ("trace.npz", "metrics.csv", "checkpoint.safetensors", "checkpoint.json", "traversal.png"):
        assert (again.path / name).read_bytes() == (whole.path / name).read_bytes(), name


@pytest.fixture
def stopped_training(monkeypatch):
    """Trains, and is interrupted as a step is taken."""

    def stopped(data, folder, steps, settings):
        import ifp.training.loop as loop

        take = loop.take_step

        def until(learner, batch, step, *others):
            if step == steps + 3:
                raise KeyboardInterrupt
            return take(learner, batch, step, *others)

        with monkeypatch.context() as patched:
            patched.setattr(loop, "take_step", until)
            with pytest.raises(KeyboardInterrupt):
                ifp.train(data, out=folder, **settings)
        return open_run(folder)

    return stopped


def test_labels_make_scores_findings_and_figures(counts, tmp_path):
    table = pd.DataFrame(counts, columns=list("abcde"))
    table["id"] = [f"row {number}" for number in range(len(table))]
    table["half"] = np.where(counts[:, 0] > np.median(counts[:, 0]), "high", "low")
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    options = {"factors_from": "half", "labels": "id", "exposure": "total"}
    run = trained(path, tmp_path / "run", likelihood="poisson", steps=20, eval_every=10, data_options=options)
    assert run_dataset(run).fingerprint == run.data.fingerprint
    assert run_dataset(run).feature_names == tuple("abcde")
    assert ifp.encode(run, network=LINEAR)["factors"].ravel().tolist() == (table["half"] == "low").tolist()
    assert set(ifp.score(run, only=["mig"], network=LINEAR)) == {"mig"}
    assert ifp.diagnose(run).factors[0].factor == "half"
    panels = ifp.traverse(run, network=LINEAR, latents=[1], count=3).axes
    assert [len(panel.lines) for panel in panels] == [3]
    assert [each.get_text() for each in panels[0].get_xticklabels()] == list("abcde")
    assert "What is drawn of each feature" in ifp.report(run).read_text()


def test_the_same_rows_dense_sparse_and_in_a_file_are_trained_on_alike(counts, tmp_path):
    dense = ifp.from_rows(counts, name="one")
    lean = ifp.from_rows(sparse.csr_array(counts), name="one")
    np.testing.assert_array_equal(dense.images(np.arange(9)), lean.images(np.arange(9)))
    np.savez(tmp_path / "one.npz", samples=counts, depth=counts.sum(1))
    read = load_rows(tmp_path / "one.npz", dataclasses.replace(dense.options, exposure="depth"))
    np.testing.assert_array_equal(read.images([3])[0, 0, :, 0], [*counts[3], counts[3].sum()])
    assert (read.image_shape, dense.image_shape) == ((1, 6, 1), (1, 5, 1))


def test_a_file_of_one_array_of_two_axes_holds_rows_and_of_three_images(counts, tmp_path):
    np.save(tmp_path / "rows.npy", counts)
    run = trained(tmp_path / "rows.npy", tmp_path / "run", likelihood="poisson", steps=1, eval_every=1)
    assert run.data.rows == RowDescription(5, exposed=False)
    assert run_dataset(run).fingerprint == run.data.fingerprint
    np.save(tmp_path / "images.npy", np.zeros((4, 8, 8), np.uint8))
    assert not holds_rows(tmp_path / "images.npy", DataOptions())


@pytest.mark.parametrize(
    ("change", "settings", "said"),
    [
        (lambda rows: rows - 9.0, {"likelihood": "poisson"}, "counts of 0 or more"),
        (lambda rows: rows, {}, r"values in 0\.\.1 for a bernoulli.*take gaussian"),
        (lambda rows: rows, {"likelihood": "gaussian", "exposure": "total"}, "rows without exposure.*poisson"),
        (lambda rows: rows, {"likelihood": "poisson", "exposure": "depth"}, "need 'depth' beside the samples"),
        (
            lambda rows: rows * (np.arange(256) > 0)[:, None],
            {"likelihood": "poisson", "exposure": "total"},
            "row 0 sum",
        ),
        (lambda rows: rows, {"likelihood": "poisson", "network": "conv"}, "network dense for rows"),
        (lambda rows: rows * [1, 1, 0, 1, 1], {"likelihood": "gaussian-each"}, "features that vary"),
        (lambda rows: rows.reshape(-1, 5, 1), {"likelihood": "poisson"}, "pixels|0\\.\\.1"),
        (lambda rows: rows, {"likelihood": "poison"}, "did you mean poisson"),
        (lambda rows: rows, {"likelihood": "gaussian", "likelihood_settings": {"sigma": 1.0}}, "setting of gaussian"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_written(counts, change, settings, said, tmp_path):
    with pytest.raises(ifp.IFPError, match=said):
        trained(change(counts), tmp_path / "run", steps=1, **settings)
    assert not (tmp_path / "run").exists()


def test_rows_are_refused_where_images_are_wanted(counts):
    with pytest.raises(ifp.DataError, match=r"need images .N, H, W. for this, rows holds rows: `ifp suggest`"):
        ifp.spectrum(ifp.from_rows(counts))
