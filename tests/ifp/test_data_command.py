"""``ifp data list`` and ``ifp data show``: what they print and where, the figure drawn, and what they refuse."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from ifp.datasets import families, load_dataset

COIL = "COIL20_32x32.mat"
COLOURS = {(a, b): (40 + 90 * a, 200 - 80 * b, 60 + 50 * a * b) for a in range(3) for b in range(2)}  # by factor a, b
WHITE = (255, 255, 255)


@pytest.fixture(autouse=True)
def cache(tmp_path, environment, monkeypatch):
    """A cache directory of the test's own, for the commands too."""
    directory = tmp_path / "cache"
    monkeypatch.delenv("IFP_DATA_DIR", raising=False)
    monkeypatch.setenv("IFP_CACHE_DIR", str(directory))
    monkeypatch.setitem(environment, "IFP_CACHE_DIR", str(directory))
    return directory


@pytest.fixture
def here(tmp_path):
    """The folder that a command runs in."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


@pytest.fixture
def listed(run_ifp, here):
    """Rows of ``ifp data list --json`` by name; they are all that it prints."""

    def read(*arguments):
        ended = run_ifp(here, "data", "list", "--json", *arguments)
        assert ended.returncode == 0, ended.stderr
        assert ended.stderr == ""
        return {row["name"]: row for row in json.loads(ended.stdout)}

    return read


# List


def test_every_family_is_listed_with_what_it_is_and_whether_it_is_here(listed, cache):
    rows = listed()
    assert list(rows) == list(families())
    for name, family in families().items():
        row = rows[name]
        assert (row["images"], row["image_shape"]) == (family.images, list(family.image_shape))
        assert (row["licence"], row["citation"], row["factors"]) == (family.licence, family.citation, family.summary)
        assert all(row[key].strip() for key in ("licence", "citation", "factors", "size"))
        assert row["present"] == ("made here" if family.made_here else "no")
        assert [file["name"] for file in row["files"]] == [file.name for file in family.files]
    assert not cache.exists()  # nothing is opened


def test_files_are_found_in_the_folder_given(listed, tmp_path):
    folder = tmp_path / "data"
    (folder / "chairs3d/rendered_chairs").mkdir(parents=True)
    (folder / COIL).touch()
    for each in families()["smallnorb"].files[1:]:  # all but one
        (folder / each.name).touch()
    rows = listed("--data-dir", folder)
    here = {name: row["present"] for name, row in rows.items() if row["present"].startswith("in ")}
    assert here == {"chairs3d": f"in {folder / 'chairs3d'}", "coil20": f"in {folder}"}
    assert rows["smallnorb"]["present"] == "no"
    (folder / "smallnorb").mkdir()
    (folder / "smallnorb" / families()["smallnorb"].files[0].name.removesuffix(".gz")).touch()
    present = listed("--data-dir", folder)["smallnorb"]["present"]
    assert present == f"in {folder / 'smallnorb'} and {folder}"


def test_files_are_found_in_the_shared_folder_and_in_the_cache(listed, tmp_path, cache, environment, monkeypatch):
    shared = tmp_path / "shared"
    monkeypatch.setitem(environment, "IFP_DATA_DIR", str(shared))
    for folder, name in ((shared, "3dshapes.h5"), (cache / "data/coil20", COIL)):
        folder.mkdir(parents=True)
        (folder / name).touch()
    rows = listed()
    assert rows["shapes3d"]["present"] == f"in {shared}"
    assert rows["coil20"]["present"] == "in cache/data/coil20"
    assert rows["cars3d"]["present"] == "no"


def test_the_table_for_people_is_on_stderr(run_ifp, here, tmp_path):
    (tmp_path / COIL).touch()
    ended = run_ifp(here, "data", "list", "--data-dir", tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "")
    rows = []
    for line in ended.stderr.splitlines():
        cells = [cell.strip() for cell in re.split("[│|]", line)[1:-1]]
        if len(cells) == 5 and cells[0]:
            rows.append([[cell] for cell in cells])
        elif len(cells) == 5:
            for above, cell in zip(rows[-1], cells, strict=True):
                above.append(cell)
    assert [row[0][0] for row in rows] == list(families())
    for (_, images, shape, present, about), (name, family) in zip(rows, families().items(), strict=True):
        assert images[0] == f"{family.images:,}"
        assert shape[0] == "x".join(map(str, family.image_shape))
        told = f"in {tmp_path}" if name == "coil20" else "made here" if family.made_here else "no"
        assert "".join(present).replace(" ", "") == told.replace(" ", "")
        shown = "".join("".join(about).split())
        for words in (family.summary, f"size: {family.size}", f"licence: {family.licence}", family.citation):
            assert "".join(words.split()) in shown


# Show


def facts(ended):
    """What stderr tells, by what stands before the first colon."""
    lines = (line.partition(":") for line in ended.stderr.splitlines())
    return {name: value.strip() for name, _, value in lines}


def rows_drawn(path):
    """Colours from left to right in each row of a figure of images of one colour each."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    lines = []
    for line in pixels:
        starts = np.flatnonzero(np.r_[True, (line[1:] != line[:-1]).any(axis=1)])
        widths = np.diff(np.r_[starts, len(line)])
        runs = zip(starts, widths, strict=True)
        lines.append([tuple(line[start].tolist()) for start, width in runs if width > 60])  # no letter is so wide
    found = [[colour for colour in line if colour != WHITE] for line in lines]
    return [row for row, above in zip(found[1:], found, strict=False) if row and not above]


def own_npz(path):
    """Images of one colour each, of every a and b."""
    images = np.array([np.full((8, 8, 3), colour) for colour in COLOURS.values()], np.uint8)
    np.savez(path, images=images, factors=np.array(list(COLOURS)), factor_names=np.array(["a", "b"]))
    return path


def test_a_data_set_is_drawn_at_out_and_told_on_stderr(run_ifp, here):
    ended = run_ifp(here, "data", "show", "dsprites-tiny", "--out", "tiny.png")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "tiny.png\n"
    assert [each.name for each in here.iterdir()] == ["tiny.png"]
    told = facts(ended)
    assert told["data set"] == "dsprites-tiny"
    assert told["images"] == "4,608 of 64x64x1"
    assert told["factors"] == "shape 3, scale 3, orientation 8, posX 8, posY 8"
    assert told["nuisances"] == "none"
    assert told["fingerprint"] == load_dataset("dsprites-tiny").fingerprint
    with Image.open(here / "tiny.png") as picture:
        assert picture.format == "PNG"
        grey = np.asarray(picture.convert("L"))
    black = grey < 10
    edge = black[:, black.sum(axis=0).argmax()]  # down a column of pixels that no sprite reaches
    turns = np.flatnonzero(np.diff(np.r_[False, edge, False].astype(int))).reshape(-1, 2)
    tall = [end - start for start, end in turns if end - start > 60]  # no letter is so tall
    assert len(tall) == 7  # two rows of random images, five of factors
    assert max(tall) - min(tall) <= 1
    assert 0.2 < black.mean() < 0.9


def test_an_own_npz_is_drawn_row_by_row_under_its_default_name(run_ifp, here, tmp_path):
    ended = run_ifp(here, "data", "show", own_npz(tmp_path / "mine.npz"))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "mine-samples.png\n"
    assert [each.name for each in here.iterdir()] == ["mine-samples.png"]
    told = facts(ended)
    assert (told["data set"], told["images"], told["factors"]) == ("mine", "6 of 8x8x3", "a 3, b 2")
    random, *factors = rows_drawn(here / "mine-samples.png")
    assert sorted(random) == sorted(COLOURS.values())
    ((first_a, first_b),) = [cell for cell, colour in COLOURS.items() if colour == random[0]]
    assert factors == [[COLOURS[a, first_b] for a in range(3)], [COLOURS[first_a, b] for b in range(2)]]


def test_a_vector_figure_bears_title_and_labels_in_order(run_ifp, here, tmp_path):
    ended = run_ifp(here, "data", "show", own_npz(tmp_path / "mine.npz"), "--out", here / "mine.svg")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"{here / 'mine.svg'}\n"
    labels = re.findall("<!-- (.*?) -->", (here / "mine.svg").read_text())  # each text stands over its outlines
    assert labels == ["random", "a", "b", "mine: random images; then each factor alone in one context"]


def test_a_folder_of_pictures_is_drawn_without_factors(run_ifp, here, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, colour in enumerate(COLOURS.values()):
        Image.new("RGB", (8, 8), colour).save(folder / f"{number}.png")
    ended = run_ifp(here, "data", "show", folder)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "pictures-samples.png\n"
    told = facts(ended)
    assert (told["data set"], told["images"], told["factors"]) == ("pictures", "6 of 8x8x3", "none: unlabelled")
    assert told["source"] == f"folder {folder}"
    (random,) = rows_drawn(here / "pictures-samples.png")
    assert sorted(random) == sorted(COLOURS.values())


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("tiny.gif", "need a figure file ending in .png, .pdf, .svg, got tiny.gif"),
        ("none/tiny.png", "need an existing folder for the figure, got none"),
    ],
    ids=["suffix", "folder"],
)
def test_a_figure_that_cannot_be_saved_is_refused_with_nothing_written(out, message, run_ifp, here):
    ended = run_ifp(here, "data", "show", "dsprites-tiny", "--out", out)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[-1] == f"ifp: {message}"
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dsprits", "an npz or a folder of pictures, got 'dsprits' (did you mean dsprites?)"),
        ("coil20", f"need {COIL} or COIL20.mat for coil20, not found in "),
    ],
    ids=["name", "file"],
)
def test_an_unknown_name_or_a_missing_file_is_refused_in_one_line(name, message, run_ifp, here):
    ended = run_ifp(here, "data", "show", name)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert message in ended.stderr
    assert ended.stderr.startswith("ifp: need ")
    assert len(ended.stderr.splitlines()) == 1
    assert list(here.iterdir()) == []
