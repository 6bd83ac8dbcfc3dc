"""Closed-form freezing points of a data set's factors, as one result."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from analysis.findings import Findings
from analysis.printed import printed
from ifp.contexts import SpectralRecord, closed_forms
from ifp.datasets.dataset import Dataset
from ifp.factor_choice import chosen_factors
from ifp.freezing_order import freezing_order, predicted_values
from ifp.planning import spectral_findings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum(Sequence[SpectralRecord]):
    """Closed-form freezing points of every factor over shared contexts: a sequence of records, one per case.

    Attributes:
        dataset: whose images they are of.
        records: one per factor and context.
        seed, likelihood, nuisance: what they were computed with.
    """

    dataset: Dataset
    records: tuple[SpectralRecord, ...]
    seed: int
    likelihood: str
    nuisance: str = "held"

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self.records[index]

    def __iter__(self) -> Iterator[SpectralRecord]:
        return iter(self.records)

    @cached_property
    def order(self) -> Mapping[str, float]:
        """Freezing points in nats by factor, with those known that freeze before: the freezing order.

        It looks at the whole data set, which takes seconds to some minutes, and is computed once, when it is asked for.
        """
        factors = list(dict.fromkeys(record.factor for record in self.records))
        order = freezing_order(self.dataset, factors=factors, likelihood=self.likelihood, nuisance=self.nuisance)
        return predicted_values(list(order))

    def findings(self, *, order: bool = True) -> Findings:
        """What :func:`ifp.plan_stages` plans from: the closed forms, and the freezing order unless it is not wanted.

        Without the order, for which the whole data set is read, each factor has its value alone in its context.
        """
        return spectral_findings(
            self.dataset,
            self.records,
            seed=self.seed,
            likelihood=self.likelihood,
            conditional=self.order if order else None,
        )

    def to_frame(self) -> pd.DataFrame:
        """A row per case, with the columns of :class:`ifp.contexts.SpectralRecord`; pressures in nats."""
        return pd.DataFrame(list(self.records))

    def plot(self, kind: str = "box") -> "Figure":
        """Distributions by factor: :func:`analysis.figures.distributions.draw_distributions`; box or violin."""
        from analysis.figures.distributions import draw_distributions

        frame = self.to_frame()
        return draw_distributions(frame.iloc[:0].assign(status=""), frame, kind)

    def __repr__(self) -> str:
        by_factor = self.to_frame().groupby("factor", sort=False)
        frame = by_factor.agg(
            contexts=("context", "size"),
            q25=("spectral_beta", lambda values: values.quantile(0.25)),
            median=("spectral_beta", "median"),
            q75=("spectral_beta", lambda values: values.quantile(0.75)),
            beta_rd=("beta_rd", "median"),
            first_order=("transition", lambda values: (values == "first_order").mean()),
        )
        title = (
            f"Spectrum of {self.dataset.name}: closed-form freezing points, pressures beta in nats (reconstruction "
            "summed over pixels); first_order: share of transitions that jump"
        )
        return printed(title, frame.reset_index())


def spectrum(
    dataset: Dataset,
    *,
    factors: Sequence[str] | None = None,
    contexts: int = 1000,
    seed: int = 0,
    likelihood: str = "bernoulli",
    nuisance: str = "held",
) -> Spectrum:
    """Closed-form freezing points of every factor over shared contexts: no training, some hundred a second.

    The largest eigenvalue of V^-1/2 C V^-1/2 of each case's images, with C their covariance and V the decoder's own
    variance at the mean image (:mod:`annealing.spectral`), and the bound beta_rd above it.

    >>> import ifp
    >>> found = ifp.spectrum(ifp.load_dataset("dsprites-tiny"), factors=["scale"], contexts=3)
    >>> len(found), found[0].factor, round(found[0].spectral_beta, 1)
    (3, 'scale', 169.9)

    Args:
        dataset: with labelled factors.
        factors: names; None for all.
        contexts: drawn, and shared by all factors.
        seed: of the draw.
        likelihood: bernoulli or gaussian.
        nuisance: held within a context, or redrawn for each image; in the freezing order, too.

    Raises:
        IFPError: an unlabelled data set, one image, an unknown factor or one of a single value, an unknown
            likelihood or ``nuisance``, or no context.
    """
    names = chosen_factors(dataset, factors)
    records = closed_forms(
        dataset, factors=names, contexts=contexts, seed=seed, likelihood=likelihood, nuisance=nuisance
    )
    return Spectrum(dataset, tuple(records), seed, likelihood, nuisance)
