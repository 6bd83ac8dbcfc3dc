"""Time of each score on codes of dSprites' size: 10,000 drawn, 10 latents, 5 factors; DCI's fast stand-in beside it.

The codes: every factor in a latent of its own, blurred and rotated a little into the others, and five silent latents.
Usage: python -m benchmarks.scores [JOBS]        (default -1: DCI's factors side by side on every core)
"""

import sys
import time

import numpy as np

from analysis.scores.all_scores import SCORES, VARIANTS, score
from ifp.datasets.dataset import Lattice

SIZES = (3, 6, 40, 32, 32)
LATENTS = 10


def codes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means, log-variances and factors of the whole lattice."""
    lattice = Lattice(SIZES)
    factors = lattice.factors_at(np.arange(len(lattice)))
    rng = np.random.default_rng(0)
    clean = factors / np.array(SIZES) - 0.5
    mixing = np.eye(len(SIZES)) + 0.2 * rng.standard_normal((len(SIZES),) * 2)
    mean = 0.01 * rng.standard_normal((len(factors), LATENTS))
    mean[:, : len(SIZES)] += 3 * clean @ mixing + 0.05 * rng.standard_normal(clean.shape)
    logvar = np.where(np.arange(LATENTS) < len(SIZES), -5.0, 0.0) * np.ones_like(mean)
    return mean.astype(np.float32), logvar.astype(np.float32), factors


def main(jobs: int) -> None:
    """Print a line per score; the parts of DCI are measured together."""
    mean, logvar, factors = codes()
    done: dict[str, float] = {}
    for name in (*SCORES, *VARIANTS):
        if name in done:
            continue
        family = [each for each in (*SCORES, *VARIANTS) if each.split("_")[0] == name.split("_")[0] and "dci" in name]
        started = time.perf_counter()
        found = score(mean, factors, logvar=logvar, only=family or [name], n_jobs=jobs)
        done |= found
        shown = ", ".join(f"{each} {value:.3f}" for each, value in found.items())
        print(f"{time.perf_counter() - started:8.1f} s  {shown}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else -1)
