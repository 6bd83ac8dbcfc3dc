import sys

import pytest

import ifp
from annealing.errors import IFPError
from ifp.files.npz import load_npz

pytestmark = pytest.mark.usefixtures("_one_thread")

FEW = {"objective": "beta-vae", "latents": 2, "steps": 6, "eval_every": 3, "threads": 1, "network": "conv-8"}


def test_events_hold_the_records_of_the_trace(bars, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = ifp.train(bars, out=tmp_path / "run", tensorboard=True, **FEW)
    events = accumulator.EventAccumulator(str(run.path / "tensorboard"))
    events.Reload()
    trace = load_npz(run.path / "trace.npz")
    for name, expected in {
        "probe/reconstruction": trace["reconstruction"][1:], "probe/kl": trace["kl"][1:].sum(axis=1),
        "kl/1": trace["kl"][1:, 1], "pressure": trace["pressure"][1:],
    }.items():  # fmt: skip
        found = events.Scalars(name)
        assert [each.step for each in found] == [3, 6]
        assert [each.value for each in found] == pytest.approx(expected.tolist(), rel=1e-5)
    assert {"loss/kl", "loss/reconstruction"} <= set(events.Tags()["scalars"])


def test_without_the_package_nothing_is_made_and_the_extra_is_named(bars, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(
        IFPError, match=r"need the package tensorboard for --tensorboard: pip install 'ifp\[tensorboard\]'"
    ):
        ifp.train(bars, out=tmp_path / "run", tensorboard=True, **FEW)
    assert not (tmp_path / "run").exists()
