"""Several processes that train one model take the steps of one process, but for rounding."""

import socket

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


@pytest.fixture
def side_by_side(starter):
    """The same in two processes that need not import anything, told of each other as ``torchrun`` tells its own."""

    def run(folder, *arguments):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        told = {"TORCHELASTIC_RUN_ID": "tests", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
        words = (folder, "-m", "ifp", *arguments)
        both = [starter.start(*words, **told, RANK=rank, LOCAL_RANK=rank) for rank in ("0", "1")]
        return [each.wait() for each in both]

    return run


def test_two_processes_take_the_steps_of_one(run_ifp, side_by_side, bars_file, tmp_path):
    words = (*TRAIN, "--dataset", bars_file, "--objective", "control-vae")  # whose pressure is of the whole batch's KL
    alone = run_ifp(tmp_path, *words, "--out", "alone")
    assert alone.returncode == 0, alone.stderr
    both = side_by_side(tmp_path, *words, "--out", "both")
    assert [each.returncode for each in both] == [0, 0], both
    assert sum(each.stderr.count("writing both/") for each in both) == 1
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
