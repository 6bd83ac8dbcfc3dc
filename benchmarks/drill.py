"""Commands under the least address space that works and half of it, umask 077, a home that cannot be written to; and a
cache whose builders are killed.

A line per command: the least address space, found by halving; how the command ends with half of it, which must be one
line, a code of its own, and nothing left. Then four processes build the images of a folder at a time, one of them is
killed at a random moment, twenty times over: what the cache holds in the end must be whole, and nothing else.

Usage: python -m benchmarks.drill [--kills 20]      (exits with 1 where something is wrong)
"""

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import ifp
from benchmarks.same_bytes import ROOT
from ifp.files.atomic import PARTIAL

_STEP = 64 * 2**20  # bytes, to which the least is found
_MOST = 16 * 2**30
_HOME = "/proc/home"  # where nobody can write, not even root
SHORT = {"objective": "beta-vae", "network": "conv-8", "steps": 4, "batch_size": 4, "eval_every": 2, "threads": 1}
CASES = {
    "anneal": ("anneal", "--dataset", "dsprites-tiny", "--contexts", "1", "--factors", "scale", "--out", "out"),
    "spectrum of a folder": ("spectrum", "--dataset", "pictures"),
    "train": ("train", "--dataset", "dsprites-tiny", "--objective", "beta-vae", "--steps", "4", "--out", "out"),
    "report": ("report", "run", "--out", "out.html"),
    "score": ("score", "run", "--only", "mig"),
}


def write_pictures(folder: Path, count: int, side: int) -> None:
    """A folder of grey pictures of noise."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        Image.fromarray(rng.integers(0, 256, (side, side), np.uint8)).save(folder / f"{number:04d}.png")


def prepared(folder: Path) -> None:
    """What the commands need: pictures, and a run."""
    write_pictures(folder / "pictures", 30, 32)
    ifp.train("dsprites-tiny", out=folder / "run", **SHORT)


def ended(source: Path, words: tuple[str, ...], limit: int) -> tuple[int, str, set[str]]:
    """Exit code and stderr of a command under a limit, in a copy of the folder; which files are new."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "here")
        shutil.copytree(source, folder)
        before = {str(path.relative_to(folder)) for path in folder.rglob("*")}

        def limited() -> None:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            os.umask(0o077)

        own = {"HOME": _HOME, "IFP_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(ROOT)}
        environment = {name: value for name, value in os.environ.items() if name != "IFP_DATA_DIR"} | own
        run = [sys.executable, "-m", "ifp", *words]
        done = subprocess.run(
            run, cwd=folder, env=environment, capture_output=True, text=True, check=False, preexec_fn=limited
        )
        after = {str(path.relative_to(folder)) for path in folder.rglob("*")}
        modes = {
            path.stat().st_mode & 0o077 for path in folder.rglob("*") if str(path.relative_to(folder)) not in before
        }
        if done.returncode == 0 and modes > {0}:
            raise SystemExit(f"ifp {' '.join(words)}: files that others may read, {modes}")
        return done.returncode, done.stderr, {name for name in after - before if not name.startswith("cache")}


def least_space(source: Path, words: tuple[str, ...]) -> int:
    """Bytes of address space that a command needs, to 64 MiB."""
    low, high = 0, _MOST
    while high - low > _STEP:
        middle = (low + high) // 2
        if ended(source, words, middle)[0] == 0:
            high = middle
        else:
            low = middle
    return high


def commands(source: Path) -> bool:
    """A line per command; whether all ended well."""
    well = True
    for name, words in CASES.items():
        least = least_space(source, words)
        code, error, left = ended(source, words, least // 2)
        lines = error.strip().splitlines()
        fine = code == 1 and len(lines) == 1 and lines[0].startswith("ifp: need") and not left
        well = well and fine
        told = lines[-1] if lines else ""
        print(
            f"{name}: least {least / 2**20:,.0f} MiB; with half of it exit code {code}, {len(lines)} lines, "
            f"{len(left)} files left{'' if fine else ', WRONG'}: {told[:150]}",
            flush=True,
        )
    return well


def builders(source: Path, kills: int) -> bool:
    """Four builders of one cache, one of them killed, again and again; whether the cache is whole in the end."""
    pictures, cache = source / "many", source / "cache"
    write_pictures(pictures, 400, 256)
    stream = random.Random(0)
    own = os.environ | {"IFP_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
    script = f"import ifp; print(ifp.load_dataset({str(pictures)!r}).fingerprint)"
    wrong, prints = 0, set()
    for _ in range(kills):
        shutil.rmtree(cache, ignore_errors=True)
        run = {"env": own, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes = [subprocess.Popen([sys.executable, "-c", script], **run) for _ in range(4)]  # type: ignore[call-overload]
        time.sleep(stream.uniform(0.5, 6))
        processes[0].kill()
        told = [process.communicate() for process in processes]
        wrong += sum(process.returncode != 0 for process in processes[1:])
        prints |= {out.strip() for out, _ in told[1:]}
    left = sorted(path.name for path in cache.iterdir() if path.name.startswith(PARTIAL))
    last = subprocess.run([sys.executable, "-c", script.replace("many", "pictures")], env=own, check=True)
    left_after = sorted(path.name for path in cache.iterdir() if path.name.startswith(PARTIAL))
    well = wrong == 0 and len(prints) == 1 and not left_after and last.returncode == 0
    print(
        f"cache: {kills} kills, {wrong} other builders that failed, {len(prints)} fingerprint, {len(left)} unfinished "
        f"after the last, {len(left_after)} after the next build{'' if well else ', WRONG'}"
    )
    return well


def main() -> None:
    """Commands, then the cache."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    kills = parser.parse_args().kills
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "source")
        source.mkdir()
        prepared(source)
        well = commands(source)
        well = builders(source, kills) and well
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
