"""Help: a sentence, examples that are real, options in groups; whole at 80 columns, and the same text everywhere."""

import os
import pty
import re
import shlex
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from ifp.cli import app
from ifp.cli.help import parted, purpose

ROOT = typer.main.get_command(app)


def leaves(group, path=()):
    for name, command in group.commands.items():
        yield from leaves(command, (*path, name)) if hasattr(command, "commands") else [((*path, name), command)]


COMMANDS = dict(leaves(ROOT))


def help_of(path, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    ended = CliRunner().invoke(app, [*path, "--help"])
    assert ended.exit_code == 0
    return ended.stdout


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_a_purpose_of_one_sentence_and_examples_that_its_own_parser_takes(path):
    said = COMMANDS[path].help
    assert re.fullmatch(r"[A-Z][^.]*(\.[^ .][^.]*)*\.", purpose(said)), purpose(said)
    _, examples = parted(said)
    assert any(line.startswith("ifp " + " ".join(path)) for line in examples)
    for line in examples:
        for part in line.split(" > ")[0].split(" | "):
            _, *words = shlex.split(part)
            command = ROOT
            while hasattr(command, "commands"):
                command = command.commands[words.pop(0)]
            context = command.make_context("ifp", words, resilient_parsing=True)
            known = {option for param in command.params for option in param.opts}
            assert {word for word in words if word.startswith("--")} <= known
            assert context.args == []


@pytest.mark.parametrize("columns", [80, 110])
@pytest.mark.parametrize("path", [(), ("data",), *COMMANDS], ids=lambda path: " ".join(path) or "ifp")
def test_help_fits_and_nothing_of_it_is_cut(path, columns, monkeypatch):
    text = help_of(path, columns, monkeypatch)
    assert max(map(len, text.splitlines())) <= columns
    assert "..." not in text.replace("A,B,...", "").replace("ARGS]...", "").replace("RUN]...", "").replace(
        ", ...)", ""
    ).replace("... or until", "")
    words = " ".join(text.split())
    command = COMMANDS.get(path)
    for param in command.params if command else ():
        assert " ".join((param.help or "").split()) in words
    for line in parted(command.help)[1] if command else ():
        assert f"\n  {line}\n" in text  # as it is typed


def test_options_stand_in_groups_and_commands_by_what_they_are_for(monkeypatch):
    text = help_of(("train",), 80, monkeypatch)
    headings = [line for line in text.splitlines() if re.fullmatch(r"\w[\w ]*:", line)]
    assert headings == ["Examples:", "Options:", "Data:", "Run:", "Output:", "Machine:"]
    data = text[text.index("\nData:") : text.index("\nRun:")]
    assert "--dataset" in data
    assert "--seed" not in data
    text = help_of((), 80, monkeypatch)
    order = ["\nMeasure:", "  anneal ", "\nPlan and train:", "  train ", "\nLook:", "  report ", "\nData:", "  data "]
    assert sorted(order, key=text.index) == order


def on_a_terminal(arguments, environment, folder):
    """What the command writes on a pseudo-terminal, as bytes."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "ifp", *arguments], cwd=folder, env=environment, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    told = b""
    try:
        while part := os.read(ours, 65536):
            told += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0
    return told


@pytest.mark.parametrize("arguments", [("--help",), ("anneal", "--help"), ("data", "list")])
@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_there_is_no_escape_sequence_where_none_is_wanted(arguments, plain, environment, tmp_path):
    told = on_a_terminal(arguments, {**environment, "TERM": "xterm-256color", **plain}, tmp_path)
    assert len(told) > 500
    assert b"\x1b" not in told


def test_a_pipe_has_no_colours_even_where_they_are_forced_and_a_terminal_has(environment, tmp_path):
    command = [sys.executable, "-m", "ifp", "data", "list"]
    forced = {**environment, "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    piped = subprocess.run(command, cwd=tmp_path, env=forced, capture_output=True, check=True)
    assert b"dsprites" in piped.stderr
    assert b"\x1b" not in piped.stderr
    assert b"\x1b[" in on_a_terminal(("data", "list"), {**environment, "TERM": "xterm-256color"}, tmp_path)


def test_usage_errors_are_one_line_with_what_was_meant(run_ifp, tmp_path):
    for arguments, line in {
        ("aneal",): "ifp: no such command 'aneal' (did you mean anneal?); ifp --help lists what there is",
        ("data", "lst"): "ifp: no such command 'lst' (did you mean list?); ifp data --help lists what there is",
        ("train", "--datset", "x"): "ifp: no such option: --datset (did you mean --dataset?); ifp train --help lists "
        "what there is",
        ("spectrum",): "ifp: missing option '--dataset'; ifp spectrum --help lists what there is",
    }.items():
        ended = run_ifp(tmp_path, *arguments)
        assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", line + "\n")
