"""Study 3: does information diffuse under the existing objectives, and not under DEFT?"""

import itertools
from collections.abc import Iterator, Sequence

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from scipy.stats import spearmanr

import ifp
from analysis.comparison import methods_of, values_of
from studies.cost import cost
from studies.methods import trainings
from studies.page import by_choice, save, score_table, table, write_tables
from studies.plans import CONTEXTS
from studies.rows import Row, rows_of
from studies.size import Size
from studies.training import Training

DATASET = "dsprites-32"
METHODS = ("deft", "annealed-beta", "annealed-vae", "annealed-vae-heavy", "cascade-vae-c", "dynamic-vae")


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study."""
    return trainings(DATASET, METHODS, size)


MEASURES = {
    "diffusion": "index",
    "diffusion_before_last": "before DEFT's last stage",
    "events": "events",
    "mig": "MIG",
    "kl": "KL, nats",
    "reconstruction": "reconstruction",
}


def write_page(size: Size) -> None:
    """docs/studies/diffusion.md's tables, its CSV, and what lies outside the owners along training."""
    rows = rows_of(cases(size), size)
    write_tables(size, "diffusion", rows, lines(rows))
    save(size, "diffusion", draw_outside(rows))


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """What the rows say: the index by method, by its bound of silence, and against the predicted chances."""
    yield from (*score_table(rows, MEASURES), "", f"Cost: {cost(rows)}.", "")
    yield from by_choice(rows, "diffusion_by_gate", "index, silent below {} nat")
    risks = predicted()
    told = []
    for method in methods_of(rows):
        measured = leaked([row for row in rows if row["method"] == method])
        both = pd.DataFrame({"predicted": risks, "measured": measured}).dropna()
        if len(both) < 3 or both.nunique().min() < 2:
            told.append([f"`{method}`", len(both), "-", "-", "-"])
            continue
        found = spearmanr(both["predicted"], both["measured"])
        told.append(
            [f"`{method}`", len(both), f"{both['measured'].max():.3f}", f"{found.statistic:.2f}", f"{found.pvalue:.2g}"]
        )
    yield ""
    yield from table(["method", "pairs of factors", "most nats leaked", "Spearman with prediction", "p"], told)


def predicted() -> pd.Series:
    """Chance that another factor freezes before a factor's latent holds 1 nat, by ordered pair, from closed forms."""
    findings = ifp.spectrum(ifp.load_dataset(DATASET), contexts=CONTEXTS).findings(order=False)
    return pd.Series({(each.factor, each.other): each.chance for each in findings.pair_risks}, dtype=float)


def leaked(rows: Sequence[Row]) -> pd.Series:
    """Nats of a factor in the latent that owns another one at the end, by ordered pair, mean over the runs."""
    found = [
        pd.Series({(factor, other): nats for factor, other, nats in row["leakage"]}, dtype=float)
        for row in rows
        if "leakage" in row
    ]
    return pd.concat(found, axis=1).mean(axis=1)


def draw_outside(rows: Sequence[Row]) -> Figure:
    """Share of all information about factors that lies outside the latent that holds most of it, along training."""
    methods = methods_of(rows)
    figure = Figure(figsize=(2.2 * len(methods), 3), layout="constrained")
    panels = figure.subplots(1, len(methods), sharex=True, sharey=True, squeeze=False)[0]
    for panel, method, color in zip(panels, methods, itertools.cycle(sns.color_palette("colorblind")), strict=False):
        for row in (row for row in rows if row["method"] == method and "curve" in row):
            curve = row["curve"]
            held = pd.Series(curve["outside"]) + pd.Series(curve["with_most"])
            panel.plot(curve["step"], (pd.Series(curve["outside"]) / held).where(held > 0.1), color=color, alpha=0.8)
        index = pd.Series(values_of(rows, method, "diffusion"), dtype=float).median()
        panel.set(title=f"{method}\nindex {index:.2f}", xlabel="step")
        panel.grid(alpha=0.3)
    panels[0].set(ylabel="share outside the latent\nthat holds most", ylim=(0, 1))
    return figure
