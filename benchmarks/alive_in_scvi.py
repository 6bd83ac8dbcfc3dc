"""scVI at half and at one and a half times the KL weight that ``ifp.suggest`` says silences it: alive and silent.

Usage: python -m benchmarks.alive_in_scvi [SEEDS]        (default 5; needs scvi-tools, which the project does not)

Counts of 1,500 cells and 200 genes from three programs, with unequal library sizes, negative binomial. scVI as it
comes but for its weight of the KL, which stays where it is from the first epoch on (``min_kl_weight = max_kl_weight``),
and 80 epochs. Its loss is the negative log-likelihood, summed over genes, of rates that share the library size, plus
the weight times the KL: ``softmax-negative-binomial`` under ``nll-sum``. Printed is the KL of the latent that holds
most, nats, on all cells, least and most over the seeds.
"""

import logging
import sys
import warnings

import numpy as np
from numpy.typing import NDArray

import ifp

CELLS, GENES, PROGRAMS, EPOCHS = 1500, 200, 3, 80
ALIVE = 0.1  # nats of the strongest latent, the field's threshold


def simulated(seed: int) -> NDArray[np.int64]:
    """Counts (cells, genes) whose log-rates are those of three programs, exposed by their cell's size."""
    random = np.random.default_rng(seed)
    log_rates = random.normal(0, 1, GENES) + random.normal(size=(CELLS, PROGRAMS)) @ random.normal(
        0, 0.25, (PROGRAMS, GENES)
    )
    shares = np.exp(log_rates) / np.exp(log_rates).sum(axis=1, keepdims=True)
    mean = random.lognormal(7, 0.5, (CELLS, 1)) * shares
    dispersion = 3.0
    return random.poisson(random.gamma(dispersion, mean / dispersion))


def strongest_latent(counts: NDArray[np.int64], weight: float, seed: int) -> float:
    """Nats of KL in the latent that holds most, after training with a weight of the KL."""
    import anndata
    import scvi

    scvi.settings.seed = seed
    cells = anndata.AnnData(counts.astype(np.float32))
    scvi.model.SCVI.setup_anndata(cells)
    model = scvi.model.SCVI(cells, n_latent=5, gene_likelihood="nb")
    fixed = {"min_kl_weight": weight, "max_kl_weight": weight, "n_epochs_kl_warmup": 1}
    quiet = {"enable_progress_bar": False, "enable_checkpointing": False, "logger": False}
    model.train(max_epochs=EPOCHS, accelerator="cpu", plan_kwargs=fixed, **quiet)
    mean, variance = model.get_latent_representation(return_dist=True)
    return float((0.5 * (mean**2 + variance - 1 - np.log(variance))).mean(axis=0).max())


def main(seeds: int) -> None:
    """Print a line."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    counts = simulated(0)
    found = ifp.suggest(counts, likelihood="softmax-negative-binomial", exposure="total", loss="nll-sum")
    silent = found.modes[0].freezing
    held = {times: [strongest_latent(counts, times * silent, seed) for seed in range(seeds)] for times in (0.5, 1.5)}
    alive = sum(nats > ALIVE for nats in held[0.5])
    quiet = sum(nats < ALIVE for nats in held[1.5])
    print(
        f"counts {counts.shape}, {found.above_chance} modes above chance: silent from a weight of {silent:.4g}; at 0.5 "
        f"of it {alive} of {seeds} alive ({min(held[0.5]):.2f} to {max(held[0.5]):.2f} nats), at 1.5 of it {quiet} of "
        f"{seeds} silent ({min(held[1.5]):.1e} to {max(held[1.5]):.1e})"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
