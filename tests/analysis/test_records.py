"""Records read from plain values: what fits is kept as it is, all else is refused with its place named."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from analysis.records import ADDED, read_record
from annealing.errors import IFPError, PlanError


@dataclass(frozen=True)
class Inner:
    number: float
    maybe: float | None = None


@dataclass(frozen=True)
class Outer:
    text: str
    whole: int
    flag: bool
    ratio: float
    shape: tuple[int, int, int]
    many: tuple[Inner, ...]
    named: Mapping[str, float]
    free: Any = field(default=None)


def plain(**changes):
    value = {
        "text": "t",
        "whole": 3,
        "flag": True,
        "ratio": 0.5,
        "shape": [4, 5, 1],
        "many": [{"number": 1.5, "maybe": None}, {"number": 2, "maybe": 0.25}],
        "named": {"a": 1, "b": 2.5},
        "free": [{"any": ["thing", None]}],
    }
    return {**value, **changes}


def test_a_fitting_value_becomes_the_dataclass_with_its_nested_parts():
    assert read_record(Outer, plain(), "file") == Outer(
        text="t",
        whole=3,
        flag=True,
        ratio=0.5,
        shape=(4, 5, 1),
        many=(Inner(1.5), Inner(2.0, 0.25)),
        named={"a": 1.0, "b": 2.5},
        free=[{"any": ["thing", None]}],
    )


def test_a_whole_number_stands_for_a_float_and_becomes_one():
    found = read_record(Outer, plain(ratio=2), "file").ratio
    assert (found, type(found)) == (2.0, float)


def test_an_array_of_any_length_may_be_empty():
    assert read_record(Outer, plain(many=[]), "file").many == ()


@pytest.mark.parametrize("name", ["text", "shape", "free"])
def test_a_missing_key_is_named_even_where_the_field_has_a_default(name):
    value = plain()
    del value[name]
    with pytest.raises(IFPError, match=rf"^need the key '{name}' in file, it is missing$"):
        read_record(Outer, value, "file")


@dataclass(frozen=True)
class Grown:
    old: int
    new: float = field(default=0.5, metadata={ADDED: True})


def test_a_key_that_was_added_later_may_be_missing_and_then_has_its_default():
    assert read_record(Grown, {"old": 3}, "file") == Grown(3, 0.5)
    assert read_record(Grown, {"old": 3, "new": 2}, "file") == Grown(3, 2.0)


def test_an_unknown_key_is_named():
    with pytest.raises(IFPError, match=r"^need only the keys text, .* in file, got 'colour'$"):
        read_record(Outer, plain(colour="red"), "file")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": 3}, "need a text for file.text, got 3"),
        ({"text": None}, "need a text for file.text, got None"),
        ({"whole": 3.0}, "need a whole number for file.whole, got 3.0"),
        ({"whole": "3"}, "need a whole number for file.whole, got '3'"),
        ({"whole": True}, "need a whole number for file.whole, got True"),
        ({"flag": 1}, "need true or false for file.flag, got 1"),
        ({"flag": "true"}, "need true or false for file.flag, got 'true'"),
        ({"ratio": True}, "need a finite number for file.ratio, got True"),
        ({"ratio": "0.5"}, "need a finite number for file.ratio, got '0.5'"),
        ({"ratio": None}, "need a finite number for file.ratio, got None"),
        ({"ratio": float("nan")}, "need a finite number for file.ratio, got nan"),
        ({"ratio": float("-inf")}, "need a finite number for file.ratio, got -inf"),
        ({"shape": [4, 5]}, "need an array of 3 for file.shape, got [4, 5]"),
        ({"shape": [4, 5, 1, 1]}, "need an array of 3 for file.shape, got [4, 5, 1, 1]"),
        ({"shape": "451"}, "need an array of 3 for file.shape, got '451'"),
        ({"shape": [4, 5.5, 1]}, "need a whole number for file.shape[1], got 5.5"),
        ({"many": {"number": 1.5, "maybe": None}}, "need an array for file.many, got "),
        ({"many": [{"number": 1.5, "maybe": None}, 7]}, "need an object for file.many[1], got 7"),
        ({"many": [{"number": 1.5, "maybe": None}, {"number": 1.5}]}, "need the key 'maybe' in file.many[1], "),
        ({"many": [{"number": 1, "maybe": 1, "x": 1}]}, "need only the keys number, maybe in file.many[0], got 'x'"),
        ({"many": [{"number": float("nan"), "maybe": 1}]}, "need a finite number for file.many[0].number, got nan"),
        ({"many": [{"number": 1, "maybe": "1"}]}, "need a finite number for file.many[0].maybe, got '1'"),
        ({"named": [1, 2]}, "need an object for file.named, got [1, 2]"),
        ({"named": {"a": 1, "b": False}}, "need a finite number for file.named.b, got False"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_path(changes, message):
    with pytest.raises(IFPError) as refused:
        read_record(Outer, plain(**changes), "file")
    assert str(refused.value).startswith(message)


def test_a_whole_number_too_large_for_a_float_is_no_finite_number():
    with pytest.raises(IFPError, match=r"need a finite number for file\.ratio"):
        read_record(Outer, plain(ratio=10**400), "file")


@pytest.mark.parametrize("value", [None, 3, "text", [1, 2], [["text", "t"]]])
def test_anything_but_an_object_is_no_record(value):
    with pytest.raises(IFPError, match=r"^need an object for file, got "):
        read_record(Outer, value, "file")


def test_a_long_value_is_cut_short_in_the_message():
    with pytest.raises(IFPError, match=r"\.\.\.$") as refused:
        read_record(Outer, plain(whole="x" * 5000), "file")
    assert len(str(refused.value)) < 120


def test_the_error_asked_for_is_raised_at_every_depth():
    for value in (None, plain(whole=1.5), plain(many=[{"number": "1", "maybe": None}])):
        with pytest.raises(PlanError):
            read_record(Outer, value, "file", PlanError)
