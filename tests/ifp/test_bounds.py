"""Numbers out of any range: every option and every key of a config refuses them in one line, before any work."""

import dataclasses
import shutil
import typing
from collections.abc import Mapping

import pytest
import typer

import ifp
import ifp.cli
from analysis.stage_settings import StageSettings
from annealing.choices import require_count, require_seed
from annealing.errors import IFPError
from annealing.hysteresis import Pace
from annealing.sweep_config import SweepConfig
from ifp.annealing_test.config import AnnealConfig
from ifp.comparison.config import CompareConfig
from ifp.datasets.dataset import DataOptions
from ifp.training.config import TrainConfig
from ifp.whole_annealing.config import WholeConfig
from tests.ifp.conftest import TWO_LATENTS

DIGITS = "9" * 5000
NO_COUNTS = ("-1", "-9223372036854775809", str(10**12), str(2**63), str(2**64), "1" + "0" * 25, DIGITS, "nan", "1e400")
NO_SEEDS = ("-1", str(2**63), str(2**64), "1" + "0" * 25, DIGITS, "nan", "1e400", "0.5")
NO_NUMBERS = ("nan", "inf", "-inf", "1e400", "-1", "x")
FREE = {"score": ("--jobs",)}  # where -1 is a job per core

WORK = {
    "anneal": ("anneal", "--dataset", "{data}", "--out", "out"),
    "train": ("train", "--dataset", "{data}", "--objective", "beta-vae", "--out", "out"),
    "compare": ("compare", "--dataset", "{data}", "--objectives", "beta-vae", "--out", "out"),
    "spectrum": ("spectrum", "--dataset", "{data}"),
    "suggest": ("suggest", "{data}", "--loss", "bce-total", "--batch-size", "4"),
    "plan-stages": ("plan-stages", "--from", "spectrum", "--dataset", "{data}"),
    "score": ("score", "{run}"),
    "traverse": ("traverse", "{run}", "--out", "out.png"),
    "data show": ("data", "show", "{data}", "--out", "out.png"),
}


def numeric_options():
    """Command, option and kind of every option that takes a number."""
    found = []
    group = typer.main.get_command(ifp.cli.app)

    def walk(command, words):
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, (*words, name))
        if hasattr(command, "commands"):
            return
        hints = typing.get_type_hints(command.callback)
        for option in command.params:
            kinds = {int, float} & {hints.get(option.name), *typing.get_args(hints.get(option.name))}
            if kinds and option.param_type_name == "option":
                found.append((" ".join(words), option.opts[0], kinds.pop()))

    walk(group, ())
    return found


OPTIONS = numeric_options()


def test_every_command_that_takes_a_number_is_tried():
    assert {command for command, _, _ in OPTIONS} == set(WORK)
    assert len(OPTIONS) > 50


def wrong_values(option, kind):
    if "seed" in option and option != "--seeds":
        return NO_SEEDS
    return NO_NUMBERS if kind is float else NO_COUNTS


@pytest.mark.parametrize(("command", "option", "kind"), OPTIONS, ids=lambda part: getattr(part, "__name__", part))
def test_an_option_refuses_numbers_out_of_range(command, option, kind, told, bars_file, finished_runs, tmp_path):
    shutil.copytree(finished_runs / "train", tmp_path / "trained")
    places = {"data": bars_file, "run": tmp_path / "trained"}
    before = sorted(tmp_path.rglob("*"))
    for value in wrong_values(option, kind):
        if value == "-1" and option in FREE.get(command, ()):
            continue
        words = [word.format(**places) for word in WORK[command]]
        code, error, out = told(*words, option, value)
        assert code in (1, 2), (option, value[:40], error)
        assert (error.count("\n"), out) == (1, ""), (option, value[:40], error)
        assert len(error) < 2100
        assert sorted(tmp_path.rglob("*")) == before, (option, value[:40])


@pytest.mark.parametrize(("command", "option"), sorted({(command, option) for command, option, _ in OPTIONS}))
def test_a_number_of_thousands_of_digits_in_a_file_is_one_line(
    command, option, told, bars_file, finished_runs, tmp_path
):
    help_words = typer.main.get_command(ifp.cli.app)
    for word in command.split():
        help_words = help_words.commands[word]
    if "--config" not in [name for option in help_words.params for name in option.opts]:
        pytest.skip("the command reads no file")
    (tmp_path / "settings.toml").write_text(f"{option.lstrip('-')} = {DIGITS}\n")
    words = [word.format(data=bars_file, run=finished_runs / "train") for word in WORK[command]]
    code, error, _ = told(*words, "--config", "settings.toml")
    assert (code, error.count("\n")) == (1, 1), error
    assert "need a TOML file" in error


# Configs: a stranger's config.json is read by the same checks

CONFIGS = {
    AnnealConfig: {"dataset": "x", "factors": ("a",)},
    WholeConfig: {"dataset": "x", "pressures": (1.0, 2.0)},
    TrainConfig: {"dataset": "x"},
    CompareConfig: {"dataset": "x", "objectives": ("beta-vae",)},
    SweepConfig: {},
    Pace: {},
    StageSettings: {},
}
BEYOND = {
    int: (-1, 10**12, 2**63, 2**64, 10**25, 10**5000),
    float: (float("nan"), float("inf"), -1.0),
}
KEYS = [
    (config, field.name, kind)
    for config in CONFIGS
    for field in dataclasses.fields(config)
    for hint in [typing.get_type_hints(config)[field.name]]
    for kind in (int, float)
    if kind in (hint, *typing.get_args(hint)) and typing.get_origin(hint) not in (tuple, Mapping)
]


@pytest.mark.parametrize(("config", "key", "kind"), KEYS, ids=lambda part: getattr(part, "__name__", part))
def test_a_config_refuses_numbers_out_of_range(config, key, kind):
    config(**CONFIGS[config])
    for value in BEYOND[kind]:
        if "seed" in key and value == 10**12 and key == "seed":
            continue  # which is one
        if key == "stages" and value == -1:
            continue  # told with the number of the factors
        with pytest.raises(IFPError) as told:
            config(**CONFIGS[config] | {key: value})
        assert len(str(told.value)) < 300


def test_lists_of_pressures_and_thresholds_refuse_what_is_no_number():
    for value in (float("nan"), float("inf"), 0.0, -1.0):
        for config in (AnnealConfig, WholeConfig):
            with pytest.raises(IFPError):
                config(**CONFIGS[config] | {"thresholds": (0.1, value)})
            with pytest.raises(IFPError):
                config(**CONFIGS[config] | {"pressures": (value, 2.0)})


@pytest.mark.parametrize("seed", [-1, 2**63, 2**64, 10**25, 10**5000], ids=["-1", "2^63", "2^64", "10^25", "10^5000"])
def test_seeds_are_those_that_every_file_can_hold(seed, bars, tmp_path):
    with pytest.raises(IFPError, match="need a seed from 0 to 9223372036854775807"):
        require_seed(seed)
    require_seed(2**63 - 1)
    with pytest.raises(IFPError, match="need a seed"):
        ifp.spectrum(bars, contexts=2, seed=seed)
    with pytest.raises(IFPError, match="need a seed"):
        ifp.load_dataset("color-dsprites-32", seed=seed)
    with pytest.raises(IFPError, match="need a seed"):
        ifp.train(bars, objective="beta-vae", out=tmp_path / "run", seed=seed, **TWO_LATENTS)
    assert not (tmp_path / "run").exists()
    assert DataOptions().seed == 0


def test_the_largest_seed_is_kept_and_read_again(bars_file, tmp_path):
    run = ifp.train(bars_file, objective="beta-vae", out=tmp_path / "run", seed=2**63 - 1, **TWO_LATENTS)
    assert ifp.open_run(run.path).origin.seed == 2**63 - 1
    ifp.score(run.path, seed=2**63 - 1, only=["mig"])
    assert ifp.verify(run.path).seed == 2**63 - 1


def test_a_number_of_something_has_a_most():
    require_count("threads", 1024)
    for name, value in (("threads", 1025), ("anything", 10**9 + 1), ("anything", 10**5000)):
        with pytest.raises(IFPError, match=f"need {name} of at most"):
            require_count(name, value)
