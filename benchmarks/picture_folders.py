"""Time and memory of opening a folder of many small pictures: 64,000 PNGs of 32x32 in colour, in 64 folders.

Each step is a process of its own: opened for the first time, and again. Seconds are of the clock, without imports, and
of the processor (user and system), which other work on the machine changes less.
Usage: python -m benchmarks.picture_folders FOLDER [PICTURES]        (FOLDER takes some 450 MB, and is kept)
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

_PICTURES, _SIDE, _TOGETHER = 64_000, 32, 1000

_OPEN = """
import os, resource, time, ifp
from ifp.datasets import user_folder
began, spent = time.perf_counter(), time.process_time()
ds = ifp.load_dataset({path!r})
clock, processor = time.perf_counter() - began, time.process_time() - spent
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(f"{what}: {{len(ds):,}} pictures, {{clock:.2f}} s, {{processor:.2f}} s of the processor, peak {{peak:.2f}} GiB")
"""


def write_pictures(folder: Path, pictures: int) -> None:
    """Noise of 16 levels in blocks of four pixels, as PNG packs drawn pictures: some hundred bytes each."""
    rng = np.random.default_rng(0)
    for number in range(pictures):
        place = folder / f"{number // _TOGETHER:03d}"
        place.mkdir(parents=True, exist_ok=True)
        blocks = rng.integers(0, 16, (_SIDE // 4, _SIDE // 4, 3), np.uint8) * 16
        Image.fromarray(blocks.repeat(4, axis=0).repeat(4, axis=1)).save(place / f"{number:06d}.png")


def main(folder: Path, pictures: int) -> None:
    """Print a line per step."""
    place, cache = folder / f"{pictures}-pictures", folder / "cache"
    if not place.is_dir():
        write_pictures(place.with_suffix(".part"), pictures)
        place.with_suffix(".part").rename(place)
    shutil.rmtree(cache, ignore_errors=True)
    environment = {**os.environ, "IFP_CACHE_DIR": str(cache)}
    for what in ("opened", "opened again"):
        script = _OPEN.format(path=str(place), what=what)
        subprocess.run([sys.executable, "-c", script], env=environment, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else _PICTURES)
