"""Rows of studies: each written once and at once, whatever becomes of the others."""

from dataclasses import dataclass, replace

import pytest

from studies.rows import Case, measure_all, missing, row_file, rows_of
from studies.size import SMALL, Size


@dataclass(frozen=True)
class Number(Case):
    """A case that says its number, or fails."""

    number: int

    @property
    def path(self):
        return f"numbers/{self.number}"

    def measure(self, size, device):
        if self.number < 0:
            raise ValueError("no such number")
        return {"number": self.number, "device": device}

    def clean(self, size):
        assert row_file(self, size).is_file()  # nothing is dropped before its row is there


@pytest.fixture
def size(tmp_path, monkeypatch) -> Size:
    monkeypatch.chdir(tmp_path)
    return replace(SMALL, name="tested")


def test_rows_are_written_once_and_a_case_that_fails_leaves_the_others_alone(size):
    cases = [Number(1), Number(-1), Number(2), Number(1)]
    assert list(measure_all(cases, size)) == ["numbers/1", "numbers/-1: ValueError: no such number", "numbers/2"]
    assert rows_of(cases, size) == [
        {"number": 1, "device": "cpu"},
        {"number": 2, "device": "cpu"},
        {"number": 1, "device": "cpu"},
    ]
    assert missing(cases, size) == [Number(-1)]
    written = row_file(Number(1), size).stat().st_mtime_ns
    assert list(measure_all(cases, size)) == ["numbers/-1: ValueError: no such number"]
    assert row_file(Number(1), size).stat().st_mtime_ns == written


def test_rows_of_the_two_sizes_are_apart(size):
    assert list(measure_all([Number(1)], size)) == ["numbers/1"]
    assert missing([Number(1)], replace(size, name="other")) == [Number(1)]
