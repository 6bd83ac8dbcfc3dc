"""Another commit's results against ours: the demo's commands and three short trainings by both, hash by hash.

What the other commit made is then opened, reported, verified and, interrupted half-way, gone on with by ours.
Usage: python -m benchmarks.same_bytes COMMIT [FOLDER]
(FOLDER, runs/benchmark-same-bytes by default, must be new; exits with 1 where a byte differs)
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.resume import contents

ROOT = Path(__file__).resolve().parents[1]
OBJECTIVES = ("beta-vae", "factor-vae", "control-vae")
SHORT = ("--dataset", "dsprites-32", "--threads", "1", "--eval-every", "50", "--checkpoint-every", "50")
DEMO = (
    ("anneal", "--dataset", "dsprites", "--out", "anneal"),
    ("plot-distributions", "anneal"),
    ("plot-curves", "anneal"),
    ("plan-stages", "anneal"),
    ("train", "--plan", "plan.json", "--dataset", "dsprites", "--steps", "300", "--out", "deft"),
    ("diagnose", "anneal"),
    ("diagnose", "deft"),
    *(("train", "--objective", name, *SHORT, "--steps", "150", "--out", name) for name in OBJECTIVES),
)
# a command, and the file after which it is stopped half-way
INTERRUPTED = (
    (("anneal", "--dataset", "dsprites-32", "--factors", "scale,posX", "--contexts", "3"), "parts/00-00000.npz"),
    (("train", "--objective", "dynamic-vae", *SHORT, "--steps", "200"), "parts/state.safetensors"),
)


@contextmanager
def work_tree(commit: str) -> Iterator[Path]:
    """The sources of a commit, for as long as they are needed."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", tree, commit], cwd=ROOT, check=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=ROOT, check=True)


def command(sources: Path, folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """``ifp`` of some sources in a process of its own, in a folder; what it prints on stdout is kept as plan.json."""
    environment = os.environ | {"PYTHONPATH": str(sources)}
    run = [sys.executable, "-m", "ifp", *words]
    if words[0] != "plan-stages":
        return subprocess.Popen(run, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with (folder / "plan.json").open("wb") as file:
        return subprocess.Popen(run, cwd=folder, env=environment, stdout=file, stderr=subprocess.DEVNULL)


def run_through(sources: Path, folder: Path, *words: str) -> None:
    """A command to its end, which must be a good one."""
    if command(sources, folder, *words).wait():
        raise SystemExit(f"in {folder}, with {sources}: ifp {' '.join(words)} failed")


def interrupt(sources: Path, folder: Path, words: tuple[str, ...], after: str) -> None:
    """Kill a command once a file of its run is there."""
    process = command(sources, folder, *words, "--out", f"{words[0]}-interrupted")
    while not (folder / f"{words[0]}-interrupted" / after).exists() and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    process.wait()


def report(what: str, one: dict[str, bytes], two: dict[str, bytes]) -> int:
    """A line per file: its hash, and whether it is the same; how many differ."""
    differing = 0
    for name in sorted({*one, *two}):
        same = one.get(name) == two.get(name)
        differing += not same
        digest = hashlib.sha256(two.get(name, b"")).hexdigest()[:16]
        print(f"{'same  ' if same else 'OTHER '} {digest}  {what}/{name}", flush=True)
    return differing


def main(commit: str, folder: Path) -> None:
    """Both through everything, then ours on what the other left."""
    there, here = folder.resolve() / "there", folder.resolve() / "here"
    there.mkdir(parents=True)
    here.mkdir()
    differing = 0
    with work_tree(commit) as tree:
        for words in DEMO:
            run_through(tree, there, *words)
            run_through(ROOT, here, *words)
        differing += report(
            ".", {"plan.json": (there / "plan.json").read_bytes()}, {"plan.json": (here / "plan.json").read_bytes()}
        )
        for run in ("anneal", "deft", *OBJECTIVES):
            differing += report(run, contents(there / run), contents(here / run))
        for words, after in INTERRUPTED:
            run_through(tree, there, *words, "--out", f"{words[0]}-whole")
            run_through(tree, there, "diagnose", f"{words[0]}-whole")
            interrupt(tree, there, words, after)
    for words, _ in INTERRUPTED:
        run_through(ROOT, there, words[0], "--resume", "--out", f"{words[0]}-interrupted")
        run_through(ROOT, there, "diagnose", f"{words[0]}-interrupted")
        whole, resumed = (contents(there / f"{words[0]}-{end}") for end in ("whole", "interrupted"))
        differing += report(f"{words[0]}, interrupted there and resumed here", whole, resumed)
    for run in ("anneal", "deft"):
        run_through(ROOT, there, "verify", run)
        run_through(ROOT, there, "report", run)
        run_through(ROOT, there, "verify", run)
    run_through(ROOT, there, "plan-stages", "anneal")
    differing += report(
        "planned here from the run made there",
        {"plan.json": (here / "plan.json").read_bytes()},
        {"plan.json": (there / "plan.json").read_bytes()},
    )
    print(f"runs of {commit} open, resume, report and verify; files that differ: {differing}")
    raise SystemExit(1 if differing else 0)


if __name__ == "__main__":
    main(sys.argv[1], Path(*sys.argv[2:3] or ("runs/benchmark-same-bytes",)))
