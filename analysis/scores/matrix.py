"""Information of every latent about every factor: what stands behind MIG, and who owns what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from analysis.names import is_name
from analysis.plain_json import shown
from analysis.printed import Shown
from analysis.records import read_record
from analysis.scores.binned import BINS, discretise, plug_in_table
from analysis.scores.codes import LabelledCodes, Sample
from analysis.scores.mig import gaps_of_factors, gaps_of_latents
from analysis.scores.protocol import STUDY, SampleSizes
from annealing.errors import IFPError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROTOCOL = f"plug-in information of mean codes in {BINS} bins of equal width, on the rows of MIG"

_SHUFFLES = 5  # of the labels: together they know the degrees of freedom of chance to some percent
_STREAM = 5  # of the seed, for the shuffles: 0 to 4 are those of scores
_RARE = 1e-3  # probability with which unrelated codes show more than the limit, at each entry


@dataclass(frozen=True, repr=False)
class InformationMatrix(Shown):
    r"""I(z_j; v_k) in nats by the protocol of MIG, and how much of it unrelated codes would show.

    A latent is taken to tell of a factor where its information is above ``limit``. The owner of a factor is the latent
    that tells most of it. The mean of ``gaps`` is MIG.

    Attributes:
        factors: names of the factors that vary.
        nats: (latents, factors).
        entropies: of the factors in the sample, nats, (factors,).
        chance: nats with the labels shuffled among the rows, mean of a few shuffles, (latents, factors).
        rows: as how many rows of equal weight with a label the sample counts, of each factor.
        protocol: how information was measured.

    Raises:
        IFPError: lengths that do not fit, names that are none, an entropy or a number of rows that is not above 0, or
            information below 0.
    """

    factors: tuple[str, ...]
    nats: tuple[tuple[float, ...], ...]
    entropies: tuple[float, ...]
    chance: tuple[tuple[float, ...], ...]
    rows: tuple[float, ...]
    protocol: str = PROTOCOL

    def __post_init__(self) -> None:
        names, count = self.factors, len(self.factors)
        if not names or len(set(names)) < count or not all(map(is_name, names)):
            raise IFPError(f"need different, printable names of factors, got {', '.join(map(shown, names)) or 'none'}")
        columns = (self.entropies, self.rows, *self.nats, *self.chance)
        if not self.nats or len(self.nats) != len(self.chance) or any(len(each) != count for each in columns):
            raise IFPError(f"need information (latents, {count} factors) with as much of chance, got another shape")
        if min(self.entropies) <= 0 or min(self.rows) <= 0 or min(map(min, (*self.nats, *self.chance))) < 0:
            raise IFPError("need entropies and rows above 0 and information of 0 or more, got less")

    @cached_property
    def limit(self) -> NDArray[np.float64]:
        r"""Nats above which an entry is more than chance, (latents, factors).

        As :math:`2 n I` of unrelated classes is chi-squared, with as many degrees of freedom as its mean, here that of
        the shuffles: one unrelated entry in 1,000 is above.
        """
        twice = 2 * np.array(self.rows)
        return np.asarray(chi2.isf(_RARE, np.maximum(twice * np.array(self.chance), 1.0)) / twice)

    @cached_property
    def told(self) -> NDArray[np.float64]:
        """Nats beyond ``chance`` where an entry is above ``limit``, else 0, (latents, factors)."""
        nats = np.array(self.nats)
        return np.where(nats > self.limit, nats - np.array(self.chance), 0.0)

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """Information over the factor's entropy, (latents, factors)."""
        return np.array(self.nats) / np.array(self.entropies)

    @cached_property
    def gaps(self) -> NDArray[np.float64]:
        """Of each factor, how much more the best latent tells than the second, over its entropy: MIG's terms."""
        return gaps_of_factors(np.array(self.nats), np.array(self.entropies))

    @cached_property
    def latent_gaps(self) -> NDArray[np.float64]:
        """Of each latent, how much more it tells of one factor than of any other: MIG-sup's terms, of all latents."""
        return gaps_of_latents(np.array(self.nats), np.array(self.entropies))

    @cached_property
    def owners(self) -> tuple[int | None, ...]:
        """The latent that tells most of each factor; None where none tells more than chance."""
        return tuple(int(told.argmax()) if told.any() else None for told in self.told.T)

    @cached_property
    def owner_shares(self) -> tuple[float | None, ...]:
        """How much of all that latents tell of a factor its owner tells; None without an owner."""
        pairs = zip(self.owners, self.told.T, strict=True)
        return tuple(None if owner is None else float(told[owner] / told.sum()) for owner, told in pairs)

    @cached_property
    def tells_most(self) -> tuple[str | None, ...]:
        """The factor that each latent tells the largest share of; None where it tells of none."""
        shares = self.told / np.array(self.entropies)
        return tuple(self.factors[int(row.argmax())] if row.any() else None for row in shares)

    def to_frame(self) -> pd.DataFrame:
        """A row per latent: latent, nats about each factor, the factor that it tells ``most of``, and its ``gap``."""
        nats = pd.DataFrame(np.array(self.nats), columns=list(self.factors))
        latents = pd.Series([f"z{latent}" for latent in range(len(self.nats))], name="latent")
        most = pd.Series(self.tells_most, name="most of", dtype=object)
        return pd.concat([latents, nats, most, pd.Series(self.latent_gaps, name="gap")], axis=1)

    def factors_frame(self) -> pd.DataFrame:
        """A row per factor: factor, entropy, owner, its nats and chance's, share of what is told, gap; nats."""
        best = np.array(self.nats).argmax(axis=0)
        at = [(k if owner is None else owner) for k, owner in zip(best.tolist(), self.owners, strict=True)]
        return pd.DataFrame(
            {
                "factor": self.factors,
                "entropy": self.entropies,
                "owner": pd.Series([None if each is None else f"z{each}" for each in self.owners], dtype=object),
                "nats": [self.nats[j][k] for k, j in enumerate(at)],
                "chance": [self.chance[j][k] for k, j in enumerate(at)],
                "share": pd.Series(self.owner_shares, dtype=float),
                "gap": self.gaps,
            }
        )

    def plot(self) -> "Figure":
        """A heat map: :func:`analysis.figures.information_matrix.draw_information_matrix`."""
        from analysis.figures.information_matrix import draw_information_matrix

        return draw_information_matrix(self.factors, self.shares, self.owners)

    def _shown(self) -> tuple[str, pd.DataFrame]:
        return "information of latents about factors (nats)", self.to_frame()

    def to_record(self) -> dict[str, Any]:
        """Plain JSON: the fields, and what follows from them by latent and by factor."""
        return {
            "protocol": self.protocol,
            "factors": list(self.factors),
            "nats": [list(row) for row in self.nats],
            "entropies": list(self.entropies),
            "chance": [list(row) for row in self.chance],
            "rows": list(self.rows),
            "owners": list(self.owners),
            "owner_shares": list(self.owner_shares),
            "gaps": self.gaps.tolist(),
            "tells_most": list(self.tells_most),
            "latent_gaps": self.latent_gaps.tolist(),
        }

    @classmethod
    def of_record(cls, record: object, where: str = "matrix") -> Self:
        """The matrix that :meth:`to_record` gave, perhaps through a file that anyone may have written.

        What follows from its fields is not taken from there. IFPError where it is no such record.
        """
        own = {each.name for each in fields(cls)}
        given = {key: each for key, each in record.items() if key in own} if isinstance(record, Mapping) else record
        return read_record(cls, given, where)


def information_matrix(
    data: LabelledCodes, *, seed: int = 0, sizes: SampleSizes = STUDY, names: Sequence[str] | None = None
) -> InformationMatrix:
    """The matrix of codes, on the sample that MIG has with this seed.

    Chance is what is left where the labels of the rows, those of all factors together, are dealt to them anew: a row
    that was drawn several times keeps one label.

    Args:
        data, seed, sizes: as a score has them.
        names: of all columns of ``data.factors``. Default: factor0, factor1, ...

    Raises:
        IFPError: another number of names, names that are none, or a factor has one value only in the sample.
    """
    columns = data.factors.shape[1]
    called = tuple(f"factor{k}" for k in range(columns)) if names is None else tuple(names)
    if len(called) != columns:
        raise IFPError(f"need a name for each of {columns} factors, got {len(called)}")
    sample = data.counted(seed, sizes)
    classes = discretise(sample.codes)
    table = plug_in_table(classes, sample.factors)
    return InformationMatrix(
        factors=tuple(called[k] for k in data.varying),
        nats=_plain(table.nats),
        entropies=tuple(table.entropies.tolist()),
        chance=_plain(_chance(sample, classes, np.random.default_rng([seed, _STREAM]))),
        rows=tuple(_equal_rows(sample.rows[known]) for known in table.known.T),
    )


def _chance(sample: Sample, classes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Mean information with the labels shuffled among the distinct rows of the sample, (latents, factors)."""
    _, first, place = np.unique(sample.rows, return_index=True, return_inverse=True)
    labels = sample.factors[first]
    shuffled = (labels[rng.permutation(len(labels))][place] for _ in range(_SHUFFLES))
    return np.mean([plug_in_table(classes, each).nats for each in shuffled], axis=0)


def _equal_rows(rows: NDArray[np.integer]) -> float:
    """As how many rows of equal weight these count, some of which were drawn several times (Kish)."""
    drawn = np.unique(rows, return_counts=True)[1].astype(np.float64)
    return float(drawn.sum() ** 2 / np.square(drawn).sum())


def _plain(values: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, values.tolist()))
