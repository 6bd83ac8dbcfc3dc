"""The tables that ``ifp spectrum`` prints."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ifp.cli.tables import show_table

if TYPE_CHECKING:
    from ifp.contexts import SpectralRecord
    from ifp.freezing_order import OrderRecord

_DEGENERATE = 0.9  # lambda_2 / lambda_1 above which the log law of KL near the freezing point does not hold


def action_rows(records: Sequence["SpectralRecord"]) -> list[dict[str, Any]]:
    """One row per factor, in nats: quantiles over the contexts, then what else the records hold, summed up."""
    import pandas as pd

    from analysis.distributions import summarise

    table = pd.DataFrame(list(records))
    rows = []
    for factor in dict.fromkeys(table["factor"]):
        of_factor = table[table["factor"] == factor]
        betas = summarise(of_factor["spectral_beta"])
        row = {"factor": factor, "contexts": len(of_factor)}
        row |= {name: getattr(betas, name) for name in ("median", "q05", "q25", "q75", "q95")}
        if "beta_rd" in table:
            row["beta_rd_ratio"] = summarise(of_factor["beta_rd"] / of_factor["spectral_beta"]).median
        if "slope" in table:
            row["slope"] = summarise(of_factor["slope"]).median
        row["degenerate"] = float((of_factor["second_ratio"] > _DEGENERATE).mean())
        if "transition" in table:
            row["transitions"] = of_factor["transition"].value_counts(normalize=True).sort_index().to_dict()
        rows.append(row)
    return rows


def show_action(name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Distribution over contexts, per factor."""
    known = {
        "beta_rd_ratio": "beta_rd_ratio: median bound over value",
        "slope": "slope: median of dKL / d ln(1/beta)",
        "degenerate": f"degenerate: share of contexts with lambda_2 > {_DEGENERATE:g} lambda_1",
        "transitions": "transitions: share of contexts by kind",
    }
    notes = "".join(f"; {note}" for column, note in known.items() if column in rows[0])
    title = f"{name}: action, each factor alone in its context, closed form over {rows[0]['contexts']} contexts{notes}"
    show_table(title, [{column: _shares(value) for column, value in row.items()} for row in rows])


def show_order(name: str, records: Sequence["OrderRecord"]) -> None:
    """Marginal values, then every step of the freezing order."""
    marginal = [{"factor": each.factor, "marginal": each.value} for each in records if not each.given]
    show_table(f"{name}: marginal, one code for all contexts and nothing else known", marginal)
    rows = [
        {
            "step": each.step + 1,
            "factor": each.factor,
            "value": each.value,
            "freezes": "freezes" if each.freezes else "",
            "given": ", ".join(each.given) or "-",
        }
        for each in records
    ]
    show_table(f"{name}: freezing order, one code for all contexts with the given factors known", rows)


def show_eigenvalues(name: str, values: Sequence[float]) -> None:
    """Of the whole set, falling."""
    rows = [{"number": number, "eigenvalue": value} for number, value in enumerate(values, start=1)]
    show_table(f"{name}: leading eigenvalues of the whole set; a latent may carry information below the first", rows)


def _shares(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return ", ".join(f"{key} {share:.0%}" for key, share in value.items())
