"""Study 10: do freezing points of small dense networks, and closed forms, hold for the networks that DEFT trains?"""

import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ifp
from analysis.conclusions import main_rows
from analysis.whole_findings import WholeFindings, heating_branch
from ifp.closed_form.order import freezing_order, predicted_values
from ifp.whole_annealing.results import annealed_whole
from studies.page import save, write_tables
from studies.rows import Case, Row, rows_of
from studies.size import Size
from studies.transferred import cases_of, draw_transfer, lines

DATASET = "dsprites-32"
FACTORS = ("scale", "shape")  # a case of conv of those with 32 values or more takes three times as long
NETWORKS = ("optimal", "dense", "conv")
CONTEXTS, SEED = 6, 0  # the fewest pairs whose median has an interval
# of both networks: twice as fast as the default and half its nodes, since a step of conv takes 20 ms
SWEEP: dict[str, Any] = {
    "nodes": 16,
    "learn_steps": 300,
    "survey": 3e-3,
    "first_loop": 2e-3,
    "slowdown": 2.0,
    "span": (0.5, 2.0),
}
WHOLE: dict[str, Any] = {
    "hold_steps": 2500,
    "heat_steps": 5500,
    "cool_steps": 100,
    "pressures": (1.5, 64.0),
    "batch_size": 32,
    "channels": 16,
    "learning_rate": 1e-3,
    "probe": 1024,
    "seed": 2,
}
COLUMNS = (
    *("context", "freezing_beta", "melting_beta", "ifp_beta", "ifp_source", "spectral_beta", "transition", "status"),
    *("stopped_by", "steps"),
)


@dataclass(frozen=True)
class OneLatent(Case):
    """One factor's freezing points in the same contexts by the best decoder, dense networks and conv networks."""

    factor: str

    @property
    def path(self) -> str:
        """Name of the row."""
        return f"transfer/{DATASET}-{self.factor}"

    def measure(self, size: Size, device: str) -> Row:
        """Anneal the factor with each network, and keep the tables of their cases."""
        began = time.perf_counter()
        found = {}
        for network in NETWORKS:
            out = self._out(size, network)
            run = ifp.anneal(
                DATASET,
                factors=(self.factor,),
                network=network,
                contexts=CONTEXTS,
                planning_contexts=CONTEXTS,
                seed=SEED,
                threads=1,
                jobs=1,
                device=device,
                out=out,
                resume=(out / "config.json").is_file(),
                **({} if network == "optimal" else SWEEP),
            )
            found[network] = main_rows(run.to_frame())[list(COLUMNS)].to_dict("list")
        return {
            "dataset": DATASET,
            "factor": self.factor,
            "seed": SEED,
            "sweep": SWEEP,
            "networks": found,
            "seconds": round(time.perf_counter() - began, 1),
            "device": device,
        }

    def clean(self, size: Size) -> None:
        """Drop the runs, once their row is written."""
        for network in NETWORKS:
            shutil.rmtree(self._out(size, network))

    def _out(self, size: Size, network: str) -> Path:
        return Path("runs/studies/transfer") / size.name / f"{DATASET}-{self.factor}-{network}"


@dataclass(frozen=True)
class Heated(Case):
    """One conv network with ten latents that learns all data and is heated until it holds nothing."""

    @property
    def path(self) -> str:
        """Name of the row."""
        return f"transfer/{DATASET}-whole-{WHOLE['seed']}"

    def measure(self, size: Size, device: str) -> Row:
        """What every factor is worth along the freezing order, and what all latents hold of it as pressure rises."""
        began = time.perf_counter()
        dataset = ifp.load_dataset(DATASET)
        order = list(freezing_order(dataset, jobs=1))
        out = self._out(size)
        run = ifp.anneal(
            dataset,
            mode="full",
            predicted=predicted_values(order),
            threads=1,
            device=device,
            out=out,
            resume=(out / "config.json").is_file(),
            **WHOLE,
        )
        whole = annealed_whole(run)
        findings, heating = whole.findings, heating_branch(whole.curves)
        assert isinstance(findings, WholeFindings)
        assert heating is not None
        held = heating.above.sum(axis=1)
        return {
            "dataset": DATASET,
            "seed": WHOLE["seed"],
            "settings": WHOLE,
            "predicted": dict(findings.predicted),
            "order": [asdict(each) for each in order],
            "melted": [asdict(each) for each in findings.factors_melting],
            "beta": heating.beta.round(4).tolist(),
            "held": {name: held[:, column].round(4).tolist() for column, name in enumerate(heating.names)},
            "seconds": round(time.perf_counter() - began, 1),
            "device": device,
        }

    def clean(self, size: Size) -> None:
        """Drop the run, once its row is written."""
        shutil.rmtree(self._out(size))

    def _out(self, size: Size) -> Path:
        return Path("runs/studies/transfer") / size.name / f"{DATASET}-whole-{WHOLE['seed']}"


def cases(size: Size) -> Iterator[OneLatent | Heated]:
    """A factor at a time, then all data at once."""
    yield from map(OneLatent, FACTORS)
    yield Heated()


def write_page(size: Size) -> None:
    """docs/studies/transfer.md's tables, a CSV of every case, and points over the closed form."""
    rows = rows_of(cases(size), size)
    write_tables(size, "transfer", cases_of(rows).to_dict("records"), lines(rows))
    save(size, "transfer", draw_transfer(rows))
