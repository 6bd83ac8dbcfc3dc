"""The network's knee over the closed-form freezing point on five families of synthetic rows, fresh seeds for each case.

A case is a set of 60 to 100 rows. Its closed form is :func:`annealing.score_spectrum.score_spectrum`, of the likelihood
that the networks are trained under; dense networks of 20 cases are heated and cooled side by side, as in the annealing
test, and read by its rules: the knee of the last heating, and a bracket from freezing and melting (at 0.1 nat) to it.
Landau's form, where rows are Gaussian, says beforehand which transitions jump.

Usage: python -m benchmarks.own_families [CASES] [SEED]        (default 20 of each family, seed 0)
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from annealing.freezing import balance, freezing_point, read_loops
from annealing.hysteresis import Pace
from annealing.knee import fit_knee
from annealing.landau import transition
from annealing.likelihoods import row_likelihood
from annealing.likelihoods.likelihood import RowLikelihood
from annealing.likelihoods.pixels import Gaussian, Likelihood
from annealing.rows import Rows
from annealing.score_spectrum import score_spectrum
from annealing.stack import Case
from annealing.sweep import SweepRecord, sweep
from annealing.sweep_config import SweepConfig
from annealing.thresholds import ACTIVE
from ifp.annealing_test.repeats import Joined, Reading, joined
from ifp.machine.threads import use_threads

Array = NDArray[np.float64]
_SPAN = (0.3, 3.0)  # of the closed form: as the annealing test sweeps
_NEAR = 0.05  # of the closed form
_CONFIG = SweepConfig(pace=Pace(max_steps=8000))  # half of the default: what has no narrow bracket by then is told


@dataclass(frozen=True)
class Family:
    """Rows that are drawn alike.

    Attributes:
        variance: of a Gaussian decoder; None for Poisson counts.
        draw: rows (n, D), and their exposure (n,) where they have one.
    """

    variance: float | None
    draw: Callable[[np.random.Generator], tuple[Array, Array | None]]

    @property
    def rows_under(self) -> RowLikelihood:
        """The likelihood of the closed form."""
        if self.variance is None:
            return row_likelihood("poisson")
        return row_likelihood("gaussian", variance=self.variance)

    @property
    def trained_under(self) -> Likelihood | RowLikelihood:
        """The same as the networks have it: of a Gaussian one without its constants, which is faster."""
        return self.rows_under if self.variance is None else Gaussian(self.variance)


def linear_gaussian(rng: np.random.Generator) -> tuple[Array, None]:
    """Two Gaussian causes of unequal strength in 8 features, with noise."""
    causes = rng.standard_normal((100, 2)) * [1.5, 0.6]
    axes = np.linalg.qr(rng.standard_normal((8, 2)))[0]
    return causes @ axes.T + 0.5 * rng.standard_normal((100, 8)), None


def poisson_exposed(rng: np.random.Generator) -> tuple[Array, Array]:
    """Counts of one cause, each row counted 0.3 to 3 times as long."""
    exposure = rng.uniform(0.3, 3.0, 60)
    rates = np.exp(np.outer(rng.standard_normal(60), 0.5 * rng.standard_normal(6)))
    return rng.poisson(5 * exposure[:, None] * rates).astype(float), exposure


def rare_feature(rng: np.random.Generator) -> tuple[Array, None]:
    """Counts of three causes in 10 features, one of them seen in one row of ten."""
    logs = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 10)) * 0.3
    counts = rng.poisson(np.exp(logs) * np.array([4.0] * 9 + [0.1])).astype(float)
    counts[0, 9] = max(counts[0, 9], 1.0)  # a feature that is never seen is none
    return counts, None


def circle(rng: np.random.Generator) -> tuple[Array, None]:
    """A circle in 20 features, with noise."""
    angle = rng.uniform(0, 2 * np.pi, 60)
    plane = np.linalg.qr(rng.standard_normal((20, 2)))[0]
    return np.stack([np.cos(angle), np.sin(angle)], 1) @ plane.T + 0.1 * rng.standard_normal((60, 20)), None


def three_clusters(rng: np.random.Generator) -> tuple[Array, None]:
    """Three clusters of unequal size, not evenly spaced, about a line in 6 features."""
    place = rng.choice([0.0, 1.0, 2.2], 60, p=[0.4, 0.35, 0.25])
    axis = rng.standard_normal(6)
    return np.outer(place, axis / np.linalg.norm(axis)) + 0.15 * rng.standard_normal((60, 6)), None


FAMILIES = {
    "linear Gaussian": Family(0.25, linear_gaussian),
    "Poisson, unequal exposure": Family(None, poisson_exposed),
    "rank-3 counts, a rare feature": Family(None, rare_feature),
    "circle in 20 features": Family(0.05, circle),
    "three clusters": Family(0.1, three_clusters),
}


def measured(name: str, cases: int, seed: int) -> Iterator[dict[str, object]]:
    """A row for each case of a family."""
    family, number = FAMILIES[name], list(FAMILIES).index(name)
    stacked, points = [], []
    for case in range(cases):
        values, exposure = family.draw(np.random.default_rng([seed, number, case]))
        points.append(float(score_spectrum(Rows(values, exposure), family.rows_under, 1).points[0]))
        low, high = (times * points[-1] for times in _SPAN)
        exposed = None if exposure is None else torch.from_numpy(exposure).float()
        stacked.append(Case(torch.from_numpy(values).float(), low, high, 1000 * seed + case, exposed))
    records = list(sweep(stacked, _CONFIG, family.trained_under))
    for case, (point, rows) in enumerate(zip(points, stacked, strict=True)):
        found = _read(records, case)
        order = "not known"
        if family.variance is not None:
            order = transition(rows.images.double(), Gaussian(family.variance)).order
        yield {
            "family": name, "case": case, "closed form": point, "status": found.status, "knee": found.knee / point,
            "low": found.low / point, "high": found.high / point, "within": found.low <= point <= found.high,
            "order": order,
        }  # fmt: skip


def _read(records: Sequence[SweepRecord], case: int) -> Joined:
    """One case by the rules of the annealing test."""
    direction = np.array([record.direction[case] for record in records])
    loop, beta = (np.array([getattr(record, name)[case] for record in records]) for name in ("loop", "beta"))
    kl = np.array([record.kl[case, 0] for record in records])
    cost = np.array([record.reconstruction[case] for record in records])
    point = freezing_point(read_loops(direction, loop, beta, kl, ACTIVE), _CONFIG.pace.slowdown)
    heating = (direction == "heat") & (loop == point.loop)
    knee = fit_knee(beta[heating], kl[heating])
    reading = Reading(point, knee, balance(beta[heating], kl[heating], cost[heating]), records[-1].step)
    return joined([reading], lawful=True, both_ways=True)


def summary(rows: pd.DataFrame) -> dict[str, object]:
    """A family in a row.

    ``knees``: cases with a knee; ``crossings``: with freezing and melting alone; ``within``: cases whose bracket holds
    the closed form, low <= closed form <= high, without slack; ``missed``: cases with a bracket that does not;
    ``no point``: cases without one. A bracket that reaches far up holds the closed form easily: ``near`` counts the
    knees that lie within 5% of it.
    """
    pointed = rows["status"] == "ok"
    knees = rows["knee"].dropna()
    jumps = rows["order"] == "first_order"
    return {
        "family": rows["family"].iloc[0], "cases": len(rows), "knees": len(knees),
        "crossings": int((pointed & rows["knee"].isna()).sum()), "no point": int((~pointed).sum()),
        "near": int((np.abs(knees - 1) <= _NEAR).sum()),
        "within": int(rows["within"].sum()), "missed": int((pointed & ~rows["within"]).sum()),
        "knee / closed form": knees.median(), "least": knees.min(), "most": knees.max(),
        "first order beforehand": int(jumps.sum()), "of these within": int((jumps & rows["within"]).sum()),
        "degenerate": int((rows["order"] == "degenerate").sum()),
    }  # fmt: skip


@use_threads(1)
def main(cases: int, seed: int) -> None:
    """Measure family by family, and print the table so far after each."""
    told, missed = [], []
    for name in FAMILIES:
        worked = time.process_time()
        rows = pd.DataFrame(measured(name, cases, seed))
        told.append({**summary(rows), "CPU s": time.process_time() - worked})
        missed.append(rows[~rows["within"]])
        print(pd.DataFrame(told).to_string(index=False, float_format="%.3f"), flush=True)
    print("\nnot within:")
    print(pd.concat(missed).to_string(index=False, float_format="%.3f"))


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:3]]
    main(*(given + [20, 0][len(given) :]))
