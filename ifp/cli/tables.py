"""Tables for people on stderr, for programs as JSON on stdout."""

from collections.abc import Mapping, Sequence

import typer

from ifp.cli.terminal import console as stderr_console
from ifp.tables.table import Table, cell


def show_table(title: str, rows: Sequence[Mapping[str, object]], *, json: bool = False) -> None:
    """Print rows as a table on stderr or, with ``json``, as a list of objects on stdout."""
    if json:
        from analysis.plain_json import json_bytes

        typer.echo(json_bytes(list(rows)).decode(), nl=False)
        return
    from rich.table import Table
    from rich.text import Text

    from analysis.names import in_one_line

    console = stderr_console()
    shown = [{column: in_one_line(cell(value)) for column, value in row.items()} for row in rows]
    widths = {column: max(len(column), *(len(row[column]) for row in shown)) for column in (shown[0] if shown else ())}
    for number, columns in enumerate(blocks(widths, console.width)):
        if number == 0:  # the table's own title would be as narrow as the table
            console.print(Text(in_one_line(title), style="italic"))
        table = Table()
        for column in columns:
            numeric = not isinstance(rows[0][column], str)
            table.add_column(column, justify="right" if numeric else "left", no_wrap=True)
        if shown:  # all rows as lines of one: a large table is drawn several times as fast
            table.add_row(*("\n".join(row[column] for row in shown) for column in columns))
        console.print(table)


def named_line(what: str, name: str) -> str:
    """What there is to say of something by its name, which may hold anything: one line."""
    from analysis.names import in_one_line

    return f"{what}: {in_one_line(name)}"


def blocks(widths: Mapping[str, int], room: int) -> list[list[str]]:
    """Columns by how many fit side by side, each block with the first column, which says what a row is about.

    >>> blocks({"name": 4, "one": 5, "two": 5, "three": 5}, room=25)
    [['name', 'one', 'two'], ['name', 'three']]
    """
    found: list[list[str]] = [[]]
    for column in widths:
        if len(found[-1]) > 1 and sum(widths[each] + 3 for each in (*found[-1], column)) + 1 > room:
            found.append([next(iter(widths))])
        found[-1].append(column)
    return found


def show(table: Table, *, json: bool = False) -> None:
    """Print a table as :func:`show_table` does."""
    show_table(table.title, table.rows, json=json)


def show_notes(*notes: object) -> None:
    """A line on stderr for each thing to know beside a result; none for None."""
    from analysis.names import in_one_line

    for note in notes:
        if note is not None:
            typer.echo(f"note: {in_one_line(str(note))}", err=True)
