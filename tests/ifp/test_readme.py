"""What the README shows works as it stands there: its commands exist, its tour and its script run from the wheel.

IFP_TOUR=full runs the tour and the script as pasted, which takes as long as they say. Otherwise they are made small:

    what stands there                               what is run
    the data set dsprites, or dsprites-32           576 sprites of 16x16 with the same factors, in a file dsprites.npz
    --contexts N, contexts=N                        2; also where ifp anneal names none, and then of two factors only,
                                                    with --max-steps 500
    --steps N, steps=N                              20; also where a command that trains names none
    --seeds N                                       1
    threads where none are said, in training        1: two wait for one another where other work shares the processor
    cd, git clone, make, pip, python -m venv, source    nothing: the wheel is installed
"""

import ast
import itertools
import json
import os
import re
import shlex
import zipfile
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

import ifp
from ifp.cli import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
TOUR, SCRIPT = "## A five-minute tour", "## From Python"
FULL = os.environ.get("IFP_TOUR") == "full"
TIMEOUT = 7200 if FULL else 600  # seconds a line, so that one that hangs is an error

DATASET = re.compile(r"""(--dataset[ =]|load_dataset\(["']|anneal\(["']|train\(["'])dsprites(-32)?(?=["'\s]|$)""")
NUMBERS = (
    (r"(contexts[ =])\d+", r"\g<1>2"),
    (r"(?<![\w-])((--)?steps[ =])\d+", r"\g<1>20"),
    (r"(seeds[ =])\d+", r"\g<1>1"),
)
UNSAID = (
    (r"\bifp anneal\b(?!.*(--contexts|--mode full))", "ifp anneal --contexts 2 --max-steps 500 --factors scale,posX"),
    (r"\bifp (train|compare|anneal(?=.*--mode full))\b(?!.*--steps)", r"ifp \1 --steps 20"),
    (r"\bifp\.anneal\(([^()]*)\)(?<!contexts=2\))", r"ifp.anneal(\1, contexts=2)"),
    (r"\bifp\.train\((?!.*steps=)(.*)\)", r"ifp.train(\1, steps=20)"),
    (r"\bifp (train|compare|anneal(?=.*--mode full))\b(?!.*--threads)", r"ifp \1 --threads 1"),
    (r"\bifp\.train\((?!.*threads=)(.*)\)", r"ifp.train(\1, threads=1)"),
)
SET_UP = re.compile(r"(cd|git clone|make|pip|python3? -m (pip|venv)|source) ")


def fences(text, *languages):
    """What stands between fences of these languages, one text each."""
    found = re.finditer(r"^( *)```([^\n`]*)\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL)
    return [each[3] for each in found if (each[2].split() or [""])[-1].strip("{}") in languages]


def section(heading):
    """The text below a heading of the README, down to the next of its level; none: a skipped test that says so."""
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    if found is None:
        pytest.skip(f"README.md has no section {heading!r}")
    return found[1]


def lines(block):
    """Lines of shell, without comments; one that ends with a backslash goes on in the next."""
    whole = (line.strip().removeprefix("$ ") for line in block.replace("\\\n", " ").splitlines())
    return [line for line in (re.sub(r"(^|\s+)#.*", "", each) for each in whole) if line]


def commands(line):
    """The commands of a line of shell as lists of words, without variables set before them and without redirection."""
    plain = re.sub(r"(^|\s)(2>&1|[012&](?=[<>]))", " ", line)
    lexer = shlex.shlex(plain, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    found, skip = [[]], False
    for word in lexer:
        if skip or set(word) <= set("<>"):
            skip = not skip
        elif set(word) <= set("|&;"):
            found.append([])
        elif found[-1] or not (re.fullmatch(r"\w+=.*", word) or word in ("do", "then")):
            found[-1].append(word)
    return [each for each in found if each]


def arguments_of_ifp(words):
    """What ``ifp`` is called with, on its own or as a module; none where the command is another."""
    for i, word in enumerate(words):
        if word.rpartition("/")[2] == "ifp" and (i == 0 or words[i - 1] == "-m"):
            return [re.sub(r"\$\{?\w+\}?", "1", each) for each in words[i + 1 :]]
    return None


def parse(arguments):
    """Parse a command line, and run nothing: the parser's own error where it does not exist."""
    command, rest = get_command(app), [each for each in arguments if each != "--debug"]
    while rest and hasattr(command, "commands"):
        if rest[0].startswith("-"):
            break
        assert rest[0] in command.commands, f"no command {rest[0]!r} among {sorted(command.commands)}"
        command, rest = command.commands[rest[0]], rest[1:]
    if not {"--help", "-h", "--version"}.intersection(rest):
        command.make_context(command.name, rest)


TOP = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"]
DOCUMENTS = [path for path in (*TOP, *sorted((ROOT / "docs").rglob("*.md"))) if path.exists()]


def shown_lines(text):
    """Lines of shell in a document: all of blocks that say so, of others those that start as one or with a prompt."""
    told = [line for block in fences(text, "sh", "bash", "shell") for line in lines(block)]
    others = [line for block in fences(text, "", "console", "text") for line in lines(block)]
    return told + [line for line in others if line.startswith("ifp ")]


SHOWN = [
    pytest.param(words, id=f"{path.relative_to(ROOT)}: {' '.join(words)}"[:100])
    for path in DOCUMENTS
    for line in shown_lines(path.read_text())
    for words in commands(line)
]


@pytest.mark.parametrize("words", SHOWN)
def test_a_command_that_is_shown_exists(words):
    arguments = arguments_of_ifp(words)
    if arguments is not None:
        parse(arguments)
    elif words[0] == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert [each for each in words[1:] if "=" not in each and each not in targets] == []
    elif "-m" in words and words[words.index("-m") + 1].startswith("benchmarks."):
        assert (ROOT / f"{words[words.index('-m') + 1].replace('.', '/')}.py").exists()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_that_is_shown_can_be_read_and_names_what_ifp_has(path):
    for block in fences(path.read_text(), "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ifp":
                assert hasattr(ifp, node.attr), f"ifp.{node.attr} in {path}"


def test_a_command_that_is_wrong_would_be_found():
    with pytest.raises(Exception, match="No such option: --dateset"):
        parse(["spectrum", "--dateset", "dsprites"])
    with pytest.raises(Exception, match=r"[Mm]issing"):
        parse(["spectrum"])
    with pytest.raises(AssertionError, match="no command 'melt'"):
        parse(["melt"])
    line = "IFP_DATA_DIR=x ifp plan-stages | ifp train --plan - 2> log && .venv/bin/python -m ifp --version  # a | b"
    found = [arguments_of_ifp(words) for words in commands(*lines(line))]
    assert found == [["plan-stages"], ["train", "--plan", "-"], ["--version"]]


# The tour and the script


@pytest.fixture(scope="module")
def sprites(tmp_path_factory):
    """dSprites made small: at most 8 values of a factor, every 4x4 pixels as one."""
    ds = ifp.load_dataset("dsprites-tiny")
    values = [np.arange(size)[:: max(1, size // 4)] for size in ds.factors.sizes]
    classes = np.stack(np.meshgrid(*(np.arange(len(each)) for each in values), indexing="ij"), axis=-1)
    classes = classes.reshape(-1, len(values))
    images = ds.images(ds.lookup(np.stack([each[k] for each, k in zip(values, classes.T, strict=True)], axis=1)))
    small = images.reshape(len(images), 16, 4, 16, 4).mean(axis=(2, 4)) / images.max()
    path = tmp_path_factory.mktemp("data") / "dsprites.npz"
    np.savez(path, images=small.astype(np.float32), factors=classes, factor_names=ds.factors.names)
    return path


def made_small(text, sprites):
    """The line or the script with the settings of the table above."""
    text = DATASET.sub(lambda found: f"{found[1]}{sprites}", text)
    for pattern, replacement in (*NUMBERS, *UNSAID):
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


def test_the_table_makes_small_what_it_names():
    assert [made_small(line, "S") for line in (
        "ifp anneal --dataset dsprites --contexts 8 --out runs/dsprites",
        "ifp anneal --dataset dsprites",
        "ifp plan-stages | ifp train --plan - --dataset dsprites-32 --max-steps 9",
        'ds = ifp.load_dataset("dsprites")',
        "run = ifp.anneal(ds)",
        "trained = ifp.train(ds, plan=plan, steps=6000)",
    )] == [
        "ifp anneal --dataset S --contexts 2 --out runs/dsprites",
        "ifp anneal --contexts 2 --max-steps 500 --factors scale,posX --dataset S",
        "ifp plan-stages | ifp train --threads 1 --steps 20 --plan - --dataset S --max-steps 9",
        'ds = ifp.load_dataset("S")',
        "run = ifp.anneal(ds, contexts=2)",
        "trained = ifp.train(ds, plan=plan, steps=20, threads=1)",
    ]  # fmt: skip


def require_readable(path):
    """AssertionError where a file is not of the kind that its name says."""
    content = path.read_bytes()
    assert content, f"{path} is empty"
    if path.suffix == ".png":
        assert content.startswith(b"\x89PNG\r\n")
    elif path.suffix == ".pdf":
        assert content.startswith(b"%PDF-")
    elif path.suffix == ".json":
        json.loads(content)
    elif path.suffix == ".npz":
        assert zipfile.ZipFile(path).testzip() is None
    elif path.suffix in (".html", ".svg"):
        assert f"</{path.suffix[1:]}>".encode() in content


def files_of(line, stdout):
    """The files that a line of shell says it writes, by its options, redirection and what it prints."""
    words = shlex.split(line.replace(">", " > ").replace("<", " < "))
    told = [after for word, after in itertools.pairwise(words) if word in ("--out", "--plot", ">")]
    return told + re.findall(r"^\S+\.(?:png|pdf|svg|html|npz)$", stdout, re.MULTILINE)


def require_whole(folder, ran):
    """Every run that a section left is as it was written."""
    for config in folder.rglob("config.json"):
        ended = ran(folder, f"ifp verify {shlex.quote(str(config.parent))}")
        assert ended.returncode == 0, ended.stderr


def test_the_tour_runs_line_by_line_from_the_wheel(run_installed, sprites, tmp_path):
    shown = [line for block in fences(section(TOUR), "sh") for line in lines(block) if not SET_UP.match(f"{line} ")]
    assert shown, f"no lines of shell below {TOUR!r}"
    for line in shown if FULL else [made_small(each, sprites) for each in shown]:
        ended = run_installed(tmp_path, line, timeout=TIMEOUT, MPLBACKEND="Agg")
        assert ended.returncode == 0, f"{line}\n{ended.stderr}"
        for name in files_of(line, ended.stdout):
            path = tmp_path / name
            assert path.exists(), f"{line}\nwrote no {name}"
            if path.is_file():
                require_readable(path)
    require_whole(tmp_path, run_installed)


def test_the_script_runs_from_the_wheel(run_installed, sprites, tmp_path):
    script = "\n".join(fences(section(SCRIPT), "python"))
    assert script, f"no Python below {SCRIPT!r}"
    (tmp_path / "script.py").write_text(script if FULL else made_small(script, sprites))
    ended = run_installed(tmp_path, "python script.py", timeout=TIMEOUT, MPLBACKEND="Agg")
    assert ended.returncode == 0, ended.stderr
    for name in re.findall(r"""(?:savefig|to_csv|to_json|write_text|savez)\(\s*["']([^"']+)["']""", script):
        require_readable(tmp_path / name)
    require_whole(tmp_path, run_installed)
