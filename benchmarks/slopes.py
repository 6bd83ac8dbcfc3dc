"""Slopes of KL below the freezing point: the expansion's against those at equilibrium, by the predicted jump.

Usage: python -m benchmarks.slopes [CONTEXTS]        (default 30, of sprites at 32x32, in colour and without)
"""

import math
import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd
from torch import Tensor

import ifp
from annealing.equilibrium import EquilibriumConfig, equilibrium
from annealing.knee import fit_knee
from annealing.landau import transition
from annealing.likelihoods.pixels import Bernoulli
from annealing.spectral import freezing_point
from annealing.stack import Case
from ifp.closed_form.contexts import action_sequence, draw_contexts

FACTORS = {"color-dsprites-32": ("scale", "posX"), "dsprites-32": ("shape", "scale", "posX", "posY")}
JUMPS = (0.0, 0.0005, 0.002, 0.005, 0.01)  # ends of the classes, relative


def settled_slope(images: Tensor) -> float:
    """g of the knee's law, fitted to the cooled branch with the best decoder; NaN where it has none."""
    point = freezing_point(images, Bernoulli())
    config = EquilibriumConfig(pressures=60, bisections=5)
    records = list(equilibrium([Case(images, 0.9 * point, 1.03 * point, 0)], config, Bernoulli()))
    cool = [record for record in records if record.direction[0] == "cool"]
    beta = np.array([record.beta[0] for record in cool])
    return fit_knee(beta, np.array([record.kl[0, 0] for record in cool])).slope


def cases(contexts: int) -> Iterator[dict[str, object]]:
    """Every continuous case whose slope equilibrium has, too."""
    for name, factors in FACTORS.items():
        dataset = ifp.load_dataset(name)
        for factor in factors:
            for index in draw_contexts(dataset, contexts, 0):
                images = action_sequence(dataset, factor, int(index))
                found = transition(images, Bernoulli())
                if found.order == "continuous" and not math.isnan(slope := settled_slope(images)):
                    yield {"factor": f"{name} {factor}", "jump": found.jump, "slope": found.slope, "settled": slope}


def main(contexts: int) -> None:
    """Print a line per class of jumps."""
    table = pd.DataFrame(list(cases(contexts)))
    table["ratio"] = table["settled"] / table["slope"]
    table["class"] = pd.cut(table["jump"], JUMPS, include_lowest=True)
    shown = table.groupby("class", observed=True)["ratio"].describe(percentiles=[0.05, 0.5, 0.95])
    print("slope at equilibrium over the expansion's, by the predicted jump")
    print(shown[["count", "min", "5%", "50%", "95%", "max"]].round(3).to_string())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
