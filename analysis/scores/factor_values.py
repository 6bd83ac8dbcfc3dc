"""What factors are as numbers: values for regressions, and codes that are the factors themselves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.scores.codes import LabelledCodes
from analysis.scores.measure import Labels
from annealing.errors import IFPError


def factor_values(data: LabelledCodes, score: str) -> NDArray[np.float64]:
    """Values of the factors that vary, (rows, factors), NaN where there is no label: mean 0, deviation 1.

    Args:
        data: with values, or whose classes are the values.
        score: that asks for them.

    Raises:
        IFPError: a factor's labels are no numbers.
    """
    given = np.where(data.factors < 0, np.nan, data.factors) if data.values is None else data.values
    for k in data.varying:
        if np.isnan(given[:, k]).all():
            raise IFPError(
                f"need numbers as labels of every factor for {score}, those of factor {k} are no numbers: leave "
                f"the factor out, or name other scores"
            )
    found = given[:, data.varying].astype(np.float64)
    found = found / np.nanmax(np.abs(found), axis=0)  # the largest floats squared would be infinite
    found -= np.nanmean(found, axis=0)
    return found / np.nanstd(found, axis=0)


def exact_codes(data: LabelledCodes, labels: Labels) -> NDArray[Any]:
    """Codes that are the factors that vary, (rows, factors): their values, or classes of the type that the codes have.

    Codes of classes have no others. Where a label is missing, the code is that of a row drawn among those that have
    it, always the same one. For that factor the row takes no part. To the others the code tells what an exact one
    would, if labels are missing at random and factors are independent; of factors that depend on each other it tells
    less, so that a gap may come out a little wider.
    """
    found = factor_values(data, "exact values") if labels == "values" and not data.discrete else data.classes.copy()
    chance = np.random.default_rng(0)
    for k, there in enumerate((data.classes >= 0).T):
        found[~there, k] = chance.choice(found[there, k], int((~there).sum()))
    return found if data.discrete else found.astype(np.float64)
