"""How often intervals of a median hold it: lowest to highest, the percentile bootstrap, and ours, by n.

Usage: python -m benchmarks.median_intervals        (2,000 samples of normal values each)
"""

import numpy as np
from numpy.typing import NDArray

from annealing.intervals import median_interval

SAMPLES, RESAMPLES = 2000, 400


def bootstrap(values: NDArray[np.float64], draws: NDArray[np.int64]) -> tuple[float, float]:
    """2.5% and 97.5% of the medians of resamples."""
    low, high = np.quantile(np.median(values[draws], axis=1), [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    """Print a line per number of values."""
    rng = np.random.default_rng(0)
    print("values  lowest to highest  bootstrap  order statistics")
    for n in (3, 4, 5, 6, 8, 10, 20):
        samples = rng.normal(size=(SAMPLES, n))
        draws = rng.integers(0, n, size=(RESAMPLES, n))
        resampled = np.mean([low <= 0 <= high for low, high in (bootstrap(values, draws) for values in samples)])
        ordered = np.mean([low <= 0 <= high for low, high in map(median_interval, samples)])
        print(f"{n:6} {1 - 2.0 ** (1 - n):18.3f} {resampled:10.3f} {ordered if n > 5 else float('nan'):17.3f}")


if __name__ == "__main__":
    main()
