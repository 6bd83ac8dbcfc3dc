"""How often noise of five kinds is taken for a mode, how often planted modes are counted, and the cost of wide rows.

Usage: python -m benchmarks.chance [--sets 200] [--draws 0]   false alarms, and modes counted of three planted ones
       python -m benchmarks.chance --wide [DENSITY...] [--figure FILE]
                                       20,000 rows of 2,000 sparse counts: processor time, peak memory

Each set has a seed of its own. The level is 5%. With --draws 19 the null by draws stands beside the held-out test.
"""

import argparse
import multiprocessing
import resource
import time
from collections import Counter

import numpy as np
from scipy import sparse

from annealing.chance import modes_above_chance
from annealing.likelihoods import row_likelihood
from annealing.rows import Rows
from annealing.score_spectrum import score_spectrum
from annealing.silent_draws import modes_above_draws
from ifp.machine.threads import use_threads

ROWS, FEATURES = 400, 30
WIDE = (20_000, 2_000)


def unequal_columns(rng):
    """Independent columns, their deviations a factor e apart."""
    return Rows(rng.normal(size=(ROWS, FEATURES)) * np.exp(rng.normal(size=FEATURES)))


def unequal_rows(rng):
    """Independent columns of rows whose scales are a factor e apart."""
    return Rows(rng.normal(size=(ROWS, FEATURES)) * np.exp(rng.normal(size=(ROWS, 1))))


def exposures(rng):
    """Poisson counts of exposures a factor e apart."""
    exposure = rng.lognormal(0, 1, ROWS)
    return Rows(rng.poisson(exposure[:, None] * rng.gamma(1, 2, FEATURES)), exposure)


def depths(rng):
    """Multinomial counts of depths a factor e apart."""
    shares = rng.dirichlet(np.ones(FEATURES))
    return Rows(np.stack([rng.multinomial(1 + int(depth), shares) for depth in rng.lognormal(5, 1, ROWS)]))


def conditions(rng):
    """Poisson counts of four conditions with rates of their own."""
    condition = rng.integers(0, 4, ROWS)
    return Rows(rng.poisson(rng.gamma(1, 3, (4, FEATURES))[condition]), condition=condition)


def planted(rng, dominant=0.0, loud=0.0):
    """Three shared modes of deviations 1.5 to 1.9, noise of 1; a fourth, dominant one; a loud column of its own."""
    axes = np.linalg.qr(rng.normal(size=(FEATURES, 4)))[0]
    strength = np.array([1.9, 1.7, 1.5, dominant])
    values = rng.normal(size=(ROWS, FEATURES)) + (rng.normal(size=(ROWS, 4)) * strength) @ axes.T
    return Rows(np.column_stack([values, loud * rng.normal(size=ROWS)]) if loud else values)


NOISE = {
    "columns of unequal variance": ("gaussian", unequal_columns),
    "rows of unequal scale": ("gaussian", unequal_rows),
    "exposures": ("poisson", exposures),
    "softmax depths": ("softmax", depths),
    "conditions": ("poisson", conditions),
}
PLANTED = {
    "rank 3": (3, planted),
    "rank 3 beside one dominant mode": (4, lambda rng: planted(rng, dominant=15.0)),
    "rank 3 beside one loud column": (3, lambda rng: planted(rng, loud=30.0)),
}


def counted(make, name, sets, draws):
    """How many modes each set shows above chance, by the held-out test, or by draws where there are any."""
    likelihood = row_likelihood(name)
    for seed in range(sets):
        rows = make(np.random.default_rng([seed, 1]))
        if draws:
            null = "signs" if name == "gaussian" else "silent"  # rows of unequal scale are no Gaussian's draws
            yield modes_above_draws(rows, likelihood, draws=draws, seed=seed, null=null).above
        else:
            yield modes_above_chance(rows, likelihood, seed=seed).above


def show(sets, draws):
    """A line for each kind of noise, and for each set of planted modes."""
    for title, (name, make) in NOISE.items():
        above = Counter(counted(make, name, sets, draws))
        print(f"{title:32s} {name:9s} false alarms {sets - above[0]} of {sets}", flush=True)
    for title, (rank, make) in PLANTED.items():
        above = Counter(counted(make, "gaussian", sets, draws))
        others = ", ".join(f"{number}: {count}" for number, count in sorted(above.items()) if number != rank)
        print(
            f"{title:32s} gaussian  exactly {rank} in {above[rank]} of {sets}; {others or 'no other count'}", flush=True
        )


def wide(density, name, ends):
    """Processor time and peak memory of one spectrum and one test of chance, in a process of its own."""
    rng = np.random.default_rng(0)
    exposure = rng.lognormal(0, 0.7, WIDE[0])
    stored = int(density * WIDE[0] * WIDE[1])
    where = tuple(rng.integers(0, size, stored) for size in WIDE)
    counts = sparse.coo_array((1 + rng.poisson(0.5, stored), where), WIDE).tocsr()  # counts that meet are added
    del where
    given = Rows(counts, None if name == "softmax" else exposure)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    score_spectrum(given, row_likelihood(name), 10)
    middle = time.process_time()
    modes_above_chance(given, row_likelihood(name))
    end = time.process_time()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ends.put((counts.nnz, middle - start, end - middle, after / 1024, before / 1024))


def show_wide(densities):
    """A line for each density and likelihood; by likelihood the entries above 0 and the seconds."""
    context = multiprocessing.get_context("spawn")
    costs = {name: [] for name in ("poisson", "softmax", "negative-binomial", "softmax-negative-binomial")}
    for density in densities:
        for name, cost in costs.items():
            ends = context.Queue()
            process = context.Process(target=wide, args=(density, name, ends))
            process.start()
            stored, spectrum, chance, peak, data = ends.get()
            process.join()
            cost.append((stored, spectrum + chance))
            print(
                f"density {density:4.0%} {name:26s} spectrum {spectrum:6.1f} s, chance {chance:6.1f} s, peak "
                f"{peak:5.0f} MiB ({data:.0f} with the rows alone)",
                flush=True,
            )
    return costs


def draw_wide(costs, file):
    """Seconds against entries above 0, a line for each likelihood."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, cost in costs.items():
        stored, seconds = zip(*cost, strict=True)
        axes.plot(np.array(stored) / 1e6, seconds, "o-", label=name)
    axes.set(xlim=(0, None), ylim=(0, None))
    axes.set_xlabel("entries above 0, millions, of 20,000 x 2,000")
    axes.set_ylabel("processor time, seconds")
    axes.legend()
    figure.savefig(file, dpi=120)


@use_threads(1)
def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--draws", type=int, default=0)
    parser.add_argument("--wide", type=float, nargs="*")
    parser.add_argument("--figure")
    given = parser.parse_args()
    if given.wide is None:
        show(given.sets, given.draws)
        return
    costs = show_wide(given.wide or (0.02, 0.05, 0.1, 0.2))
    if given.figure:
        draw_wide(costs, given.figure)


if __name__ == "__main__":
    main()
