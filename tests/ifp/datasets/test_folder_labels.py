"""Labels of pictures from subfolders and from a CSV, against what each picture shows."""

import csv
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from annealing.errors import DataError
from ifp.datasets import load_dataset
from tests.ifp.datasets.conftest import opened_and_told

SHAPES = ("cube", "ball", "cone")


@pytest.fixture
def folder(tmp_path):
    """Pictures whose level is 10 x shape + place, in no order of their names."""
    directory = tmp_path / "pictures"
    directory.mkdir()
    return directory


def save(path, level):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 5), level, np.uint8)).save(path)


def draw(folder, name="{number:02}.png"):
    """A picture of each shape at each of four places; their names and what they show."""
    shown = {}
    for number, place in enumerate(np.random.default_rng(0).permutation(12)):
        shape = SHAPES[place // 4]
        file = name.format(number=number, shape=shape)
        save(folder / file, 10 * (place // 4) + place % 4)
        shown[file] = shape, place % 4
    return shown


def levels(data):
    return data.images(range(len(data)))[:, 0, 0, 0].astype(int)


def test_the_subfolder_of_a_picture_is_its_class(folder):
    draw(folder, "{shape}/{number:02}.png")
    data, told = opened_and_told(folder)
    assert told == ["3 factor vectors of pictures have several images: which is shown is a nuisance"]
    assert (data.factors.names, data.factors.sizes) == (("folder",), (3,))
    order = sorted(SHAPES)
    assert [order[each] for each in data.factors_at(range(12)).ravel()] == [SHAPES[each // 10] for each in levels(data)]
    assert data.source == f"folder {folder}; folder 3 values ball, cone, cube"


def test_pictures_beside_subfolders_or_in_one_alone_are_unlabelled(folder):
    save(folder / "a" / "0.png", 1)
    assert load_dataset(folder).factors is None
    save(folder / "b" / "0.png", 2)
    save(folder / "0.png", 3)
    assert load_dataset(folder).factors is None


@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("name", ["{number:02}.png", "{shape}/{number:02}.png"], ids=["names", "paths"])
def test_a_csv_beside_the_pictures_has_their_labels(name, separator, folder):
    shown = draw(folder, name)
    rows = [(place / 10, file, shape) for file, (shape, place) in reversed(shown.items())]
    pd.DataFrame(rows, columns=["place", "file", "shape"]).to_csv(folder / "labels.csv", sep=separator, index=False)
    data, told = opened_and_told(folder)
    assert told == []
    assert (data.factors.names, data.factors.sizes) == (("place", "shape"), (4, 3))
    place, shape = data.factors_at(range(12)).T
    assert place.tolist() == (levels(data) % 10).tolist()
    assert [sorted(SHAPES)[each] for each in shape] == [SHAPES[each // 10] for each in levels(data)]


def test_file_names_alone_are_enough_where_each_is_there_once(folder):
    shown = draw(folder, "{shape}/{number:02}.png")
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("name", "place"), *((each.split("/")[1], shown[each][1]) for each in shown)])
    data, _ = opened_and_told(folder)
    assert data.factors_at(range(12)).ravel().tolist() == (levels(data) % 10).tolist()
    rows = [("name", "place"), *((each.split("/")[1].removesuffix(".png"), shown[each][1]) for each in shown)]
    (folder / "labels.csv").write_text("\n".join(f"{name},{place}" for name, place in rows))
    data, _ = opened_and_told(folder)
    assert data.factors_at(range(12)).ravel().tolist() == (levels(data) % 10).tolist()
    save(folder / "other" / "00.png", 77)
    with pytest.raises(DataError, match=r"need the pictures' paths below .* several have the same name"):
        load_dataset(folder)


def test_pictures_without_a_label_are_left_out_and_counted(folder):
    shown = draw(folder)
    names = list(shown)
    rows = [("name", "shape", "place"), *((each, shown[each][0], shown[each][1]) for each in names[2:])]
    rows[3] = (rows[3][0], "", rows[3][2])
    rows[5] = (rows[5][0], rows[5][1], "-1")
    (folder / "labels.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    data, told = opened_and_told(folder, missing=-1)
    assert told[0] == "pictures: 4 of 12 images lack a label and are left out"
    kept = [shown[each] for each in names if each not in (*names[:2], names[4], names[6])]
    assert levels(data).tolist() == [10 * SHAPES.index(shape) + place for shape, place in kept]


def test_columns_are_chosen_and_continuous_ones_cut(folder):
    shown = draw(folder)
    drawn = np.random.default_rng(1).random(len(shown))
    frame = pd.DataFrame({"file": list(shown), "place": [place for _, place in shown.values()], "weight": drawn})
    frame.to_csv(folder / "labels.csv", index=False)
    assert opened_and_told(folder, factors_from="place")[0].factors.names == ("place",)
    data, _ = opened_and_told(folder, factors_from="weight", bins=3)
    expected = np.digitize(drawn, np.histogram(drawn, 3)[1][1:-1])
    assert data.factors_at(range(12)).ravel().tolist() == expected.tolist()
    with pytest.raises(DataError, match=r"need --factors-from out of place, weight .*, got plac \(did you mean place"):
        load_dataset(folder, factors_from="plac")


def test_a_changed_csv_is_read_again(folder):
    save(folder / "0.png", 1)
    save(folder / "1.png", 2)
    (folder / "labels.csv").write_text("file,x\n0.png,4\n1.png,9\n")
    before = load_dataset(folder)
    (folder / "labels.csv").write_text("file,x\n0.png,90\n1.png,4\n")
    assert (before.factors_at([0]).item(), load_dataset(folder).factors_at([0]).item()) == (0, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "file,x\n7.png,1\n8.png,2\n",
            r"need a column of the pictures' file names in .*labels.csv \(or no CSV beside them\), got file, x",
        ),
        ("file,x\n0.png,1\n0.png,2\n", "need each picture once in .*labels.csv, 0.png stands in it twice"),
        ("file,x\n0.png,1\n1.png\n", "need 2 cells in each row of .*labels.csv, row 3 has 1"),
        ("file\n0.png\n1.png\n", "need columns of factors beside file in .*labels.csv, there is none"),
        ("file,x\n", "need a CSV of a row of names and rows"),
        (b"file,x\n0.png,\xff\n", "need a CSV in UTF-8 beside pictures, .*labels.csv cannot be read"),
        ("file,a:b\n0.png,1\n1.png,2\n", "need factor_names without commas and colons"),
    ],
    ids=["other files", "a picture twice", "a short row", "no factor", "no row", "no text", "a colon"],
)
def test_a_bad_csv_is_refused_by_name_and_reason(text, message, folder, refusal):
    save(folder / "0.png", 1)
    save(folder / "1.png", 2)
    (folder / "labels.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert re.search(message, refusal(folder))


def test_two_csvs_a_hidden_one_or_a_link_out_of_the_folder_label_nothing(folder):
    save(folder / "0.png", 1)
    (folder.parent / "outside.csv").write_text("file,x\n0.png,1\n")
    (folder / "link.csv").symlink_to(folder.parent / "outside.csv")
    (folder / ".labels.csv").write_text("file,x\n0.png,1\n")
    assert load_dataset(folder).factors is None
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("file,x\n0.png,1\n")
    assert load_dataset(folder).factors is None
    with pytest.raises(DataError, match=r"need one CSV in .*, or pictures in subfolders, for --factors-from"):
        load_dataset(folder, factors_from="x")
