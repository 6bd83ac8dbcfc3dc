"""What codes learned without labels can score on dSprites: MIG terms of a sprite's centroid and area, as they are seen.

A latent that freezes on position codes where the mass lies, one that freezes on scale how much there is; of a heart
neither is the factor. Each code as it is, and spread to the Gaussian that the prior asks for; 10,000 images, 20 bins.
Usage: python -m benchmarks.visible_codes
"""

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

import ifp
from analysis.scores.codes import STUDY
from analysis.scores.mig import mutual_information_gap
from ifp.datasets.dataset import require_labelled


def main() -> None:
    """A row per code: the term of MIG of each factor it tells of, as if nothing else told of it."""
    ds = require_labelled(ifp.load_dataset("dsprites"))
    index = np.random.default_rng(0).integers(0, len(ds), STUDY.train)
    pictures, labels = ds.images(index)[..., 0].astype(float), ds.factors_at(index)
    mass = pictures.sum(axis=(1, 2))
    names = list(ds.factors.names)
    codes = {
        "posX": pictures.sum(axis=1) @ np.arange(64) / mass,
        "posY": pictures.sum(axis=2) @ np.arange(64) / mass,
        "scale": np.log(mass),
    }
    rows = []
    for factor, code in codes.items():
        column = names.index(factor)
        spread = norm.ppf((rankdata(code) - 0.5) / len(code))
        squares = labels[:, names.index("shape")] == 0
        row: dict[str, str | float] = {"factor": factor, "code": "centroid" if factor != "scale" else "log area"}
        for name, values, rows_of in (
            ("as seen", code, slice(None)), ("as a Gaussian", spread, slice(None)), ("as seen, squares", code, squares)
        ):  # fmt: skip
            silent = np.zeros(len(code))
            row[name] = mutual_information_gap(
                np.stack([values, silent], axis=1)[rows_of], labels[:, [column]][rows_of]
            )
        rows.append(row)
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
