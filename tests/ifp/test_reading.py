"""Reading writes nothing: what each command adds to a finished run, and that no function of Python adds anything."""

import shutil

import pytest

import ifp
from ifp.api.kinds import METHODS

pytestmark = pytest.mark.usefixtures("_one_thread")


def state(folder):
    """Every file and folder below, with what it holds and when it was last written."""
    return {
        str(path.relative_to(folder)): (path.read_bytes() if path.is_file() else None, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
    }


@pytest.fixture(scope="module")
def kept(finished_runs, tmp_path_factory):
    """The finished runs of this module, in a folder called runs, to which each test may add what it is allowed to."""
    return shutil.copytree(finished_runs, tmp_path_factory.mktemp("kept") / "runs")


def changed(before, after):
    """Files that were added, taken away or changed."""
    return {
        name for name in {*before, *after} if before.get(name) != after.get(name) and (after.get(name) or (b"",))[0]
    }


# Commands


WRITTEN = [
    (("runs",), set()),
    (("verify",), set()),
    *((("verify", f"runs/{name}"), set()) for name in ("anneal", "full", "train", "compare")),
    *((("plan-stages", f"runs/{name}"), set()) for name in ("anneal", "full")),
    (("plan-stages", "runs/anneal", "--from", "spectrum"), set()),
    (("compare", "runs/train", "runs/compare", "--scores", "mig"), set()),
    (("compare", "runs/compare", "--scores", "mig", "--plot", "comparison.png"), {"comparison.png"}),
    (("anneal", "--resume", "--out", "runs/anneal"), set()),
    (("anneal", "--resume", "--out", "runs/full"), set()),
    (("train", "--resume", "--out", "runs/train"), set()),
    (("compare", "--resume", "--out", "runs/compare"), set()),
    (("spectrum", "--dataset", "dsprites-tiny", "--contexts", "2"), set()),
    (("suggest", "dsprites-tiny", "--modes", "2"), set()),
    (("suggest", "dsprites-tiny", "--modes", "2", "--plot", "modes.svg"), {"modes.svg"}),
    (("data", "list"), set()),
    (("data", "show", "dsprites-tiny"), {"dsprites-tiny-samples.png"}),
    (("diagnose", "runs/anneal"), {"runs/anneal/findings.json", "runs/anneal/checksums.json"}),
    (("diagnose", "runs/anneal", "runs/anneal", "--plot", "shifts.svg"), {"shifts.svg"}),
    (("diagnose", "runs/full"), {"runs/full/findings.json", "runs/full/checksums.json"}),
    (("diagnose", "runs/train"), {"runs/train/diffusion.json", "runs/train/checksums.json"}),
    (
        ("diagnose", "runs/train", "runs/compare/beta-vae-0", "--plot", "information.svg"),
        {"information.svg", "runs/compare/checksums.json"}
        | {f"runs/train/{file}" for file in ("diffusion.json", "checksums.json")}
        | {f"runs/compare/beta-vae-0/{file}" for file in ("diffusion.json", "checksums.json")},
    ),
    (
        ("score", "runs/train", "--only", "sap"),
        {"runs/train/scores.json", "runs/train/checksums.json"},
    ),
    (("score", "runs/train", "runs/compare", "--udr"), set()),
    (
        ("score", "runs/train", "runs/compare/beta-vae-0", "--only", "mig_sup"),
        {"runs/compare/checksums.json"}
        | {f"runs/{run}/{file}.json" for run in ("train", "compare/beta-vae-0") for file in ("scores", "checksums")},
    ),
    (("plot-distributions", "runs/anneal"), {"runs/anneal/distributions.png", "runs/anneal/checksums.json"}),
    (("plot-distributions", "runs/anneal", "runs/anneal", "--out", "two.svg"), {"two.svg"}),
    (("plot-curves", "runs/anneal"), {"runs/anneal/curves.png", "runs/anneal/checksums.json"}),
    (("plot-curves", "runs/full"), {"runs/full/curves.png", "runs/full/checksums.json"}),
    (("traverse", "runs/train", "--values", "3"), {"traversal.png"}),
    (("encode", "runs/train"), {"codes.npz"}),
    *(
        (("report", f"runs/{name}"), {f"runs/{name}/report.html", f"runs/{name}/checksums.json"})
        for name in ("anneal", "full", "train", "compare")
    ),
]  # fmt: skip


@pytest.mark.parametrize(("words", "may"), WRITTEN, ids=[" ".join(words) for words, _ in WRITTEN])
def test_a_command_writes_what_it_is_for_and_nothing_else(words, may, kept, told, monkeypatch):
    monkeypatch.chdir(kept.parent)
    before = state(kept.parent)
    code, error, _ = told(*words)
    assert code == 0, error
    written = changed(before, state(kept.parent))
    assert written <= may
    assert {name for name in may if not name.endswith("checksums.json")} <= written | set(before)
    assert [fault for run in ("anneal", "full", "train", "compare") for fault in ifp.verify(kept / run).faults] == []


def test_every_command_is_tried_here():
    from tests.ifp.test_front_door import COMMANDS

    tried = {" ".join(words).split(" runs/")[0].split(" --")[0].removesuffix(" dsprites-tiny") for words, _ in WRITTEN}
    # which have nothing to do with runs: one needs the network, one empties the cache (test_cache.py)
    assert tried == set(COMMANDS) - {"data fetch", "data clear"}


# Functions


def by_hand(run):
    """What a person does with a run at hand."""
    repr(run)
    str(run)
    run.to_frame()
    assert run.finished
    assert (run.data.images, run.origin.seed) == (32, 0)
    for figure in METHODS[run.kind].figures:
        run.plot(figure)


def test_no_function_of_python_changes_a_byte_unless_it_is_asked_to(kept):
    runs = {name: ifp.open_run(kept / name) for name in ("anneal", "full", "train", "compare")}
    before = state(kept.parent)
    for run in ifp.runs(kept):
        by_hand(run)
        ifp.verify(run)
    for name in ("anneal", "full", "train"):
        runs[name].findings()
        repr(ifp.diagnose(runs[name]))
    diagnoses = ifp.diagnose([runs["train"], runs["train"].path])
    assert repr(diagnoses).startswith("Diagnoses of 2 runs")
    assert diagnoses.to_frame()["run"].tolist() == ["train"] * len(diagnoses.to_frame())
    diagnoses.plot()
    for name in ("anneal", "full"):
        ifp.plan_stages(runs[name])
    ifp.plan_stages(runs["anneal"], order=True)
    for run in (runs["train"], runs["full"]):
        ifp.freezing_points(run).plot()
    ifp.score(runs["train"], only=["modularity"], n_jobs=1)
    ifp.score_runs([runs["train"], runs["compare"]], only=["modularity"], n_jobs=1).plot()
    repr(ifp.score_runs([runs["train"], runs["compare"]], udr=True))
    ifp.encode(runs["train"])
    ifp.traverse(runs["train"], count=2)
    ifp.load_model(runs["train"])
    ifp.compare([runs["train"], runs["compare"]], scores=["mig"]).plot()
    for name in ("anneal", "train"):
        getattr(ifp, name)(out=kept / name, resume=True)
    ifp.anneal(out=kept / "full", resume=True)
    ifp.compare(out=kept / "compare", resume=True)
    assert state(kept.parent) == before
