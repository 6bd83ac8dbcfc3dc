"""Rows measured again: the same where nothing changed, and named where they are not."""

import json
from dataclasses import dataclass, replace

import pytest

from studies.replay import chosen, differences, replay
from studies.rows import Case, measure_all, row_file
from studies.size import SMALL


@dataclass(frozen=True)
class Fixed(Case):
    """A case whose row is always the same; number 13 fails."""

    number: int

    @property
    def path(self):
        return f"numbers/{self.number}"

    def measure(self, size, device):
        if self.number == 13 and "replayed" in size.name:
            raise ValueError("no luck")
        return {"number": self.number, "spread": [0.5, None], "seconds": hash(size.name) % 97, "device": device}


@pytest.fixture
def size(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = replace(SMALL, name="tested")
    list(measure_all([Fixed(number) for number in (1, 2, 13)], made))
    return made


def run(cases, size):
    return {found.path: found for found in replay(cases, size, jobs=1, device="cpu", tolerance=0.02)}


def test_rows_that_did_not_change_are_no_way_apart_and_leave_nothing_behind(size):
    found = run([Fixed(1), Fixed(2)], size)
    assert [(each.values, each.farthest, each.beyond, each.error) for each in found.values()] == [(3, 0.0, (), "")] * 2
    assert sorted(path.name for path in (size.rows.parent).iterdir()) == ["tested"]


def test_a_value_that_moved_is_named(size):
    file = row_file(Fixed(2), size)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"spread": [0.55, None]}))
    found = run([Fixed(1), Fixed(2)], size)
    assert found["numbers/1"].beyond == ()
    assert found["numbers/2"].beyond == ("row.spread[0]",)
    assert found["numbers/2"].farthest == pytest.approx(0.05)


def test_a_row_that_cannot_be_measured_again_says_why(size):
    assert run([Fixed(13)], size)["numbers/13"].error == "ValueError: no luck"


def test_rows_to_replay_are_those_there_are_and_the_same_for_a_seed(size):
    cases = [Fixed(number) for number in range(20)]
    assert {case.number for case in chosen(cases, size, 9, 0)} == {1, 2, 13}
    assert chosen(cases, size, 2, 3) == chosen(cases, size, 2, 3)


def test_distances_are_relative_above_one_and_infinite_where_rows_have_other_shapes():
    kept = {"large": 200.0, "small": 0.1, "list": [1, 2], "text": "a", "gone": 1.0}
    apart = dict(differences(kept, {"large": 190.0, "small": 0.2, "list": [1], "text": "b"}))
    assert apart["row.large"] == pytest.approx(0.05)
    assert apart["row.small"] == pytest.approx(0.1)
    assert apart["row.list"] == apart["row.text"] == apart["row.gone"] == float("inf")
