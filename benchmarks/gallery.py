"""Closed-form freezing points of every labelled data set that is at hand: a row each, the median of each factor.

Usage: python -m benchmarks.gallery [CONTEXTS]        (default 100; IFP_DATA_DIR says where public files are)
"""

import sys
import warnings

import numpy as np

import ifp
from ifp.datasets import families


def main(contexts: int) -> None:
    """Print the rows as a Markdown table."""
    print(f"| data set | action, median over {contexts} contexts (nats) |\n|---|---|")
    for name in families():
        try:
            ds = ifp.load_dataset(name)
        except ifp.IFPError:
            continue  # its files are not here
        if ds.factors is None:
            continue
        values: dict[str, list[float]] = {}
        for record in ifp.spectrum(ds, contexts=contexts):
            values.setdefault(record.factor, []).append(record.spectral_beta)
        print(
            f"| `{name}` | {', '.join(f'{each} {np.median(found):.4g}' for each, found in values.items())} |",
            flush=True,
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
