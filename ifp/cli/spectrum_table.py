"""The tables that ``ifp spectrum`` prints."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
import typer

from analysis.conclusions import without_rough_slopes
from analysis.distributions import median, summarise
from analysis.plain_json import json_bytes
from annealing.joint_modes import OWN_MODE
from annealing.loss_forms import LossScale
from ifp.cli.tables import show_table
from ifp.closed_form.contexts import SpectralRecord
from ifp.closed_form.order import OrderRecord, predicted_values
from ifp.closed_form.spectrum import Spectrum


def show_spectrum(spectrum: Spectrum, *, json: bool = False) -> None:
    """Tables on stderr or, with ``json``, one object on stdout: of the factors, or of unlabelled data as a whole."""
    name, loss = spectrum.dataset.name, spectrum.loss
    if spectrum.eigenvalues:
        if json:
            weights = {} if loss is None else {"weights": [loss.weight_of(value) for value in spectrum.eigenvalues]}
            found: dict[str, Any] = {"eigenvalues": spectrum.eigenvalues, **weights, **_told_loss(loss)}
            typer.echo(json_bytes(found).decode(), nl=False)
        else:
            show_eigenvalues(name, spectrum.eigenvalues, loss)
        return
    action = action_rows(spectrum.records, loss)
    steps = spectrum.steps
    if json:
        marginal = {step.factor: step.value for step in steps if not step.given}
        order = [asdict(step) | _weight(step.value, loss) for step in steps]
        predicted = predicted_values(steps)
        found = {"action": action, "marginal": marginal, "order": order, "predicted": predicted}
        if loss is not None:
            found["marginal_weights"] = {factor: loss.weight_of(value) for factor, value in marginal.items()}
            found["predicted_weights"] = {factor: loss.weight_of(value) for factor, value in predicted.items()}
        if spectrum.pair:
            found["pair"] = {
                "factors": spectrum.pair,
                "given": spectrum.before(*spectrum.pair),
                "modes": spectrum.joint,
            }
        typer.echo(json_bytes(found | _told_loss(loss)).decode(), nl=False)
        return
    if action:
        show_action(name, action, loss)
    show_order(name, steps, loss)
    if spectrum.pair:
        show_pair(spectrum)


def _weight(beta: float | None, loss: LossScale | None) -> dict[str, float | None]:
    """The column of a row that has the weight in the user's loss; none without one."""
    return {} if loss is None else {"weight": None if beta is None else loss.weight_of(beta)}


def _told_loss(loss: LossScale | None) -> dict[str, Any]:
    """What the weights of an object are weights in; nothing without a loss."""
    return {} if loss is None else {"loss": asdict(loss) | {"beta_of_weight_1": loss.nats}}


def _unit(loss: LossScale | None, at: str) -> str:
    """What a title says of the column ``weight``."""
    return "" if loss is None else f". weight: {at} as the weight of the KL in your loss ({loss})"


def action_rows(records: Sequence[SpectralRecord], loss: LossScale | None = None) -> list[dict[str, Any]]:
    """One row per factor, in nats: quantiles over the contexts, then what else the records hold, summed up.

    With a loss the median stands there as the weight of its KL, too.
    """
    table = without_rough_slopes(pd.DataFrame(list(records)))
    rows = []
    for factor in dict.fromkeys(each.factor for each in records):
        of_factor = table[table["factor"] == factor]
        betas = summarise(of_factor["spectral_beta"])
        row = {"factor": factor, "contexts": len(of_factor)}
        row |= {name: getattr(betas, name) for name in ("median", "q05", "q25", "q75", "q95")}
        row |= _weight(betas.median, loss)
        row["beta_rd"] = median(of_factor["beta_rd"] / of_factor["spectral_beta"])
        row["slope"] = median(of_factor["slope"])
        row["first_order"] = float((of_factor["transition"] == "first_order").mean())
        row["degenerate"] = float((of_factor["transition"] == "degenerate").mean())
        rows.append(row)
    return rows


def show_action(name: str, rows: Sequence[Mapping[str, Any]], loss: LossScale | None = None) -> None:
    """Distribution over contexts, per factor."""
    fewest, most = (extreme(row["contexts"] for row in rows) for extreme in (min, max))
    over = str(most) if fewest == most else f"{fewest} to {most}"
    title = (
        f"{name}: action: where each factor freezes in nats, alone in its context, by the closed form over {over} "
        "contexts. beta_rd: the bound above the freezing point, relative to it (median). slope: median of g in "
        "KL = g ln(beta_c / beta), without contexts near a jump. jumps: share of contexts in which KL jumps (first "
        "order). double: share in which a second mode starts beside the first (degenerate)" + _unit(loss, "the median")
    )
    headings = {"first_order": "jumps", "degenerate": "double"}  # the records' names are too long for a terminal
    show_table(title, [{headings.get(name, name): row[name] for name in row if name != "contexts"} for row in rows])


def show_order(name: str, records: Sequence[OrderRecord], loss: LossScale | None = None) -> None:
    """Marginal values, then every step of the order; of a factor that freezes below its value, at which pressure."""
    drawn = any(each.error for each in records)
    marginal = [
        {"factor": each.factor, "marginal": each.value, **_weight(each.value, loss)}
        for each in records
        if not each.given
    ]
    unit = _unit(loss, "the value")
    show_table(f"{name}: marginal: one code for all contexts, with no other factor known{unit}", marginal)
    predicted = predicted_values(records)
    rows = [
        {
            "step": each.step,
            "factor": each.factor,
            "value": each.value,
            **_weight(each.value, loss),
            **({"error": each.error} if drawn else {}),
            "freezes": _freezes(each, predicted[each.factor]) if each.freezes else "",
            "given": ", ".join(each.given) or "-",
        }
        for each in records
    ]
    error = ". error: standard error from the contexts and nuisances drawn" if drawn else ""
    show_table(f"{name}: freezing order: one code for all contexts, with the given factors known{error}{unit}", rows)


def _freezes(record: OrderRecord, predicted: float) -> str:
    """That it freezes and, where that is below its value, at which pressure."""
    return "freezes" if predicted >= record.value else f"at {predicted:.4g}"


def show_pair(spectrum: Spectrum) -> None:
    """Modes of two factors together, then a line for each that has none of its own."""
    first, second = spectrum.pair
    given = ", ".join(spectrum.before(first, second)) or "nothing"
    rows = [
        {
            "mode": number,
            "value": mode.value,
            **_weight(mode.value, spectrum.loss),
            f"{first} alone": mode.first,
            f"{second} alone": mode.second,
            "only both": mode.both,
        }
        for number, mode in enumerate(spectrum.joint, start=1)
    ]
    show_table(
        f"{spectrum.dataset.name}: modes of {first} and {second} together, one code for all contexts with {given} "
        "known; what each factor tells of a mode's code alone, and what only both tell"
        + _unit(spectrum.loss, "the value"),
        rows,
    )
    for factor, other, shares in (
        (first, second, [mode.first for mode in spectrum.joint]),
        (second, first, [mode.second for mode in spectrum.joint]),
    ):
        if max(shares, default=0.0) < OWN_MODE:
            typer.echo(
                f"note: {factor} has no mode of its own among these ({max(shares, default=0.0):.0%} of one at most): a "
                f"latent that freezes about it also tells of {other}, at any pressure",
                err=True,
            )


def show_eigenvalues(name: str, values: Sequence[float], loss: LossScale | None = None) -> None:
    """Of the whole set, falling."""
    rows = [
        {"number": number, "eigenvalue": value, **_weight(value, loss)} for number, value in enumerate(values, start=1)
    ]
    title = f"{name}: leading eigenvalues of the whole data set; below the first, a latent can carry information"
    show_table(title + _unit(loss, "the eigenvalue"), rows)
