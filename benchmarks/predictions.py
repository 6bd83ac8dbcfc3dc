"""What else might tell whose information ends in whose latent: rank correlations with the leaks of a study's rows.

From the rows that are kept of dsprites-32, on which the prediction was chosen; nothing is trained. Candidates: what is
used now; nearness of the two freezing points; what of the
factor is still to come when the other's latent opens, by KL = ln(beta_k / beta) up to its entropy; the last added.
Usage: python -m benchmarks.predictions
"""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

import ifp
from analysis.comparison import methods_of
from ifp.closed_form.order import freezing_order, predicted_values
from studies import diffusion
from studies.prediction import CHOSEN_ON, leaked, paired, predictions, rank_correlation
from studies.rows import rows_of
from studies.size import SMALL

FINAL = 1.0  # pressure at which most objectives end, nats
SHARES = (0.02, 0.05, 0.1)  # of what is still to come that may land elsewhere


def candidates() -> Iterator[tuple[str, pd.Series]]:
    """Each candidate by ordered pair of factors."""
    dataset = ifp.load_dataset(CHOSEN_ON)
    assert dataset.factors is not None
    values = predicted_values(list(freezing_order(dataset)))
    entropy = dict(zip(dataset.factors.names, np.log(dataset.factors.sizes), strict=True))
    used = predictions(CHOSEN_ON)
    yield "used", used
    pairs = list(used.index)
    yield "nearness", pd.Series({(a, b): -abs(math.log(values[a] / values[b])) for a, b in pairs})

    def known(factor: str, beta: float) -> float:
        return min(entropy[factor], max(math.log(values[factor] / beta), 0.0))

    come = pd.Series({(a, b): max(known(a, FINAL) - known(a, values[b]), 0.0) for a, b in pairs})
    yield "still to come", come
    for share in SHARES:
        yield f"used + {share:g} of it", used + share * come


def main() -> None:
    """Print a line per candidate."""
    rows = rows_of(diffusion.cases(SMALL), SMALL)
    measured = {method: leaked(rows, method).mean(axis=1) for method in methods_of(rows)}
    found = {
        name: {method: rank_correlation(paired(told, leaks)) for method, leaks in measured.items()}
        for name, told in candidates()
    }
    table = pd.DataFrame(found).T
    print(table.assign(mean=table.mean(axis=1)).round(2).to_string())


if __name__ == "__main__":
    main()
