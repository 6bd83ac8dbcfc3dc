"""What is told of whole-data annealing on the terminal: tables, JSON, figure."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from analysis.whole_findings import conclude_whole
from ifp.cli import app
from ifp.cli.findings_table import show_whole
from ifp.files.npz import npz_bytes
from ifp.files.plain import csv_bytes
from ifp.run_directory.run import create_run
from ifp.whole_annealing.config import WholeConfig

BETA = np.geomspace(200, 2, 60)
NAMES = ("size", "place")
DATA = {"name": "blobs", "fingerprint": "f", "image_shape": (16, 16, 1), "images": 9, "source": "drawn"}


def curves(names=NAMES):
    """Latent 0 freezes about place at 100; latent 1 stays silent; size never freezes."""
    kl = np.stack([np.maximum(np.log(100 / BETA), 0), np.full(len(BETA), 0.002)], axis=1)
    mi = np.zeros((len(BETA), 2, len(names)))
    if names:
        mi[:, 0, 1] = kl[:, 0]

    def from_hold(array):
        return np.concatenate([array[:1], array])

    return {
        "step": np.arange(61), "direction": np.array(["hold"] + ["cool"] * 60), "beta": from_hold(BETA)[None],
        "kl": from_hold(kl)[None], "reconstruction": np.full((1, 61), 50.0), "silent_reconstruction": np.array([50.0]),
        "mi": from_hold(mi), "mi_null": np.zeros((61, 2, len(names))), "factors": np.array(names, dtype=np.str_),
        "entropy": np.log([8.0, 8.0])[: len(names)],
    }  # fmt: skip


def findings(names=NAMES, predicted=None):
    predicted = {"place": 120.0, "size": 40.0} if predicted is None else predicted
    return conclude_whole(
        curves(names), dataset="blobs", fingerprint="f", seed=0, thresholds=(0.1, 0.01), predicted=predicted, images=9
    )


def row(text, start):
    """Cells of the first table row with this first cell."""
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if line[:1] == "│"]
    return next(cells for cells in rows if cells[0] == start)


def test_latents_factors_and_modes_have_a_table_each_and_early_shares_a_line(capsys):
    show_whole(findings())
    out, text = capsys.readouterr()
    assert out == ""
    assert "…" not in text  # every heading and cell fits a narrow terminal
    freezing = 100 * np.exp(-0.1)
    assert float(row(text, "0")[1]) == pytest.approx(freezing, rel=0.01)
    assert row(text, "0")[3:5] == ["place 100%", "place 100%"]
    assert row(text, "1")[1:5] == ["never froze", "never froze", "-", "-"]
    assert row(text, "place")[2:4] == ["120", "0"]
    assert row(text, "place")[5] == "the end"
    assert row(text, "size") == ["size", "never froze", "40", "-", "-", "-", "0", "-"]
    assert float(row(text, "place")[1]) == pytest.approx(freezing, rel=0.01)
    modes = text[text.index("modes:") :]
    assert row(modes, "place")[2:] == ["120", "0", "0"]
    assert row(modes, "size")[1:] == ["-", "40", "none", "-"]
    assert "latents that froze above 40, predicted for size: 0; 100% of their information about place" in text


def test_without_labels_only_latents_are_told(capsys):
    show_whole(findings((), {}))
    text = capsys.readouterr().err
    assert "factors;" not in text
    assert "modes:" not in text
    assert row(text, "1") == ["1", "never froze", "never froze", "0.002", "0.002"]


def test_as_json_all_findings_are_one_object(capsys):
    show_whole(findings(), json=True)
    out, text = capsys.readouterr()
    assert text == ""
    told = json.loads(out)
    assert told["format"] == "ifp-whole-findings/3"
    assert [each["frozen"]["factor"] for each in told["latents"]] == ["place", None]
    assert told["latents"][1]["freezing"] == [None, None]


@pytest.fixture
def run(tmp_path):
    """A run of whole-data annealing, as its files say it."""
    settings = WholeConfig(dataset="blobs", protocol="whole-cool", pressures=(2.0, 200.0), predicted={"place": 120.0})
    made = create_run(tmp_path / "run", "anneal-whole", settings, DATA)
    made.write("curves.npz", npz_bytes(curves()))
    return made


def test_a_finished_run_is_diagnosed_and_drawn_by_its_kind(run):
    run.write("freezing.csv", csv_bytes(("latent",), []))
    diagnosed = CliRunner().invoke(app, ["diagnose", str(run.path)])
    assert diagnosed.exit_code == 0
    assert json.loads((run.path / "findings.json").read_text())["latents"][0]["frozen"]["factor"] == "place"
    drawn = CliRunner().invoke(app, ["plot-curves", str(run.path), "--out", str(run.path / "latents.svg")])
    assert drawn.stdout.strip() == str(run.path / "latents.svg")
    assert "<svg" in (run.path / "latents.svg").read_text()


def test_a_figure_of_information_without_labels_is_refused_and_not_said_to_be_written(run, tmp_path):
    run.write("curves.npz", npz_bytes(curves(())))
    run.write("freezing.csv", csv_bytes(("latent",), []))
    ended = CliRunner().invoke(app, ["diagnose", str(run.path), "--plot", str(tmp_path / "figure.png")])
    assert "need a run whose data have labelled factors for a figure" in str(ended.exception)
    assert "figure.png" not in ended.stderr
    assert not (run.path / "findings.json").exists()


@pytest.mark.parametrize("command", ["diagnose", "plot-curves"])
def test_an_unfinished_run_is_neither_diagnosed_nor_drawn(command, run):
    ended = CliRunner().invoke(app, [command, str(run.path)])
    assert "need a finished run of whole-data annealing" in str(ended.exception)
    assert not (run.path / "findings.json").exists()
    assert not list(run.path.glob("*.png"))
