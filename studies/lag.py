"""Study 2: how a freezing point depends on the speed of the sweep, and where the published protocol stands on that."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import ifp
from annealing.freezing import crossing, read_loops
from annealing.hysteresis import Pace
from annealing.likelihoods.pixels import Bernoulli
from annealing.published import PUBLISHED, PublishedProtocol, published_sweep
from annealing.spectral import freezing_point
from annealing.stack import Case as SweptCase
from annealing.sweep import SweepRecord, sweep
from annealing.sweep_config import SweepConfig
from ifp.closed_form.contexts import action_sequence, draw_contexts
from studies.cost import cost
from studies.page import save, spread, table, write_tables
from studies.rows import Case, Row, rows_of
from studies.size import Size

DATASET, FACTOR = "dsprites", "scale"
THRESHOLDS = (0.1, 0.03, 0.01)  # nats of KL at which a latent counts as active
PACE = Pace(first_loop=1.6e-2, slowdown=2.0, tolerance=1.0001, max_steps=60_000)
SEEDS = (0, 1, 2, 3, 4)


def _sequences(contexts: int) -> list:
    dataset = ifp.load_dataset(DATASET)
    return [action_sequence(dataset, FACTOR, int(index)) for index in draw_contexts(dataset, contexts, 0)]


@dataclass(frozen=True)
class Speeds(Case):
    """Loops of cooling and heating, each at half the speed of the one before, in every context, with one seed."""

    seed: int

    @property
    def path(self) -> str:
        """Name of the row."""
        return f"lag/speeds-{self.seed}"

    def measure(self, size: Size, device: str) -> Row:
        """Freezing and melting of every loop at every threshold, over the closed form of the same case."""
        began = time.perf_counter()
        images = _sequences(size.contexts)
        spectral = [freezing_point(each, Bernoulli()) for each in images]
        stack = [
            SweptCase(each, 0.1 * value, 2 * value, 1000 * self.seed + number)
            for number, (each, value) in enumerate(zip(images, spectral, strict=True))
        ]
        records = list(sweep(stack, SweepConfig(pace=PACE), Bernoulli(), device))
        return {
            "dataset": DATASET,
            "factor": FACTOR,
            "seed": self.seed,
            "spectral": spectral,
            "points": [point for case in range(len(stack)) for point in _points(records, case, spectral[case])],
            "seconds": round(time.perf_counter() - began, 1),
            "device": device,
        }


def _points(records: Sequence[SweepRecord], case: int, spectral: float) -> Iterator[Row]:
    going = [record for record in records if record.direction[case] != "done"]
    direction = np.array([record.direction[case] for record in going])
    loop = np.array([record.loop[case] for record in going])
    beta = np.array([record.beta[case] for record in going])
    kl = np.array([record.kl[case].max() for record in going])
    for threshold in THRESHOLDS:
        for each in read_loops(direction, loop, beta, kl, threshold):
            if each.number and each.cooling is not None and each.heating is not None:
                yield {
                    "context": case,
                    "threshold": threshold,
                    "speed": PACE.speed(each.number),
                    "freezing": each.cooling.beta / spectral,
                    "melting": each.heating.beta / spectral,
                    "status": [each.cooling.status, each.heating.status],
                }


@dataclass(frozen=True)
class Published(Case):
    """The published protocol on the first context: as it is, in fewer and more steps, and begun above the point.

    Attributes:
        steps: 8,000 as published.
        above: whether the pressure begins at twice the closed form, and not at 71.
    """

    steps: int
    above: bool
    seed: int

    @property
    def path(self) -> str:
        """Name of the row."""
        return f"lag/{self._protocol(1.0).name}-{self.seed}"

    def measure(self, size: Size, device: str) -> Row:
        """Where its KL last rises above each threshold."""
        began = time.perf_counter()
        (images,) = _sequences(1)
        spectral = freezing_point(images, Bernoulli())
        protocol = self._protocol(spectral)
        records = list(published_sweep(images, protocol, Bernoulli(), seed=self.seed, device=device))
        beta = np.array([record.beta[0] for record in records])
        kl = np.array([record.kl[0, 0] for record in records])
        return {
            "dataset": DATASET,
            "factor": FACTOR,
            "seed": self.seed,
            "steps": self.steps,
            "begins": protocol.pressure(0),
            "spectral": spectral,
            "speed": 15 / self.steps,
            "freezing": {str(each): crossing(beta, kl, each).beta / spectral for each in THRESHOLDS},
            "beta": beta[::5].round(4).tolist(),
            "kl": kl[::5].round(5).tolist(),
            "seconds": round(time.perf_counter() - began, 1),
            "device": device,
        }

    def _protocol(self, spectral: float) -> PublishedProtocol:
        top = 2 * spectral if self.above else 70.0
        name = f"deft-2022-{self.steps}" + ("-from-above" if self.above else "")
        return replace(
            PUBLISHED["deft-2022"],
            name=name,
            steps=self.steps,
            pressure=lambda step: top * math.exp(-15 * step / self.steps) + 1,
        )


def cases(size: Size) -> Iterator[Speeds | Published]:
    """Our loops, then the published protocol."""
    for seed in SEEDS:
        yield Speeds(seed)
    for above in (False, True):
        for steps in (2000, 8000):
            yield Published(steps, above, 0)


def write_page(size: Size) -> None:
    """docs/studies/lag.md's tables, a CSV of every loop, and freezing and melting against speed."""
    rows = rows_of(cases(size), size)
    write_tables(size, "lag", points_of(rows).drop(columns="status").to_dict("records"), lines(rows))
    save(size, "lag", draw_lag(rows))


def points_of(rows: Sequence[Row]) -> pd.DataFrame:
    """A line per seed, case, threshold and loop; ``ok`` where it both froze and melted."""
    ours = [row for row in rows if "points" in row]
    points = pd.DataFrame([{"seed": row["seed"], **point} for row in ours for point in row["points"]])
    return points.assign(ok=[all(each == "ok" for each in status) for status in points["status"]])


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """What the rows say: freezing and melting over the closed form by speed and threshold, then the protocol."""
    points = points_of(rows)
    told = []
    slower = points[points["ok"]].sort_values(["threshold", "speed"], ascending=False)
    for (threshold, speed), group in slower.groupby(["threshold", "speed"], sort=False):
        fall = spread(group["freezing"].tolist()), spread(group["melting"].tolist())
        told.append([f"{threshold:g}", f"{speed:.2g}", round(math.log(2) / speed), len(group), *fall])
    header = ["KL, nats", "speed, ln(beta) a step", "steps to halve beta", "points"]
    yield from table([*header, "freezing / closed form", "melting / closed form"], told)
    yield ""
    published = [row for row in rows if "points" not in row]
    told = []
    for row in published:
        froze = (f"{row['freezing'][str(threshold)]:.3f}" for threshold in THRESHOLDS)
        told.append([f"{row['begins']:.4g}", row["steps"], f"{row['speed']:.2g}", *froze])
    froze = (f"freezing / closed form, {threshold} nat" for threshold in THRESHOLDS)
    header = ["published protocol begins at, nats", "steps", "speed", *froze]
    yield from table(header, told)
    yield from ("", f"Cost: {cost(rows)}.")


def draw_lag(rows: Sequence[Row]) -> Figure:
    """Freezing and melting over the closed form against the speed of the sweep; crosses: the published protocol."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    panel = figure.subplots()
    points = points_of(rows)
    shown = points[points["ok"] & (points["threshold"] == THRESHOLDS[0])]
    for kind, color in (("freezing", "C0"), ("melting", "C3")):
        panel.plot(shown["speed"], shown[kind], ".", color=color, alpha=0.3)
        panel.plot(shown.groupby("speed")[kind].median(), color=color, label=kind)
    for row in (row for row in rows if "points" not in row):
        panel.plot(row["speed"], row["freezing"][str(THRESHOLDS[0])], "kx")
    panel.axhline(1, color="0.5", linewidth=0.8)
    panel.set(xscale="log", xlabel="speed, ln(beta) a step", ylabel="pressure over the closed form")
    panel.legend()
    return figure
