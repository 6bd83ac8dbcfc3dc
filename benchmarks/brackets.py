"""Check an annealing run against the closed form: brackets, knees, widths, and the order of medians.

Usage: python -m benchmarks.brackets RUN
"""

import itertools
import sys
from pathlib import Path

import pandas as pd

import ifp
from analysis.conclusions import main_rows


def main(run: Path) -> None:
    """Print a line per factor, one for all, and the pairs whose order departs."""
    main = main_rows(pd.read_csv(run / "freezing.csv")).set_index("factor")
    spectral, first_order = main["spectral_beta"], main["transition"] == "first_order"
    end = main["beta_rd"].where(first_order, spectral)

    def held(low: pd.Series, high: pd.Series) -> pd.Series:
        return (low <= 1.05 * end) & (spectral <= 1.05 * high)

    main = main.assign(
        ratio=main["ifp_beta"] / spectral,
        width=main["ifp_high"] / main["ifp_low"],
        holds=held(main["ifp_low"], main["ifp_high"]),
        crossings=held(main[["freezing_beta", "melting_beta"]].min(axis=1), main["melting_beta"]),
        knee=main["knee_beta"] / spectral,
    )
    print("5% slack; holds: the bracket, up to the knee; crossings: freezing..melting alone; knee, ifp over spectral")
    print("factor       cases  ok  first order  holds  crossings  width<=1.25  knee q25..q50..q75")
    for name, rows in [*main.groupby(level=0, sort=False), ("all", main)]:
        knee = " ".join(f"{rows['knee'].quantile(q):.3f}" for q in (0.25, 0.5, 0.75))
        print(
            f"{name:12s} {len(rows):5d} {(rows['status'] == 'ok').sum():3d} "
            f"{(rows['transition'] == 'first_order').sum():12d} {rows['holds'].mean():6.2f} "
            f"{rows['crossings'].mean():10.2f} {(rows['width'] <= 1.25).mean():12.2f}  {knee}"
        )
    print("stopped by:", main["stopped_by"].value_counts().to_dict(), "gaps:", main["gap"].value_counts().to_dict())
    print("balance -drec / (beta dKL), median:", main["balance"].groupby(level=0).median().round(3).to_dict())
    medians = ifp.diagnose(run).to_frame().set_index("factor")
    wrong = []
    for a, b in itertools.combinations(medians.index, 2):
        measured, closed_form = medians.loc[a, ["ifp", "spectral"]] / medians.loc[b, ["ifp", "spectral"]]
        if (measured - 1) * (closed_form - 1) < 0 and not 1 / 1.15 <= closed_form <= 1.15:
            wrong.append(f"{a}/{b}: measured {measured:.2f}, closed form {closed_form:.2f}")
    print("order of measured medians:", "as the closed form's" if not wrong else "; ".join(wrong))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
