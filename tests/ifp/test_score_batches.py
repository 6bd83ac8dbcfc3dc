"""Scores of codes that come in batches: the numbers of one call, and what each batch is refused for."""

import math

import numpy as np
import pytest
import torch

import ifp
from analysis.scores.protocol import SampleSizes
from annealing.errors import IFPError
from ifp.datasets import DataWarning

FEW = SampleSizes(train=200, test=100, group=8)
CHEAP = ("mig", "mig_sup", "sap", "modularity", "factor_vae", "irs", "dci-forest_disentanglement")
CUTS = (1, 61, 62, 200)  # one batch of one row first, one in the middle


@pytest.fixture(scope="module")
def rows():
    """Codes, classes and log-variances (300, ...) of a model that nearly holds two factors."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, [3, 4], (300, 2))
    noise = 0.3 * rng.standard_normal((300, 3))
    codes = np.column_stack([classes, np.zeros(300)]) + noise
    return codes.astype(np.float32), classes, rng.uniform(-3, 0, (300, 3)).astype(np.float32)


def fed(batches, *arrays):
    """The scores of arrays handed over in pieces."""
    for pieces in zip(*(np.split(each, CUTS) for each in arrays), strict=True):
        batches.update(*pieces)
    assert len(batches) == len(arrays[0])
    return batches.compute()


def same(found, expected):
    assert dict(found) == dict(expected)
    assert found.intervals == expected.intervals
    assert found.record == expected.record


def test_batches_score_what_one_call_scores(rows):
    codes, classes, logvar = rows
    given = {"only": (*CHEAP, "mig_chen"), "sizes": FEW, "seed": 3, "n_jobs": 1}
    found = fed(ifp.ScoreBatches(**given), codes, classes, logvar)
    same(found, ifp.score(codes, classes, logvar=logvar, **given))
    assert set(found) == {*CHEAP, "mig_chen"}
    assert found.intervals
    assert found.exact


def test_every_usual_score_is_that_of_one_call(rows):
    codes, classes, _ = rows
    given = {"sizes": SampleSizes(train=60, test=30, group=4), "n_jobs": 1, "ceilings": False}
    found = fed(ifp.ScoreBatches(**given), codes, classes)
    same(found, ifp.score(codes, classes, **given))


def with_gaps(classes):
    """Labels of which some are missing, as numbers."""
    labels = classes.astype(float)
    labels[[0, 70, 250]] = math.nan
    return labels


LABELS = {
    "text": lambda classes: np.array(["red", "green", "blue", "grey"])[classes],
    "one factor": lambda classes: classes[:, 0],
    "bytes": lambda classes: classes.astype(np.uint8),
    "an own mark": lambda classes: np.where(np.arange(300)[:, None] % 50 == 7, -1, classes),
    "gaps": with_gaps,
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.filterwarnings("ignore::ifp.datasets.dataset.DataWarning")
def test_labels_of_any_kind_come_in_batches(kind, rows):
    given = {"only": ("mig", "sap"), "sizes": FEW, "missing": -1 if kind == "an own mark" else None}
    labels = LABELS[kind](rows[1])
    same(fed(ifp.ScoreBatches(**given), rows[0], labels), ifp.score(rows[0], labels, **given))


def test_rows_without_a_label_are_told_once_by_their_number(rows):
    with pytest.warns(DataWarning, match="^labels are missing, of 300 rows .* 3 rows with no label") as told:
        fed(ifp.ScoreBatches(only=["mig"], sizes=FEW), rows[0], with_gaps(rows[1]))
    assert len(told) == 1


def test_text_in_one_batch_makes_labels_of_all_text(rows):
    codes, classes, _ = rows
    words = classes.astype(object)
    words[61:62] = [["other", None]]
    batches = ifp.ScoreBatches(only=["mig"], sizes=FEW)
    with pytest.warns(DataWarning):
        same(fed(batches, codes, words), ifp.score(codes, words, only=["mig"], sizes=FEW))
    batches.reset()
    batches.update(codes[:61], classes[:61])
    batches.update(codes[61:62], [["other", None]])
    batches.update(codes[62:], classes[62:])
    with pytest.warns(DataWarning):
        same(batches.compute(), ifp.score(codes, words, only=["mig"], sizes=FEW))


def test_codes_of_classes_stay_classes(rows):
    codes, classes, _ = rows
    whole = np.rint(codes).astype(np.int64)
    given = {"only": ("mig", "infom"), "sizes": FEW}
    same(fed(ifp.ScoreBatches(**given), whole, classes), ifp.score(whole, classes, **given))


def test_tensors_are_taken_without_their_gradients_and_buffers_may_be_filled_anew(rows):
    codes, classes, logvar = rows
    batches = ifp.ScoreBatches(only=["mig", "mig_chen"], sizes=FEW)
    buffer, held = torch.empty(100, 3), np.empty((100, 2), int)
    weight = torch.ones(3, requires_grad=True)
    for start in (0, 100, 200):
        rows_now = slice(start, start + 100)
        buffer.copy_(torch.from_numpy(codes[rows_now]))
        held[:] = classes[rows_now]
        batches.update(buffer, held, (torch.from_numpy(logvar[rows_now]) * weight))
    assert weight.grad is None
    same(batches.compute(), ifp.score(codes, classes, logvar=logvar, only=["mig", "mig_chen"], sizes=FEW))


def test_rows_go_on_after_a_computation_and_are_forgotten_when_reset(rows):
    codes, classes, _ = rows
    batches = ifp.ScoreBatches(only=["mig"], sizes=FEW)
    batches.update(codes[:150], classes[:150])
    assert batches.compute() == ifp.score(codes[:150], classes[:150], only=["mig"], sizes=FEW)
    batches.update(codes[150:], classes[150:])
    assert batches.compute() == ifp.score(codes, classes, only=["mig"], sizes=FEW)
    batches.reset()
    assert len(batches) == 0
    with pytest.raises(IFPError, match=r"need rows to score, got none: update"):
        batches.compute()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            (np.ones((4, 2)), np.ones((4, 2), int)),
            r"need batch 2 like the first, .*but for its rows, got codes \(4, 2\)",
        ),
        ((np.ones((4, 3)), np.ones((4, 1), int)), r"need batch 2 like .*factors \(4, 1\)"),
        ((np.ones((4, 3)), np.ones(4, int)), r"need batch 2 like .*factors \(4,\)"),
        ((np.ones((4, 3)), np.ones((3, 2), int)), r"need codes \(rows, latents\).* in batch 2, got .*factors \(3, 2\)"),
        ((np.ones(3), np.ones((1, 2), int)), r"in batch 2, got codes \(3,\)"),
        ((np.ones((4, 3)), np.ones((4, 2), int), np.ones((4, 3))), r"need batch 2 like .*logvar \(4, 3\)"),
        ((np.ones((4, 3)), np.ones((4, 2), int), np.ones((4, 2))), r"in batch 2, got .*logvar \(4, 2\)"),
        ((np.ones((4, 3), int), np.ones((4, 2), int)), r"need batch 2 like .*got whole numbers as codes \(4, 3\)"),
        (([["a"]], [[1]]), "need an array of numbers"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused_and_changes_nothing(given, message, rows):
    batches = ifp.ScoreBatches(only=["mig"], sizes=FEW)
    batches.update(rows[0], rows[1])
    before = batches.compute()
    with pytest.raises(IFPError, match=message):
        batches.update(*given)
    assert (len(batches), batches.compute()) == (300, before)


def test_settings_are_refused_before_any_batch():
    for given, message in (({"only": ["migg"]}, "got migg"), ({"seed": -1}, "need a seed"), ({"bins": 1}, "bins")):
        with pytest.raises(IFPError, match=message):
            ifp.ScoreBatches(**given)
