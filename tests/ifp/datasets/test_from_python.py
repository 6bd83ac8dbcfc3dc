"""Data from other libraries' hands, against the arrays that they were made of."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import ifp
from ifp.datasets import DataWarning

BYTES = np.random.default_rng(0).integers(256, size=(12, 6, 7, 3), dtype=np.uint8)
GRID = np.stack(np.unravel_index(np.arange(12), (3, 4)), axis=1)
COLOURS = np.array(["red", "green", "blue"])


class Items(torch.utils.data.Dataset):
    """What a function makes of each number, as people write a data set."""

    def __init__(self, item, length=12):
        self.item, self.length = item, length

    def __len__(self):
        return self.length

    def __getitem__(self, number):
        return self.item(number)


class Columns:
    """The interface of Hugging Face's datasets.Dataset that is used here."""

    def __init__(self, **columns):
        self.columns = columns
        self.column_names = list(columns)

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def __getitem__(self, key):
        return self.columns[key] if isinstance(key, str) else {name: each[key] for name, each in self.columns.items()}


def every(data):
    return data.images(range(len(data)))


def classes(data):
    return data.factors_at(range(len(data))).tolist()


def tensor(number):
    """As torchvision's ToTensor has it: floats, channels first."""
    return torch.from_numpy(BYTES[number]).permute(2, 0, 1).float() / 255


@pytest.mark.parametrize(
    "image",
    [
        lambda i: Image.fromarray(BYTES[i]),
        lambda i: BYTES[i],
        lambda i: torch.from_numpy(BYTES[i]),
        lambda i: torch.from_numpy(BYTES[i]).permute(2, 0, 1),
        lambda i: tensor(i),
    ],
    ids=["picture", "array", "channels last", "channels first", "floats"],
)
@pytest.mark.parametrize(
    "label",
    [
        lambda i: GRID[i].tolist(),
        lambda i: torch.tensor(GRID[i]),
        lambda i: (int(GRID[i, 0]), GRID[i, 1] / 3),
        lambda i: [str(COLOURS[::-1][GRID[i, 0]]), np.int64(GRID[i, 1])],
    ],
    ids=["list", "vector", "numbers", "text"],
)
def test_items_of_an_image_and_its_labels(image, label):
    data = ifp.from_dataset(Items(lambda i: (image(i), label(i))))
    np.testing.assert_array_equal(np.rint(every(data) * (255 if every(data).dtype.kind == "f" else 1)), BYTES)
    assert classes(data) == GRID.tolist()
    assert data.factors.names == ("factor0", "factor1")


def test_items_that_are_images_alone_are_unlabelled():
    data = ifp.from_arrays(Items(tensor))
    assert data.factors is None
    np.testing.assert_array_equal(every(data), BYTES.astype(np.float32) / np.float32(255))


def test_every_function_takes_items(tmp_path):
    pairs = torch.utils.data.TensorDataset(torch.stack([tensor(i) for i in range(12)]), torch.tensor(GRID[:, 0]))
    with pytest.warns(DataWarning, match="several images"):
        found = ifp.spectrum(pairs, contexts=4)
    with pytest.warns(DataWarning, match="several images"):
        expected = ifp.spectrum((BYTES / 255, GRID[:, 0]), contexts=4)
    assert found.to_frame()["spectral_beta"].tolist() == pytest.approx(expected.to_frame()["spectral_beta"].tolist())


def test_columns_are_taken_by_their_names():
    data = Columns(
        picture=[Image.fromarray(each) for each in BYTES],
        colour=COLOURS[GRID[:, 0]].tolist(),
        place=(GRID[:, 1] / 3).tolist(),
        caption=["one"] * 12,
    )
    found = ifp.from_dataset(data, images="picture", factors=["place", "colour"])
    np.testing.assert_array_equal(every(found), BYTES)
    assert found.factors.names == ("place", "colour")
    assert classes(found) == [[place, (2, 1, 0)[colour]] for colour, place in GRID.tolist()]
    assert ifp.from_dataset(data, factors=["place", "colour"]).fingerprint == found.fingerprint
    with pytest.warns(DataWarning, match=r"^no factors, but columns colour, place, caption: factors=\[...\] takes"):
        assert ifp.from_dataset(data).factors is None


def test_one_column_of_lists_of_numbers_is_the_images():
    found = ifp.from_dataset(Columns(image=BYTES[..., 0].tolist(), label=GRID[:, 1].tolist()), factors="label")
    np.testing.assert_array_equal(every(found)[..., 0], BYTES[..., 0])
    assert np.ravel(classes(found)).tolist() == GRID[:, 1].tolist()


read = ifp.from_dataset


class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter([])


TWO_PICTURES = Columns(left=list(BYTES), right=list(BYTES), label=list(range(12)))
SPLITS = type("DatasetDict", (), {"column_names": {"train": ["image"], "test": ["image"]}})()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: read(Stream()), "need a data set with a length and items by number, got Stream: take its"),
        (lambda: ifp.from_arrays(iter([])), "need a data set with a length and items by number, got list_iterator"),
        (lambda: ifp.spectrum(SPLITS), r"need one split out of train, test, got all of them: data\['train'\]"),
        (lambda: read(Items(tensor, 0)), "need a data set of one item or more"),
        (
            lambda: read(TWO_PICTURES),
            "need the column of images out of left, right, label, 2 hold one",
        ),
        (
            lambda: read(TWO_PICTURES, images="left", factors=["labels"]),
            r"need a column out of left, right, label, got 'labels' \(did you mean label\?\)",
        ),
        (
            lambda: read(TWO_PICTURES, images="left", factors=["right"]),
            "need one label of column right with each item, item 0 has 126",
        ),
        (lambda: read(Items(tensor), factors=["y"]), "need a data set of columns for images= and factors="),
        (
            lambda: read(Items(lambda i: BYTES[i, : 6 - i // 3])),
            r"need images of one size, item 0 has \(6, 7, 3\) and item 3 \(5, 7, 3\)",
        ),
        (
            lambda: read(Items(lambda i: (BYTES[i], {"y": 1}))),
            "need labels of numbers or text, item 0 has dict",
        ),
        (
            lambda: read(Items(lambda i: (BYTES[i], *range(1 + i)))),
            "need as many labels with each item, got 1",
        ),
        (lambda: read(Items(lambda i: "x")), "need an array of numbers"),
        (
            lambda: read(Items(lambda i: tensor(i) * 2 - 1)),
            "need pixels in 0..1 in images of the arrays given",
        ),
        (
            lambda: ifp.from_arrays([Image.new("I;16", (4, 4))]),
            "need pictures of 8 bits a channel .* item 0 is of I;16",
        ),
        (lambda: ifp.from_arrays(Items(tensor), [1] * 12), r"need images as an array beside factors, got items"),
    ],
    ids=lambda part: part[:40] if isinstance(part, str) else "read",
)
def test_what_cannot_be_read_is_told_in_one_line(make, message):
    with pytest.raises(ifp.DataError, match=message) as told:
        make()
    assert "\n" not in str(told.value)


# Arrays


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_tensors_of_any_float_type_are_their_values(kind):
    images = torch.from_numpy(BYTES / 255).to(kind)
    np.testing.assert_array_equal(every(ifp.from_arrays(images)), images.to(torch.float32).numpy())


def test_lists_of_pictures_and_of_tensors_are_images():
    grey = BYTES[..., 0]
    found = ifp.from_arrays([Image.fromarray(each) for each in grey])
    np.testing.assert_array_equal(every(found)[..., 0], grey)
    mixed = every(ifp.from_arrays([Image.fromarray(grey[0]), Image.fromarray(BYTES[1])]))
    np.testing.assert_array_equal(mixed, np.stack([np.stack([grey[0]] * 3, axis=-1), BYTES[1]]))
    clear = np.concatenate([BYTES[:2], BYTES[2:4, ..., :1]], axis=-1)
    np.testing.assert_array_equal(every(ifp.from_arrays([Image.fromarray(each) for each in clear])), clear)
    np.testing.assert_array_equal(every(ifp.from_arrays([tensor(i) for i in range(2)]))[0], tensor(0).permute(1, 2, 0))


@pytest.mark.parametrize(
    "factors",
    [
        COLOURS[::-1][GRID[:, 0]],
        (GRID[:, 0] - 7.5).tolist(),
        [[each] for each in GRID[:, 0] * 10],
        torch.tensor(GRID[:, 0], dtype=torch.bfloat16),
        pd.Series(GRID[:, 0], name="x"),
        np.array(np.meshgrid(range(4), range(3))[1]).T.reshape(-1, order="F"),
    ],
    ids=["text", "floats", "rows of one", "bfloat16", "pandas", "meshgrid"],
)
def test_labels_of_any_kind_are_classes(factors):
    with pytest.warns(DataWarning, match="3 factor vectors"):
        data = ifp.from_arrays(BYTES, factors)
    assert np.ravel(classes(data)).tolist() == GRID[:, 0].tolist()


def test_a_table_of_pandas_brings_its_names_and_what_it_lacks():
    table = pd.DataFrame({"colour": COLOURS[::-1][GRID[:, 0]], "place": GRID[:, 1]}).astype(object)
    table.iloc[3, 0], table.iloc[5, 1] = None, pd.NA
    with pytest.warns(DataWarning, match=r"2 of 12 images lack a label and are left out"):
        data = ifp.from_arrays(BYTES, table)
    kept = [i for i in range(12) if i not in (3, 5)]
    assert data.factors.names == ("colour", "place")
    assert classes(data) == GRID[kept].tolist()
    np.testing.assert_array_equal(every(data), BYTES[kept])


def test_what_a_masked_array_hides_is_missing():
    hidden = np.ma.MaskedArray(GRID, mask=GRID == [0, 2])
    kept = [i for i in range(12) if not hidden.mask[i].any()]
    with pytest.warns(DataWarning, match="6 of 12 images lack a label"):
        data = ifp.from_arrays(BYTES, hidden)
    assert classes(data) == [[row - 1, {0: 0, 1: 1, 3: 2}[column]] for row, column in GRID[kept].tolist()]


def test_options_of_labels_are_taken_with_arrays_too():
    drawn = np.random.default_rng(1).random(12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        data = ifp.from_arrays(BYTES, np.where(GRID[:, 0] == 0, -9, drawn), bins=2, missing=-9)
        spectrum = ifp.spectrum((BYTES, drawn), contexts=2, data_options={"bins": 2})
    edge = (drawn[4:].min() + drawn[4:].max()) / 2
    assert np.ravel(classes(data)).tolist() == (drawn[4:] >= edge).astype(int).tolist()
    assert data.options.missing == "-9"
    assert spectrum.dataset.factors.sizes == (2,)
