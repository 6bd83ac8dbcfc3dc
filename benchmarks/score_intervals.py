"""How often the 95% interval of a score holds its expectation, over many samples of populations of known codes.

Codes of rows drawn from one large population, and fresh data sets of as many rows as are drawn. The expectation is the
mean over all samples. Usage: python -m benchmarks.score_intervals [ROWS] [SAMPLES] [NAME ...]   (2000 400; names of
populations and of scores, default all; mig_chen takes as long as all others together)
"""

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis.scores.all_scores import measured
from analysis.scores.codes import LabelledCodes
from analysis.scores.protocol import SampleSizes
from ifp.datasets.dataset import Lattice

SCORES = ("mig", "mig_sup", "modularity", "infom", "infoc", "mig_chen")
SPRITES = Lattice((3, 6, 40, 32, 32))
Population = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray, np.ndarray]]  # codes, logvar, factors


def of_factors(*sizes: int) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Independent uniform factors."""
    return lambda rng, rows: rng.integers(0, sizes, (rows, len(sizes)))


def posteriors(codes: np.ndarray, noise: float, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes with the log-variance of their noise, the same everywhere."""
    return codes, np.full(codes.shape, 2 * np.log(noise)), factors


def mixed(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four factors mixed in six latents."""
    factors = of_factors(4, 8, 10, 5)(rng, rows)
    weights = np.random.default_rng(1).normal(size=(4, 6))
    return posteriors(factors / [4, 8, 10, 5] @ weights + 0.1 * rng.normal(size=(rows, 6)), 0.1, factors)


def half(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three factors, each in a latent of its own and, mixed, in four others."""
    factors = of_factors(4, 8, 10)(rng, rows)
    clean = factors / [4, 8, 10]
    weights = np.random.default_rng(2).normal(size=(3, 4))
    codes = np.hstack([clean + 0.2 * rng.normal(size=clean.shape), clean @ weights + 0.15 * rng.normal(size=(rows, 4))])
    return posteriors(codes, 0.15, factors)


def sprites(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dSprites' factors a little turned, in five of seven latents, two nearly silent."""
    factors = SPRITES.factors_at(rng.integers(len(SPRITES), size=rows))
    turn = np.eye(5) + 0.2 * np.random.default_rng(3).normal(size=(5, 5))
    codes = 3 * (factors / SPRITES.sizes - 0.5) @ turn + 0.05 * rng.normal(size=(rows, 5))
    return posteriors(np.hstack([codes, 0.3 * rng.normal(size=(rows, 2))]), 0.1, factors)


def exact(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dSprites' factors themselves."""
    factors = SPRITES.factors_at(rng.integers(len(SPRITES), size=rows))
    return posteriors(factors.astype(float), 0.1, factors)


def unequal(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dependent factors with rare values, in latents with skewed noise."""
    first = rng.choice(4, rows, p=[0.55, 0.3, 0.1, 0.05])
    second = (first + rng.choice(5, rows, p=[0.4, 0.3, 0.1, 0.1, 0.1])) % 5
    factors = np.stack([first, second], axis=1)
    codes = factors / [4, 5] + 0.1 * rng.gamma(2, size=(rows, 2))
    return posteriors(np.hstack([codes, codes[:, :1] + 0.3 * rng.normal(size=(rows, 1))]), 0.1, factors)


POPULATIONS: dict[str, Population] = {
    "mixed": mixed, "half": half, "sprites": sprites, "exact": exact, "unequal": unequal
}  # fmt: skip


def covered(name: str, rows: int, samples: int, scores: tuple[str, ...], *, fresh: bool) -> list[dict[str, object]]:
    """A row per score: its expectation, its standard deviation over samples, and how often the interval was right."""
    population, sizes = POPULATIONS[name], SampleSizes(train=rows)
    whole = population(np.random.default_rng(0), 200_000)
    data = LabelledCodes(whole[0], whole[2], whole[1])
    found: dict[str, list[tuple[float, float, float]]] = {score: [] for score in scores}
    for sample in range(samples):
        if fresh:
            codes, logvar, factors = population(np.random.default_rng([1, sample]), rows)
            data = LabelledCodes(codes, factors, logvar)
        measure = measured(data, seed=sample, only=scores, sizes=sizes)
        for score in scores:
            found[score].append((measure[score], *measure.intervals[score]))
    table = []
    for score, values in found.items():
        value, low, high = np.array(values).T
        expected = value.mean()
        table.append(
            {
                "population": name,
                "drawn": "fresh data" if fresh else "of 200,000",
                "score": score,
                "expectation": expected,
                "deviation": value.std(ddof=1),
                "half-width / 1.96": np.mean(high - low) / 2 / 1.96,
                "covered": np.mean((low <= expected) & (expected <= high)),
            }
        )
    return table


def main(rows: int, samples: int, names: list[str]) -> None:
    """Print a table per population."""
    scores = tuple(name for name in names if name in SCORES) or SCORES
    for name in [name for name in names if name in POPULATIONS] or POPULATIONS:
        for fresh in (False, True):
            print(pd.DataFrame(covered(name, rows, samples, scores, fresh=fresh)).to_string(index=False), flush=True)


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 2000,
        int(sys.argv[2]) if len(sys.argv) > 2 else 400,
        sys.argv[3:],
    )
