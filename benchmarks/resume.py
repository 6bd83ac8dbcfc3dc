"""Every objective: 200 steps at a stretch against 100, kill -9, and the rest; every result file byte for byte.

The kill comes as soon as the state of step 100 is on disk, that is somewhere in the steps after it.
Usage: python -m benchmarks.resume [FOLDER [OBJECTIVE...]]
(default runs/benchmark-resume and all; one thread; exits with 1 where a byte differs)
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import ifp
from analysis.plain_json import json_bytes
from ifp.objectives import objectives
from ifp.run_directory.lock import LOCK_FILE
from studies.plans import plan_of

STATE = "parts/state.safetensors"


def contents(run: Path) -> dict[str, bytes]:
    """Every file of a run but its lock, its timings and their checksums; of config.json all but when it was made."""
    found = {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in (LOCK_FILE, "timing.csv", "checksums.json")
    }
    config = json.loads(found["config.json"])
    del config["created"]
    return {**found, "config.json": json.dumps(config).encode()}


def ifp_command(*words: str) -> subprocess.Popen[bytes]:
    """``ifp`` in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "ifp", *words], stderr=subprocess.DEVNULL)


def compare(folder: Path, objective: str) -> tuple[int, list[str]]:
    """At which step the second run was killed at the latest, and the files that differ."""
    words = (
        *("train", "--plan", str(folder / "plan.json"), "--dataset", "dsprites", "--objective", objective),
        *("--steps", "200", "--eval-every", "50", "--checkpoint-every", "100", "--threads", "1", "--overwrite"),
    )
    whole, killed = folder / f"{objective}-whole", folder / f"{objective}-killed"
    if ifp_command(*words, "--out", str(whole)).wait():
        raise SystemExit(f"{objective} cannot be trained")
    process = ifp_command(*words, "--out", str(killed))
    while not (killed / STATE).exists() and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    process.wait()
    if (killed / "checkpoint.json").exists():
        raise SystemExit(f"{objective} was done before it could be killed")
    if ifp_command("train", "--resume", "--out", str(killed)).wait():
        raise SystemExit(f"{objective} cannot go on")
    taken = int((killed / "timing.csv").read_text().splitlines()[1].split(",")[0])
    one, two = contents(whole), contents(killed)
    return 200 - taken, [name for name in sorted({*one, *two}) if one.get(name) != two.get(name)]


def main(folder: Path, names: Sequence[str]) -> None:
    """A line per objective."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_bytes(json_bytes(plan_of("published", ifp.load_dataset("dsprites"))))
    differing = 0
    for objective in names:
        step, files = compare(folder, objective)
        differing += len(files)
        print(f"{objective:14s} went on from step {step}; files that differ: {', '.join(files) or 'none'}", flush=True)
    raise SystemExit(1 if differing else 0)


if __name__ == "__main__":
    main(Path(*sys.argv[1:2] or ("runs/benchmark-resume",)), sys.argv[2:] or list(objectives()))
