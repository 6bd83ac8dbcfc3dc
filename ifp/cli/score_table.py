"""What score prints: the KL taken apart, and each score."""

import typer

from analysis.plain_json import json_bytes
from analysis.scores.scores import Scores
from ifp.cli.tables import show, show_notes, show_table
from ifp.tables.scores import factors_told, latents_telling
from ifp.tables.training import kl_parts


def show_scores(found: Scores, *, json: bool = False, matrix: bool = False) -> None:
    """Tables on stderr or, with ``json``, all that was measured as one object on stdout.

    ``matrix``: also the tables of the information of every latent about every factor.
    """
    record = found.record
    show_notes(*record.get("notes", ()))
    if json:
        typer.echo(json_bytes(record).decode(), nl=False)
        return
    rows = [{"score": name, "value": value} for name, value in record.items() if isinstance(value, float)]
    if "kl_decomposition" in record:
        show(kl_parts(record["kl_decomposition"]))
    show_table(f"protocol {record['protocol']}, scikit-learn {record['scikit-learn']}", rows)
    if matrix and found.matrix is not None:
        show(latents_telling(found.matrix))
        show(factors_told(found.matrix))
