"""What codes can score on dSprites: the exact factors, what can be seen of them, and that with a shape or an angle.

A latent that freezes on position codes where the mass lies, one that freezes on scale how much there is; of a heart
neither is the factor. Unless said otherwise each is spread to the Gaussian that a VAE's prior asks for. The study's
samples, 10,000 images and 5,000 to test on: MIG over some sample seeds, scores that take longer with the first.
Usage: python -m benchmarks.ceilings [SEEDS]        (default 5)
"""

import sys

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import ifp
from analysis.scores.all_scores import score
from analysis.scores.binned import binned_information
from analysis.scores.codes import LabelledCodes
from analysis.scores.information_table import entropies_of
from analysis.scores.protocol import STUDY, sampled_rows
from ifp.datasets.dataset import require_labelled
from ifp.evaluation.seen import as_gaussian, seen_codes

FACTORS = ("shape", "scale", "orientation", "posX", "posY")
SCORES = ("mig_sup", "infom", "infoc", "infoe", "sap", "modularity", "dci-forest_disentanglement")
_DRAWN = 0.25  # share of the images whose shape is drawn at random: a third of them is right by chance


def codes_by_name(
    factors: NDArray[np.int64], seen: NDArray[np.float64], seed: int, ranked: NDArray[np.int64] | slice = slice(None)
) -> dict[str, NDArray[np.float64]]:
    """Codes (n, latents) of images that have these classes (n, 5) and of which this is seen (n, 3).

    ``ranked``: the images among which codes are ranked.
    """
    rng = np.random.default_rng([seed, 23])
    shape, exact = factors[:, 0], factors.astype(np.float64)
    spread, angle = as_gaussian(seen, among=seen[ranked]), 2 * np.pi * exact[:, 2] / exact[:, 2].max()
    drawn = np.where(rng.random(len(shape)) < _DRAWN, rng.integers(shape.max() + 1, size=len(shape)), shape)
    within = spread.copy()
    for each in np.unique(shape):
        of, among = shape == each, seen[ranked][shape[ranked] == each]
        within[of, 2:] = as_gaussian(seen[of, 2:], among=among[:, 2:])
    with_shape = np.column_stack([spread, shape])
    return {
        "exact factors": exact,
        "centroid and log area, not spread": seen,
        "centroid and log area": spread,
        "and a shape, a quarter of them drawn": np.column_stack([spread, drawn]),
        "and the exact shape": with_shape,
        "and the exact shape, area ranked within it": np.column_stack([within, shape]),
        "and the exact shape and angle": np.column_stack([with_shape, exact[:, 2]]),
        "and the exact shape, cos and sin of the angle": np.column_stack([with_shape, np.cos(angle), np.sin(angle)]),
    }


def mig_terms(codes: NDArray[np.float64], factors: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each factor's term of the MIG, (factors,): the gap between its two best codes, over its entropy."""
    second, first = np.sort(binned_information(codes, factors), axis=0)[-2:]
    return (first - second) / entropies_of(factors)


def main(seeds: int) -> None:
    """Print two tables with a row per kind of codes: the terms of MIG, and other scores beside it."""
    ds = require_labelled(ifp.load_dataset("dsprites"))
    factors = ds.factors_at(np.arange(len(ds)))
    terms: dict[str, list[NDArray[np.float64]]] = {}
    others: dict[str, dict[str, float]] = {}
    for seed in range(seeds):
        rows = sampled_rows(factors, seed, STUDY)
        train = LabelledCodes(factors, factors).counted(seed, STUDY).rows
        ranked = np.searchsorted(rows, train)
        for name, codes in codes_by_name(factors[rows], seen_codes(ds.images(rows)), seed, ranked).items():
            terms.setdefault(name, []).append(mig_terms(codes[ranked], factors[train]))
            if seed == 0:
                whole = np.zeros((len(ds), codes.shape[1]))  # no score here looks at others than these rows
                whole[rows] = codes
                others[name] = dict(score(whole, factors, only=SCORES, n_jobs=-1))
    mig = {name: np.mean(values, axis=1) for name, values in terms.items()}
    spread = {name: {"mig": each.mean(), "least": each.min(), "most": each.max()} for name, each in mig.items()}
    means = {name: dict(zip(FACTORS, np.mean(values, axis=0), strict=True)) for name, values in terms.items()}
    for table in ({name: spread[name] | means[name] for name in terms}, others):
        print(pd.DataFrame(table).T.to_string(float_format="{:.3f}".format), end="\n\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
