"""Freezing points of latents from anyone's records: step, pressure beta, and KL of each latent."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.names import is_name
from analysis.plain_json import shown
from analysis.printed import Shown
from annealing.choices import Status
from annealing.errors import IFPError
from annealing.freezing import STATUS_OF_BRANCH, Crossing, Direction, branches, crossing
from annealing.knee import fit_knee
from annealing.thresholds import ACTIVE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BRANCHES = 50  # that are read one by one, the last of them


@dataclass(frozen=True)
class BranchPoint:
    """Where one latent passed the threshold on one stretch of falling (``cool``) or rising (``heat``) pressure.

    Attributes:
        branch: number of the branch in the log, from 1.
        first_step, last_step: between which records it runs.
        start, end: its first and last pressure, nats.
        point: nats; NaN unless the status is ok.
        status: ok, never_froze (silent throughout), above_range (active throughout) or diverged.
    """

    branch: int
    direction: Direction
    first_step: float
    last_step: float
    start: float
    end: float
    point: float
    status: Status


@dataclass(frozen=True)
class LatentPoint:
    """One latent; pressures in nats, NaN where there is none.

    Attributes:
        freezing: where its KL passed the threshold on the last cooling.
        melting: ... on the last heating.
        ifp: the freezing point: the knee of the last heating, where one could be fitted, else sqrt(freezing * melting),
            else whichever of the two there is.
        low, high: from the lowest to the highest of freezing, melting and knee; NaN unless both branches gave a point:
            a cooling that lags gives a lower bound only, a heating alone an upper one.
        slope: g of KL = g ln(beta_c / beta) at the knee.
        status: ok, never_froze, never_melted, above_range (active at every pressure) or diverged.
        kl_peak, kl_end: the most nats it held, and those of the last record.
        branches: of every branch by itself, of many the last ones.
    """

    latent: int
    freezing: float
    melting: float
    ifp: float
    low: float
    high: float
    slope: float
    status: Status
    kl_peak: float
    kl_end: float
    branches: tuple[BranchPoint, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class FreezingPoints(Shown):
    """Where each latent froze and melted, and the records that say so.

    Attributes:
        points: one per latent.
        threshold: nats of KL from which a latent is active.
        step: of each record (records,).
        beta: its pressure (records,), nats.
        kl: nats (records, latents).
        notes: what of the records was left out, or read otherwise than it stands there.
        names: what latents are about, by their number, as somebody said: see :meth:`named`.
    """

    points: tuple[LatentPoint, ...]
    threshold: float
    step: NDArray[np.float64]
    beta: NDArray[np.float64]
    kl: NDArray[np.float64]
    notes: tuple[str, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)

    def named(self, names: Mapping[int, str]) -> "FreezingPoints":
        """The same points, with what latents are about by their number: a plan calls them so.

        Raises:
            IFPError: a latent that is not there, or no name.
        """
        for latent, name in names.items():
            if latent not in range(len(self.points)):
                raise IFPError(f"need latents out of 0..{len(self.points) - 1} to name, got {shown(latent)}")
            if not (isinstance(name, str) and is_name(name)):
                raise IFPError(f"need a name of one line for latent {latent}, got {shown(name)}")
        return replace(self, names=dict(names))

    def to_frame(self) -> pd.DataFrame:
        """A row per latent: the columns of :class:`LatentPoint` but for its branches; the name where it has one."""
        frame = pd.DataFrame([replace(each, branches=()) for each in self.points]).drop(columns="branches")
        if self.names:
            frame.insert(1, "name", [self.names.get(each.latent, "") for each in self.points])
        return frame

    def by_branch(self) -> pd.DataFrame:
        """A row per branch and latent: latent, then the columns of :class:`BranchPoint`."""
        rows = [{"latent": each.latent, **asdict(branch)} for each in self.points for branch in each.branches]
        return pd.DataFrame(rows, columns=["latent", *(one.name for one in fields(BranchPoint))])

    def plot(self) -> "Figure":
        """KL of each latent against pressure: :func:`analysis.figures.records.draw_records`."""
        from analysis.figures.records import draw_records

        brackets = np.array([[each.ifp, each.low, each.high] for each in self.points])
        return draw_records(self.beta, self.kl, brackets, self.threshold)

    def _shown(self) -> tuple[str, pd.DataFrame]:
        title = (
            f"FreezingPoints of {len(self.points)} latents at {self.threshold:g} nat of KL; pressures in nats, on the "
            "scale of the beta given"
        )
        return "".join([title, *(f"; {note}" for note in self.notes)]), self.to_frame()


def find_freezing_points(
    step: NDArray[np.floating], beta: NDArray[np.floating], kl: NDArray[np.floating], threshold: float = ACTIVE
) -> FreezingPoints:
    """Freezing on the last branch of falling pressure, melting and knee on the last of rising pressure.

    Of records that follow one another at one pressure the last counts: it is nearest to equilibrium. Records at beta 0,
    where a warm-up begins, are left out. A branch with no record between its ends is a jump, as where a cycle begins
    anew, and is not read beside one that has some. What every branch says by itself stands in the points, too.

    Args:
        step: of each record (records,), rising.
        beta: pressures of 0 or more (records,), in nats (of another loss :func:`annealing.loss_forms.beta_in_nats`).
        kl: nats (records, latents).
        threshold: nats from which a latent is active.

    Raises:
        IFPError: shapes that do not fit, steps that do not rise, pressures below 0 or never another above it, or a
            threshold that is not above 0.

    >>> falling = np.geomspace(100, 10, 200)
    >>> nats = np.maximum(np.log(40 / falling), 0)[:, None]
    >>> round(find_freezing_points(np.arange(200), falling, nats).points[0].freezing, 1)  # 40 exp(-0.1)
    36.2
    """
    step, beta, kl = (np.asarray(each, np.float64) for each in (step, beta, kl))
    if kl.ndim != 2 or not kl.shape[1] or beta.shape != kl.shape[:1] or step.shape != beta.shape:
        raise IFPError(
            f"need step (records,), beta (records,) and kl (records, latents), got shapes {step.shape}, {beta.shape} "
            f"and {kl.shape}"
        )
    if not (np.diff(step) > 0).all():
        raise IFPError("need steps that rise from record to record: sort the table by step, and keep one sweep of it")
    if not (np.isfinite(beta) & (beta >= 0)).all():
        raise IFPError("need pressures beta of 0 or more in every record, got others: leave those records out")
    if not threshold > 0:
        raise IFPError(f"need a threshold above 0 nats, got {threshold:g}")
    above = beta > 0
    notes = [] if above.all() else [f"records at beta 0, which has no logarithm, left out: {int((~above).sum()):,}"]
    step, beta, kl = step[above], beta[above], kl[above]
    found = list(enumerate(branches(beta) if len(beta) else [], 1))
    if not found:
        raise IFPError(
            "need records at two pressures above 0 or more: with one beta throughout nothing freezes or melts"
        )
    sweeps = [(number, branch) for number, branch in found if len(branch[1]) > 2] or found
    if len(sweeps) < len(found):
        notes.append(f"jumps of beta, with no record between their ends, not read: {len(found) - len(sweeps):,}")
    if len(sweeps) > _BRANCHES:
        notes.append(f"branches read one by one: the last {_BRANCHES} of {len(sweeps):,}")
    of_either_way = {way: number for number, (way, _) in sweeps}  # the last, however far back
    told = {*of_either_way.values(), *(number for number, _ in sweeps[-_BRANCHES:])}
    read = [(number, way, on) for number, (way, on) in sweeps if number in told]
    points = tuple(_point(latent, step, beta, kl[:, latent], read, threshold) for latent in range(kl.shape[1]))
    return FreezingPoints(points, threshold, step, beta, kl, tuple(notes))


def _point(
    latent: int,
    step: NDArray[np.float64],
    beta: NDArray[np.float64],
    kl: NDArray[np.float64],
    branches_read: Sequence[tuple[int, Direction, NDArray[np.int64]]],
    nats: float,
) -> LatentPoint:
    each = [(number, way, on, crossing(beta[on], kl[on], nats)) for number, way, on in branches_read]
    read = {way: passed for _, way, _, passed in each}  # the last of either way
    last = {way: on for _, way, on, _ in each}
    freezing, melting = (read[way].beta if way in read else np.nan for way in ("cool", "heat"))
    knee, slope = np.nan, np.nan
    if np.isfinite(melting):
        fitted = fit_knee(beta[last["heat"]], kl[last["heat"]])
        knee, slope = fitted.beta, fitted.slope
    known = [value for value in (freezing, melting) if np.isfinite(value)]
    ends = [*known, *([knee] if np.isfinite(knee) else [])] if len(known) == 2 else []
    middle = float(np.exp(np.mean(np.log(known)))) if known else np.nan
    return LatentPoint(
        latent=latent,
        freezing=freezing,
        melting=melting,
        ifp=knee if np.isfinite(knee) else middle,
        low=min(ends, default=np.nan),
        high=max(ends, default=np.nan),
        slope=slope,
        status=_status(read),
        kl_peak=float(kl.max()),
        kl_end=float(kl[-1]),
        branches=tuple(
            BranchPoint(
                branch=number,
                direction=way,
                first_step=float(step[on[0]]),
                last_step=float(step[on[-1]]),
                start=float(beta[on[0]]),
                end=float(beta[on[-1]]),
                point=passed.beta,
                status=STATUS_OF_BRANCH[passed.status],
            )
            for number, way, on, passed in each
        ),
    )


def _status(read: Mapping[Direction, Crossing]) -> Status:
    statuses: dict[str, str] = {way: each.status for way, each in read.items()}
    if "diverged" in statuses.values():
        return "diverged"
    if "cool" in statuses:
        if statuses["cool"] == "ok" and statuses.get("heat") == "always_active":
            return "never_melted"
        return STATUS_OF_BRANCH[statuses["cool"]]
    return STATUS_OF_BRANCH[statuses["heat"]]
