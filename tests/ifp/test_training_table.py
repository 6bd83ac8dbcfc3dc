import numpy as np
import pytest

from analysis.plain_json import json_bytes
from ifp.cli.training_table import show_training
from ifp.files.npz import npz_bytes
from ifp.run_directory.run import create_run


@pytest.fixture
def run(tmp_path, bars):
    """Three stages of one latent: the first ends silent, the second was too short for a step, the third is active."""
    run = create_run(tmp_path / "run", "train", {"objective": "deft"}, {})
    nats = np.array([[0.5, 0.0, 0.0], [0.001, 0.0, 0.0], [0.3, 0.2, 0.4]])
    zeros = np.zeros((3, 3, 2))
    trace = {
        "stage": np.array([0, 0, 2]),
        "pressure": np.array([9.0, 9.0, 1.0]),
        "kl": nats,
        "mi": zeros,
        "mi_null": zeros,
        "reconstruction": np.ones(3),
    }
    run.write("trace.npz", npz_bytes(trace))
    run.write("checkpoint.json", json_bytes({"groups": [[0], [1], [2]]}))
    run.write("scores.json", json_bytes({"mig": 0.25}))
    return run


def test_a_stage_that_ends_silent_is_named_and_one_without_a_step_is_not(run, bars, capsys):
    show_training(run, bars)
    said = capsys.readouterr().err
    assert [line.split(" still")[0] for line in said.splitlines() if "warning" in line] == [
        "warning: stage 1 ended with latents 0"
    ]
    assert "after deft, beta 9 -> 1" in said
    assert "MIG 0.250" in said
