"""One front door: each command calls one function of the api, with the defaults that stand there, to the same files."""

import ast
import dataclasses
import importlib
import inspect
import json
import re
import shutil
from pathlib import Path

import pytest
import typer

import ifp
import ifp.cli
from ifp.cli.defaults import literals
from tests.ifp.conftest import TWO_LATENTS

pytestmark = pytest.mark.usefixtures("_one_thread")

FILES = sorted(Path(ifp.cli.__file__).parent.glob("command_*.py"))


def commands_of(group, path=()):
    """Every command with the words that call it, those of groups too."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands_of(typer.main.get_command(ifp.cli.app)))


def defaults_at(where):
    """The defaults of a config class or function, or the constants of a module, once it is imported."""
    module, _, name = where.partition(":")
    home = importlib.import_module(module)
    if not name:
        return dict(vars(home))
    named = getattr(home, name)
    if dataclasses.is_dataclass(named):
        return {field.name: field.default for field in dataclasses.fields(named)}
    empty = inspect.Parameter.empty
    return {key: one.default for key, one in inspect.signature(named).parameters.items() if one.default is not empty}


# Commands


def test_each_command_calls_one_function_of_the_api():
    calls = {}
    for path in FILES:
        tree = ast.parse(path.read_text())
        registered = {node.args[0].id for node in ast.walk(tree) if is_registration(node)}
        for function in tree.body:
            if isinstance(function, ast.FunctionDef) and function.name in registered:
                inner = [node for node in ast.walk(function) if isinstance(node, ast.ImportFrom)]
                calls[path.name, function.name] = [
                    alias.name for node in inner if node.module.startswith("ifp.api") for alias in node.names
                ]
    assert len(calls) == len(COMMANDS)
    assert {command: names for command, names in calls.items() if len(names) != 1} == {}


def is_registration(node):
    """Whether a node is ``app.command(...)(function)``."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and ast.unparse(node.func).count(".command(")


def test_commands_leave_the_work_to_the_api():
    tables = {"ifp.tables.runs", "analysis.plain_json", "ifp.machine.data_parallel"}  # what is printed, and by whom
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                known = node.module.startswith(("ifp.cli", "ifp.api")) or node.module in tables | {"annealing.errors"}
                assert known or not node.module.startswith(("ifp", "analysis", "annealing")), (path.name, node.module)


def test_a_command_is_short_but_for_its_options():
    for path in FILES:
        tree = ast.parse(path.read_text())
        options = 0
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.args.args:
                options += node.body[0].lineno - node.lineno
        assert len(path.read_text().splitlines()) - options <= 100, path.name


# Defaults


@pytest.mark.parametrize("words", COMMANDS)
def test_every_default_in_the_help_is_that_of_the_config(words):
    command = COMMANDS[words]
    for source in getattr(command, "sources", ()):
        real = defaults_at(source.where)
        assert {name: real[name] for name in literals(source.where) if name in real} == literals(source.where)
    for option in command.params:
        told = re.search(r"\[default: (.*)\]", getattr(option, "help", None) or "")
        if told is None:
            continue
        for source in command.sources:
            name = source.named.get(option.name, option.name)
            value = None if source.only and option.name not in source.named else defaults_at(source.where).get(name)
            if (isinstance(value, (int, float, str)) and not isinstance(value, bool)) or is_range(value):
                assert typed(value) in told[1], (words, option.name, told[1])
                if not source.when:  # it holds always, whatever the sources after it say
                    break


def is_range(value):
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(end, float) for end in value)


def typed(value):
    """A default as it is typed on the command line."""
    if isinstance(value, tuple):
        return ":".join(f"{end:g}" for end in value)
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def test_no_default_is_typed_in_the_command_line():
    files = {"encode": Path("codes.npz"), "traverse": Path("traversal.png")}  # from Python neither writes unless told
    for words, command in COMMANDS.items():
        for option in command.params:
            if option.default not in (None, False, ()) and option.param_type_name == "option":
                known = Path("runs") if option.name == "runs" else files.get(words)
                assert option.default == known, (words, option.name, option.default)
    for path in FILES[0].parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.search(r"\[default: [^\]]*\d", node.value), (path.name, node.value)


def test_a_default_in_several_places_is_the_same_in_all():
    assert (
        inspect.signature(ifp.spectrum).parameters["contexts"].default
        == defaults_at("ifp.annealing_test.config:AnnealConfig")["planning_contexts"]
    )


# The command line and Python


def contents(folder):
    """Files by name, without what tells the time: when a run was made, how long it took, and checksums of these."""
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("timing.csv", "checksums.json")
    }
    for name in files:
        if name.endswith("config.json"):
            config = json.loads(files[name])
            del config["created"]
            files[name] = json.dumps(config).encode()
    return files


TRAIN = (
    "--steps", 12, "--batch-size", 8, "--eval-every", 6, "--threads", 1, "--precision", "float32", "--latents", 2,
)  # fmt: skip
MADE = {
    "anneal": ("anneal", "--contexts", 2, "--protocol", "equilibrium"),
    "full": ("anneal", "--mode", "full", "--latents", 2, "--steps", 51, "--threads", 1),
    "train": ("train", "--objective", "annealed-beta", "--set", "start=9", "--set", "end=1", *TRAIN),
    "compare": ("compare", "--objectives", "beta-vae,annealed-beta", "--seeds", 1, "--scores", "mig", *TRAIN),
}


@pytest.mark.parametrize("name", MADE)
def test_a_run_by_command_is_the_run_from_python(name, finished_runs, bars_file, told, tmp_path):
    code, error, _ = told(*MADE[name], "--dataset", bars_file, "--out", tmp_path / name)
    assert code == 0, error
    known = finished_runs / name
    if name == "full":  # those have settings that no option has
        known = ifp.anneal(bars_file, mode="full", out=tmp_path / "known", latents=2, steps=51, threads=1).path
    assert contents(tmp_path / name) == contents(known)


def test_what_is_added_to_runs_is_the_same_by_command_and_from_python(finished_runs, told, tmp_path):
    by_command, from_python = (shutil.copytree(finished_runs, tmp_path / name) for name in ("command", "python"))
    for words in (
        *(("diagnose", by_command / name) for name in ("anneal", "full", "train")),
        ("score", by_command / "train", "--only", "mig,sap"),
        ("plot-distributions", by_command / "anneal"),
        *(("plot-curves", by_command / name) for name in ("anneal", "full")),
        ("traverse", by_command / "train", "--out", by_command / "traversal.svg", "--values", 3),
        ("encode", by_command / "train", "--out", by_command / "codes.npz"),
        *(("report", by_command / name) for name in MADE),
    ):
        code, told_then, _ = told(*words)
        assert code == 0, (words, told_then)
    for name in ("anneal", "full", "train"):
        ifp.diagnose(from_python / name, save=True)
    ifp.score(from_python / "train", only=["mig", "sap"], save=True)
    ifp.open_run(from_python / "anneal").plot("distributions").savefig(from_python / "anneal" / "distributions.png")
    for name in ("anneal", "full"):
        ifp.open_run(from_python / name).plot("curves").savefig(from_python / name / "curves.png")
    ifp.encode(from_python / "train", out=from_python / "codes.npz")
    for name in MADE:
        ifp.report(from_python / name)
    ours, theirs = contents(by_command), contents(from_python)
    figures = {"traversal.svg", "anneal/distributions.png", "anneal/curves.png", "full/curves.png"}
    assert ours.keys() - theirs.keys() == {"traversal.svg"}
    assert theirs.keys() - ours.keys() == set()
    assert [name for name in theirs if ours[name] != theirs[name] and name not in figures] == []


def test_arrays_are_taken_wherever_a_data_set_is(bars, tmp_path):
    images, factors = bars.images(range(len(bars))), bars.factors_at(range(len(bars)))
    labelled = (images, factors, bars.factors.names)
    spectrum = ifp.spectrum(labelled, contexts=4)
    known = ifp.spectrum(ifp.from_arrays(*labelled), contexts=4)
    assert [record.spectral_beta for record in spectrum] == [record.spectral_beta for record in known]
    assert len(ifp.spectrum(images).eigenvalues) > 0
    assert ifp.plan_stages(dataset=labelled, contexts=4) == ifp.plan_stages(known)
    run = ifp.train(images, objective="beta-vae", out=tmp_path / "run", **TWO_LATENTS)
    assert ifp.score(
        ifp.train(labelled, objective="beta-vae", out=tmp_path / "labelled", **TWO_LATENTS), only=["mig"]
    ).keys()
    assert "factors" not in ifp.encode(run)
    with pytest.raises(ifp.DataError, match=r"need \(images, factors\) or .*, got a tuple of 1"):
        ifp.spectrum((images,))
