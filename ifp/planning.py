"""Findings to plan from with no training: the closed form over some contexts of a data set."""

from collections.abc import Sequence

import pandas as pd

from analysis.findings import Findings, conclude_spectrum
from ifp.contexts import SpectralRecord
from ifp.datasets.dataset import Dataset


def spectral_findings(
    dataset: Dataset, records: Sequence[SpectralRecord], *, seed: int = 0, likelihood: str = "bernoulli"
) -> Findings:
    """Findings of a data set's closed-form freezing points alone, which :func:`ifp.plan_stages` takes.

    The stages planned are those of an annealing run with the same seed, likelihood and planning contexts (1000 by
    default): ::

        ds = ifp.load_dataset("dsprites")
        plan = ifp.plan_stages(spectral_findings(ds, list(ifp.spectrum(ds))))

    Args:
        dataset: the data set of the records.
        records: of :func:`ifp.spectrum`, all factors over the same contexts.
        seed, likelihood: what the records were computed with, kept for the plan.

    Raises:
        IFPError: no records.
    """
    return conclude_spectrum(
        pd.DataFrame(list(records)),
        seed=seed,
        fingerprint=dataset.fingerprint,
        image_shape=dataset.image_shape,
        likelihood=likelihood,
    )
