"""Samples as rows: the same numbers whatever they came as, what is known of each row, and what is refused."""

from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from annealing.errors import IFPError
from ifp.datasets.samples import sample_rows

COUNTS = np.random.default_rng(0).poisson(1.0, (20, 6)).astype(np.float32) + np.eye(20, 6, dtype=np.float32)
DEPTH = COUNTS.sum(axis=1)
BATCH = np.array(["a", "b"] * 10)
GENES = [f"g{number}" for number in range(6)]
FRAME = pd.DataFrame(COUNTS, columns=GENES)


def dense(values):
    return values.toarray() if sparse.issparse(values) else np.asarray(values)


def write_h5ad(path, values, layer=None):
    """As anndata 0.12 writes it: text as nullable strings, a batch as categories, a depth as numbers."""
    with h5py.File(path, "w") as file:
        for name, held in {"X": values, **({} if layer is None else {"layers/counts": layer})}.items():
            if sparse.issparse(held):
                group = file.create_group(name)
                group.attrs["encoding-type"] = f"{held.format}_matrix"
                group.attrs["shape"] = held.shape
                for part in ("data", "indices", "indptr"):
                    group[part] = getattr(held, part)
            else:
                file[name] = held
        file.create_group("var").attrs["_index"] = "gene"
        file["var/gene/values"] = GENES
        file["var/gene/mask"] = np.zeros(6, bool)
        file.create_group("obs").attrs["_index"] = "_index"
        file["obs/_index"] = [f"cell{number}" for number in range(20)]
        file["obs/depth"] = DEPTH
        file["obs/batch/codes"] = np.tile(np.array([0, 1], np.int8), 10)
        file["obs/batch/categories"] = ["a", "b"]
    return path


# The same numbers


@pytest.fixture(scope="module")
def brought(tmp_path_factory):
    """The same counts in every form."""
    folder = tmp_path_factory.mktemp("samples")
    np.save(folder / "rows.npy", COUNTS)
    np.savez(folder / "rows.npz", samples=COUNTS, depth=DEPTH)
    np.savez(folder / "alone.npz", anything=COUNTS, depth=DEPTH)
    for form in ("csr", "csc", "coo"):
        sparse.save_npz(folder / f"{form}.npz", sparse.coo_matrix(COUNTS).asformat(form))
    FRAME.to_csv(folder / "named.csv", index=False)
    FRAME.to_csv(folder / "index.csv")
    FRAME.to_csv(folder / "european.csv", index=False, sep=";", decimal=",", float_format="%.1f")
    np.savetxt(folder / "bare.tsv", COUNTS, delimiter="\t")
    with h5py.File(folder / "rows.h5", "w") as file:
        file["X"] = COUNTS
    for form in (sparse.csr_array, sparse.csc_array, np.asarray):
        write_h5ad(folder / f"{form.__name__}.h5ad", form(COUNTS))
    annotated = SimpleNamespace(X=sparse.csc_matrix(COUNTS), var_names=pd.Index(GENES), obs=FRAME, layers={})
    return {
        **{path.name: path for path in folder.iterdir()},
        "array": COUNTS,
        "list": COUNTS.tolist(),
        "tensor": torch.from_numpy(COUNTS),
        "mapped": np.load(folder / "rows.npy", mmap_mode="r"),
        "axes": COUNTS.reshape(20, 2, 3),
        "frame": FRAME,
        "sparse frame": pd.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(COUNTS)),
        "matrix": sparse.coo_matrix(COUNTS),
        "annotated": annotated,
    }


def test_the_same_numbers_whatever_they_came_as(brought):
    assert len(brought) == 23
    for form, data in brought.items():
        found = sample_rows(data)
        np.testing.assert_array_equal(dense(found.values), COUNTS, err_msg=form)
        assert (len(found), found.features) == (20, 6)
        assert sparse.issparse(found.values) == (form in {
            "csr.npz", "csc.npz", "coo.npz", "csr_array.h5ad", "csc_array.h5ad", "sparse frame", "matrix", "annotated"
        }), form  # fmt: skip


def test_features_have_their_names(brought):
    for form in ("named.csv", "index.csv", "european.csv", "frame", "annotated", "csr_array.h5ad", "asarray.h5ad"):
        assert list(sample_rows(brought[form]).names) == GENES, form
    assert sample_rows(brought["array"]).names is None
    assert "names of rows" in sample_rows(brought["index.csv"]).source


def test_a_mapped_array_is_not_read_into_memory(brought):
    assert isinstance(sample_rows(brought["mapped"]).values.base, np.memmap)


def test_pictures_of_bytes_are_in_0_to_1(bars_file):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 4), np.uint8)
    found = sample_rows(pixels)
    np.testing.assert_allclose(found.values, pixels.reshape(5, 16) / 255, rtol=1e-6)
    assert "divided by 255" in found.source
    assert sample_rows(bars_file).values.max() == sample_rows("dsprites-tiny").values.max() == 1


# Of each row


def test_exposure_and_condition_by_column_or_as_arrays(brought, tmp_path):
    table = FRAME.assign(depth=DEPTH, batch=BATCH)
    table.to_csv(tmp_path / "table.csv", index=False)
    annotated = SimpleNamespace(X=COUNTS, var_names=GENES, obs=table)
    for form, data in {
        "frame": table, "csv": tmp_path / "table.csv", "h5ad": brought["csr_array.h5ad"], "annotated": annotated
    }.items():  # fmt: skip
        found = sample_rows(data, exposure="depth", condition="batch")
        np.testing.assert_array_equal(dense(found.values), COUNTS, err_msg=form)
        np.testing.assert_array_equal(found.exposure, DEPTH)
        assert (found.categories, found.condition.tolist()) == (("a", "b"), [0, 1] * 10)
    given = sample_rows(COUNTS, exposure=DEPTH, condition=BATCH)
    np.testing.assert_array_equal(given.exposure, found.exposure)
    np.testing.assert_array_equal(given.condition, found.condition)
    np.testing.assert_array_equal(sample_rows(brought["rows.npz"], exposure="depth").exposure, DEPTH)


def test_the_total_is_the_sum_of_what_is_a_feature(brought):
    for form in (
        "array",
        "matrix",
        "frame",
        "csc_array.h5ad",
        "rows.npy",
        "rows.npz",
        "csr.npz",
        "named.csv",
        "rows.h5",
    ):
        np.testing.assert_allclose(sample_rows(brought[form], exposure="total").exposure, DEPTH, err_msg=form)
    labelled = FRAME.assign(year=2000)
    np.testing.assert_allclose(sample_rows(labelled, exposure="total", labels=["year"]).exposure, DEPTH)
    np.testing.assert_allclose(sample_rows(FRAME.assign(total=7.0), exposure="total").exposure, 7.0)
    assert sample_rows(COUNTS, exposure="none").exposure is None


def test_a_layer_is_taken_instead_of_x(tmp_path):
    path = write_h5ad(tmp_path / "layers.h5ad", np.log1p(COUNTS), sparse.csr_array(COUNTS))
    np.testing.assert_array_equal(dense(sample_rows(path, layer="counts").values), COUNTS)
    annotated = SimpleNamespace(X=np.log1p(COUNTS), var_names=GENES, obs=FRAME, layers={"counts": COUNTS})
    np.testing.assert_array_equal(sample_rows(annotated, layer="counts").values, COUNTS)


def test_rows_of_a_large_set_of_images_are_drawn_with_the_seed(monkeypatch):
    monkeypatch.setattr("ifp.datasets.sample_arrays._HELD", 100 * 64 * 64)
    first, again, other = (sample_rows("dsprites", seed=seed) for seed in (0, 0, 1))
    assert len(first) == 100
    assert "100 of 737,280 images, drawn with seed 0" in first.source
    np.testing.assert_array_equal(first.values, again.values)
    assert (first.values != other.values).any()


# What is refused


def text(folder, content):
    (folder / "table.csv").write_text(content)
    return folder / "table.csv"


WITH_NAN = np.where(np.arange(6) == 2, np.nan, COUNTS)
REFUSED = {
    "nan": (lambda _: sample_rows(WITH_NAN), "finite number .* got nan in row 0, feature 2"),
    "nan in a sparse one": (lambda _: sample_rows(sparse.csr_array(WITH_NAN)), "got nan in row 0, feature 2"),
    "infinity": (lambda _: sample_rows(FRAME.replace(0, np.inf)), "got inf in row 0, g"),
    "an empty cell": (lambda at: sample_rows(text(at, "a,b\n1,2\n3,\n")), "got nan in row 1, b"),
    "text": (lambda at: sample_rows(text(at, "a,b\n1,x\n3,y\n")), "numbers in column b .* got 'x' in row 0: name it"),
    "complex": (lambda _: sample_rows(COUNTS * 1j), "need an array of numbers, got complex64"),
    "one row": (lambda _: sample_rows(COUNTS[:1]), "need at least 2 rows .* got 1"),
    "no row": (lambda _: sample_rows(COUNTS[:0]), r"rows of one feature or more .* got shape \(0, 6\)"),
    "one axis": (lambda _: sample_rows(DEPTH), r"need rows \(N, D\) .*reshape\(-1, 1\)"),
    "an empty file": (lambda at: sample_rows(text(at, "")), "need a table of numbers in"),
    "names alone": (lambda at: sample_rows(text(at, "a,b\n")), "need a table of numbers in"),
    "a short row": (lambda at: sample_rows(text(at, "a,b\n1,2\n3,4,5\n")), "need a table of numbers in"),
    "a name twice": (lambda at: sample_rows(text(at, "a,a\n1,2\n3,4\n")), "each column once in .* a stands"),
    "only labels": (lambda at: sample_rows(text(at, "a\n1\n2\n"), labels=["a"]), "a column of numbers at least"),
    "no such file": (lambda at: sample_rows(at / "none.csv"), "there is no such file"),
    "no such npz": (lambda at: sample_rows(at / "none.npz"), "there is none at"),
    "no such data": (lambda _: sample_rows("nothing"), "need a npy, npz, HDF5, CSV, TSV or h5ad file"),
    "a column": (lambda _: sample_rows(FRAME, condition="gg1"), r"need a column 'gg1' .*\(did you mean"),
    "a column of an array": (lambda _: sample_rows(COUNTS, exposure="depth"), r"give an array \(N,\)"),
    "a layer": (lambda _: sample_rows(COUNTS, layer="counts"), "need annotated counts .* for the layer 'counts'"),
    "conditions": (lambda _: sample_rows(COUNTS, condition=np.arange(20)), "two rows or more of each condition, 0"),
    "no condition": (lambda _: sample_rows(COUNTS, condition=["a", None] * 10), "a condition of every row"),
    "a short condition": (lambda _: sample_rows(COUNTS, condition=[1, 2]), "a condition for each of 20 rows"),
    "a short exposure": (lambda _: sample_rows(COUNTS, exposure=[1, 2]), "an exposure for each of 20 rows"),
    "no total": (lambda _: sample_rows(COUNTS * 0, exposure="total"), "sum to more than 0 .* row 0 sums to 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_rows_is_told_in_a_sentence(name, tmp_path):
    make, line = REFUSED[name]
    with pytest.raises(IFPError, match=line) as told:
        make(tmp_path)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("indices", np.full(3, 99, np.int32)),
        ("indptr", np.array([0, 5, 1, 3], np.int32)),
        ("shape", np.array([3, 2**50])),
        ("shape", np.array([3])),
        ("data", np.ones(2)),
        ("format", "bsr"),
        ("format", "x" * 1000),
    ],
)
def test_a_sparse_file_is_not_believed(part, value, tmp_path):
    held = {
        "format": "csr", "shape": np.array([3, 4]), "data": np.ones(3), "indices": np.arange(3, dtype=np.int32),
        "indptr": np.arange(4, dtype=np.int32),
    }  # fmt: skip
    np.savez(tmp_path / "whole.npz", **held)
    np.testing.assert_array_equal(dense(sample_rows(tmp_path / "whole.npz").values), np.eye(3, 4))
    np.savez(tmp_path / "damaged.npz", **held | {part: value})
    with pytest.raises(IFPError, match="need "):
        sample_rows(tmp_path / "damaged.npz")


def test_a_pickle_in_an_npz_is_never_run(tmp_path):
    np.savez(tmp_path / "pickled.npz", samples=np.array([{"a": 1}] * 4, dtype=object).reshape(2, 2))
    with pytest.raises(IFPError, match="never unpickled"):
        sample_rows(tmp_path / "pickled.npz")


def test_codes_without_a_category_are_told(tmp_path):
    path = write_h5ad(tmp_path / "codes.h5ad", COUNTS)
    with h5py.File(path, "r+") as file:
        file["obs/batch/codes"][0] = -1
    with pytest.raises(IFPError, match="need a category in every row"):
        sample_rows(path, condition="batch")
    with h5py.File(path, "r+") as file:
        file["obs/batch/codes"][0] = 7
    with pytest.raises(IFPError, match="need codes of 2 categories"):
        sample_rows(path, condition="batch")
    with pytest.raises(IFPError, match=r"need 'dept' among obs of .* \(did you mean depth\?\)"):
        sample_rows(path, exposure="dept")
