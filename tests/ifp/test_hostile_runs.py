"""Files of a run from anyone: read as they were written, or refused with a RunError that says where."""

import ast
import contextlib
import json
import re
import shutil
import sys
import warnings
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save as save_tensors
from typer.testing import CliRunner

import ifp
from analysis.findings import Findings
from analysis.plain_json import json_bytes
from analysis.records import read_record
from analysis.stages import plan_stages
from annealing.errors import IFPError, RunError
from ifp.annealing_test.annealed import annealed_test
from ifp.annealing_test.freezing_csv import read_curves, read_tables
from ifp.cli import app, main
from ifp.cli.tables import show_table
from ifp.comparison.config import CompareConfig
from ifp.comparison.study import study_rows
from ifp.files.npz import load_npz, npz_bytes
from ifp.files.plain import load_json
from ifp.models.networks import network_named
from ifp.models.vae import MultiGroupVAE
from ifp.run_directory.opening import run_dataset
from ifp.run_directory.run import create_run, open_run
from ifp.training.checkpoint import FORMAT, load_model

BOUNDED = settings(derandomize=True, max_examples=100, deadline=None)
SLOW = settings(derandomize=True, max_examples=40, deadline=None)
pytestmark = [pytest.mark.usefixtures("_one_thread"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]
NAMES = ("NA", "2")  # what a lenient reader takes for nothing, and for a number
CELLS = st.sampled_from(
    [
        "",
        "0",
        "-1",
        "1",
        "nan",
        "inf",
        "1e999",
        "1_0",
        " 1",
        "ok",
        "diverged",
        "NA",
        "2",
        "a\x1b[2J",
        '"',
        "$",
        "9" * 400,
    ]
) | st.floats(1e-95, 1e95).map(repr)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished annealing run."""
    folder = tmp_path_factory.mktemp("runs")
    factors = np.stack(np.meshgrid(np.arange(4), np.arange(3), indexing="ij"), axis=-1).reshape(-1, 2)
    pictures = np.zeros((len(factors), 8, 8), np.uint8)
    for image, (place, width) in zip(pictures, factors, strict=True):
        image[2 * place : 2 * place + 2, : 2 + 2 * width] = 255
    np.savez(folder / "bars.npz", images=pictures, factors=factors, factor_names=NAMES)
    settings = {"contexts": 2, "planning_contexts": 4, "protocol": "equilibrium"}
    return ifp.anneal(str(folder / "bars.npz"), out=folder / "run", **settings)


@pytest.fixture
def run(made, tmp_path):
    return open_run(shutil.copytree(made.path, tmp_path / "run"))


@pytest.fixture(scope="module")
def changing(made, tmp_path_factory):
    """A copy of the run whose files may be changed, and their bytes."""
    path = shutil.copytree(made.path, tmp_path_factory.mktemp("changing") / "run")
    return path, {each.name: each.read_bytes() for each in path.iterdir() if each.is_file()}


@contextlib.contextmanager
def holding(changing, name, data):
    """The run with other bytes in one file."""
    path, whole = changing
    (path / name).write_bytes(data)
    try:
        yield path
    finally:
        (path / name).write_bytes(whole[name])


def lines(run, name="freezing.csv"):
    return [line.split(",") for line in (run.path / name).read_text().splitlines()]


def write(run, rows, name="freezing.csv"):
    (run.path / name).write_text("\n".join(",".join(row) for row in rows))


# Freezing points


def test_the_tables_are_those_that_were_written(made):
    tables = read_tables(made)
    for name, table in (("freezing", tables.freezing), ("spectral", tables.spectral)):
        text = {"factor": str, "attributed_factor": str}
        plain = pd.read_csv(made.path / f"{name}.csv", dtype=text, keep_default_na=False, na_values={"": []})
        for column in plain:
            expected = plain[column].replace("", np.nan) if table[column].dtype.kind == "f" else plain[column]
            np.testing.assert_array_equal(table[column], expected.astype(table[column].dtype))
    assert set(tables.freezing["factor"]) == set(NAMES)


def test_factors_whose_names_look_like_numbers_are_diagnosed(run):
    assert [each.factor for each in annealed_test(run).concluded.factors] == list(NAMES)


@BOUNDED
@given(st.data())
def test_a_table_with_cells_changed_is_read_or_refused(changing, data):
    name = data.draw(st.sampled_from(["freezing.csv", "spectral.csv"]))
    rows = [line.split(",") for line in changing[1][name].decode().splitlines()]
    for _ in range(data.draw(st.integers(1, 3))):
        row = data.draw(st.sampled_from(rows))
        row[data.draw(st.integers(0, len(row) - 1))] = data.draw(CELLS)
    if data.draw(st.booleans()):
        rows.append(list(data.draw(st.sampled_from(rows))))
    text = "\n".join(",".join(row) for row in rows)
    with holding(changing, name, text.encode()) as path, contextlib.suppress(RunError):
        tables = read_tables(open_run(path))
        assert {"2", "NA"} >= set(tables.spectral["factor"]) & set(NAMES)
        read_curves(open_run(path), tables.freezing)


@SLOW
@given(st.sampled_from(["freezing.csv", "spectral.csv"]), st.integers(1, 99), st.integers(0, 30), CELLS)
def test_what_is_read_is_concluded_from_or_refused(changing, name, line, column, cell):
    rows = [each.split(",") for each in changing[1][name].decode().splitlines()]
    row = rows[1 + line % (len(rows) - 1)]
    row[column % len(row)] = cell
    text = "\n".join(",".join(each) for each in rows)
    with holding(changing, name, text.encode()) as path, contextlib.suppress(IFPError):
        plan_stages(annealed_test(path).concluded)


@BOUNDED
@given(
    st.sampled_from(["freezing.csv", "spectral.csv"]), st.integers(0, 10**5), st.binary(max_size=4), st.integers(0, 9)
)
def test_a_table_with_bytes_changed_is_read_or_refused(changing, name, at, put, cut):
    whole = changing[1][name]
    data = whole[: at % len(whole)] + put + whole[at % len(whole) + cut :]
    with holding(changing, name, data) as path, contextlib.suppress(RunError):
        read_tables(open_run(path))


def cell_of(column, cell, line=1, name="freezing.csv"):
    def change(run):
        rows = lines(run, name)
        rows[line][rows[0].index(column)] = cell
        write(run, rows, name)

    return change


def rows_of(change, name="freezing.csv"):
    return lambda run: write(run, change(lines(run, name)), name)


def without(column):
    def change(rows):
        at = rows[0].index(column)
        return [row[:at] + row[at + 1 :] for row in rows]

    return change


def bytes_of(data, name="freezing.csv"):
    return lambda run: (run.path / name).write_bytes(data)


BAD_TABLES = {
    "no UTF-8": (bytes_of(b"dataset\xff"), r"need a table in UTF-8 in .*freezing\.csv"),
    "nothing": (bytes_of(b""), r"need the column dataset in .*freezing\.csv, it is missing"),
    "a header alone": (rows_of(lambda rows: rows[:1]), r"need a row or more in .*, got none"),
    "no closed form": (rows_of(without("spectral_beta")), "need the column spectral_beta in .*, it is missing"),
    "an unknown column": (cell_of("gap", "colour", line=0), "need columns out of .*, each once, .* got 'colour'"),
    "a column twice": (cell_of("gap", "factor", line=0), "need columns out of .*, each once, .* got 'factor'"),
    "a row too short": (rows_of(lambda rows: [*rows[:2], rows[2][:-1]]), r"need 34 cells in line 3 of .*, got 33"),
    "an open quote": (cell_of("gap", '"'), "need a table in UTF-8 in .*, got: "),
    "a pressure NaN": (
        cell_of("spectral_beta", "nan"),
        "need a pressure above 0 as spectral_beta in line 2 of .*, got 'nan'",
    ),
    "no pressure": (cell_of("spectral_beta", ""), "need a pressure above 0 as spectral_beta in line 2"),
    "a pressure below 0": (cell_of("ifp_beta", "-3", 2), "above 0, or nothing, as ifp_beta in line 3 of .*, got '-3'"),
    "a pressure of 10^999": (cell_of("ifp_high", "1e999"), "as ifp_high in line 2 of .*, got '1e999'"),
    "a pressure in words": (cell_of("ifp_low", "much"), "as ifp_low in line 2 of .*, got 'much'"),
    "no threshold": (cell_of("threshold_nats", "0"), "need nats above 0 as threshold_nats in line 2 of .*, got '0'"),
    "a context of 1.5": (
        cell_of("context", "1.5"),
        "need a whole number from 0 on as context in line 2 of .*, got '1.5'",
    ),
    "a status of its own": (cell_of("status", "fine"), "need one of ok, .* as status in line 2 of .*, got 'fine'"),
    "a name that steers": (cell_of("factor", "\x1b[2J"), r"need a name as factor in line 2 of .*, got '\\x1b\[2J'"),
    "a case twice": (rows_of(lambda rows: [*rows, rows[1]]), "need each case once, NA, 0, 0, 0.1 stands again in line"),
    "another factor": (cell_of("factor", "x"), r"need rows of every factor in .*spectral\.csv, x has none"),
    "only a second latent": (cell_of("latent", "7"), "need cases of freezing.csv in .*, it has NA in context 0"),
    "another case twice": (
        rows_of(lambda rows: [*rows, rows[1]], "spectral.csv"),
        "need each case once, NA, 0 stands again",
    ),
    "a slope NaN": (
        cell_of("slope", "nan", 1, "spectral.csv"),
        "need a number, or nothing, as slope in line 2 of .*spectral",
    ),
    "a point from nowhere": (
        cell_of("ifp_source", "oracle"),
        "need one of knee, .* as ifp_source in line 2 .* 'oracle'",
    ),
    "a rough slope": (cell_of("slope_rough", "yes", 1, "spectral.csv"), "need True or False as slope_rough in line 2"),
    "no mixing": (
        lambda run: (run.path / "mixing.csv").write_bytes(b"factor,other,nats\nNA,2,-1\n"),
        r"need nats from 0 on as nats in line 2 of .*mixing\.csv, got '-1'",
    ),
    "mixing without a number": (
        lambda run: (run.path / "mixing.csv").write_bytes(b"factor,other,nats\nNA,2,much\n"),
        r"need nats from 0 on as nats in line 2 of .*mixing\.csv, got 'much'",
    ),
}


@pytest.mark.parametrize(("change", "reason"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_a_bad_table_is_refused_by_column_and_line(change, reason, run):
    change(run)
    with pytest.raises(RunError, match=reason) as caught:
        _ = annealed_test(run).concluded
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_without_end_is_not_read_to_its_end(run, monkeypatch):
    monkeypatch.setattr("ifp.annealing_test.freezing_csv._LARGEST", 1000)
    with pytest.raises(RunError, match=r"need a table .*freezing\.csv of at most 1,000 bytes, got more"):
        read_tables(run)


def arrays_with(**changed):
    return lambda arrays: {name: each for name, each in (arrays | changed).items() if each is not None}


BAD_CURVES = {
    "no beta": (arrays_with(beta=None), "need an array beta in .*, it is missing"),
    "beta of one axis": (
        arrays_with(beta=np.ones(3)),
        r"need beta in .* as floats \(cases records\), got float64 of shape",
    ),
    "beta of 0": (
        lambda arrays: arrays | {"beta": 0 * arrays["beta"]},
        "need pressures above 0 in .*, case 0 has others",
    ),
    "a case too few": (lambda arrays: arrays | {"kl": arrays["kl"][1:]}, "need 4 cases in kl of .*, got 3"),
    "contexts as text": (lambda arrays: arrays | {"context": arrays["factor"]}, "need context in .* as whole numbers"),
    "another factor": (
        lambda arrays: arrays | {"factor": np.array(["x"] * 4)},
        "need cases of freezing.csv .*, it has x in",
    ),
    "nothing swept": (
        lambda arrays: arrays | {"direction": np.full_like(arrays["direction"], "up")},
        "case 0 has others or none",
    ),
    "long doubles": (lambda arrays: arrays | {"kl": arrays["kl"].astype(np.longdouble)}, "need kl in .* as floats"),
}


@pytest.mark.parametrize(("change", "reason"), BAD_CURVES.values(), ids=BAD_CURVES)
def test_bad_curves_are_refused_by_array(change, reason, run):
    run.write("curves.npz", npz_bytes(change(load_npz(run.path / "curves.npz"))))
    with pytest.raises(RunError, match=reason):
        _ = annealed_test(run).concluded


# What is never called

UNSAFE = {
    "pickle", "dill", "joblib", "marshal", "shelve", "subprocess", "eval", "exec", "compile", "system", "popen",
    "read_pickle", "allow_pickle=True", "shell=True", "weights_only=False", "torch.load",
}  # fmt: skip
ROOT = Path(ifp.__file__).resolve().parent.parent


def called(path):
    """Names that a file imports or calls, and calls that are told to unpickle or to use a shell."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                found.add(node.func.id)
            elif isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Call):
                owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
                found.add(
                    node.func.attr if owner in ("os", "pd", "builtins", "subprocess") else f"{owner}.{node.func.attr}"
                )
            for word in node.keywords:
                if word.arg in ("allow_pickle", "shell", "weights_only"):
                    found.add(f"{word.arg}={getattr(word.value, 'value', '?')}")
    return found


@pytest.mark.parametrize("package", ["annealing", "analysis", "ifp"])
def test_nothing_is_unpickled_evaluated_or_given_to_a_shell(package):
    calls = {path.relative_to(ROOT): called(path) for path in sorted((ROOT / package).rglob("*.py"))}
    assert {path: names & UNSAFE for path, names in calls.items() if names & UNSAFE} == {}
    assert "allow_pickle=False" in set().union(*calls.values()) or package != "ifp"  # the search sees what is there


# Arrays, JSON and settings


def test_arrays_that_unpack_to_too_much_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("ifp.files.npz._LARGEST_ARRAYS", 10**6)
    (tmp_path / "bomb.npz").write_bytes(npz_bytes({"a": np.zeros(10**6 // 16), "b": np.zeros(10**6 // 16)}))
    with pytest.raises(
        RunError, match=r"need a whole npz .*bomb\.npz of at most 1,000,000 bytes of arrays, got 1,000,2"
    ):
        load_npz(tmp_path / "bomb.npz")


def test_a_shape_without_its_values_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive, archive.open("kl.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**4)})
    with pytest.raises(RunError, match="need a whole npz"):
        load_npz(tmp_path / "huge.npz")


def test_a_member_that_is_no_array_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "more.npz", "w") as archive:
        archive.writestr("kl.npy", b"no array")
    with pytest.raises(RunError, match=r"need arrays alone in the npz .*, got 'kl'"):
        load_npz(tmp_path / "more.npz")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 2}', "the key 'a' stands there twice"),
        ('["\\ud800"]', "surrogates not allowed"),
        ("[" * 65 + "]" * 65, "more than 64 levels"),
        ("[" + "1" * 5000 + "]", "Exceeds the limit"),
    ],
)
def test_json_that_is_ambiguous_or_too_deep_is_refused(text, reason, tmp_path):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(RunError, match=rf"need a JSON file .*a\.json, got: .*{reason}"):
        load_json(tmp_path / "a.json")


def test_json_without_end_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("ifp.files.plain._LARGEST_JSON", 100)
    (tmp_path / "a.json").write_text(" " * 101)
    with pytest.raises(RunError, match=r"a\.json of at most 100 bytes, got more"):
        load_json(tmp_path / "a.json")


@BOUNDED
@given(st.data())
def test_a_run_whose_config_is_changed_is_read_or_refused(changing, data):
    root = [json.loads(changing[1]["config.json"])]
    holder, key = root, 0
    while isinstance(holder[key], (dict, list)) and holder[key] and data.draw(st.integers(0, 4)):
        holder = holder[key]
        key = data.draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
    values = [None, True, -1, 10**400, 1e300, "", "../x", "/", "a\0b", "\x1b[2J", [], {}, [[1]], {"a": None}]
    holder[key] = data.draw(st.sampled_from(values))
    with holding(changing, "config.json", json.dumps(root[0]).encode()) as path, contextlib.suppress(IFPError):
        run = open_run(path)
        run_dataset(run)
        _ = annealed_test(run).findings


@SLOW
@given(st.data())
def test_findings_that_are_changed_give_a_plan_or_are_refused(changing, data):
    root = [json.loads(json_bytes(annealed_test(changing[0]).findings))]
    holder, key = root, 0
    while isinstance(holder[key], (dict, list)) and holder[key]:
        holder = holder[key]
        key = data.draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
    holder[key] = data.draw(st.sampled_from([None, -1, 0, 0.5, 1e300, "x", [], {}]))
    with contextlib.suppress(IFPError):
        plan_stages(read_record(Findings, root[0], "findings"))


def test_rows_of_a_study_do_not_lead_out_of_it(tmp_path):
    settings = asdict(CompareConfig(dataset="bars", objectives=("beta-vae",)))
    run = create_run(tmp_path / "study", "compare", settings, {})
    row = {"method": "beta-vae", "seed": 0, "run": "beta-vae-0", "steps": 1, "status": "ok", "mig": 0.5}
    run.write("rows/beta-vae-0.json", json_bytes(row))
    assert study_rows(run) == [row]
    run.write("rows/beta-vae-0.json", json_bytes(row | {"run": "../other"}))
    with pytest.raises(RunError, match=r"need the row of beta-vae-0 in .*rows/beta-vae-0\.json, got something else"):
        study_rows(run)
    for changed, reason in (({"objectives": ["../../x"]}, "need an objective out of"), ({"seeds": 10**12}, "seeds")):
        other = create_run(tmp_path / reason[:6], "compare", settings | changed, {})
        with pytest.raises(IFPError, match=reason):
            study_rows(other)


@pytest.mark.parametrize(
    "changed",
    [
        {"image_shape": (10**6, 10**6, 3)},
        {"groups": [[number] for number in range(5000)]},
        {"groups": [[0], [0]]},
        {"groups": [["0"]]},
        {"network": "__import__"},
        {"rescaled": True},
    ],
    ids=str,
)
def test_a_checkpoint_builds_only_the_model_whose_tensors_are_there(changed, tmp_path):
    run = create_run(tmp_path / "run", "train", {}, {})
    model = MultiGroupVAE((8, 8, 1), [[0], [1]], network_named("dense"))
    run.write("checkpoint.safetensors", save_tensors(dict(model.state_dict())))
    about = {
        "format": FORMAT, "objective": "deft", "image_shape": (8, 8, 1), "groups": [[0], [1]], "network": "dense",
        "rescaled": False, "step": 3,
    }  # fmt: skip
    run.write("checkpoint.json", json_bytes(about))
    assert load_model(run).latents == 2
    run.write("checkpoint.json", json_bytes(about | changed))
    with pytest.raises(RunError):
        load_model(run)


# The terminal


def test_names_are_only_text_in_a_table(capsys):
    show_table("[/x] of :smile:", [{"[bold]name": "[/red]", "value": "a\x1b[2J\nb"}])
    said = capsys.readouterr().err
    assert {"[/x] of :smile:", "[bold]name", "[/red]"} <= set(
        re.findall(r"\[/x\].*:smile:|\[bold\]name|\[/red\]", said)
    )
    assert "\x1b[2J" not in said
    assert "a\\x1b[2J\\nb" in said


def test_an_error_is_one_line_that_steers_no_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # main sets its own
    monkeypatch.setattr(sys, "argv", ["ifp", "report", str(tmp_path / "a\x1b[2J\nb")])
    with pytest.raises(SystemExit, match="1"):
        main()
    said = capsys.readouterr().err
    assert said.startswith("ifp: need a run directory")
    assert "a\\x1b[2J\\nb: there is no such directory" in said
    assert said.count("\n") == 1
    monkeypatch.setattr(sys, "argv", ["ifp", "anneal", "--dataset", "dsprites-tiny", "--protocol", "x" * 9000])
    with pytest.raises(SystemExit, match="1"):
        main()
    assert len(capsys.readouterr().err) < 2100


@pytest.mark.parametrize(
    "command", [["plot-distributions"], ["plot-curves"], ["diagnose"], ["plan-stages"], ["report"]]
)
def test_every_command_that_reads_freezing_points_refuses_bad_ones(command, run):
    cell_of("spectral_beta", "-1")(run)
    ended = CliRunner().invoke(app, [*command, str(run.path)])
    assert isinstance(ended.exception, RunError)
    assert "as spectral_beta in line 2" in str(ended.exception)
