"""The caller's process is the caller's: a function of ifp leaves it as it found it."""

import logging
import os
import random
import shutil
import signal
import warnings

import matplotlib
import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

import ifp
from ifp.machine.memory import keep_freed_memory
from tests.ifp.conftest import TWO_LATENTS


def process_state():
    """What is the process's own, by name."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    root = logging.getLogger()
    return {
        "threads of torch": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "threads of BLAS": sorted((pool["filepath"], pool["num_threads"]) for pool in threadpool_info()),
        "cudnn": (cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32),
        "torch": (
            torch.get_default_dtype(), torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled(),
            torch.get_float32_matmul_precision(), torch.is_autocast_enabled("cpu"),
        ),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "states of random numbers": (
            torch.get_rng_state().tolist(), random.getstate(), [str(part) for part in np.random.get_state()],  # noqa: NPY002
        ),
        "signals": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "matplotlib": dict(matplotlib.rcParams),
        "log": (root.level, list(root.handlers), [*logging.getLogger("ifp").handlers], logging.getLogger("ifp").level),
        "memory": keep_freed_memory.cache_info().misses,
        "environment": dict(os.environ),
        "folder": os.getcwd(),
    }  # fmt: skip


@pytest.fixture
def _own_choices():
    """A process with choices of its own, none of them a default."""
    threads, cudnn = torch.get_num_threads(), torch.backends.cudnn.benchmark
    torch.set_num_threads(3)
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(123)
    np.random.seed(123)  # noqa: NPY002  # the state that others may rely on
    random.seed(123)
    with threadpool_limits(limits=2, user_api="blas"):
        yield
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = cudnn


@pytest.fixture(scope="module")
def at_hand(finished_runs, bars, bars_file, tmp_path_factory):
    """What functions take: copies of the finished runs, data, a folder for new runs."""
    folder = tmp_path_factory.mktemp("process")
    shutil.copytree(finished_runs, folder / "runs")
    return folder, bars, bars_file


def beta_vae(out, data):
    return ifp.train(data, objective="beta-vae", out=out, **{**TWO_LATENTS, "threads": 1})


def watched(out, data):
    """A silent loop on the data, read five times, then by every command."""
    with ifp.watch(out=out, data=data, latents=2, every=1, tell=lambda line: None) as watch:
        for step in range(5):
            watch(step, beta=1e4, mean=torch.zeros(4, 2), logvar=torch.zeros(4, 2), factors=torch.arange(4))
    return ifp.diagnose(out), ifp.open_run(out).plot(), ifp.report(out)


class Pairs:
    """Items (image, label), as torch's data sets have them."""

    def __init__(self, bars):
        self.bars = bars

    def __len__(self):
        return len(self.bars)

    def __getitem__(self, number):
        return self.bars.images([number])[0], number


CALLS = {
    "anneal": lambda folder, bars, file: (
        ifp.anneal(file, out=folder / "a", contexts=1, factors=("brightness",), protocol="equilibrium", threads=1),
        ifp.anneal(file, out=folder / "f", mode="full", latents=2, steps=51, hold_steps=2, batch_size=8, threads=1),
    ),
    "beta_in_nats": lambda folder, bars, file: ifp.beta_in_nats(np.ones(3), "mse-mean", features=16),
    "compare": lambda folder, bars, file: (
        ifp.compare([folder / "runs" / "train"], scores=["mig"]).plot(),
        ifp.compare(
            dataset=file, objectives=("beta-vae",), seeds=1, scores=["mig"], out=folder / "c", **TWO_LATENTS
        ),
    ),
    "diagnose": lambda folder, bars, file: [
        *(ifp.diagnose(folder / "runs" / name, save=True).plot() for name in ("anneal", "full", "train")),
        ifp.diagnose([folder / "runs" / "anneal"] * 2).plot(),
    ],
    "encode": lambda folder, bars, file: ifp.encode(folder / "runs" / "train"),
    "freezing_points": lambda folder, bars, file: ifp.freezing_points(folder / "runs" / "train").plot(),
    "from_arrays": lambda folder, bars, file: ifp.from_arrays(bars.images(range(len(bars)))),
    "from_dataset": lambda folder, bars, file: ifp.from_dataset(Pairs(bars)),
    "from_rows": lambda folder, bars, file: ifp.from_rows(bars.images(range(len(bars))).reshape(len(bars), -1)),
    "load_dataset": lambda folder, bars, file: ifp.load_dataset("dsprites-tiny").images([0]),
    "load_model": lambda folder, bars, file: ifp.load_model(folder / "runs" / "train"),
    "open_run": lambda folder, bars, file: [
        ifp.open_run(folder / "runs" / name).plot() for name in ("anneal", "full", "train", "compare")
    ],
    "plan_stages": lambda folder, bars, file: (
        ifp.plan_stages(folder / "runs" / "anneal", order=True),
        ifp.plan_stages(dataset=file, contexts=4),
    ),
    "report": lambda folder, bars, file: [
        ifp.report(folder / "runs" / name) for name in ("anneal", "full", "train", "compare")
    ],
    "runs": lambda folder, bars, file: ifp.runs(folder / "runs"),
    "score": lambda folder, bars, file: ifp.score(
        folder / "runs" / "train", only=["mig", "sap", "dci-forest_disentanglement", "irs"], save=True
    ),
    "score_runs": lambda folder, bars, file: [
        ifp.score_runs([folder / "runs" / "train", folder / "runs" / "compare"], **given).plot()
        for given in ({"only": ["mig"]}, {"udr": True})
    ],
    "spectrum": lambda folder, bars, file: (
        ifp.spectrum(file, contexts=4).findings(),
        ifp.spectrum(bars.images(range(len(bars)))),
    ),
    "suggest": lambda folder, bars, file: ifp.suggest(file, loss="bce-mean", modes=3).plot(),
    "train": lambda folder, bars, file: beta_vae(folder / "t", file),
    "traverse": lambda folder, bars, file: ifp.traverse(folder / "runs" / "train", count=2),
    "verify": lambda folder, bars, file: ifp.verify(folder / "runs" / "train"),
    "watch": lambda folder, bars, file: watched(folder / "w", file),
    "weight_of": lambda folder, bars, file: ifp.weight_of(1.0, "mse-mean", features=16),
}  # fmt: skip


def test_every_function_is_called_here():
    assert set(CALLS) == {name for name in ifp.__all__ if name.islower()}


@pytest.mark.usefixtures("_own_choices")
@pytest.mark.parametrize("name", CALLS)
def test_a_function_leaves_the_process_as_it_found_it(name, at_hand):
    before = process_state()
    CALLS[name](*at_hand)
    after = process_state()
    assert {key: (before[key], after[key]) for key in before if before[key] != after[key]} == {}


@pytest.mark.usefixtures("_own_choices")
def test_an_error_leaves_it_so_too(at_hand):
    before = process_state()
    for refused in (
        lambda: ifp.train("dsprites-tiny", objective="beta-vae", steps=0),
        lambda: beta_vae(at_hand[0] / "none" / "at" / "all", "no data set"),
        lambda: ifp.diagnose(at_hand[0]),
    ):
        with pytest.raises(ifp.IFPError):
            refused()
    assert process_state() == before


def test_the_command_line_has_the_process_for_itself_and_gives_it_back(told, finished_runs):
    before = process_state()
    code, _, _ = told("diagnose", finished_runs / "nothing")
    after = process_state()
    assert code == 1
    kept = {"memory", "folder"}  # malloc's settings cannot be read, so not restored; the folder is the test's
    assert {key for key in before if before[key] != after[key]} <= kept
