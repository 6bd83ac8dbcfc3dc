"""Tables for people: what does not fit side by side stands in blocks, nothing is cut off."""

import pytest

from ifp.cli.tables import blocks, show_table


@pytest.mark.parametrize("columns", [1, 3, 12])
def test_a_table_too_wide_is_printed_in_blocks_that_each_name_their_rows(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    values = {f"measure {each}": f"0.{each:04d} (0.1234..0.5678)" for each in range(columns)}
    show_table("Methods", [{"method": name, **values} for name in ("first", "second")])
    told = capsys.readouterr().err
    for value in values.values():
        assert told.count(value) == 2
    assert (
        told.count("method ")
        == told.count("first")
        == told.count("second")
        == len(blocks({"method": 6, **{name: len(value) for name, value in values.items()}}, 100))
    )
    assert told.count("Methods") == 1


def test_a_column_wider_than_the_room_has_a_block_of_its_own():
    assert blocks({"name": 4, "long": 90, "longer": 300}, room=100) == [["name", "long"], ["name", "longer"]]
