"""dSprites: time to render the whole set, time of random batches of 256, peak memory.

Usage: python -m benchmarks.dsprites_speed
"""

import os
import resource
import tempfile
import time

import numpy as np

import ifp


def main() -> None:
    """Print the three figures."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IFP_CACHE_DIR"] = folder
        started = time.perf_counter()
        ds = ifp.load_dataset("dsprites")
        print(f"rendered and cached {len(ds)} images in {time.perf_counter() - started:.1f} s")
        rng = np.random.default_rng(0)
        seconds = []
        for _ in range(200):
            index = rng.integers(0, len(ds), 256)
            started = time.perf_counter()
            ds.images(index)
            seconds.append(time.perf_counter() - started)
        low, middle, high = np.quantile(seconds, [0.05, 0.5, 0.95]) * 1000
        print(f"random batch of 256: median {middle:.2f} ms, 5% to 95% {low:.2f} to {high:.2f} ms")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
