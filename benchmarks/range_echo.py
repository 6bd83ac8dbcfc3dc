"""Is the measurement an echo of its range? Medians of ifp_beta with the swept range times 0.7, 1 and 1.5.

Usage: python -m benchmarks.range_echo [CONTEXTS]
"""

import sys
import tempfile
from pathlib import Path

import pandas as pd

import ifp
from ifp.annealing_test.config import AnnealConfig


def main(contexts: int) -> None:
    """Print the medians for each range and how far they move from the default's."""
    low, high = AnnealConfig.span
    medians: dict[float, pd.Series] = {}
    with tempfile.TemporaryDirectory() as folder:
        for scale in (1.0, 0.7, 1.5):
            span = (low * scale, high * scale)
            run = ifp.anneal("dsprites", contexts=contexts, span=span, out=Path(folder) / f"{scale}")
            medians[scale] = run.findings().to_frame().set_index("factor")["ifp"]
            moved = medians[scale] / medians[1.0] - 1
            shown = ", ".join(f"{name} {value:.1f} ({moved[name]:+.1%})" for name, value in medians[scale].items())
            print(f"range x {scale}: {shown}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
