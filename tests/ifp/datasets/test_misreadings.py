"""Labels, arrays and pictures that are easily taken for something else, against what was meant by them."""

import warnings

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

import ifp
from annealing.errors import DataError, IFPError
from ifp.datasets import load_dataset
from ifp.datasets.labels import factor_classes
from ifp.datasets.pictures import read_header
from ifp.datasets.pixels import read_pixels

IMAGES = np.random.default_rng(0).random((12, 5, 6)).astype(np.float32)


def classes(column, **options):
    found = factor_classes([np.asarray(column)], **options)
    return found.classes.ravel().tolist(), found.kept.tolist()


@pytest.fixture(autouse=True)
def _cached(tmp_path, monkeypatch):
    monkeypatch.setenv("IFP_CACHE_DIR", str(tmp_path / "cache"))


# Labels


def test_a_missing_label_in_words_leaves_numbers_numbers():
    assert classes(["10", "NA", "9", "NA"], missing="NA") == ([1, 0], [True, False, True, False])
    assert classes(["0.5", "-", "0.25"], missing=" - ") == ([1, 0], [True, False, True])
    assert classes(["10", "-1.0", "9"], missing="-1") == ([1, 0], [True, False, True])
    thousand = [f"{each}" for each in range(1000)] + ["NA"]
    found = factor_classes([np.array(thousand)], bins=10, missing="NA")
    assert found.classes.ravel().tolist() == np.minimum(np.arange(1000) * 10 // 999, 9).tolist()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"], ids=str)
def test_a_missing_label_is_rounded_as_the_column_is(dtype):
    assert classes(np.array([0.1, 0.5, 0.9], dtype), missing="0.1") == ([0, 1], [False, True, True])


def test_names_that_python_would_read_as_numbers_stay_names():
    assert classes(["1_0", "10", "2_0"])[0] == [1, 0, 2]


def test_whole_numbers_as_text_are_read_to_the_last_digit():
    ids = [2**60 + 1, 2**60, 2**60 + 2]
    assert classes([str(each) for each in ids])[0] == [1, 0, 2]
    assert classes([str(each) for each in ids] + [""])[0] == [1, 0, 2]


def test_labels_of_an_array_of_arrays_are_refused(tmp_path):
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file["images"] = IMAGES
        rows = file.create_dataset("factors", (12,), dtype=h5py.vlen_dtype(np.int32))
        for number in range(12):
            rows[number] = np.arange(number)
    with pytest.raises(DataError, match=r"^need numbers or text in factors of .*, got object$"):
        load_dataset(tmp_path / "mine.h5")


def test_names_of_other_labels_are_not_taken_for_those_asked_for(tmp_path):
    two, three = np.arange(24).reshape(12, 2) % 4, np.arange(36).reshape(12, 3) % 5
    np.savez(tmp_path / "mine.npz", images=IMAGES, factors=two, factor_names=["a", "b"], y=three)
    assert load_dataset(tmp_path / "mine.npz", factors_from="y").factors.names == ("y0", "y1", "y2")
    assert load_dataset(tmp_path / "mine.npz").factors.names == ("a", "b")


def test_names_of_labels_are_a_list_from_python_and_never_none_at_all(tmp_path):
    np.savez(tmp_path / "mine.npz", images=IMAGES, x=np.arange(12) % 3, y=np.arange(12) // 3)
    data = load_dataset(tmp_path / "mine.npz", factors_from=["x", "y"])
    assert (data.factors.names, data.options.factors_from) == (("x", "y"), "x,y")
    with pytest.raises(IFPError, match=r"^need names with commas between for --factors-from, got ' , '$"):
        load_dataset(tmp_path / "mine.npz", factors_from=" , ")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("file;x\n0.png;10,5\n1.png;9,5\n2.png;-1\n", [10.5, 9.5, -1]),
        ("file,x\n0.png,b\n1.png,a\u2028c\n2.png,a\n", ["b", "a\u2028c", "a"]),
        ('file,x\n0.png,b\n1.png,"a\nc"\n2.png,a\n', ["b", "a\nc", "a"]),
        ("file,x\r0.png,3\r1.png,10\r2.png,2\r", [3, 10, 2]),
    ],
    ids=["decimal commas", "another line's end", "a cell of two lines", "lines of an old Mac"],
)
def test_cells_of_a_csv_are_read_as_spreadsheets_write_them(text, meant, tmp_path):
    for number in range(3):
        Image.fromarray(np.full((4, 5), number, np.uint8)).save(tmp_path / f"{number}.png")
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8", newline="")
    found = load_dataset(tmp_path).factors_at(range(3)).ravel().tolist()
    assert found == [sorted(meant).index(each) for each in meant]


def test_paths_of_windows_are_paths(tmp_path):
    for number in range(4):
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        Image.fromarray(np.full((4, 5), number, np.uint8)).save(tmp_path / "ab"[number % 2] / f"{number // 2}.png")
    (tmp_path / "labels.csv").write_text("p,x\n.\\a\\0.png,3\nb\\0.png,0\na\\1.png,2\nb\\1.png,1\n")
    data = load_dataset(tmp_path)
    assert data.images(range(4))[:, 0, 0, 0].tolist() == [0, 2, 1, 3]  # by path
    assert data.factors_at(range(4)).ravel().tolist() == [3, 2, 0, 1]


def test_labels_that_look_like_names_without_suffix_are_not_taken_for_them(tmp_path):
    for number in range(4):
        Image.fromarray(np.full((4, 5), number, np.uint8)).save(tmp_path / f"{number}.png")
    table = tmp_path / "labels.csv"
    table.write_text("shape,index\n0,3\n1,2\n2,1\n3,0\n")
    with pytest.raises(DataError, match=r"suffixes in .*, shape and index may both be names without$"):
        load_dataset(tmp_path)
    table.write_text("shape,index\n0,3.png\n1,2.png\n2,1.png\n3,0.png\n")
    assert load_dataset(tmp_path).factors_at(range(4)).ravel().tolist() == [3, 2, 1, 0]


# Arrays


def test_arrays_that_a_run_may_need_outlive_a_refusal():
    labels = np.linspace(0, 1, 300)
    images = np.repeat(IMAGES, 25, axis=0)
    data = ifp.from_arrays(images, labels, bins=3)
    with pytest.raises(DataError, match="--bins N"):
        ifp.from_arrays(images, labels)
    assert np.array_equal(load_dataset(data.reference, bins=3).images(range(300))[..., 0], images)


def test_options_that_arrays_do_not_have_are_refused():
    with pytest.raises(IFPError, match=r"^need data by name or path for resize, got arrays"):
        ifp.spectrum((IMAGES, np.arange(12)), data_options={"resize": "4"})


def test_items_of_bytes_and_of_floats_together_are_refused():
    mixed = [(torch.ones(1, 4, 5), 0), (torch.ones(1, 4, 5, dtype=torch.uint8), 1)]
    with pytest.raises(DataError, match=r"^need images of one scale, .* float32, uint8: convert them alike$"):
        ifp.from_dataset(torch.utils.data.Subset(mixed, [0, 1]))


def test_a_late_pixel_above_1_in_the_layout_of_dsprites_is_refused(tmp_path):
    images = np.zeros((5000, 64, 64), np.uint8)  # more than are read at once
    images[0, 0, 0], images[-1, 5, 6] = 1, 7
    np.savez_compressed(tmp_path / "mine.npz", imgs=images)
    with pytest.raises(DataError, match=r"need pixels in 0\.\.1 in imgs of .*, image 4999 holds 7 \(up to 255 in"):
        load_dataset(tmp_path / "mine.npz")
    np.savez_compressed(tmp_path / "mine.npz", images=images)
    assert load_dataset(tmp_path / "mine.npz").images([4999]).max() == 7


# Pictures


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("mode", ["L", "RGBA", "RGB"])
def test_a_tiff_on_its_side_is_turned_and_not_torn(mode, number, tmp_path):
    values = np.random.default_rng(0).integers(256, size=(3, 5, 4), dtype=np.uint8)
    values[..., 3] = 255
    values = values[..., 0] if mode == "L" else values[..., : len(mode)]
    exif = Image.Exif()
    exif[274] = number
    Image.fromarray(values).save(tmp_path / "0.tif", exif=exif)
    turns = {2: values[:, ::-1], 3: values[::-1, ::-1], 4: values[::-1], 5: values.swapaxes(0, 1)}
    turns |= {6: values[::-1].swapaxes(0, 1), 7: values[::-1, ::-1].swapaxes(0, 1), 8: values[:, ::-1].swapaxes(0, 1)}
    meant = turns.get(number, values)
    header, found = read_header(tmp_path / "0.tif"), read_pixels(tmp_path / "0.tif")
    assert (header.height, header.width) == meant.shape[:2]
    assert np.array_equal(found, meant[..., None] if mode == "L" else meant[..., :3])


# Runs


@pytest.mark.usefixtures("_one_thread")
def test_a_run_goes_on_with_its_options_in_any_spelling(tmp_path):
    def run(data, out, opened, **given):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ifp.train(
                data, objective="beta-vae", network="dense", steps=2, batch_size=2, threads=1, precision="float32",
                latents=1, out=tmp_path / out, **({} if opened is None else {"data_options": opened}), **given,
            )  # fmt: skip

    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(4):
        pixels = np.zeros((8, 8, 4), np.uint8)
        pixels[:, number, 3] = 255
        Image.fromarray(pixels).save(folder / f"{number}.png")
    first = run(folder, "a", {"background_color": "white", "resize": 16})
    for opened in (
        {"background_color": "white", "resize": "16"},
        {"background_color": "#FFF", "resize": "16x16"},
        None,
    ):
        assert run(folder, "a", opened, resume=True).path == first.path
    with pytest.raises(IFPError, match="background_color is '#ffffff' there and '#000000' here"):
        run(folder, "a", {"background_color": "black"}, resume=True)
    arrays = np.repeat(IMAGES, 25, axis=0), np.linspace(0, 1, 300)
    second = run(arrays, "b", {"bins": 3, "missing": -1})
    for opened in ({"bins": 3, "missing": -1}, None):
        assert run(arrays, "b", opened, resume=True).path == second.path
