"""A plain VAE at half and at one and a half times the weight that ``ifp.suggest`` says silences it: alive and silent.

Usage: python -m benchmarks.alive_and_silent [SEEDS]        (default 5)

Rows that scikit-learn ships, standardised (digits divided by 16); mean squared error as people write it,
``F.mse_loss(x_hat, x) + w * kl.sum(1).mean()``; ReLU networks of one hidden layer, four latents, Adam, batches of 128.
Printed is the KL of the latent that holds most, nats, on all rows, least and most over the seeds.
"""

import sys
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional

import ifp

LATENTS, HIDDEN, STEPS, BATCH = 4, 64, 1500, 128
ALIVE = 0.1  # nats of the strongest latent, the field's threshold

Values = NDArray[np.float64]
DATA: Mapping[str, Callable[[], Values]] = {
    "digits": lambda: load_digits().data / 16,
    "wine": lambda: StandardScaler().fit_transform(load_wine().data),
    "breast cancer": lambda: StandardScaler().fit_transform(load_breast_cancer().data),
    "diabetes": lambda: StandardScaler().fit_transform(load_diabetes().data),
}


def strongest_latent(values: Values, weight: float, seed: int, steps: int = STEPS) -> float:
    """Nats of KL in the latent that holds most, after training with a weight of the KL."""
    torch.manual_seed(seed)
    x = torch.from_numpy(values).float()
    features = x.shape[1]
    encoder = nn.Sequential(nn.Linear(features, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2 * LATENTS))
    decoder = nn.Sequential(nn.Linear(LATENTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, features))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=2e-3)

    def coded(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, logvar = encoder(rows).chunk(2, dim=1)
        return mean, logvar, 0.5 * (mean.square() + logvar.exp() - 1 - logvar)

    for _ in range(steps):
        rows = x[torch.randint(len(x), (BATCH,))]
        mean, logvar, kl = coded(rows)
        x_hat = decoder(mean + torch.randn_like(mean) * (0.5 * logvar).exp())
        loss = functional.mse_loss(x_hat, rows) + weight * kl.sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return float(coded(x)[2].mean(dim=0).max())


def main(seeds: int) -> None:
    """Print a line per data set."""
    torch.set_num_threads(1)
    for name, load in DATA.items():
        values = load()
        silent = ifp.suggest(values, loss="mse-mean").modes[0].weight
        held = {
            times: [strongest_latent(values, times * silent, seed) for seed in range(seeds)] for times in (0.5, 1.5)
        }
        alive, quiet = sum(nats > ALIVE for nats in held[0.5]), sum(nats < ALIVE for nats in held[1.5])
        print(
            f"{name} {values.shape}: silent from a weight of {silent:.4g}; at 0.5 of it {alive} of {seeds} alive "
            f"({min(held[0.5]):.2f} to {max(held[0.5]):.2f} nats), at 1.5 of it {quiet} of {seeds} silent "
            f"({min(held[1.5]):.1e} to {max(held[1.5]):.1e})",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
