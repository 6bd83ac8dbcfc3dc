"""Factors at each pressure, by curves whose values are known in closed form."""

import numpy as np
import pytest

from analysis.activity import factor_activity
from annealing.errors import IFPError

BETA = np.geomspace(0.5, 16.0, 41)


def linear(critical):
    """KL of a linear Gaussian latent that freezes at ``critical``, nats."""
    return np.log(np.maximum(critical / BETA, 1)) / 2


def curves(cases, ways=("heat", "cool")):
    """Arrays of curves.npz: of each case its factor, and a KL for each way that it was swept."""
    beta = np.concatenate([BETA if way == "heat" else BETA[::-1] for way in ways])
    directions = np.repeat(ways, len(BETA))
    kl = [
        np.concatenate([nats if way == "heat" else nats[::-1] for way, nats in zip(ways, each, strict=True)])
        for _, *each in cases
    ]
    return {
        "factor": np.array([factor for factor, *_ in cases]),
        "context": np.arange(len(cases)),
        "direction": np.stack([directions] * len(cases)),
        "loop": np.zeros((len(cases), len(beta)), int),
        "beta": np.stack([beta] * len(cases)),
        "kl": np.stack(kl)[:, :, None],
    }


def test_medians_and_counts_are_those_of_the_closed_form():
    points = {"a": (8.0, 4.0, 2.0), "b": (1.0,)}
    cases = [(name, linear(melts), linear(melts / 2)) for name, each in points.items() for melts in each]
    activity = factor_activity(curves(cases), 0.1, records=41)
    np.testing.assert_allclose(activity.beta, BETA)
    assert activity.names == ("a", "b")
    np.testing.assert_allclose(activity.nats, np.stack([linear(4.0), linear(1.0)], axis=1), atol=1e-12)
    for column, name in enumerate(points):
        for way, counts in ((1.0, activity.heated), (0.5, activity.cooled)):
            active = [way * melts * np.exp(-0.2) >= BETA for melts in points[name]]  # where the law gives 0.1 nats
            assert counts[:, column].tolist() == np.sum(active, axis=0).tolist()
    assert activity.swept.tolist() == [[3, 1], [3, 1]]


def test_what_diverged_or_was_never_heated_is_left_out():
    broken = np.where(BETA < 1, np.nan, 0.0)
    activity = factor_activity(curves([("a", linear(4.0)), ("a", broken), ("b", broken)], ways=("cool",)), 0.1, 41)
    np.testing.assert_allclose(activity.nats[:, 0], linear(4.0), atol=1e-12)
    assert np.isnan(activity.nats[:, 1]).all()
    assert activity.swept.tolist() == [[0, 0], [1, 0]]
    assert not activity.heated.any()
    with pytest.raises(IFPError, match="need curves that were heated or cooled"):
        factor_activity(curves([("a", linear(4.0))], ways=("done",)), 0.1)
