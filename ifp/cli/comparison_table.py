"""What compare prints: methods by measures, and runs that did not end well."""

import typer

from analysis.plain_json import json_bytes
from ifp.api.compare import Comparison
from ifp.cli.tables import show
from ifp.tables.comparison import comparison


def show_comparison(found: Comparison, *, json: bool = False) -> None:
    """A table on stderr or, with ``json``, every row on stdout; then where a study's are kept."""
    for row in found.rows:
        if row["status"] != "ok":
            typer.echo(f"warning: {row['run']}: {row['status']}", err=True)
    if json:
        typer.echo(json_bytes(list(found.rows)).decode(), nl=False)
    else:
        show(comparison(found.rows, found.title))
    if found.run is not None:
        path = found.run.path
        typer.echo(f"comparison: {path / 'comparison.csv'}  figure: {path / 'comparison.png'}", err=True)
