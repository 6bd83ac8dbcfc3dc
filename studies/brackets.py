"""Study 8: do networks freeze where the closed form says, on pictures and on a data set without edges?"""

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

import ifp
from analysis.conclusions import main_rows
from analysis.findings import FORMAT
from annealing.errors import DataError
from studies.cost import cost
from studies.lights import SMALL, dataset_named
from studies.page import require_one_definition, save, table, write_tables
from studies.rows import Case, Row, row_file, rows_of
from studies.size import Size

DATASETS = ("dsprites", "coil20", SMALL)
CONTEXTS, SEEDS = 20, (0, 1, 2)
COLUMNS = (
    *("factor", "context", "threshold_nats", "freezing_beta", "melting_beta", "ifp_beta", "ifp_low", "ifp_high"),
    *("ifp_source", "knee_beta", "slope", "spectral_beta", "beta_rd", "transition", "status"),
    *("equilibrium_onset", "equilibrium_freezing", "equilibrium_melting"),
)
KINDS = ("knee in", "knee out", "no knee", "crossings")


@dataclass(frozen=True)
class Bracketed(Case):
    """The annealing test of one data set with one seed: other contexts and other networks."""

    dataset: str
    seed: int

    @property
    def path(self) -> str:
        """Name of the row."""
        return f"brackets/{self.dataset}-{self.seed}"

    def measure(self, size: Size, device: str) -> Row:
        """Anneal as ``ifp anneal`` does, and keep the table of its cases."""
        began = time.perf_counter()
        out = self._out(size)
        run = ifp.anneal(
            dataset_named(self.dataset),
            contexts=CONTEXTS,
            planning_contexts=CONTEXTS,
            seed=self.seed,
            threads=1,
            jobs=1,
            device=device,
            out=out,
            resume=(out / "config.json").is_file(),
        )
        cases = main_rows(run.to_frame())
        findings = ifp.diagnose(run)
        assert isinstance(findings, ifp.Findings)
        return {
            "dataset": self.dataset,
            "seed": self.seed,
            "definitions": {"findings": FORMAT},
            "contexts": CONTEXTS,
            "counts": findings.to_frame()[["factor", *KINDS]].to_dict("records"),
            "cases": cases[list(COLUMNS)].to_dict("list"),
            "seconds": round(time.perf_counter() - began, 1),
            "device": device,
        }

    def clean(self, size: Size) -> None:
        """Drop the run, once its row is written."""
        shutil.rmtree(self._out(size))

    def _out(self, size: Size) -> Path:
        return Path("runs/studies/brackets") / size.name / f"{self.dataset}-{self.seed}"


def cases(size: Size) -> Iterator[Bracketed]:
    """Every data set with every seed, of those that have a row or are at hand."""
    for seed in SEEDS:
        for name in DATASETS:
            case = Bracketed(name, seed)
            if not row_file(case, size).is_file():
                try:
                    dataset_named(name)
                except DataError:
                    continue
            yield case


def write_page(size: Size) -> None:
    """docs/studies/brackets.md's tables, a CSV of every case, and points over the closed form."""
    rows = rows_of(cases(size), size)
    write_tables(size, "brackets", cases_of(rows).to_dict("records"), lines(rows))
    save(size, "brackets", draw_ratios(cases_of(rows)))


def cases_of(rows: Sequence[Row]) -> pd.DataFrame:
    """A line per measured case."""
    return pd.concat(
        [pd.DataFrame(row["cases"]).assign(dataset=row["dataset"], seed=row["seed"]) for row in rows],
        ignore_index=True,
    )


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """What the rows say: of every data set, seed and factor, what networks say of the closed form."""
    require_one_definition(rows, ("counts", "cases"))
    measured = cases_of(rows)
    told = []
    for row in rows:
        counts = pd.DataFrame(row["counts"])[list(KINDS)].sum()
        own = measured[(measured["dataset"] == row["dataset"]) & (measured["seed"] == row["seed"])]
        kneed = own[own["ifp_source"] == "knee"]
        off = (kneed["knee_beta"] / kneed["spectral_beta"] - 1).abs()
        told.append(
            [
                row["dataset"],
                row["seed"],
                len(own),
                *counts.tolist(),
                f"{off.median():.2%}",
                f"{off.quantile(0.95):.1%}",
            ]
        )
    header = ["data set", "seed", "cases", "knee within", "knee outside", "no knee", "crossings hold it"]
    yield from table([*header, "knee off by, median", "95% of them within"], told)
    yield ""
    told = []
    for dataset, own in measured.groupby("dataset", sort=False):
        for factor, group in own.groupby("factor", sort=False):
            ratio = group["ifp_beta"] / group["spectral_beta"]
            sources = ", ".join(f"{name or 'none'} {n}" for name, n in group["ifp_source"].value_counts().items())
            kinds = ", ".join(f"{name} {n}" for name, n in group["transition"].value_counts().items())
            told.append([dataset, factor, len(group), kinds, sources, f"{ratio.median():.3f}", _between(ratio)])
    yield from table(
        ["data set", "factor", "cases", "transition", "point from", "point / closed form", "5%..95%"], told
    )
    yield from ("", f"Cost: {cost(rows)}.")


def _between(values: pd.Series) -> str:
    return f"{values.quantile(0.05):.3f}..{values.quantile(0.95):.3f}"


def draw_ratios(measured: pd.DataFrame) -> Figure:
    """Every case's point over its closed form, by factor; by colour: what the point is from."""
    names = list(dict.fromkeys(measured["dataset"]))
    figure = Figure(figsize=(4 * len(names), 3.2), layout="constrained")
    panels = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
    for panel, name in zip(panels, names, strict=True):
        own = measured[(measured["dataset"] == name) & (measured["status"] == "ok")]
        own = own.assign(ratio=own["ifp_beta"] / own["spectral_beta"])
        sns.stripplot(
            own, x="factor", y="ratio", hue="ifp_source", hue_order=["knee", "crossings"], palette="colorblind", size=3,
            ax=panel, legend=name == names[-1],
        )  # fmt: skip
        panel.axhline(1, color="black", linewidth=0.8)
        panel.set(title=name, xlabel="", ylabel="point / closed form")
        panel.tick_params(axis="x", rotation=30)
    return figure
