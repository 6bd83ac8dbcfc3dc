"""Stage plans from anyone: every text is a plan or a PlanError, and a plan comes back from its JSON as it was."""

import contextlib
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.plain_json import json_bytes, read_json
from analysis.stage_plan import FORMAT, Stage, StagePlan
from annealing.errors import PlanError
from ifp.training.plan import read_plan
from ifp.training.run import planned_data

BOUNDED = settings(derandomize=True, max_examples=100, deadline=None)
NAMES = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="$/"), min_size=1, max_size=12)
NAMES = NAMES.filter(str.strip)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
).filter(lambda value: "\\ud" not in ascii(value))  # surrogates are no text
ODD = PLAIN | st.sampled_from([float("nan"), float("inf"), 10**400, "\ud800", "\x1b[2J", "../x", [[]] * 99, -1, 1e-320])


@st.composite
def plans(draw):
    """Any valid plan."""
    pressures = sorted(draw(st.sets(st.floats(1e-9, 1e9), min_size=1, max_size=5)), reverse=True)
    weights = [draw(st.integers(1, 9)) for _ in pressures]
    stages, opened = [], 0
    for pressure, weight in zip(pressures, weights, strict=True):
        latents = tuple(range(opened, opened + draw(st.integers(1, 3))))
        opened += len(latents)
        nats = draw(st.dictionaries(NAMES, st.floats(0, 9), max_size=2))
        factors = tuple(draw(st.lists(NAMES, max_size=3, unique=True)))
        stages.append(Stage(pressure, factors, latents, weight / sum(weights), nats, draw(PLAIN)))
    return StagePlan(
        format=FORMAT, dataset=draw(NAMES), fingerprint=draw(st.text(max_size=16).filter(str.isprintable)),
        image_shape=draw(st.tuples(*[st.integers(1, 999)] * 3)), likelihood="bernoulli", latents=opened,
        gamma=draw(st.floats(0, 1)), stages=tuple(stages), source=draw(PLAIN), warnings=draw(PLAIN),
    )  # fmt: skip


def read(text):
    """The plan, or None where it is refused as one."""
    try:
        return StagePlan.from_json(text)
    except PlanError:
        return None


@BOUNDED
@given(plans())
def test_to_json_and_back_is_the_identity(plan):
    assert StagePlan.from_json(json_bytes(plan).decode()) == plan


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("plans")


@BOUNDED
@given(st.binary(max_size=300))
def test_any_bytes_are_a_plan_or_refused(folder, data):
    (folder / "plan.json").write_bytes(data)
    with pytest.raises(PlanError):  # so few bytes are none
        read_plan(str(folder / "plan.json"))


@BOUNDED
@given(ODD)
def test_any_json_is_a_plan_or_refused(value):
    assert read(json.dumps(value)) is None


@BOUNDED
@given(plans(), st.data())
def test_a_plan_with_one_thing_changed_is_read_to_what_it_says_or_refused(plan, data):
    root = [json.loads(json_bytes(plan))]
    holder, key = root, 0
    while isinstance(holder[key], (dict, list)) and holder[key] and data.draw(st.integers(0, 4)):
        holder = holder[key]
        key = data.draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
    if data.draw(st.booleans()):
        holder[key] = data.draw(ODD)
    else:
        del holder[key]
    found = read(json.dumps(root[0] if root else None))
    assert found is None or json.loads(json_bytes(found)) == root[0]


@BOUNDED
@given(plans(), st.integers(0, 5000), st.binary(max_size=3))
def test_a_plan_with_bytes_changed_is_read_or_refused(folder, plan, at, put):
    text = json_bytes(plan)
    (folder / "plan.json").write_bytes(text[: at % len(text)] + put + text[at % len(text) + 1 :])
    with contextlib.suppress(PlanError):
        read_plan(str(folder / "plan.json"))


def plan_text(**changed):
    """The JSON of a plan of one stage; a changed value is JSON itself."""
    stage = {
        "pressure": "1",
        "factors": '["a"]',
        "latents": "[0]",
        "share": "1",
        "predicted_nats": "{}",
        "evidence": "[]",
    }
    values = {
        "format": f'"{FORMAT}"', "dataset": '"d"', "fingerprint": '"f"', "image_shape": "[8, 8, 1]", "latents": "1",
        "likelihood": '"bernoulli"', "gamma": "0.1", "source": "null", "warnings": "[]",
    }  # fmt: skip
    stage |= {name: changed.pop(name) for name in list(changed) if name in stage and name != "latents"}
    values |= {"stages": "[{" + ", ".join(f'"{name}": {value}' for name, value in stage.items()) + "}]"} | changed
    return "{" + ", ".join(f'"{name}": {value}' for name, value in values.items()) + "}"


REFUSED = {
    "a key twice": (plan_text()[:-1] + ', "latents": 1}', "the key 'latents' stands there twice"),
    "NaN in what is free": (
        plan_text(evidence="[NaN]"),
        r"need finite numbers in plan.stages\[0\].evidence, got \[nan",
    ),
    "more than a float in what is free": (plan_text(source='{"a": 1e999}'), "need finite numbers in plan.source"),
    "an escape that is no character": (plan_text(warnings='["\\ud800"]'), "surrogates not allowed"),
    "65 levels": (plan_text(source="[" * 64 + "]" * 64), "more than 64 levels"),
    "100,000 levels": (plan_text(source="[" * 100_000 + "]" * 100_000), "more than 64 levels"),
    "a number of 5,000 digits": (plan_text(latents="1" * 5000), "need a stage plan in JSON"),
    "a path as data set": (plan_text(dataset='"/etc"'), "need the name of a data set in a plan, got '/etc'"),
    "a folder above as data set": (plan_text(dataset='"../../x"'), "need the name of a data set"),
    "a data set that clears the screen": (plan_text(dataset='"\\u001b[2J"'), r"got '\\x1b\[2J'"),
    "a factor of two lines": (plan_text(factors='["a\\nb"]'), r"need names of factors in one line .*, got 'a\\nb'"),
    "a factor without a name": (plan_text(factors='[""]'), "need names of factors in one line"),
    "a key of two lines": (plan_text(predicted_nats='{"a\\nb": "x"}'), r"predicted_nats\.a\\nb, got 'x'"),
    "another format of a megabyte": (
        plan_text(format=f'"{"x" * 10**6}"'),
        r"got 'x+\.\.\.: plan anew with `ifp plan-stages`$",
    ),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_no_plan_has_is_refused_in_one_short_line(text, reason):
    with pytest.raises(PlanError, match=reason) as caught:
        StagePlan.from_json(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_the_plan_that_these_are_made_of_is_one():
    assert StagePlan.from_json(plan_text(source="[" * 62 + "]" * 62)).dataset == "d"


def test_a_million_latents_are_refused_at_once():
    latents = ", ".join(map(str, [*range(10**6), 7]))
    text = plan_text().replace('"latents": [0]', f'"latents": [{latents}]')
    with pytest.raises(PlanError, match="need each latent in one stage only, got latent 7 twice"):
        StagePlan.from_json(text)


def test_a_path_with_a_zero_byte_is_refused():
    with pytest.raises(PlanError, match="need a plan file, got: embedded null byte"):
        read_plan("a\0b")


@pytest.mark.parametrize("name", [".", ".."])
def test_a_plan_does_not_choose_a_folder(name):
    plan = StagePlan.from_json(plan_text(dataset=json.dumps(name)))
    with pytest.raises(ValueError, match=re.escape(f"need --dataset with a plan for {name!r}")):
        planned_data(None, {}, plan)


@BOUNDED
@given(st.text(max_size=60))
def test_any_text_is_json_or_a_value_error(text):
    try:
        value = read_json(text)
    except ValueError:
        return
    assert value == json.loads(text)
