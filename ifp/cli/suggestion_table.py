"""The table and sentences that ``ifp suggest`` prints."""

import typer

from analysis.names import in_one_line
from analysis.plain_json import json_bytes
from ifp.cli.tables import show_notes, show_table
from ifp.closed_form.suggestion import Suggestion

_HEADINGS = {"held_out": "held out", "above_chance": "real", "beta": "use", "beta_weight": "use weight"}


def show_suggestion(found: Suggestion, *, json: bool = False) -> None:
    """A row per mode and what it comes to on stderr or, with ``json``, one object on stdout."""
    if json:
        typer.echo(json_bytes(found.to_record()).decode(), nl=False)
        return
    unit = "" if found.loss is None else f"; weights: of the KL in your loss ({found.loss})"
    title = (
        f"{found.data}: freezing points of {found.rows:,} rows, {found.features:,} features under {found.likelihood}, "
        "nats; held out: by rows a mode was not chosen on; z: of what features share there; real: above chance; use: "
        f"pressure at which as many latents are awake{unit}"
    )
    rows = found.to_frame().to_dict("records")
    show_table(
        title,
        [
            {
                _HEADINGS.get(str(name), str(name)): ("yes" if value else "no") if name == "above_chance" else value
                for name, value in row.items()
            }
            for row in rows
        ],
    )
    for sentence in found.sentences:
        typer.echo(in_one_line(sentence), err=True)
    show_notes(*found.notes)
