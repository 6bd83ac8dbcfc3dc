"""Tables for people on stderr, for programs as JSON on stdout."""

from collections.abc import Mapping, Sequence

import typer


def show_table(title: str, rows: Sequence[Mapping[str, object]], *, json: bool = False) -> None:
    """Print rows as a table on stderr or, with ``json``, as a list of objects on stdout."""
    if json:
        from ifp.runs import json_bytes

        typer.echo(json_bytes(list(rows)).decode(), nl=False)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in rows[0] if rows else ():
        numeric = not isinstance(rows[0][column], str)
        table.add_column(column, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console = Console(stderr=True)
    console.width = max(console.width, 100)  # a piped table keeps its columns
    console.print(table)


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
