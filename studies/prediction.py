"""Study 9: can it be told before training whose information will end in whose latent?"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import rankdata

from analysis.comparison import methods_of
from ifp.closed_form.mixing import data_mixing
from studies.cost import cost
from studies.lights import NAME, dataset_named
from studies.methods import trainings
from studies.page import datasets_of, require_one_definition, save, table, write_tables
from studies.rows import Row, rows_of
from studies.size import Size
from studies.training import Training

METHODS = ("annealed-beta", "annealed-vae", "beta-vae", "cascade-vae-c", "dynamic-vae")
CHOSEN_ON = "dsprites-32"
JUDGED_ON = {"color-dsprites-32": 2, NAME: 3}  # with so many seeds; on neither was anything chosen
LEAKS = 0.1  # nats of the largest leak from which an objective leaks
_PERMUTATIONS = 2000


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study: those of the choice are the diffusion study's."""
    yield from trainings(CHOSEN_ON, METHODS, size)
    for dataset, seeds in JUDGED_ON.items():
        few = replace(size, seeds=size.seeds[:seeds])
        yield from trainings(dataset, METHODS, few, longer=0.5 if dataset == NAME else 1.0)


def write_page(size: Size) -> None:
    """docs/studies/prediction.md's tables, its CSV, and leaks against their prediction."""
    rows = rows_of(cases(size), size)
    write_tables(size, "prediction", leaks(rows).reset_index().to_dict("records"), lines(rows))
    save(size, "prediction", draw_leaks(rows))


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """What the rows say: the rank correlation by data set and method, and of all that was judged on."""
    require_one_definition(rows, ("diffusion",))
    told = []
    for dataset, own in datasets_of(rows).items():
        predicted = predictions(dataset)
        for method in methods_of(own):
            runs = leaked(own, method)
            both = paired(predicted, runs.mean(axis=1))
            rho = rank_correlation(both)
            low, high = seed_interval(predicted, runs)
            told.append(
                [
                    f"{dataset}{' (chosen on)' if dataset == CHOSEN_ON else ''}", f"`{method}`", runs.shape[1],
                    len(both), f"{both['leaked'].max():.3f}", f"{rho:.2f}", f"{low:.2f}..{high:.2f}",
                ]
            )  # fmt: skip
    header = ["data set", "method", "seeds", "pairs of factors", "most nats leaked", "Spearman", "over seeds"]
    yield from table(header, told)
    yield ""
    judged = [row for row in rows if row["dataset"] in JUDGED_ON]
    if judged:
        statistic, p_value = pooled(judged)
        yield (
            f"On the data sets that nothing was chosen on, over the methods that leak {LEAKS:g} nat or more: mean rank "
            f"correlation {statistic:.2f}, p = {p_value:.2g} by {_PERMUTATIONS:,} permutations of the factors."
        )
    yield from ("", f"Cost: {cost(rows)}.")


@cache
def predictions(dataset: str) -> pd.Series:
    """Nats that the code of one factor tells of another by itself, by ordered pair."""
    found = data_mixing(dataset_named(dataset))
    return pd.Series({(pair.factor, pair.other): pair.nats for pair in found}, name="predicted", dtype=float)


def leaked(rows: Sequence[Row], method: str) -> pd.DataFrame:
    """Nats of a factor in the latent that owns another at the end, by ordered pair, a column per run."""
    found = [
        pd.Series({(factor, other): nats for factor, other, nats, _ in row["leakage"]}, name=row["seed"], dtype=float)
        for row in rows
        if row["method"] == method and "leakage" in row
    ]
    return pd.concat(found, axis=1) if found else pd.DataFrame()


def paired(predicted: pd.Series, measured: pd.Series) -> pd.DataFrame:
    """Predicted and leaked, over the pairs that have both."""
    return pd.DataFrame({"predicted": predicted, "leaked": measured}).dropna()


def rank_correlation(both: pd.DataFrame) -> float:
    """Spearman's rank correlation; NaN where either is all the same."""
    return float(rank_correlations(both[["predicted"]].to_numpy().T, both[["leaked"]].to_numpy().T)[0])


def rank_correlations(predicted: NDArray[np.floating], measured: NDArray[np.floating]) -> NDArray[np.float64]:
    """Spearman's rank correlation of each row (rows, pairs), over the pairs that have both; one row goes with all.

    NaN where fewer than three pairs have both, or either is all the same.
    """
    both = np.stack(np.broadcast_arrays(predicted, measured))
    there = ~np.isnan(both).any(axis=0)
    count = there.sum(axis=1)
    ranks = rankdata(np.where(there, both, np.inf), axis=2)  # those that are left out stand behind all others
    ranks -= (ranks.sum(axis=2, where=there) / np.maximum(count, 1))[..., None]
    product = (ranks[0] * ranks[1]).sum(axis=1, where=there)
    scale = np.sqrt((ranks**2).sum(axis=2, where=there).prod(axis=0))
    return np.divide(product, scale, out=np.full(len(scale), np.nan), where=(count >= 3) & (scale > 0))


def seed_interval(predicted: pd.Series, runs: pd.DataFrame) -> tuple[float, float]:
    """2.5% and 97.5% of the rank correlation over all resamples of the seeds; some hundred at most."""
    resamples = list(itertools.combinations_with_replacement(range(runs.shape[1]), runs.shape[1]))
    own = runs.reindex(predicted.index)
    means = np.array([own.iloc[:, list(seeds)].mean(axis=1) for seeds in resamples])
    found = rank_correlations(predicted.to_numpy()[None], means)
    values = np.repeat(found, [_orders(seeds) for seeds in resamples])
    return tuple(np.nanquantile(values, [0.025, 0.975])) if np.isfinite(values).any() else (np.nan, np.nan)


def _orders(seeds: Sequence[int]) -> int:
    """In how many orders these seeds can be drawn."""
    return len(set(itertools.permutations(seeds)))


def pooled(rows: Sequence[Row]) -> tuple[float, float]:
    """Mean rank correlation over data sets and methods that leak, and its p-value.

    Pairs of factors share factors, so that they are not as many cases: what is permuted is which factor is which, in
    each data set, the same for all its methods. One-sided: a prediction backwards is no prediction.
    """
    tables = []
    for dataset, own in datasets_of(rows).items():
        means = {method: leaked(own, method).mean(axis=1) for method in methods_of(own)}
        tables.append((predictions(dataset), [mean for mean in means.values() if mean.max() >= LEAKS]))
    rng = np.random.default_rng(0)
    if not any(means for _, means in tables):
        return float("nan"), float("nan")
    drawn = [[_permuted(predicted, rng) for predicted, _ in tables] for _ in range(_PERMUTATIONS)]
    found = [
        rank_correlations(np.array([predicted, *chance]), mean.reindex(predicted.index).to_numpy()[None])
        for (predicted, means), *chance in zip(tables, *drawn, strict=True)
        for mean in means
    ]
    observed, *others = np.nanmean(found, axis=0)
    return float(observed), float((1 + np.sum(np.array(others) >= observed - 1e-12)) / (1 + _PERMUTATIONS))


def _permuted(predicted: pd.Series, rng: np.random.Generator) -> NDArray[np.float64]:
    """The same numbers in the same places, the factors in another order."""
    names = sorted({name for pair in predicted.index for name in pair})
    other: Mapping[str, str] = dict(zip(rng.permutation(names), names, strict=True))
    nats = predicted.to_dict()
    return np.array([nats[other[a], other[b]] for a, b in predicted.index])


def leaks(rows: Sequence[Row]) -> pd.DataFrame:
    """A line per data set, method and ordered pair of factors: predicted, and the mean of what leaked."""
    found = []
    for dataset, own in datasets_of(rows).items():
        predicted = predictions(dataset)
        for method in methods_of(own):
            both = paired(predicted, leaked(own, method).mean(axis=1))
            both.index.names = ["factor", "other"]
            found.append(both.reset_index().assign(dataset=dataset, method=method))
    return pd.concat(found, ignore_index=True).set_index(["dataset", "method", "factor", "other"])


def draw_leaks(rows: Sequence[Row]) -> Figure:
    """What leaked against what was predicted, a panel per data set and a point per method and pair of factors."""
    table_of = leaks(rows).reset_index()
    names = list(dict.fromkeys(table_of["dataset"]))
    figure = Figure(figsize=(3.6 * len(names), 3.2), layout="constrained")
    for panel, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for method, own in table_of[table_of["dataset"] == name].groupby("method"):
            panel.plot(own["predicted"], own["leaked"], ".", alpha=0.6, label=method)
        panel.set(title=name, xlabel="predicted, nats", ylabel="ended in the other's latent, nats")
        panel.set_xscale("symlog", linthresh=0.01)
        panel.set_yscale("symlog", linthresh=0.01)
        panel.grid(alpha=0.3)
    figure.axes[-1].legend(fontsize=7)
    return figure
