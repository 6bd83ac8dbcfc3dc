"""The ten likely mistakes: each gives one line on stderr that says what to do next, and changes nothing.

The list is ``MISTAKES``. Commands run in ``place``, a folder with data, runs and plans to be mistaken about.
"""

import builtins
import json
import re
from dataclasses import replace

import numpy as np
import pytest

import ifp
from analysis.plain_json import json_bytes
from ifp.api.train import train
from ifp.files.plain import load_json
from ifp.run_directory.lock import locked
from ifp.run_directory.run import create_run

BARS = ("--dataset", "bars.npz")
BETA = ("--objective", "beta-vae")
NO_RUN = (
    r"need a run: there is no finished run{} under empty/: make one with `{}`, or name another place with --runs DIR"
)
NOT_BEGUN = (
    r"need a run: there is no unfinished run of kind anneal under empty/: begin one with `ifp anneal --dataset NAME`, "
    r"or name another place with --runs DIR"
)
ONE_IMAGE = r"need two images or more for freezing points, one has 1: add images"
SINGLE = r"need a factor of two values or more, brightness has one in single: take --factors position"
NO_CONTEXT = (
    r"need contexts in which a factor varies while the others stay, got none among 10 for position, brightness: "
    r"take more --contexts, or --mode full, which anneals all data at once"
)
NO_GPU = r"need a GPU for --device cuda, this machine offers 0: take --device cpu"
NO_DIRECTORY = (
    r"need a run directory with a config.json of ifp-run/1, got (?:\S+/)?runs/trainde: there is no such directory "
    r"\(`ifp runs` lists the runs at hand\)"
)
OTHER_PLAN = (
    r"need the data set that the plan is for, other, got bars: plan for it with `ifp plan-stages --from spectrum "
    r"--dataset \S+/bars.npz` \(--force uses the plan all the same\)"
)
BEING_WRITTEN = (
    r"need runs/held for this process alone, this process itself is writing to it: wait, or take another --out"
)
BEGUN = r"runs/begun is an unfinished run of kind train: go on with `ifp train --resume --out runs/begun`"
HELD = r"runs/held is an unfinished run of kind train, still being written: wait for its end \(see `ifp runs`\)"
OTHER_KIND = r"runs/trained is a finished run of kind train \(`ifp runs` lists the others\)"
OLD_RUN = (
    r"need a run directory with a config.json of ifp-run/1, got runs/old: its own is of 'ifp-run/0': what made it is "
    r"another version or program, make the run again"
)

CONTINUOUS = (
    r"need classes in factors in \S*{}, factor0 has 300 values within \S+: --bins N cuts the range of a continuous "
    r"factor into N classes \(from Python bins=N\)"
)
OTHER_SCALE = r"need pixels in 0\.\.{} in images of the arrays given, image 0 holds \S+ \({}\)"

# what is mistaken, the command, its line
MISTAKES = {
    "1 a wrong name": [
        (("anneal", "--dataset", "dsprite"), r"need a data set out of .*, got 'dsprite' \(did you mean dsprites\?\)"),
        (("data", "show", "shapes3"), r"need a data set out of .*, got 'shapes3' \(did you mean shapes3d\?\)"),
        (("data", "fetch", "coil-20"), r"need a data set out of .*, got 'coil-20' \(did you mean coil20\?\)"),
        (
            ("anneal", *BARS, "--factors", "Positon"),
            r"need a factor out of position, brightness, got 'Positon' \(did you mean position\?\)",
        ),
        (
            ("spectrum", *BARS, "--correlate", "position:brigtness:0.2"),
            r"need a factor out of position, brightness, got 'brigtness' \(did you mean brightness\?\)",
        ),
        (
            ("train", *BARS, "--objective", "beta_vae"),
            r"need an objective out of .*, got 'beta_vae' \(did you mean beta-vae\?\)",
        ),
        (("compare", *BARS, "--objectives", "dip-vae"), r"need an objective out of .* \(did you mean dip-vae-i\?\)"),
        (
            ("train", *BARS, *BETA, "--likelihood", "bernouli"),
            r"need a likelihood out of bernoulli, gaussian, .*laplace, got 'bernouli' \(did you mean bernoulli\?\)",
        ),
        (("train", *BARS, *BETA, "--network", "conv-9"), r"need a network out of .* \(did you mean conv-8\?\)"),
        (("anneal", *BARS, "--network", "densse"), r"need a network out of .*, got 'densse' \(did you mean dense\?\)"),
        (
            ("train", *BARS, *BETA, "--preset", "locatelo"),
            r"need a preset out of locatello, deft-2022, deft-2021, got 'locatelo' \(did you mean locatello\?\)",
        ),
        (("train", *BARS, *BETA, "--precision", "float23"), r"need a precision out of .* \(did you mean float32\?\)"),
        (
            ("train", *BARS, *BETA, "--set", "bata=4"),
            r"need settings of beta-vae out of beta, got 'bata' \(did you mean beta\?\)",
        ),
        (
            ("train", *BARS, "--plan", "plan.json", "--advance", "platau"),
            r"need an advance out of share, plateau, got 'platau' \(did you mean plateau\?\)",
        ),
        (("anneal", *BARS, "--mode", "ful"), r"need a mode out of action, full, got 'ful' \(did you mean full\?\)"),
        (("anneal", *BARS, "--protocol", "deft2022"), r"need a protocol out of .* \(did you mean deft-2022\?\)"),
        (("spectrum", *BARS, "--nuisance", "redraw"), r"need a nuisance out of .* \(did you mean redrawn\?\)"),
        (("score", "runs/trained", "--only", "mgi"), r"need scores among .*, got mgi \(did you mean mig\?\)"),
        (
            ("spectrum", "--dataset", "keys.npz", "--images-from", "x_train", "--factors-from", "label"),
            r"need an array label in \S+/keys.npz, got labels, x_test, x_train",
        ),
        (
            ("spectrum", "--dataset", "keys.npz"),
            r"need an array images in \S+/keys.npz, got labels, x_test, x_train "
            r"\(--images-from x_train takes that one\)",
        ),
        (
            ("spectrum", "--dataset", "dsprites-tiny", "--missing", "-1"),
            r"need data of your own for --missing, got dsprites-tiny",
        ),
    ],
    "2 a wrong path": [
        (
            ("anneal", "--dataset", "bar.npz"),
            r"need an npz of your own, there is none at \S+/bar.npz \(see `ifp data list`\)",
        ),
        (
            ("spectrum", "--dataset", "pictures/"),
            r"need an npz file or a folder of pictures, there is none at \S+/pictures \(see `ifp data list`\)",
        ),
        (("diagnose", "runs/trainde"), NO_DIRECTORY),
        (("report", "runs/trainde"), NO_DIRECTORY),
        (("train", *BARS, *BETA, "--init-from", "runs/trainde"), NO_DIRECTORY),
        (
            ("score", "code.npz"),
            r"need an npz of codes, there is no file code.npz: `ifp encode --out code.npz` makes one of a run",
        ),
        (
            ("train", *BARS, "--plan", "plam.json"),
            r"need a plan file, got: No such file plam.json: make one with `ifp plan-stages > plam.json`",
        ),
        (("anneal", "--config", "rum.toml"), r"need a TOML file for --config, there is no file rum.toml"),
        (
            ("encode", "runs/trained", "--out", "codes.npy"),
            r"need a file ending in .npz in an existing folder, got codes.npy",
        ),
        (
            ("traverse", "runs/trained", "--out", "figures/t.png"),
            r"need an existing folder for the figure, got figures",
        ),
    ],
    "3 a plan for other data": [(("train", *BARS, "--plan", "other.json"), OTHER_PLAN)],
    "4 no run yet": [
        (("plan-stages", "--runs", "empty"), NO_RUN.format(" of kind anneal", "ifp anneal --dataset NAME")),
        (("diagnose", "--runs", "empty"), NO_RUN.format(" of kind anneal", "ifp anneal --dataset NAME")),
        (("plot-curves", "--runs", "empty"), NO_RUN.format(" of kind anneal", "ifp anneal --dataset NAME")),
        (("score", "--runs", "empty"), NO_RUN.format(" of kind train", "ifp train --plan FILE")),
        (("encode", "--runs", "empty"), NO_RUN.format(" of kind train", "ifp train --plan FILE")),
        (("traverse", "--runs", "empty"), NO_RUN.format(" of kind train", "ifp train --plan FILE")),
        (("report", "--runs", "empty"), NO_RUN.format("", "ifp anneal --dataset NAME")),
        (("verify", "--runs", "empty"), NO_RUN.format("", "ifp anneal --dataset NAME")),
        (("anneal", "--resume", "--runs", "empty"), NOT_BEGUN),
        (("score", "--runs", "started"), r"need a run: there is no finished run of kind train under started/, "
            r"started/run is an unfinished run of kind train: go on with `ifp train --resume --out started/run`"),
    ],
    "5 an empty factor": [
        (("anneal", "--dataset", "single.npz", "--factors", "brightness"), SINGLE),
        (("spectrum", "--dataset", "single.npz", "--factors", "brightness"), SINGLE),
        (("plan-stages", "--from", "spectrum", "--dataset", "single.npz", "--factors", "brightness"), SINGLE),
        (("anneal", "--dataset", "diagonal.npz"), NO_CONTEXT),
        (("spectrum", "--dataset", "continuous.npz"), CONTINUOUS.format("continuous.npz")),
        (("anneal", "--dataset", "continuous.npz"), CONTINUOUS.format("continuous.npz")),
        (
            ("score", "mine.npz"),
            CONTINUOUS.format("mine.npz")
            + r", and regressions on its values need none: --only \S*sap-regression\S* \(from Python only=\)",
        ),
    ],
    "6 too few cases": [
        (("anneal", "--dataset", "one.npz"), ONE_IMAGE),
        (("anneal", "--dataset", "one.npz", "--mode", "full"), ONE_IMAGE),
        (("spectrum", "--dataset", "one.npz"), ONE_IMAGE),
        (("plan-stages", "--from", "spectrum", "--dataset", "one.npz"), ONE_IMAGE),
        (
            ("anneal", *BARS, "--network", "optimal", "--repeats", "3"),
            r"need one repeat at equilibrium, where nothing is random, got 3",
        ),
        (("compare", *BARS), r"need objectives to compare: --objectives a,b, or runs at hand"),
    ],
    "7 no such device": [
        (("train", *BARS, *BETA, "--device", "cuda"), NO_GPU),
        (("anneal", *BARS, "--device", "cuda"), NO_GPU),
        (("anneal", *BARS, "--mode", "full", "--device", "cuda"), NO_GPU),
        (("compare", *BARS, "--objectives", "beta-vae", "--device", "cuda"), NO_GPU),
        (("train", *BARS, *BETA, "--device", "gpu"), r"need a device such as cpu, cuda or auto, got 'gpu'"),
    ],
    "8 an extra that is not installed": [
        (
            ("train", *BARS, *BETA, "--tensorboard"),
            r"need the package tensorboard for --tensorboard: pip install 'ifp\[tensorboard\]'",
        ),
        (
            ("anneal", *BARS, "--scheduler", "local:2"),
            r"need Dask for --scheduler \(pip install 'ifp\[cluster\]'\), got: no module distributed",
        ),
    ],
    "9 a run that is being written, or not finished": [
        (("train", "--resume", "--out", "runs/held"), BEING_WRITTEN),
        (("train", *BARS, *BETA, "--network", "dense", "--out", "runs/held", "--overwrite"), BEING_WRITTEN),
        (("diagnose", "runs/held"), rf"need a finished run of training, {HELD}"),
        (("score", "runs/held"), rf"need a finished training run, {HELD}"),
        (("diagnose", "runs/begun"), rf"need a finished run of training, {BEGUN}"),
        (("encode", "runs/begun"), rf"need a finished training run, {BEGUN}"),
        (("report", "runs/begun"), rf"need a finished run for a report, {BEGUN}"),
        (("compare", "runs/begun"), rf"need finished runs of training to compare, {BEGUN}"),
        (("plot-distributions", "runs/trained"), rf"need a finished annealing run, {OTHER_KIND}"),
        (
            ("train", *BARS, *BETA, "--out", "runs/trained"),
            r"need a new or empty directory for the run, runs/trained is in use \(--resume or --overwrite\)",
        ),
    ],
    "10 an old or foreign format": [
        (("diagnose", "runs/old"), OLD_RUN),
        (("train", "--resume", "--out", "runs/old"), OLD_RUN),
        (
            ("train", *BARS, "--plan", "old.json"),
            r"need a plan of format \S+/1 or \S+/2, got 'ifp-stage-plan/0': plan anew with `ifp plan-stages`",
        ),
        (
            ("plan-stages", "--check", "runs/trained/scores.json"),
            r"need a plan of format \S+/1 or \S+/2, got 'ifp-scores/1': plan anew with `ifp plan-stages`",
        ),
        (
            ("score", "runs/foreign"),
            r"need a checkpoint.json of \S+ in runs/foreign: train again with this version",
        ),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def place(bars, make_plan, tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    index = np.arange(len(bars))
    kept = {"bars": index, "one": [0], "single": index[::4], "diagonal": [0, 5, 10, 15]}
    for name, some in kept.items():
        arrays = {"images": bars.images(some), "factors": bars.factors_at(some), "factor_names": bars.factors.names}
        np.savez(folder / f"{name}.npz", **arrays)
    drawn = np.random.default_rng(0).random((300, 2))
    np.savez(folder / "continuous.npz", images=np.zeros((300, 4, 4)), factors=drawn)
    np.savez(folder / "mine.npz", codes=drawn, factors=drawn)
    np.savez(folder / "keys.npz", x_train=np.zeros((3, 4, 4)), x_test=np.zeros((3, 4, 4)), labels=np.arange(3))
    own = ifp.load_dataset(str(folder / "bars.npz"))
    run = train(own, objective="beta-vae", network="dense", steps=2, batch_size=4, out=folder / "runs" / "trained")
    config = load_json(run.path / "config.json")
    for name in ("begun", "held"):
        create_run(folder / "runs" / name, "train", config["settings"], config["data"])
    create_run(folder / "started" / "run", "train", config["settings"], config["data"])
    foreign = create_run(folder / "runs" / "foreign", "train", config["settings"], config["data"])
    (foreign.path / "checkpoint.json").write_text('{"format": "ckpt"}')
    (folder / "runs" / "old").mkdir()
    (folder / "runs" / "old" / "config.json").write_text(json.dumps({**config, "format": "ifp-run/0"}))
    plan = make_plan(own)
    (folder / "plan.json").write_bytes(json_bytes(plan))
    (folder / "other.json").write_bytes(json_bytes(replace(plan, dataset="other")))
    (folder / "old.json").write_text('{"format": "ifp-stage-plan/0"}')
    (folder / "empty").mkdir()
    with locked(folder / "runs" / "held"):
        yield folder


@pytest.fixture
def without_extras(monkeypatch):
    """As if ifp alone were installed."""
    found = builtins.__import__

    def without(name, *arguments, **more):
        if name.partition(".")[0] in ("tensorboard", "distributed"):
            raise ImportError(f"no module {name}")
        return found(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if path.name != ".lock"
    }


CASES = [(kind, command, line) for kind, cases in MISTAKES.items() for command, line in cases]


@pytest.mark.parametrize(
    ("kind", "command", "line"), CASES, ids=[f"{kind.split()[0]} {' '.join(command)}" for kind, command, _ in CASES]
)
@pytest.mark.usefixtures("without_extras")
def test_a_mistake_is_told_in_one_line_and_changes_nothing(kind, command, line, told, place, monkeypatch):
    monkeypatch.chdir(place)
    before = contents(place)
    code, err, out = told(*command)
    assert (code, out) == (1, "")
    assert re.fullmatch(f"ifp: {line}\n", err), err
    assert contents(place) == before


FROM_PYTHON = {
    "a data set": (lambda at: ifp.load_dataset("dsprite"), r"need a data set out of .* \(did you mean dsprites\?\)"),
    "a path": (lambda at: ifp.load_dataset(at / "bar.npz"), r"need an npz of your own, there is none at .*data list"),
    "a factor": (lambda at: ifp.spectrum(bars_at(at), factors=["Position"]), r"\(did you mean position\?\)"),
    "a mode": (
        lambda at: ifp.anneal(bars_at(at), mode="ful"),
        r"need a mode out of action, full, got 'ful' \(did you mean",
    ),
    "a setting of annealing": (
        lambda at: ifp.anneal(bars_at(at), context=3),
        r"need settings out of .*, got 'context' \(did you mean contexts\?\)",
    ),
    "a setting of mode full": (
        lambda at: ifp.anneal(bars_at(at), mode="full", latent=3),
        r"need settings out of .*, got 'latent' \(did you mean latents\?\)",
    ),
    "a setting of training": (
        lambda at: ifp.train(bars_at(at), objective="beta-vae", stpes=3),
        r"need settings out of .*, got 'stpes' \(did you mean steps\?\)",
    ),
    "an objective": (lambda at: ifp.train(bars_at(at), objective="beta"), r"need an objective out of"),
    "no plan": (lambda at: ifp.train(bars_at(at)), r"need a stage plan for deft: .*`ifp plan-stages` makes one"),
    "one image": (lambda at: ifp.spectrum(ifp.load_dataset(at / "one.npz")), ONE_IMAGE),
    "one image, annealed": (lambda at: ifp.anneal(at / "one.npz"), ONE_IMAGE),
    "one image, mode full": (lambda at: ifp.anneal(at / "one.npz", mode="full"), ONE_IMAGE),
    "an empty factor": (lambda at: ifp.anneal(at / "single.npz", factors="brightness"), SINGLE),
    "empty cells": (lambda at: ifp.anneal(at / "diagonal.npz"), NO_CONTEXT),
    "no GPU": (lambda at: ifp.train(bars_at(at), objective="beta-vae", device="cuda"), NO_GPU),
    "an unfinished run": (
        lambda at: ifp.diagnose(at / "runs" / "begun"),
        r"is an unfinished run .*: go on with `ifp train",
    ),
    "a model of an unfinished run": (
        lambda at: ifp.load_model(at / "runs" / "begun"),
        r"unfinished run .*: go on with",
    ),
    "a run of another version": (lambda at: ifp.open_run(at / "runs" / "old"), r"of 'ifp-run/0': .*make the run again"),
    "pixels of 12 bits": (
        lambda at: ifp.from_arrays(np.full((2, 4, 4), 4095)),
        OTHER_SCALE.format(255, "others as floats in 0\\.\\.1"),
    ),
    "floats of 0..255": (
        lambda at: ifp.from_arrays(np.full((2, 4, 4), 255.0)),
        OTHER_SCALE.format(1, r"divide by the largest value, of -1\.\.1 take \(x \+ 1\) / 2"),
    ),
    "channels first": (lambda at: ifp.from_arrays(np.zeros((2, 3, 9, 9))), r"channels go last, np\.moveaxis"),
    "continuous factors": (
        lambda at: ifp.from_arrays(np.zeros((300, 4, 4)), np.random.default_rng(0).random((300, 2))),
        CONTINUOUS.format("the arrays given"),
    ),
    "a stream": (lambda at: ifp.spectrum(iter([])), r"need a data set with a length and items by number, got"),
    "a score": (lambda at: ifp.score(at / "runs" / "trained", only=["mgi"]), r"got mgi \(did you mean mig\?\)"),
}


def bars_at(folder):
    return ifp.load_dataset(folder / "bars.npz")


@pytest.mark.parametrize("mistake", FROM_PYTHON)
def test_python_tells_the_same(mistake, place, monkeypatch):
    monkeypatch.chdir(place)
    before = contents(place)
    make, line = FROM_PYTHON[mistake]
    with pytest.raises(ifp.IFPError, match=line) as told:
        make(place)
    assert "\n" not in str(told.value)
    assert contents(place) == before
