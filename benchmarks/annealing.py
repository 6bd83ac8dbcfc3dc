"""Cost and error of a freezing point: the published protocols, and ours with conv, dense and unlimited networks.

Every method measures dSprites cases of the same first contexts; errors are against the closed form of the same case.
What is done is kept under FOLDER, so that the benchmark goes on where it was stopped; one thread throughout.
Usage: python benchmarks/annealing.py [FOLDER]        (default runs/benchmark-annealing; prints a table)
"""

import sys
import time
from pathlib import Path
from typing import Any

# a script of this name, found first, would hide the package annealing
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]

import numpy as np
import pandas as pd

import ifp
from analysis.conclusions import main_rows
from annealing.freezing import crossing
from annealing.likelihoods.pixels import Bernoulli
from annealing.published import PUBLISHED, published_sweep
from annealing.spectral import freezing_point
from ifp.closed_form.contexts import action_sequence, draw_contexts
from ifp.machine.threads import use_threads

_ALL = ("shape", "scale", "orientation", "posX", "posY")
OURS: dict[str, dict[str, Any]] = {
    "dense": {"factors": _ALL, "contexts": 20},
    "optimal": {"factors": _ALL, "contexts": 20, "protocol": "equilibrium"},
    "conv": {"factors": ("shape", "scale", "posX"), "contexts": 1, "network": "conv"},
}
PUBLISHED_POINTS = {"deft-2022": ("shape", "scale", "posX"), "deft-2021": ("posX",)}


def ours(folder: Path, method: str) -> pd.DataFrame:
    """Points of one of our methods, from its run: made, gone on with, or read."""
    path = folder / method
    run = ifp.anneal("dsprites", threads=1, out=path, resume=(path / "config.json").is_file(), **OURS[method])
    main = main_rows(run.to_frame())
    timing = pd.read_csv(path / "timing.csv")[["cpu_seconds", "seconds"]].sum() / len(main)
    points = main[["status", "freezing_beta", "melting_beta", "ifp_beta", "spectral_beta"]]
    return points.assign(cpu=timing["cpu_seconds"], wall=timing["seconds"])


def published(folder: Path, name: str) -> pd.DataFrame:
    """Points of a published protocol, each kept as an npz once it is done."""
    ds = ifp.load_dataset("dsprites")
    rows = []
    for factor in PUBLISHED_POINTS[name]:
        path = folder / f"{name}-{factor}.npz"
        images = action_sequence(ds, factor, int(draw_contexts(ds, 1, 0)[0]))
        if not path.is_file():
            worked, started = time.process_time(), time.perf_counter()
            records = list(published_sweep(images, PUBLISHED[name], Bernoulli(), seed=0))
            np.savez(
                path,
                beta=[record.beta[0] for record in records],
                kl=[record.kl[0, 0] for record in records],
                cpu=time.process_time() - worked,
                wall=time.perf_counter() - started,
            )
        kept = np.load(path, allow_pickle=False)
        freezing = crossing(kept["beta"], kept["kl"], 0.1)
        rows.append(
            {
                "status": freezing.status,
                "freezing_beta": freezing.beta,
                "melting_beta": np.nan,
                "ifp_beta": freezing.beta,
                "spectral_beta": freezing_point(images, Bernoulli()),
                "cpu": float(kept["cpu"]),
                "wall": float(kept["wall"]),
            }
        )
    return pd.DataFrame(rows)


def summary(method: str, points: pd.DataFrame) -> dict[str, object]:
    """A row of the table."""
    ratio = points["ifp_beta"] / points["spectral_beta"]
    worst = ratio[np.log(ratio).abs().idxmax()] if ratio.notna().any() else np.nan
    return {
        "method": method,
        "cases": len(points),
        "with a point": int((points["status"] == "ok").sum()),
        "CPU s a case": points["cpu"].mean(),
        "freezing / spectral": (points["freezing_beta"] / points["spectral_beta"]).median(),
        "melting / spectral": (points["melting_beta"] / points["spectral_beta"]).median(),
        "ifp / spectral": ratio.median(),
        "worst": worst,
        "wall s in all": points["wall"].sum(),
    }


@use_threads(1)
def main(folder: Path) -> None:
    """Measure what is missing, ours first, and print the table so far after each method."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for method in (*OURS, *PUBLISHED_POINTS):
        rows.append(summary(method, ours(folder, method) if method in OURS else published(folder, method)))
        print(pd.DataFrame(rows).to_string(index=False, float_format="%.3f"), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/benchmark-annealing"))
