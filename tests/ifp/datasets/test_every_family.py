"""Every family from its files to its results: opened, drawn, its closed form computed, annealed and recorded.

Files are small ones in the published layout; a new family is added to ``FILES`` of ``conftest.py``, and all that
follows is asked of it, and what ``test_dataset_contract.py`` asks.
"""

import csv
import json
import re

import numpy as np
import pytest

import ifp
from analysis.figures.samples import draw_samples
from annealing.errors import IFPError
from ifp.annealing_test.measure import annealing_test
from ifp.annealing_test.run import open_annealing_run
from ifp.cli.training_table import show_training
from ifp.closed_form.contexts import action_sequence, draw_contexts
from ifp.closed_form.samples import sample_rows
from ifp.closed_form.whole import whole_spectrum
from ifp.datasets import families, family_of
from ifp.datasets.dataset import to_float
from ifp.files.npz import load_npz
from ifp.run_directory.opening import Place
from ifp.whole_annealing.run import open_whole_run, whole_annealing

# the files are whole and a picture for the background is given: there is nothing to warn of
pytestmark = [
    pytest.mark.usefixtures("_one_thread", "_few_results"),
    pytest.mark.filterwarnings("error::ifp.datasets.DataWarning"),
]

UNLABELLED = ["chairs3d"]
every = pytest.mark.parametrize("name", families())
labelled = pytest.mark.parametrize("name", [name for name in families() if name not in UNLABELLED])
unlabelled = pytest.mark.parametrize("name", UNLABELLED)


@pytest.fixture(scope="module")
def cache(room):
    return room / "cache"


def spelt_out(name):
    """Sizes by factor, as the summary has them; None where it says that there are no labels."""
    summary = family_of(name).summary
    if summary == "unlabelled":
        return None
    like = re.match(r"as ([\w-]+)", summary)
    sizes = re.findall(r"(\w+) (\d+)", re.split("[;:]", family_of(like[1]).summary if like else summary)[0])
    return {factor: int(size) for factor, size in sizes}


def test_every_family_is_here(family_files):
    made_here = {name: family.made_here for name, family in families().items()}
    assert {name: write is None for name, write in family_files.items()} == made_here


@every
def test_a_data_set_is_what_its_family_tells(name, opened, fewer):
    data, family = opened(name), family_of(name)
    assert data.name == data.reference == name
    assert data.image_shape == family.image_shape == data.images([0]).shape[1:]
    assert len(data) == family.images or not family.made_here
    told = spelt_out(name)
    if told is None:
        assert data.factors is None
    else:
        sizes = zip(data.factors.names, data.factors.sizes, strict=True)
        assert list(sizes) == list((told | fewer.get(name, {})).items())
    assert bool(data.nuisances) == ("nuisance" in family.summary)


@every
def test_the_same_data_have_the_same_fingerprint_and_no_other_data_have_it(name, opened, brought):
    folder, options = brought(name, copy="again")
    again = ifp.load_dataset(name, folder, **options)
    assert again.fingerprint == opened(name).fingerprint != ""
    assert [other for other in families() if opened(other).fingerprint == again.fingerprint] == [name]


@every
def test_sample_rows_are_random_images_and_each_factor_about_the_first_of_them(name, opened):
    data = opened(name)
    names = () if data.factors is None else data.factors.names
    rows = sample_rows(data)
    random = len(rows) - len(names)
    assert [label for label, _ in rows] == ["random", *[""] * (random - 1), *names]
    shown = np.concatenate([images for _, images in rows[:random]])
    drawn = draw_contexts(data, len(shown), data.options.seed)
    assert len(shown) == len(set(drawn.tolist())) == (24 if names else 60)
    np.testing.assert_array_equal(shown, to_float(data.images(drawn)))
    for factor, images in rows[random:]:
        sequence = action_sequence(data, factor, drawn[0]).numpy()
        last = len(sequence) - 1
        places = range(last + 1) if last < 12 else [round(place * last / 11) for place in range(12)]
        np.testing.assert_array_equal(images, sequence[list(places)])
        assert any(np.array_equal(each, shown[0]) for each in sequence)


@every
def test_each_row_is_drawn_under_its_label(name, opened):
    rows = sample_rows(opened(name))
    figure = draw_samples(rows, "a title")
    assert [axes.get_ylabel() for axes in figure.axes] == [label for label, _ in rows]
    for axes, (_, images) in zip(figure.axes, rows, strict=True):
        (strip,) = axes.get_images()
        (height, width), step = images.shape[1:3], round(images.shape[2] * 17 / 16)
        pixels = np.asarray(strip.get_array()).reshape(height, -1, images.shape[3])
        for number, image in enumerate(images):
            np.testing.assert_array_equal(pixels[:, number * step : number * step + width], np.clip(image, 0, 1))


@labelled
def test_the_closed_form_lies_below_the_bound_in_every_context(name, opened):
    data = opened(name)
    records = list(ifp.spectrum(data, contexts=2, seed=3))
    drawn = draw_contexts(data, 2, 3).tolist()
    assert [(each.dataset, each.factor, each.context, each.index) for each in records] == [
        (name, factor, context, index) for factor in data.factors.names for context, index in enumerate(drawn)
    ]
    for each in records:
        assert np.isfinite([each.spectral_beta, each.beta_rd]).all()
        assert 0 < each.spectral_beta <= each.beta_rd * (1 + 1e-6)


@labelled
def test_a_short_annealing_run_records_its_data_and_where_each_case_ended(name, opened, brought, tmp_path):
    data, (folder, options) = opened(name), brought(name)
    factor = min(data.factors.names, key=lambda each: data.factors.sizes[data.factors.position(each)])
    pace = {"learn_steps": 20, "survey": 2e-2, "first_loop": 2e-2, "max_steps": 120}
    given = {
        "dataset": name, "data_options": options, "factors": (factor,), "contexts": 1, "planning_contexts": 1,
        "sweep": {"pace": pace, "hidden": 8},
    }  # fmt: skip
    started = open_annealing_run(None, given, Place(out=tmp_path / "run", data_dir=folder))
    run = started.run
    for _ in annealing_test(started):
        pass
    rows = require_recorded(run, data)
    (closed,) = ifp.spectrum(data, factors=(factor,), contexts=1)
    cases = [(row["factor"], row["context"], row["threshold_nats"]) for row in rows]
    assert cases == [(factor, "0", "0.1"), (factor, "0", "0.01")]
    assert {float(row["spectral_beta"]) for row in rows} == {closed.spectral_beta}


def require_recorded(run, data):
    """Rows of freezing.csv, of a run that is finished and says which data it was made with."""
    assert run.finished
    recorded = json.loads((run.path / "config.json").read_text())["data"]
    assert recorded["fingerprint"] == data.fingerprint
    assert (recorded["name"], recorded["images"]) == (data.name, len(data))
    with (run.path / "freezing.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["dataset"] for row in rows} == {data.name}
    assert {row["status"] for row in rows} <= {"ok", "never_froze", "above_range", "never_melted"}
    return rows


@every
def test_a_short_training_run_records_what_latents_hold(name, opened, tmp_path, capsys):
    data = opened(name)
    settings = {
        "steps": 20, "batch_size": 4, "eval_every": 10, "probe": 64, "threads": 1, "network": "conv-8",
        "learning_rate": 1e-3,
    }  # fmt: skip
    run = ifp.train(data, out=tmp_path / "run", objective="beta-vae", latents=2, **settings)
    trace = load_npz(run.path / "trace.npz")
    assert trace["step"].tolist() == [0, 10, 20]
    assert (trace["kl"] > 0).all()
    assert trace["reconstruction"][-1] < trace["reconstruction"][0]
    factors = data.factors.names if data.factors else ()
    assert trace["factors"].tolist() == list(factors)
    assert trace["mi"].shape == (3, 2, len(factors))
    show_training(run)
    said = "factor information is not available" in capsys.readouterr().err
    assert said is (data.factors is None)


@unlabelled
def test_without_labels_there_is_a_whole_spectrum_and_no_action_sequence(name, opened):
    data = opened(name)
    for refused in (lambda: ifp.spectrum(data, factors=["azimuth"]), lambda: action_sequence(data, "azimuth", 0)):
        with pytest.raises(IFPError, match=f"labelled factors for action sequences, {name} has none"):
            refused()
    values = whole_spectrum(data, count=6)
    assert (len(values), sorted(set(values), reverse=True)) == (6, values)
    assert 0 < values[-1] < values[0] < np.inf


@unlabelled
def test_without_labels_a_short_run_on_all_data_records_them(name, opened, brought, tmp_path):
    folder, options = brought(name)
    given = {
        "dataset": name, "data_options": options, "latents": 3, "channels": 4, "hidden": 8, "hold_steps": 10,
        "heat_steps": 20, "cool_steps": 20, "batch_size": 4, "probe": 16, "record_every": 5, "checkpoint_every": 15,
        "threads": 1, "pressures": (0.5, 20.0),
    }  # fmt: skip
    started = open_whole_run(None, given, Place(out=tmp_path / "run", data_dir=folder))
    run = started.run
    for _ in whole_annealing(started):
        pass
    rows = require_recorded(run, opened(name))
    assert [(row["latent"], row["threshold_nats"]) for row in rows] == [
        (latent, threshold) for latent in "012" for threshold in ("0.1", "0.01")
    ]
    assert {row["attributed_factor"] for row in rows} == {""}
