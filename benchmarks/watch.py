"""Share of a plain training loop's time that ``ifp.watch`` takes, called at each step and reading at every 50th.

``python -m benchmarks.watch``: a row per model, in less than a minute. The step is the median of some dozen real ones;
the watch is timed over 2,000 steps of posteriors of the same shape that carry information in every latent, its records
among them, with no labels and with five factors.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import ifp
from ifp.models.networks import network_named

LATENTS, BATCH, STEPS = 10, 64, 2000
SIZES = (3, 6, 40, 32, 32)  # values of the factors, as those of dSprites


def dense(pixels: int) -> tuple[nn.Module, nn.Module]:
    """The small network of many examples: one hidden layer of 400."""
    return (
        nn.Sequential(nn.Flatten(), nn.Linear(pixels, 400), nn.ReLU(), nn.Linear(400, 2 * LATENTS)),
        nn.Sequential(nn.Linear(LATENTS, 400), nn.ReLU(), nn.Linear(400, pixels)),
    )


def conv(side: int, name: str) -> tuple[nn.Module, nn.Module]:
    """One of the networks that ``ifp train`` knows by name."""
    network = network_named(name)
    return network.encoder((side, side, 1), 2 * LATENTS), network.decoder((side, side, 1), LATENTS)


def steps(encoder: nn.Module, decoder: nn.Module, side: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """A plain loop: means, log-variances and reconstruction of each step taken."""
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()])
    images = (torch.rand(BATCH, 1, side, side) < 0.1).float()
    while True:
        mean, logvar = encoder(images).chunk(2, dim=1)
        sample = mean + (logvar / 2).exp() * torch.randn_like(mean)
        logits = decoder(sample).flatten(1)
        reconstruction = nn.functional.binary_cross_entropy_with_logits(
            logits, images.flatten(1), reduction="none"
        ).sum(1).mean()  # fmt: skip
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar)
        optimizer.zero_grad()
        (reconstruction + kl.sum(1).mean()).backward()
        optimizer.step()
        yield mean, logvar, reconstruction


def seconds_of_a_step(loop: Iterator[object], count: int) -> float:
    """Median of some steps, after two to warm up."""
    taken = []
    for _ in range(count + 2):
        started = time.perf_counter()
        next(loop)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[2:])


def seconds_of_the_watch(folder: Path, *, labelled: bool) -> float:
    """Mean over the steps, of which every 50th is read."""
    torch.manual_seed(0)
    places = torch.rand(BATCH, LATENTS) * 3 - 1.5
    logvar = torch.full((BATCH, LATENTS), -4.0)
    labels = torch.from_numpy(np.random.default_rng(0).integers(0, SIZES, (BATCH, len(SIZES))))
    watch = ifp.watch(out=folder, latents=LATENTS, tell=lambda line: None)
    started = time.perf_counter()
    for step in range(STEPS):
        watch(step, beta=1.0, mean=places, logvar=logvar, reconstruction=1.0, factors=labels if labelled else None)
    taken = (time.perf_counter() - started) / STEPS
    watch.close()
    return taken


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    models: dict[str, tuple[int, int, Callable[[], tuple[nn.Module, nn.Module]]]] = {
        "dense, 28x28": (28, 60, lambda: dense(28 * 28)),
        "conv, 32x32": (32, 20, lambda: conv(32, "conv-32")),
        "conv, 64x64": (64, 12, lambda: conv(64, "conv")),
    }
    with tempfile.TemporaryDirectory() as folder:
        watch = {named: seconds_of_the_watch(Path(folder) / str(named), labelled=named) for named in (False, True)}
    print(f"batch {BATCH}, {LATENTS} latents, one thread; read every 50th step, mean over {STEPS} steps")
    print(f"watch: {1e3 * watch[False]:.3f} ms a step, with labels of five factors {1e3 * watch[True]:.3f}")
    print(f"{'model':14}{'ms a step':>12}{'share':>10}{'with labels':>14}")
    for name, (side, count, made) in models.items():
        step = seconds_of_a_step(steps(*made(), side), count)
        shares = [taken / (step + taken) for taken in watch.values()]
        print(f"{name:14}{1e3 * step:12.2f}{shares[0]:10.2%}{shares[1]:14.2%}")


if __name__ == "__main__":
    main()
