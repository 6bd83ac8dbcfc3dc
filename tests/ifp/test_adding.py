"""An objective, a schedule, a protocol and a score are added as docs/how_to/extend.md has it, and known everywhere."""

import dataclasses
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

import annealing.published
import ifp
import ifp.objectives
from annealing.errors import IFPError
from annealing.likelihoods.pixels import Bernoulli
from annealing.published import published_sweep
from ifp.files.npz import load_npz
from ifp.files.plain import load_json
from ifp.objectives import Setup, made, objectives
from ifp.objectives.objective import Codes

pytestmark = pytest.mark.usefixtures("_one_thread")

SETUP = Setup(latents=3, steps=101, images=32)


@pytest.fixture
def add_objective(worked_example, tmp_path, monkeypatch):
    """Put an example as a module into the package of objectives, and take it out again."""
    added = []

    def add(title, module):
        folder = tmp_path / "added"
        folder.mkdir()
        (folder / f"{module}.py").write_text(worked_example(title))
        monkeypatch.setattr(ifp.objectives, "__path__", [*ifp.objectives.__path__, str(folder)])
        added.append(f"ifp.objectives.{module}")

    yield add
    for name in added:
        sys.modules.pop(name, None)


def trained(objective, data, folder, parameters):
    """A short run of training, and its trace."""
    run = ifp.train(
        str(data), objective=objective, parameters=parameters, steps=11, batch_size=8, eval_every=1, probe=16,
        latents=2, network="conv-8", threads=1, out=folder / "run",
    )  # fmt: skip
    config = load_json(run.path / "config.json")["settings"]
    assert (config["objective"], config["parameters"]) == (objective, parameters)
    return load_npz(run.path / "trace.npz")


def test_an_objective_is_a_file(add_objective, bars_file, tmp_path):
    add_objective('"""Free bits', "free_bits")
    assert "free-bits" in objectives()
    mean = torch.tensor([[2.0, 0.8, 0.0]], requires_grad=True)  # of unit variance: KLs of half the squares
    kl = (mean**2 / 2).mean(dim=0)
    objective = made("free-bits", SETUP, {"free": 0.5})
    (loss,) = objective.terms(Codes(mean, torch.zeros(1, 3), mean, kl, torch.Generator()), objective.at(0)).values()
    loss.backward()
    assert loss.item() == pytest.approx(2 + 0.5 + 0.5)
    assert mean.grad.tolist() == [[2.0, 0.0, 0.0]]  # what is free is not pressed on
    with pytest.raises(IFPError, match=r"free nats of 0 or more, got -1"):
        made("free-bits", SETUP, {"free": -1.0})
    assert (trained("free-bits", bars_file, tmp_path, {"free": 0.25})["pressure"] == 1).all()


def test_a_schedule_is_a_function_and_an_objective_that_asks_it(add_objective, bars_file, tmp_path):
    add_objective('"""One encoder under a pressure that falls along half a cosine', "cosine_beta")
    objective = made("cosine-beta", SETUP, {"start": 9.0, "end": 1.0})
    assert [objective.at(t).pressure for t in (0, 25, 50, 100, 101)] == pytest.approx([9, 5 + 4 * 0.5**0.5, 5, 1, 1])
    trace = trained("cosine-beta", bars_file, tmp_path, {"start": 9.0, "end": 1.0})
    taken = np.maximum(trace["step"] - 1, 0)  # a record tells of the step before it
    assert trace["pressure"] == pytest.approx(5 + 4 * np.cos(np.pi * taken / 10))


def test_a_protocol_is_an_entry(worked_example):
    source, entry = Path(annealing.published.__file__).read_text(), worked_example("PublishedProtocol(")
    added = types.ModuleType("annealing.published_and_one_more")
    first = "    for protocol in (\n"
    assert source.count(first) == 1
    exec(source.replace(first, f"{first}        {entry.strip()},\n"), added.__dict__)
    assert list(added.PUBLISHED) == ["linear-2000", *annealing.published.PUBLISHED]
    protocol = dataclasses.replace(added.PUBLISHED["linear-2000"], steps=3)
    images = torch.rand(4, 64, 64, 1, generator=torch.Generator().manual_seed(0))
    records = list(published_sweep(images, protocol, Bernoulli(), seed=0, record_every=1))
    assert [float(each.beta[0]) for each in records] == pytest.approx([100 - 99 * t / 1999 for t in range(3)])
    assert added.PUBLISHED["linear-2000"].pressure(1999) == pytest.approx(1)


def test_a_score_is_a_file_that_the_command_line_knows(worked_example, environment, tmp_path):
    folder = tmp_path / "added"
    folder.mkdir()
    (folder / "active_units.py").write_text(worked_example('"""Active units'))
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((64, 4)) * [1, 0.2, 0.05, 0]  # variances of 1, 0.04, 0.0025 and 0
    factors = np.stack(np.divmod(np.arange(64), 8), axis=1)
    np.savez(tmp_path / "codes.npz", codes=codes, factors=factors)
    code = f"import analysis.scores; analysis.scores.__path__.append({str(folder)!r}); import ifp.cli; ifp.cli.main()"
    ended = subprocess.run(
        [sys.executable, "-c", code, "score", "codes.npz", "--only", "active_units,mig", "--json"],
        cwd=tmp_path, env=environment | {"PYTHONPATH": os.fspath(Path(ifp.__file__).parents[1])},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["active_units"] == 0.5
    assert list(found).index("mig") < list(found).index("active_units")  # those without a place come last
