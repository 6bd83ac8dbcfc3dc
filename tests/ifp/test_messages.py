"""Messages between processes: what goes in comes out again, and nothing comes out that decides what it becomes."""

import io
import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from annealing.errors import DataError, DivergenceError
from annealing.hysteresis import Pace
from annealing.sweep_config import SweepConfig
from ifp.annealing_test.config import AnnealConfig, Piece
from ifp.datasets import load_dataset
from ifp.datasets.dataset import DataWarning
from ifp.datasets.source import DataSource
from ifp.machine.messages import message_bytes, message_value
from ifp.machine.pool import Task


@dataclass(frozen=True)
class Kept:
    number: int
    secret: object = field(default=None, metadata={"sent": False})


CONFIG = AnnealConfig(dataset="dsprites", factors=("posX",), sweep=SweepConfig(pace=Pace(learn_steps=7)))


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, -0.1, 1e-300, "Grüße", b"\0\xff", (), [1, (2, [3])], {"a": 1, 2: {"b": (1.5,)}},
        Path("runs/mine"), (math.inf, -math.inf), CONFIG, Piece("00", "posX", ((0, 0), (1, 0)), "heat-cool"),
        Task("00", time.sleep, (1,)), DataWarning,
    ],
    ids=str,
)  # fmt: skip
def test_plain_data_come_out_as_they_went_in(value):
    found = message_value(message_bytes(value))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("array", [np.eye(3), np.zeros((0, 4), np.float32), np.arange(5) > 2, np.array(["a", "bc"])])
def test_arrays_come_out_with_their_type_and_shape(array):
    (found,) = message_value(message_bytes([array]))
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_numbers_keep_every_bit_and_nan_is_one():
    values = np.random.default_rng(0).standard_normal(1000).tolist()
    assert message_value(message_bytes(values)) == values
    assert math.isnan(message_value(message_bytes(float("nan"))))
    assert message_value(message_bytes((np.float64(0.1), np.int64(3)))) == (0.1, 3)


def test_an_open_data_set_stays_behind_its_source():
    source = DataSource.of(load_dataset("dsprites-tiny"))
    found = message_value(message_bytes(source))
    assert (found, found.dataset) == (source, None)
    assert message_value(message_bytes(Kept(3, secret=object()))) == Kept(3)


@pytest.mark.parametrize("error", [DataError("need data"), DivergenceError("lost", 7), OSError(28, "No space left")])
def test_errors_are_made_again_of_their_arguments(error):
    found = message_value(message_bytes(error))
    assert (type(found), str(found), vars(found)) == (type(error), str(error), vars(error))


class Own:
    def __reduce__(self):
        return print, ("called",)


@pytest.mark.parametrize(
    "value",
    [Own(), lambda: None, {1, 2}, object(), np.array([object()])],
    ids=["an object that would be called", "a function without a name", "a set", "an object", "an array of objects"],
)
def test_what_is_no_plain_data_is_refused(value, capsys):
    with pytest.raises((TypeError, ValueError, AttributeError)):
        message_value(message_bytes(value))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "tree",
    [
        {"record": ["os:system", {"command": "echo called"}]},
        {"record": ["builtins:dict", {}]},
        {"error": ["os:system", ["echo called"]]},
        {"error": ["pathlib:Path", ["x"]]},
        {"call": ["os:system", {}]},
    ],
    ids=json.dumps,
)
def test_nothing_but_dataclasses_and_errors_is_made(tree, capfd):
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, tree=np.frombuffer(json.dumps(tree).encode(), np.uint8))
    with pytest.raises(TypeError, match="need a "):
        message_value(buffer.getvalue())
    assert capfd.readouterr().out == ""
