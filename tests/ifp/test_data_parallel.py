"""Several processes that train one model take the steps of one process, but for rounding."""

import os

import numpy as np
import pytest
from safetensors.torch import load_file

from ifp.files.npz import load_npz

TRAIN = (
    *("train", "--steps", "6", "--batch-size", "8", "--eval-every", "3"),
    *("--threads", "1", "--network", "conv-8", "--precision", "float32", "--latents", "3"),
)


@pytest.fixture
def torchrun(starter):
    """``ifp`` with arguments in a folder, by ``torchrun`` in two processes that begin from nothing."""
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "ifp")
    return lambda folder, *arguments: starter.run(folder, *launcher, *arguments)


@pytest.mark.skipif(os.name == "nt", reason="processes meet through gloo")
def test_two_processes_take_the_steps_of_one(run_ifp, torchrun, bars_file, tmp_path):
    words = (*TRAIN, "--dataset", bars_file, "--objective", "control-vae")  # whose pressure is of the whole batch's KL
    alone = run_ifp(tmp_path, *words, "--out", "alone")
    assert alone.returncode == 0, alone.stderr
    both = torchrun(tmp_path, *words, "--out", "both")
    assert both.returncode == 0, both.stderr
    assert both.stderr.count("writing both/") == 1
    one, two = (load_npz(tmp_path / name / "trace.npz") for name in ("alone", "both"))
    assert one["step"].tolist() == two["step"].tolist() == [0, 3, 6]
    np.testing.assert_allclose(two["reconstruction"], one["reconstruction"], rtol=1e-4)
    np.testing.assert_allclose(two["pressure"], one["pressure"], rtol=1e-4)
    weights = [load_file(tmp_path / name / "checkpoint.safetensors") for name in ("alone", "both")]
    for name, value in weights[0].items():
        np.testing.assert_allclose(weights[1][name], value, atol=2e-4)


def test_batches_that_the_processes_cannot_divide_are_refused(torchrun, bars_file, tmp_path):
    words = (*TRAIN, "--dataset", bars_file, "--objective", "beta-vae", "--batch-size", "9")
    ended = torchrun(tmp_path, *words, "--out", "run")
    assert ended.returncode != 0
    assert "need a batch size that 2 processes divide, got 9" in ended.stderr
    assert not (tmp_path / "run").exists()
