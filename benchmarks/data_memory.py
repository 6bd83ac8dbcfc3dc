"""Memory and time of data sets: the whole of dSprites, and 480,000 images of 64x64x3 in the layout of Shapes3D.

Each step is a process of its own: opened for the first time, opened again, trained for STEPS steps.
Usage: python -m benchmarks.data_memory FOLDER [STEPS]        (default 200; FOLDER takes some 6 GB, and is kept)
"""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

from ifp.datasets.dataset import Lattice

_SIZES = (10, 10, 10, 8, 4, 15)
_BLOCK = 4800

_OPEN = """
import time; began = time.perf_counter()
import resource, ifp
imported = time.perf_counter()
ds = ifp.load_dataset({name!r}); opened = time.perf_counter()
ds.images(range(64))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(f"{what}: {{opened - imported:.2f}} s (and {{imported - began:.2f}} s of imports), peak {{peak:.2f}} GiB")
"""
_TRAIN = """
import resource, ifp
from analysis.stage_plan import Stage, StagePlan
from ifp.machine.memory import keep_freed_memory
keep_freed_memory()
ds = ifp.load_dataset({name!r})
stage = Stage(1.0, ("all",), tuple(range(10)), 1.0, {{}}, None)
plan = StagePlan("ifp-stage-plan/1", ds.name, ds.fingerprint, ds.image_shape, "bernoulli", 10, 0.1, (stage,), None, [])
ifp.train(ds, plan=plan, steps={steps}, out={out!r})
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(f"{name}: trained {steps} steps, peak {{peak:.2f}} GiB")
"""


def write_shapes3d(path: Path) -> None:
    """A file of the published layout and size; its pictures are noise of 16 levels in blocks, so that it packs."""
    rng = np.random.default_rng(0)
    images = len(Lattice(_SIZES))
    with h5py.File(path.with_suffix(".part"), "w") as file:
        stored = file.create_dataset(
            "images", (images, 64, 64, 3), np.uint8, chunks=(64, 64, 64, 3), compression="gzip"
        )
        for start in range(0, images, _BLOCK):
            blocks = rng.integers(0, 16, (_BLOCK, 8, 8, 3), np.uint8) * 16
            stored[start : start + _BLOCK] = blocks.repeat(8, axis=1).repeat(8, axis=2)
        file["labels"] = Lattice(_SIZES).factors_at(np.arange(images)).astype(np.float64)
    path.with_suffix(".part").replace(path)


def main(folder: Path, steps: int) -> None:
    """Print a line per data set and step."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "3dshapes.h5").is_file():
        write_shapes3d(folder / "3dshapes.h5")
    environment = {**os.environ, "IFP_DATA_DIR": str(folder), "IFP_CACHE_DIR": str(folder / "cache")}
    for name in ("dsprites", "shapes3d"):
        scripts = [_OPEN.format(name=name, what=f"{name}: opened{again}") for again in ("", " again")]
        out = str(folder / f"train-{name}-{os.getpid()}")
        for script in (*scripts, _TRAIN.format(name=name, steps=steps, out=out)):
            subprocess.run([sys.executable, "-c", script], env=environment, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200)
