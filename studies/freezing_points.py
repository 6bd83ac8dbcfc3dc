"""Study 1: where the factors of each data set freeze, and how far the published pressures stand from a plan's."""

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

import ifp
from analysis.findings import FORMAT
from analysis.separability import compare_pairs
from annealing.errors import DataError
from studies.page import save, table, write_tables
from studies.plans import PUBLISHED
from studies.rows import Case, Row, row_file, rows_of
from studies.size import Size

DATASETS = (
    *("dsprites", "color-dsprites", "noisy-dsprites", "scream-dsprites", "coil20"),
    *("smallnorb", "shapes3d"),  # where their files are present
)
COLUMNS = (
    *("factor", "context", "threshold_nats", "freezing_beta", "melting_beta", "spectral_beta", "beta_rd"),
    *("transition", "status"),
)
THRESHOLDS = (0.1, 0.03, 0.01)  # nats of KL from which a latent is active


@dataclass(frozen=True)
class Distribution(Case):
    """The freezing points of one data set, measured and in closed form."""

    dataset: str

    @property
    def path(self) -> str:
        """Name of the row."""
        return f"freezing-points/{self.dataset}"

    def measure(self, size: Size, device: str) -> Row:
        """Anneal, compute the closed forms and the freezing order, plan."""
        dataset = ifp.load_dataset(self.dataset)
        began = time.perf_counter()
        out = self._out(size)
        run = ifp.anneal(
            dataset,
            contexts=size.contexts,
            planning_contexts=size.planning_contexts,
            thresholds=THRESHOLDS,
            threads=1,
            jobs=1,
            device=device,
            out=out,
            resume=(out / "config.json").is_file(),
        )
        annealed = time.perf_counter() - began
        findings = ifp.diagnose(run)
        assert isinstance(findings, ifp.Findings)
        table = pd.read_csv(run.path / "freezing.csv")
        spectrum = ifp.spectrum(dataset, contexts=size.planning_contexts, jobs=1)
        by_factor = spectrum.to_frame().groupby("factor")
        plan = ifp.plan_stages(spectrum)  # from the order that is computed for the row: it reads all images
        return {
            "dataset": self.dataset,
            "definitions": {"findings": FORMAT},
            "contexts": size.contexts,
            "image_shape": list(dataset.image_shape),
            "factors": [asdict(each) for each in findings.factors],
            "pairs": [asdict(each) for each in findings.pairs],
            "cases": table[list(COLUMNS)].to_dict("list"),
            "conditional": dict(spectrum.order),
            "closed_form": {factor: values.round(3).tolist() for factor, values in by_factor["spectral_beta"]},
            "plan": [[stage.pressure, list(stage.factors)] for stage in plan.stages],
            "plan_alone": [[stage.pressure, list(stage.factors)] for stage in ifp.plan_stages(run).stages],
            "published": PUBLISHED.get(self.dataset),
            "seconds": round(annealed, 1),
            "device": device,
        }

    def clean(self, size: Size) -> None:
        """Drop the run, once its row is written."""
        shutil.rmtree(self._out(size))

    def _out(self, size: Size) -> Path:
        return Path("runs/studies/freezing-points") / size.name / self.dataset


def cases(size: Size) -> Iterator[Distribution]:
    """The data sets that have a row, or are at hand to have one."""
    for case in map(Distribution, DATASETS):
        if not row_file(case, size).is_file():
            try:
                ifp.load_dataset(case.dataset)
            except DataError:
                continue
        yield case


def write_page(size: Size) -> None:
    """docs/studies/freezing_points.md's tables, a CSV of every case, and the distributions."""
    rows = rows_of(cases(size), size)
    write_tables(size, "freezing_points", [case for row in rows for case in cases_of(row)], lines(rows))
    save(size, "freezing_points", draw_closed_forms(rows))


def cases_of(row: Row) -> list[Row]:
    """One line per measured case and threshold."""
    return pd.DataFrame(row["cases"])[list(COLUMNS)].assign(dataset=row["dataset"]).to_dict("records")


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """What the rows say, data set by data set."""
    for row in rows:
        yield from (f"## {row['dataset']}", "")
        measured = pd.DataFrame(row["cases"])
        told = []
        for each in row["factors"]:
            name = each["factor"]
            own = measured[measured["factor"] == name]
            lags = [
                f"{(group['freezing_beta'] / group['spectral_beta']).median():.3f}"
                for _, group in own.groupby("threshold_nats", sort=False)
            ]
            points = (each[kind]["median"] for kind in ("freezing", "melting", "spectral", "planning"))
            value = row["conditional"].get(name)
            told.append([name, *map(_nats, points), _nats(value), " / ".join(lags)])
        header = ["factor", "freezing", "melting", "closed form", "of 1,000 contexts", "given those before"]
        yield from table([*header, "freezing / closed form at 0.1 / 0.03 / 0.01 nat"], told)
        yield ""
        planned = [
            (each["first"], each["second"], each["comparison"]["superiority"])
            for each in row["pairs"]
            if each["basis"] == "planning"
        ]
        for pairs, words in ((planned, "closed form"), (measured_order(measured), "middle of freezing and melting")):
            apart = [f"{first} before {second} in {share:.0%}" for first, second, share in pairs]
            yield from (f"Which freezes first, over contexts ({words}): {'; '.join(apart)}.", "")
        for kind, of in (("plan", "the freezing order"), ("plan_alone", "the annealing test")):
            stages = "; ".join(f"{beta:.4g} ({', '.join(names)})" for beta, names in row[kind])
            yield from (f"Planned from {of}: {stages} nats.", "")
        if row["published"]:
            yield f"Published: {', '.join(f'{each:g}' for each in row['published'])} nats."
        yield from ("", f"Cost: annealing {row['seconds']:.0f} s on {row['device']}, one thread.", "")


def measured_order(cases: pd.DataFrame) -> Iterator[tuple[str, str, float]]:
    """Pairs of factors, and the share of contexts in which the first freezes first, by what networks crossed."""
    main = cases[(cases["threshold_nats"] == cases["threshold_nats"].iloc[0]) & (cases["status"] == "ok")]
    middle = main.assign(middle=(main["freezing_beta"] * main["melting_beta"]) ** 0.5)
    points = middle.pivot(index="context", columns="factor", values="middle")
    for pair in compare_pairs(list(dict.fromkeys(main["factor"])), points, "measured"):
        yield pair.first, pair.second, pair.comparison.superiority


def _nats(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def draw_closed_forms(rows: Sequence[Row]) -> Figure:
    """Boxes of the closed form by factor, a panel per data set; lines: the published pressures."""
    figure = Figure(figsize=(3.4 * len(rows), 3.4), layout="constrained")
    for panel, row in zip(figure.subplots(1, len(rows), squeeze=False)[0], rows, strict=True):
        points = [(name, value) for name, values in row["closed_form"].items() for value in values]
        frame = pd.DataFrame(points, columns=["factor", "beta"])
        sns.boxplot(frame, x="factor", y="beta", ax=panel, whis=(5, 95), fliersize=1, fill=False)
        for pressure in row["published"] or ():
            panel.axhline(pressure, color="0.5", linewidth=0.8, linestyle="--")
        panel.set(title=row["dataset"], xlabel="", ylabel="freezing point, nats", yscale="log")
        panel.tick_params(axis="x", rotation=30)
    return figure
