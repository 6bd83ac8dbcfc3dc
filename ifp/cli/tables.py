"""Tables for people on stderr, for programs as JSON on stdout."""

from collections.abc import Mapping, Sequence

import typer

from ifp.tables.table import Table, cell


def show_table(title: str, rows: Sequence[Mapping[str, object]], *, json: bool = False) -> None:
    """Print rows as a table on stderr or, with ``json``, as a list of objects on stdout."""
    if json:
        from ifp.run_files import json_bytes

        typer.echo(json_bytes(list(rows)).decode(), nl=False)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in rows[0] if rows else ():
        numeric = not isinstance(rows[0][column], str)
        table.add_column(column, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(cell(value) for value in row.values()))
    console = Console(stderr=True)
    console.width = max(console.width, 100)  # a piped table keeps its columns
    console.print(table)


def show(table: Table, *, json: bool = False) -> None:
    """Print a table as :func:`show_table` does."""
    show_table(table.title, table.rows, json=json)
