"""Closed-form freezing points of a data set's factors, as one result."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from analysis.conclusions import conclude_spectrum
from analysis.findings import Findings, NuisanceFindings
from analysis.mixing import PairMixing
from analysis.printed import Shown
from annealing.choices import LikelihoodName, Nuisance
from annealing.errors import IFPError
from annealing.joint_modes import JointMode
from annealing.loss_forms import LossScale
from ifp.closed_form.contexts import SpectralRecord
from ifp.closed_form.joint_modes import pair_modes, require_pair
from ifp.closed_form.mixing import data_mixing
from ifp.closed_form.nuisances import nuisance_findings
from ifp.closed_form.order import OrderRecord, freezing_order, predicted_values
from ifp.datasets.dataset import Dataset
from ifp.datasets.source import pool_for
from ifp.machine.pool import Pool
from ifp.machine.progress import UNWATCHED, Watch

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum(Shown, Sequence[SpectralRecord]):
    """Closed-form freezing points of every factor over shared contexts: a sequence of records, one per case.

    Of unlabelled data there are no cases, but the leading freezing points of all images.

    Attributes:
        dataset: whose images they are of.
        records: one per factor and context.
        seed, likelihood, nuisance: what they were computed with.
        factors: those that were asked for; None: those of the records.
        eigenvalues: of unlabelled data, falling, in nats: below the first a latent may carry information about the set.
        computed: the freezing order, where it was computed at once; else :attr:`steps` computes it.
        jobs: processes side by side for what is computed later; None: as many as the cores at hand allow.
        watch: follows what is computed later.
        loss: the user's own; what is tabled has the weight of its KL at each freezing point, too.
        pair, joint: two factors, and their leading modes together, where they were asked for.
    """

    dataset: Dataset
    records: tuple[SpectralRecord, ...]
    seed: int
    likelihood: LikelihoodName
    nuisance: Nuisance = "held"
    factors: tuple[str, ...] | None = None
    eigenvalues: tuple[float, ...] = ()
    computed: tuple[OrderRecord, ...] | None = None
    jobs: int | None = None
    watch: Watch = UNWATCHED
    loss: LossScale | None = None
    pair: tuple[str, ...] = ()
    joint: tuple[JointMode, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self.records[index]

    def __iter__(self) -> Iterator[SpectralRecord]:
        return iter(self.records)

    @cached_property
    def steps(self) -> tuple[OrderRecord, ...]:
        """What each factor is worth at each step of the freezing order.

        It looks at the whole data set, which takes seconds to some minutes, and is computed once, when it is asked for.
        """
        if self.computed is not None:
            return self.computed
        with pool_for(self.dataset, self.jobs) as pool:
            return tuple(self.order_in(pool))

    def order_in(self, pool: Pool) -> Iterator[OrderRecord]:
        """The freezing order, computed in a pool that is there."""
        return freezing_order(
            self.dataset,
            factors=self._names,
            likelihood=self.likelihood,
            nuisance=self.nuisance,
            pool=pool,
            jobs=self.jobs,
            watch=self.watch,
        )

    @property
    def order(self) -> Mapping[str, float]:
        """Freezing points in nats by factor, with those known that freeze before: see :attr:`steps`."""
        return predicted_values(self.steps)

    def before(self, *factors: str) -> tuple[str, ...]:
        """The factors that freeze before the first of these, in the freezing order."""
        frozen = [step.factor for step in self.steps if step.freezes]
        return tuple(itertools.takewhile(lambda name: name not in factors, frozen))

    def joint_modes(self, first: str, second: str, given: Sequence[str] | None = None) -> tuple[JointMode, ...]:
        """The leading modes of two factors together, from all images: :mod:`annealing.joint_modes`.

        Args:
            first, second: the factors.
            given: factors that are known; None: those that freeze before the first of the two.

        Raises:
            IFPError: unlabelled data, unknown factors, or two with more than 2,048 combinations of values.
        """
        self._require_labels()
        require_pair(self.dataset, (first, second))
        with pool_for(self.dataset, self.jobs) as pool:
            return pair_modes(
                self.dataset,
                (first, second),
                self.before(first, second) if given is None else given,
                likelihood=self.likelihood,
                nuisance=self.nuisance,
                pool=pool,
                jobs=self.jobs,
                watch=self.watch,
            )

    @cached_property
    def mixing(self) -> tuple[PairMixing, ...]:
        """What the code of each factor tells of the others by itself, from 20,000 images at most."""
        return data_mixing(self.dataset, factors=self._names, likelihood=self.likelihood, seed=self.seed)

    @cached_property
    def nuisances(self) -> NuisanceFindings | None:
        """Freezing points of what varies and is no factor, from 2,000 pairs of images; None where nothing does."""
        return nuisance_findings(self.dataset, likelihood=self.likelihood, seed=self.seed, watch=self.watch)

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(record.factor for record in self.records)) if self.factors is None else self.factors

    def findings(self, *, order: bool = True) -> Findings:
        """What :func:`ifp.plan_stages` plans from: the closed forms, and the freezing order unless it is not wanted.

        Without the order, for which the whole data set is read, each factor has its value alone in its context, no
        mixing is predicted, and nuisances have no freezing points.

        Raises:
            IFPError: unlabelled data.
        """
        self._require_labels()
        return spectral_findings(
            self.dataset,
            self.records,
            seed=self.seed,
            likelihood=self.likelihood,
            conditional=self.order if order else None,
            mixing=self.mixing if order else (),
            nuisances=self.nuisances if order else None,
        )

    def _require_labels(self) -> None:
        if not self.records:
            raise IFPError(f"need a spectrum of labelled factors, that of {self.dataset.name} has none")

    def to_frame(self) -> pd.DataFrame:
        """A row per case, with the columns of :class:`ifp.closed_form.contexts.SpectralRecord`; pressures in nats.

        Of unlabelled data a row per eigenvalue: its number, from 1 on, and its value. With a loss, ``weight`` stands
        there, too: that of its KL at ``spectral_beta``, or at the eigenvalue.
        """
        if self.eigenvalues:
            frame = pd.DataFrame({"number": range(1, len(self.eigenvalues) + 1), "eigenvalue": self.eigenvalues})
            return frame if self.loss is None else frame.assign(weight=frame["eigenvalue"] / self.loss.nats)
        frame = pd.DataFrame(list(self.records))
        if self.loss is None or frame.empty:
            return frame
        return frame.assign(weight=frame["spectral_beta"] / self.loss.nats)

    def plot(self, kind: str = "box") -> "Figure":
        """Distributions by factor: :func:`analysis.figures.distributions.draw_distributions`; box or violin."""
        from analysis.figures.distributions import draw_distributions

        self._require_labels()
        frame = self.to_frame()
        return draw_distributions(frame.iloc[:0].assign(status=""), frame, kind)

    def _shown(self) -> tuple[str, pd.DataFrame]:
        weight = "" if self.loss is None else f"; weight: of the KL in the loss {self.loss}"
        if self.eigenvalues:
            title = f"Spectrum of {self.dataset.name}: leading freezing points of all images, pressures beta in nats"
            return title + weight, self.to_frame()
        by_factor = self.to_frame().groupby("factor", sort=False)
        frame = by_factor.agg(
            contexts=("context", "size"),
            q25=("spectral_beta", lambda values: values.quantile(0.25)),
            median=("spectral_beta", "median"),
            q75=("spectral_beta", lambda values: values.quantile(0.75)),
            beta_rd=("beta_rd", "median"),
            first_order=("transition", lambda values: (values == "first_order").mean()),
            **({} if self.loss is None else {"weight": ("weight", "median")}),
        )
        title = (
            f"Spectrum of {self.dataset.name}: closed-form freezing points, pressures beta in nats (reconstruction "
            f"summed over pixels); first_order: share of transitions that jump{weight}"
        )
        return title, frame.reset_index()


def spectral_findings(
    dataset: Dataset,
    records: Sequence[SpectralRecord],
    *,
    seed: int = 0,
    likelihood: LikelihoodName = "bernoulli",
    conditional: Mapping[str, float] | None = None,
    mixing: Sequence[PairMixing] = (),
    nuisances: NuisanceFindings | None = None,
) -> Findings:
    """Findings of a data set's closed-form freezing points alone, which :func:`ifp.plan_stages` takes.

    With the freezing order the plan stands on conditional values, those with the factors known that freeze before;
    without it on each factor alone, as a plan from an annealing run over the same contexts: ::

        ds = ifp.load_dataset("dsprites")
        order = predicted_values(list(freezing_order(ds)))
        plan = ifp.plan_stages(spectral_findings(ds, list(ifp.spectrum(ds)), conditional=order))

    Args:
        dataset: the data set of the records.
        records: of :func:`ifp.spectrum`, all factors over the same contexts.
        seed, likelihood: what the records were computed with, kept for the plan.
        conditional: of :func:`ifp.closed_form.order.predicted_values`.
        mixing: of :func:`ifp.closed_form.mixing.data_mixing`.
        nuisances: of :func:`ifp.closed_form.nuisances.nuisance_findings`.

    Raises:
        IFPError: no records.
    """
    return conclude_spectrum(
        pd.DataFrame(list(records)),
        seed=seed,
        fingerprint=dataset.fingerprint,
        image_shape=dataset.image_shape,
        likelihood=likelihood,
        conditional=conditional,
        mixing=mixing,
        nuisances=nuisances,
    )


def with_order(
    findings: Findings, conditional: Mapping[str, float], nuisances: NuisanceFindings | None = None
) -> Findings:
    """A run's findings, its curves and contexts, planned by the freezing order's values, and those of its nuisances.

    Raises:
        IFPError: a factor of the findings has no value in the order.
    """
    missing = [each.factor for each in findings.factors if each.factor not in conditional]
    if missing:
        raise IFPError(f"need a value in the freezing order for every factor, {', '.join(missing)} has none")
    known = {each.factor: conditional[each.factor] for each in findings.factors}
    source = f"{findings.source}, and the freezing order"
    return replace(findings, conditional=known, nuisances=nuisances, source=source)
