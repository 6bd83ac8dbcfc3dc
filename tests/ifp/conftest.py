"""A small data set held in memory, plans for it, the command line in a process of its own, and the installed wheel."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import numpy as np
import pytest

import ifp
import ifp.cli
from analysis.scores.protocol import SampleSizes
from analysis.stage_plan import FORMAT, Stage, StagePlan
from ifp.datasets.dataset import DataOptions, Factors, Lattice
from ifp.machine.threads import use_threads
from tests.ifp.starting import Starter

os.environ.setdefault("IFP_JOBS", "1")  # the cores are those of the tests that go side by side


class Bars:
    """A bright bar on black, 16x16x1: 8 positions, 4 brightnesses."""

    name = "bars"
    factors: Factors | None = Factors(("position", "brightness"), (8, 4))
    image_shape = (16, 16, 1)
    fingerprint = "bars-1"
    nuisances: tuple[str, ...] = ()
    repaints = False
    source = "drawn in memory"
    reference = "bars"
    options = DataOptions()

    def __init__(self):
        self._lattice = Lattice((8, 4))

    def __len__(self):
        return len(self._lattice)

    def images(self, index):
        classes = self._lattice.factors_at(index)
        images = np.zeros((len(classes), *self.image_shape), dtype=np.float32)
        for image, (position, brightness) in zip(images, classes, strict=True):
            image[2 * position : 2 * position + 2] = (brightness + 1) / 4
        return images

    def factors_at(self, index):
        return self._lattice.factors_at(index)

    def lookup(self, factors):
        return self._lattice.lookup(factors)

    def holds(self, factors):
        return self._lattice.holds(factors)


@pytest.fixture(scope="session")
def bars():
    return Bars()


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """A folder that the first process of the tests to ask for it fills; those beside it wait, and find it whole."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all workers

    def made(name, fill):
        with (folder / f"{name}.made").open("a+") as made:  # what it says tells those that wait that all is there
            fcntl.flock(made, fcntl.LOCK_EX)
            made.seek(0)
            if made.read() != "whole":
                shutil.rmtree(folder / name, ignore_errors=True)
                (folder / name).mkdir()
                fill(folder / name)
                made.write("whole")
        return folder / name

    return made


@pytest.fixture(scope="session")
def bars_file(bars, made_once):
    """The bars as a file of the user's own, which any process can open."""

    def fill(folder):
        index, path = np.arange(len(bars)), folder / "bars.npz"
        np.savez(path, images=bars.images(index), factors=bars.factors_at(index), factor_names=bars.factors.names)

    return made_once("bars", fill) / "bars.npz"


@pytest.fixture(scope="session")
def make_plan():
    """A plan for a data set: one latent a stage, any of its settings replaced."""

    def plan(dataset, pressures=(9.0, 3.0, 1.0), shares=(0.25, 0.5, 0.25), **changed):
        stages = tuple(
            Stage(pressure, (f"factor {number}",), (number,), share, {}, None)
            for number, (pressure, share) in enumerate(zip(pressures, shares, strict=True))
        )
        settings = {
            "format": FORMAT, "dataset": dataset.name, "fingerprint": dataset.fingerprint,
            "image_shape": dataset.image_shape, "likelihood": "bernoulli", "latents": len(stages), "gamma": 0.1,
            "stages": stages, "source": None, "warnings": [],
        }  # fmt: skip
        return StagePlan(**settings | changed)

    return plan


@pytest.fixture(scope="module")
def _one_thread():
    with use_threads(1):
        yield


@pytest.fixture(scope="module")
def _few_results():
    """Trainings in this process end with the MIG of 500 images, not of 10,000, and one picture of a latent, not nine.

    These take longer than the few steps that most tests train.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ifp.training.results.STUDY", SampleSizes(train=500))
        patch.setattr("ifp.training.results.VALUES", (1.0,))
        yield


@pytest.fixture(scope="session")
def environment():
    """The environment of a process that sees no folder of official files and no other packages."""
    return {name: value for name, value in os.environ.items() if name not in ("IFP_DATA_DIR", "PYTHONPATH")}


@pytest.fixture(scope="session")
def starter(environment):
    """Starts ``python`` in a folder, everything imported; see :mod:`tests.ifp.starting`."""
    found = Starter(environment)
    yield found
    found.end()


@pytest.fixture(scope="session")
def run_ifp(starter):
    """``python -m ifp`` with arguments in a folder: exit code, stdout and stderr."""

    def run(folder, *arguments, stdin=""):
        return starter.run(folder, "-m", "ifp", *arguments, stdin=stdin)

    return run


@pytest.fixture
def told(monkeypatch, tmp_path, capsys):
    """The command line in this process, from a folder of its own: exit code and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ifp", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            ifp.cli.main()
        captured = capsys.readouterr()
        return ended.value.code, captured.err, captured.out

    return run


SHORT_TRAINING = {"steps": 12, "batch_size": 8, "eval_every": 6, "threads": 1, "precision": "float32"}
TWO_LATENTS = {**SHORT_TRAINING, "latents": 2}  # without a plan; ten take longer to draw than to train


# of whole-data annealing: small batches, but steps enough for latents to freeze
SHORT_COOLING = {"latents": 2, "hold_steps": 10, "steps": 200, "learning_rate": 0.003, "batch_size": 16, "threads": 1}


@pytest.fixture(scope="session")
def finished_runs(bars_file, made_once):
    """A folder with a finished run of every kind on the bars: anneal, full, train, compare. To be read, or copied."""

    def fill(folder):
        ifp.anneal(bars_file, out=folder / "anneal", contexts=2, protocol="equilibrium")
        ifp.anneal(bars_file, mode="full", protocol="whole-cool", out=folder / "full", **SHORT_COOLING)
        falling = {"start": 9.0, "end": 1.0}
        ifp.train(bars_file, objective="annealed-beta", parameters=falling, out=folder / "train", **TWO_LATENTS)
        objectives = ("beta-vae", "annealed-beta")
        out = folder / "compare"
        ifp.compare(dataset=bars_file, objectives=objectives, seeds=1, scores=["mig"], out=out, **TWO_LATENTS)

    return made_once("finished", fill)


ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def worked_example():
    """A block of Python in the documents by how it starts; where it stands in several, it is the same in all."""
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    blocks = [block for path in documents for block in re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)]

    def example(start):
        found = {block for block in blocks if block.startswith(start)}
        assert len(found) == 1, f"{len(found)} blocks that differ start with {start!r}"
        return found.pop()

    return example


@pytest.fixture(scope="session")
def source_tree(made_once):
    """A copy of the repository as a fresh clone has it: to build in, and without what earlier builds left."""
    left = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "runs", "shared")
    return made_once("source", lambda folder: shutil.copytree(ROOT, folder / "ifp", ignore=left)) / "ifp"


@pytest.fixture(scope="session")
def wheel(source_tree, made_once):
    """The wheel, built without a network."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]

    def fill(folder):
        subprocess.run([*command, "--wheel-dir", folder, source_tree], check=True, timeout=120)

    (built,) = made_once("wheel", fill).iterdir()
    return built


@pytest.fixture(scope="session")
def installed(wheel, made_once):
    """A virtual environment with the wheel; what it depends on is found where the tests have it, but not the sources.

    A line of a .pth file is a place to look for modules at the end of the path. The .pth files there are not read, so
    that what makes an installation editable has no effect.
    """

    def fill(folder):
        venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
        python = folder / "bin" / "python"
        command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
        subprocess.run([*command, wheel], check=True, timeout=120)
        ours = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
        places = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
        Path(ours, "dependencies.pth").write_text("\n".join(places) + "\n")

    return made_once("installed", fill)


@pytest.fixture(scope="session")
def run_installed(installed, environment):
    """A line of shell in a folder, with the installed wheel's ``ifp`` and ``python`` first on the path."""
    own = {"PATH": f"{installed / 'bin'}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(installed)}

    def run(folder, line, timeout=300, **more):
        command = ["bash", "-o", "pipefail", "-c", line]
        return subprocess.run(
            command, cwd=folder, env=environment | own | more, capture_output=True, text=True, timeout=timeout
        )

    return run
