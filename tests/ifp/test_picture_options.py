"""How pictures are opened, from the command line to a run's config and back: --background-color and --resize."""

import json

import numpy as np
import pytest
from PIL import Image

import ifp
from ifp.run_directory.opening import run_dataset

pytestmark = pytest.mark.usefixtures("_one_thread")

OPENED = {"background_color": "#ffffff", "resize": "8x8"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Black squares cut out of a transparent background, of two sizes."""
    monkeypatch.setenv("IFP_CACHE_DIR", str(tmp_path / "cache"))
    directory = tmp_path / "pictures"
    directory.mkdir()
    for number in range(6):
        pixels = np.zeros((16 + 8 * (number % 2),) * 2 + (4,), np.uint8)
        pixels[2 * number : 2 * number + 5, 3:9, 3] = 255
        Image.fromarray(pixels).save(directory / f"{number}.png")
    return directory


def test_a_run_records_how_its_pictures_were_opened_and_opens_them_so_again(folder, tmp_path, told):
    (tmp_path / "settings.toml").write_text('background-color = "white"\nresize = "9"\nsteps = 12\n')
    code, error, _ = told(
        "train", "--dataset", folder, "--objective", "beta-vae", "--config", "settings.toml", "--resize", "8",
        "--batch-size", "4", "--threads", "1", "--precision", "float32", "--out", "run",
    )  # fmt: skip
    assert code == 0, error
    config = json.loads((tmp_path / "run/config.json").read_text())
    assert {name: config["settings"]["data_options"][name] for name in OPENED} == OPENED
    assert config["data"]["source"] == (
        f"folder {folder}; resized to 8x8 (Lanczos) from 16x16 (3), 24x24 (3); transparent pixels over #ffffff"
    )
    run = ifp.open_run(tmp_path / "run")
    dataset = run_dataset(run)
    assert dataset.image_shape == (8, 8, 3)
    assert dataset.fingerprint == config["data"]["fingerprint"]
    assert dataset.images([0])[0, -1, -1].tolist() == [255, 255, 255]
    code, error, _ = told("report", "run")
    assert code == 0, error
    assert "--background-color &#x27;#ffffff&#x27; --resize 8x8" in (tmp_path / "run/report.html").read_text()


def test_python_and_the_command_line_open_the_same(folder, told):
    code, error, out = told("spectrum", "--dataset", folder, "--background-color", "#FFF", "--resize", "8x8", "--json")
    assert code == 0, error
    found = ifp.spectrum(str(folder), data_options=OPENED)
    values = found.to_frame().select_dtypes("number").to_numpy().ravel()
    assert values.max() > 0
    assert any(f"{each:.6g}"[:6] in out for each in values if each > 0)


@pytest.mark.parametrize(
    ("words", "way"), [(("--resize", "8"), "--background-color"), (("--background-color", "red"), "--resize 16x16")]
)
def test_each_refusal_is_a_line_that_names_the_way_on(words, way, folder, told):
    code, error, out = told("spectrum", "--dataset", folder, *words)
    assert (code, error.count("\n"), out) == (1, 1, "")
    assert way in error


def test_a_size_and_a_missing_label_are_numbers_in_a_config_file_too(folder, tmp_path, told):
    rows = "".join(f"{number}.png,{number - 1}\n" for number in range(6))
    (folder / "labels.csv").write_text(f"file,place\n{rows}")
    (tmp_path / "settings.toml").write_text('background-color = "white"\nresize = 8\nmissing = -1\n')
    code, error, _ = told("spectrum", "--dataset", folder, "--config", "settings.toml", "--contexts", "2", "--json")
    assert code == 0, error
    assert "1 of 6 left out for want of a label" in error
    assert "resized to 8x8" in error
    (tmp_path / "settings.toml").write_text("missing = true\n")
    code, error, _ = told("spectrum", "--dataset", folder, "--config", "settings.toml")
    assert (code, "need a number or a text in missing" in error) == (1, True)
