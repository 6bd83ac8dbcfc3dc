"""Images per second of training, against the step alone and against the plainest loop; and what precision costs.

One network (conv, 10 latents, beta-VAE) on dSprites, on this machine's CPU or, with --device cuda, its GPU:
- constant: our step on one batch again and again, float32: what is left when the data cost nothing;
- loop: our loop, float32; and auto, the default, which is bfloat16 where the hardware has it; both compiled, too;
- dataloader: the plainest loop, a DataLoader with workers over an array in memory, Adam and float32 as torch has them;
- with --peers: the loops of pythae 0.1.2 and disent 0.8.0 over the same array, where they are installed.
Each is a process of its own, and rounds take turns, so that a slow minute of the machine is everyone's. Then the loss
after some thousand steps, float32 and default, over three seeds; with --operators the time of a step by operator.

Usage: python -m benchmarks.training [--device cuda] [--threads 2] [--batch 64 256] [--rounds 5] [--loss-steps 2000]
           [--peers] [--operators]
"""

import argparse
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import ifp
from annealing.likelihoods.pixels import Bernoulli
from benchmarks.peer_loops import LEARNING_RATE, PRESSURE, Work, disent, pythae
from ifp.datasets.dataset import Dataset
from ifp.machine.memory import keep_freed_memory
from ifp.machine.threads import use_threads
from ifp.models.networks import network_named
from ifp.training.batches import Batches
from ifp.training.config import TrainConfig
from ifp.training.loop import take_step, train_steps
from ifp.training.probe import evaluate, probe_images
from ifp.training.run import start_learner

_HELD = 50_000  # images in the DataLoader's array: enough that no cache holds them
_WARM_UP = 20  # steps
_IMAGES = 6400  # of a measurement
WAYS = (
    *("constant float32", "loop float32", "loop auto", "loop float32 compiled", "loop auto compiled"),
    "dataloader float32",
)
PEERS = {"pythae float32": pythae, "disent float32": disent}


def held_images(ds: Dataset) -> Tensor:
    """The array of those who hold one: images (N, C, H, W) from all over the set, in 0..1."""
    return torch.from_numpy(ds.images(np.arange(0, len(ds), len(ds) // _HELD))).permute(0, 3, 1, 2).float() / 255


def config_of(batch: int, device: str, **changed: Any) -> TrainConfig:
    """Settings that all share."""
    settings: dict[str, Any] = {
        "objective": "beta-vae",
        "steps": 10**9,
        "batch_size": batch,
        "threads": torch.get_num_threads(),
        "device": device,
    }
    return TrainConfig(dataset="dsprites", **{**settings, **changed})


def seconds(steps: Iterator[object], count: int, device: str) -> float:
    """Wall-clock of so many steps."""
    started = time.perf_counter()
    for _ in itertools.islice(steps, count):
        pass
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - started


def looping(ds: Dataset, config: TrainConfig) -> Work:
    """Our loop."""
    config = config.resolved(ds, None)
    steps = train_steps(start_learner(ds, config, None), ds, config.loop)
    return lambda count: seconds(steps, count, config.device)


def constant(ds: Dataset, config: TrainConfig) -> Work:
    """Our step on one batch."""
    config = config.resolved(ds, None)
    learner = start_learner(ds, config, None)
    batch = Batches(ds, batch_size=config.batch_size, latents=10, seed=0, device=learner.device).at(0)
    steps = (take_step(learner, batch, step, config.loop, Bernoulli()) for step in itertools.count())
    return lambda count: seconds(steps, count, config.device)


def plainest(ds: Dataset, config: TrainConfig) -> Work:
    """What a tutorial would write: one network, a DataLoader with two workers, Adam."""
    images = held_images(ds)
    device, network = torch.device(config.device), network_named("conv")
    torch.manual_seed(0)
    encoder, decoder = network.encoder((64, 64, 1), 20).to(device), network.decoder((64, 64, 1), 10).to(device)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=LEARNING_RATE)
    loader = DataLoader(TensorDataset(images), config.batch_size, shuffle=True, num_workers=2, drop_last=True)

    def walk() -> Iterator[float]:
        while True:
            for (x,) in loader:
                x = x.to(device)
                mean, logvar = encoder(x).chunk(2, dim=1)
                z = mean + (logvar / 2).exp() * torch.randn_like(mean)
                nats = functional.binary_cross_entropy_with_logits(decoder(z), x, reduction="sum")
                kl = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).sum()
                loss = (nats + PRESSURE * kl) / len(x)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                yield loss.item()

    steps = walk()
    return lambda count: seconds(steps, count, config.device)


def way_of(name: str, ds: Dataset, batch: int, device: str) -> Work:
    """One of ``WAYS`` or ``PEERS``; as a run of training does, ours keep the memory that they free."""
    if name in PEERS:
        return PEERS[name](held_images(ds), batch, device)
    kind, precision, *compiled = name.split()
    config = config_of(batch, device, precision=precision, compile=bool(compiled))
    if kind == "dataloader":
        return plainest(ds, config)
    keep_freed_memory()
    return constant(ds, config) if kind == "constant" else looping(ds, config)


def one_way(name: str, batch: int, device: str) -> None:
    """Images per second of one way, on stdout: what a process of its own measures."""
    work, count = way_of(name, ifp.load_dataset("dsprites"), batch, device), _IMAGES // batch
    work(_WARM_UP)
    print(count * batch / work(count))


def speeds(ways: Iterable[str], batch: int, device: str, threads: int, rounds: int) -> None:
    """Images per second of every way, each time in a process of its own, rounds taking turns."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    options = ["--device", device, "--threads", str(threads), "--batch", str(batch)]
    for _ in range(rounds):
        for name, found in taken.items():
            command = [sys.executable, "-m", "benchmarks.training", "--one", name, *options]
            ended = subprocess.run(command, capture_output=True, text=True, check=True)
            found.append(float(ended.stdout.split()[-1]))
    against = "dataloader float32" if "dataloader float32" in taken else next(iter(taken))
    plain = statistics.median(taken[against])
    print(f"\nbatch {batch}, {threads} threads: images/s, median of {rounds} rounds (lowest..highest)")
    for name, found in taken.items():
        middle = statistics.median(found)
        spread = f"({min(found):,.0f}..{max(found):,.0f})"
        print(f"  {name:24s} {middle:8,.0f} {spread:18s} {middle / plain:5.2f} x {against}", flush=True)


def losses(ds: Dataset, device: str, steps: int) -> None:
    """Loss on the probe set after training, float32 and default."""
    print(f"\nloss on 2,048 images after {steps:,} steps of batch 64, nats per image (beta 4)")
    for precision in ("float32", "auto"):
        found = []
        for seed in range(3):
            config = config_of(64, device, precision=precision, steps=steps, seed=seed).resolved(ds, None)
            learner = start_learner(ds, config, None)
            control = list(train_steps(learner, ds, config.loop))[-1].control
            end = evaluate(learner.model, probe_images(ds, 2048, 0), control, steps, Bernoulli())
            found.append(float(end.reconstruction + 4 * end.kl.sum()))
        shown = ", ".join(f"{loss:.2f}" for loss in found)
        print(f"  {config.precision:10s} {shown}; mean {statistics.mean(found):.2f}", flush=True)


def operators(ds: Dataset, device: str) -> None:
    """Time of a step by operator."""
    for precision in ("float32", "auto"):
        config = config_of(64, device, precision=precision).resolved(ds, None)
        steps = train_steps(start_learner(ds, config, None), ds, config.loop)
        for _ in itertools.islice(steps, _WARM_UP):
            pass
        with torch.profiler.profile() as profile:
            for _ in itertools.islice(steps, 100):
                pass
        print(f"\n{config.precision}, batch 64, 100 steps")
        key = "self_cuda_time_total" if device.startswith("cuda") else "self_cpu_time_total"
        print(profile.key_averages().table(sort_by=key, row_limit=16, max_name_column_width=45))


def main() -> None:
    """Speeds, then losses."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--loss-steps", type=int, default=2000, help="0: speeds alone")
    parser.add_argument("--peers", action="store_true", help="the loops of other libraries, too")
    parser.add_argument("--operators", action="store_true")
    parser.add_argument("--way", choices=(*WAYS, *PEERS), action="append", help="this one alone")
    parser.add_argument("--one", choices=(*WAYS, *PEERS), help="measure this way here")
    given = parser.parse_args()
    with use_threads(given.threads):
        if given.one:
            one_way(given.one, given.batch[0], given.device)
            return
        keep_freed_memory()
        ds = ifp.load_dataset("dsprites")
        if given.operators:
            operators(ds, given.device)
            return
        ways = given.way or (*WAYS, *(PEERS if given.peers else ()))
        for batch in given.batch:
            speeds(ways, batch, given.device, given.threads, given.rounds)
        if given.loss_steps:
            losses(ds, given.device, given.loss_steps)


if __name__ == "__main__":
    main()
