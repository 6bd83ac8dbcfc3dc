"""A cache of each test's own, small files of every family, and what the tests of data sets do with files."""

import io
import itertools
import os
import shutil
import struct
import tarfile
import warnings
from contextlib import contextmanager
from functools import cache as kept
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from PIL import Image

from annealing.errors import DataError
from ifp.datasets import DataWarning, load_dataset
from ifp.datasets.cache import cache_directory

SHARED = Path(__file__).parents[4] / "shared/data"

# The cache


@contextmanager
def cache_at(directory):
    """Data sets are kept in the directory, and no folder of public files is known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("IFP_DATA_DIR", raising=False)
        patch.setenv("IFP_CACHE_DIR", str(directory))
        yield directory


@pytest.fixture(autouse=True)
def cache(tmp_path):
    """The cache directory of a test, which is not there yet; a module may have one for all its tests instead."""
    with cache_at(tmp_path / "cache") as directory:
        yield directory


@pytest.fixture(scope="module")
def module_cache(tmp_path_factory):
    """A cache directory for all tests of a module, empty at first."""
    with cache_at(tmp_path_factory.mktemp("cache")) as directory:
        yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def unwritten():
    """That in a folder, which is not empty, nothing is written, added or removed meanwhile."""

    @contextmanager
    def watched(folder):
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        yield
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before != {}

    return watched


@pytest.fixture
def read_once(cache, unwritten, monkeypatch):
    """A data set that was opened, and nothing else, is found again by the environment and its path, but not read."""

    def found(name, path, data, place=None):
        assert len(os.listdir(cache)) == 1
        with unwritten(cache):
            assert load_dataset(name, path).fingerprint == data.fingerprint
            monkeypatch.setenv("IFP_DATA_DIR", str(place or Path(path).parent))
            assert load_dataset(name).fingerprint == data.fingerprint

    return found


@pytest.fixture(scope="session")
def refusal():
    """The message of the DataError that opening raises: it names a path, and nothing is left in the cache."""

    def message(name, folder=None, path=""):
        before = sorted(cache_directory().rglob("*"))
        with pytest.raises(DataError) as caught:
            load_dataset(name, folder)
        assert sorted(cache_directory().rglob("*")) == before
        assert str(path) in str(caught.value)
        return str(caught.value)

    return message


# Files


@pytest.fixture(scope="session")
def noise():
    """Bytes of any shape, the same for the same seed."""
    return lambda *shape, seed=0: np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


@pytest.fixture(scope="session")
def real_file():
    """A real file by its name; without it the test is skipped."""

    def found(name):
        if not (SHARED / name).is_file():
            pytest.skip(f"needs the real file {SHARED / name}")
        return SHARED / name

    return found


@pytest.fixture(scope="session")
def pack():
    """A tar, packed where its name says so, of (name, bytes or file or folder) and of ready members: its path."""

    def packed(path, *members):
        path.parent.mkdir(exist_ok=True)
        how = {"mode": "w"} if path.suffix == ".tar" else {"mode": "w:gz", "compresslevel": 1}
        with tarfile.open(path, **how) as tar:
            for member in members:
                if isinstance(member, tarfile.TarInfo):
                    tar.addfile(member)
                elif isinstance(member[1], Path) and member[1].is_dir():
                    tar.add(member[1], member[0])
                else:
                    content = member[1] if isinstance(member[1], bytes) else member[1].read_bytes()
                    entry = tarfile.TarInfo(member[0])  # tar.add would take a leading / from the name
                    entry.size = len(content)
                    tar.addfile(entry, io.BytesIO(content))
        return path

    return packed


def overwrite(path, start, data):
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


def write_as_later_matlab(path):
    """The same variables in a file of MATLAB 7.3: HDF5 after a header of 512 bytes."""
    variables = {name: array for name, array in scipy.io.loadmat(path).items() if not name.startswith("__")}
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in variables.items():
            file[name] = array.T
    overwrite(path, 0, b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\x02IM")


DAMAGE = {
    "no bytes": lambda path: os.truncate(path, 0),
    "half of it": lambda path: os.truncate(path, path.stat().st_size // 2),
    "all but a byte": lambda path: os.truncate(path, path.stat().st_size - 1),
    "a web page": lambda path: path.write_text("<html>" * 1000),
    # a picture
    "its header cut off": lambda path: os.truncate(path, 20),
    "its pixels cut off": lambda path: os.truncate(path, path.stat().st_size // 2),
    "damaged pixels": lambda path: overwrite(path, 60, b"\xff" * 40),
    "no picture": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 100),
    # a file of MATLAB
    "its header alone": lambda path: os.truncate(path, 128),
    "damaged packed data": lambda path: overwrite(path, 136, b"\xff" * 40),  # the packed array begins there
    "another version of MATLAB": write_as_later_matlab,
}


@pytest.fixture(scope="session")
def damaged():
    """A file, damaged in one of these ways or in one of a test's own."""

    def damage(path, way, own=None):
        (DAMAGE | (own or {}))[way](path)
        return path

    return damage


# Every family


CARS = {"object": 3}  # sizes of which there are fewer than were published
MPI3D = {"object_color": 3, "object_shape": 2, "object_size": 2, "camera_height": 2, "background_color": 2,
         "horizontal": 2, "vertical": 2}  # fmt: skip


def pictures(classes, shape, seed):
    """Images (N, *shape), uint8: every factor moves all pixels along a direction of its own."""
    reached = classes / np.maximum(classes.max(axis=0), 1)
    directions = np.random.default_rng(seed).uniform(0, 220 / classes.shape[1], (classes.shape[1], *shape))
    return np.rint(20 + np.tensordot(reached, directions, axes=1)).astype(np.uint8)


def grid(*sizes):
    """Classes of every combination, the last factor fastest."""
    return np.array(list(itertools.product(*map(range, sizes))))


def write_cars3d(folder, name):
    cars = pictures(grid(CARS["object"], 4, 24), (16, 16, 3), seed=1).reshape(-1, 4, 24, 16, 16, 3)
    (folder / "cars").mkdir()
    for car, views in enumerate(cars):
        mesh = views.transpose(2, 3, 4, 1, 0)  # height, width, channel, azimuth, elevation
        scipy.io.savemat(folder / f"cars/car_{car + 1:03d}_mesh.mat", {"im": mesh})


def write_chairs3d(folder, name):
    for number, (chair, view) in enumerate(grid(5, 13)):
        path = folder / f"rendered_chairs/chair{chair}/renders/image_{view:03d}_p020_t{view:03d}_r096.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((96, 96, 3), 255, np.uint8)
        pixels[10 + view : 50 + view, 20 + 6 * chair : 60 + 6 * chair] = (number, 3 * number, 40 * chair)
        Image.fromarray(pixels).save(path, compress_level=1)


def write_coil20(folder, name):
    columns = pictures(grid(20, 72), (1024,), seed=2)
    objects = np.repeat(np.arange(1, 21, dtype=np.uint8), 72)[:, None]
    scipy.io.savemat(folder / "COIL20_32x32.mat", {"X": columns, "Y": objects})


def write_mpi3d(folder, name):
    images = pictures(grid(*MPI3D.values()), (64, 64, 3), seed=len(name))
    np.savez(folder / f"{name.replace('-', '_')}.npz", images=images)


def write_shapes3d(folder, name):
    classes = grid(2, 2, 2, 2, 2, 2)
    with h5py.File(folder / "3dshapes.h5", "w") as file:
        file["images"] = pictures(classes, (64, 64, 3), seed=3)
        file["labels"] = classes * [0.1, 0.1, 0.1, 0.5 / 7, 1, 60 / 14] + [0, 0, 0, 0.75, 0, -30]


def write_smallnorb(folder, name):
    def matrix(magic, array):
        sizes = [*array.shape, 1, 1][: max(array.ndim, 3)]
        return struct.pack(f"<{2 + len(sizes)}i", magic, array.ndim, *sizes) + array.tobytes()

    for split, toys in (("46789x9x18x6x2x96x96-training", 4), ("01235x9x18x6x2x96x96-testing", 0)):
        classes = grid(2, 2, 2, 2, 2)  # category, instance, elevation, azimuth, lighting
        left = pictures(classes, (96, 96), seed=4 + toys)
        info = (classes[:, 1:] * [5, 1, 2, 1] + [toys, 0, 0, 0]).astype("<i4")
        start = f"smallnorb-5x{split}"
        (folder / f"{start}-dat.mat").write_bytes(matrix(0x1E3D4C55, np.stack([left, 255 - left], axis=1)))
        (folder / f"{start}-cat.mat").write_bytes(matrix(0x1E3D4C54, classes[:, 0].astype("<i4")))
        (folder / f"{start}-info.mat").write_bytes(matrix(0x1E3D4C54, info))


FILES = {
    "cars3d": write_cars3d, "chairs3d": write_chairs3d, "coil20": write_coil20, "mpi3d-real": write_mpi3d,
    "mpi3d-realistic": write_mpi3d, "mpi3d-toy": write_mpi3d, "shapes3d": write_shapes3d, "smallnorb": write_smallnorb,
    **dict.fromkeys(  # made here
        ("arrow", "color-dsprites", "color-dsprites-32", "dsprites", "dsprites-32", "dsprites-noshape", "dsprites-tiny",
         "noisy-dsprites", "noisy-dsprites-32", "scream-dsprites", "scream-dsprites-32")
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def family_files():
    """What writes the files of each family into a folder, small ones in the published layout; None: made here."""
    return FILES


@pytest.fixture(scope="session")
def fewer():
    """Sizes of the factors of which the small files have fewer classes than were published, by family."""
    return {"cars3d": CARS} | dict.fromkeys(("mpi3d-real", "mpi3d-realistic", "mpi3d-toy"), MPI3D)


@pytest.fixture(scope="session")
def family_folder(tmp_path_factory, noise):
    """A folder for the files of every family, what is cached of them, and a picture for the background."""
    directory = tmp_path_factory.mktemp("families")
    Image.fromarray(noise(70, 80, 3)).save(directory / "background.png")
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def room(family_folder):
    """The folder, with a cache directory for all tests of a module in it, and MPI3D on a small lattice."""
    with cache_at(family_folder / "cache"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("ifp.datasets.public.mpi3d.LATTICES", (tuple(MPI3D.values()),))
        yield family_folder


@pytest.fixture(scope="module")
def brought(room, family_files):
    """Folder of a family's files, which are written where there is none (None: it is made here), and options."""

    def bring(name, copy="data"):
        options = {"background": str(room / "background.png")} if name.startswith("scream") else {}
        folder = room / copy / name
        if family_files[name] is not None and not folder.is_dir():
            folder.mkdir(parents=True)
            family_files[name](folder, name)
        return folder if folder.is_dir() else None, options

    return bring


@pytest.fixture(scope="module")
def opened(brought):
    """Each family's data set by its name, opened once."""

    @kept
    def open_once(name):
        folder, options = brought(name)
        return load_dataset(name, folder, **options)

    return open_once


def opened_and_told(path, **options):
    """The data set at a path, and what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = load_dataset(path, **options)
    return data, [str(each.message) for each in caught if issubclass(each.category, DataWarning)]
