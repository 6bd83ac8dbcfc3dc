"""What is told of a training run: what each latent holds at its end, and stages that ended with silent latents."""

import numpy as np
import pytest

from analysis.plain_json import json_bytes
from ifp.cli.training_table import show_training
from ifp.datasets.dataset import describe
from ifp.files.npz import npz_bytes
from ifp.run_directory.kinds import Kind
from ifp.run_directory.run import create_run
from ifp.training.checkpoint import FORMAT, Checkpoint
from ifp.training.config import TrainConfig


@pytest.fixture
def run(tmp_path, bars):
    """Three stages of one latent: the first ends silent, the second was too short for a step, the third is active."""
    run = create_run(tmp_path / "run", Kind.TRAINING, TrainConfig(dataset="bars"), describe(bars))
    zeros = np.zeros((3, 3, 2))
    trace = {
        "step": np.array([0, 5, 10]),
        "stage": np.array([0, 0, 2]),
        "pressure": np.array([9.0, 9.0, 1.0]),
        "kl": np.array([[0.5, 0.0, 0.0], [0.001, 0.0, 0.0], [0.3, 0.2, 0.4]]),
        "mi": zeros,
        "mi_null": zeros,
        "reconstruction": np.ones(3),
        "factors": np.array(bars.factors.names),
        "entropy": np.log(bars.factors.sizes),
    }
    run.write("trace.npz", npz_bytes(trace))
    about = Checkpoint(FORMAT, "deft", bars.image_shape, ((0,), (1,), (2,)), "conv-small", False, 10)
    run.write("checkpoint.json", json_bytes(about))
    run.write("scores.json", json_bytes({"mig": 0.25}))
    return run


def test_a_stage_that_ends_silent_is_named_and_one_without_a_step_is_not(run, capsys):
    show_training(run)
    said = capsys.readouterr().err
    assert [line.split(";")[0] for line in said.splitlines() if "warning" in line] == [
        "warning: latent 0 was still silent when stage 1 ended"
    ]
    assert "after deft, beta 9 -> 1" in said
    assert "MIG 0.250" in said
