"""The freezing order of small labelled sets against an explicit float64 computation."""

import itertools
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from typer.testing import CliRunner

import ifp
from analysis.stage_plan import StagePlan
from annealing.errors import IFPError
from ifp.cli import app
from ifp.closed_form.context_batches import context_images
from ifp.closed_form.grams import OrderStep, added_grams
from ifp.closed_form.order import OrderRecord, freezing_order, predicted_values
from ifp.closed_form.whole import whole_spectrum
from ifp.datasets.dataset import DataOptions, Factors
from ifp.machine.pool import HERE
from ifp.machine.progress import UNWATCHED


class Listed:
    """Images held in memory, any cells of the lattice, any number of images in each."""

    name = "listed"
    fingerprint = "listed"
    nuisances: tuple[str, ...] = ()
    source = reference = "made up"
    options = DataOptions()
    image_shape = (3, 4, 1)

    def __init__(self, images, labels, sizes):
        self._images, self._labels = images.astype(np.float32), labels
        self.factors = None if sizes is None else Factors(tuple("abcd"[: len(sizes)]), sizes)

    def __len__(self):
        return len(self._images)

    def images(self, index):
        return self._images[np.asarray(index)].reshape(-1, *self.image_shape)

    def factors_at(self, index):
        return None if self.factors is None else self._labels[np.asarray(index)]


def made(seed, sizes=(2, 3, 4), grey=False, dropped=0):
    rng = np.random.default_rng(seed)
    cells = np.array(list(itertools.product(*map(range, sizes))))
    labels = cells.repeat(2, axis=0)  # two images a cell
    images = (rng.uniform(size=(len(labels), 12)) + 0.8 * (labels @ rng.normal(size=(len(sizes), 12)))) > 0.9
    images = rng.uniform(size=images.shape) * 0.3 + 0.5 * images if grey else images.astype(float)
    kept = rng.permutation(len(labels))[dropped:]
    return Listed(images[kept], labels[kept], sizes), images[kept], labels[kept]


def value(images, labels, factor, given, variance):
    """lam_max(F^-1/2 B F^-1/2) of one factor, given others."""
    classes = np.unique(labels[:, factor])
    matrix = np.zeros((len(classes), len(classes)))
    contexts = np.unique(labels[:, given], axis=0) if given else np.zeros((1, 0))
    for context in contexts:
        inside = (labels[:, given] == context).all(axis=1) if given else np.ones(len(labels), bool)
        centre = images[inside].mean(axis=0)
        v = variance(centre)
        rows = np.zeros((len(classes), images.shape[1]))
        for place, each in enumerate(classes):
            of_class = inside & (labels[:, factor] == each)
            if of_class.any():
                rows[place] = of_class.sum() / inside.sum() * (images[of_class].mean(axis=0) - centre)
        whitened = rows[:, v > 1e-9] / np.sqrt(v[v > 1e-9])
        matrix += inside.mean() * whitened @ whitened.T
    root = np.sqrt([(labels[:, factor] == each).mean() for each in classes])
    return np.linalg.eigvalsh(matrix / np.outer(root, root))[-1]


@pytest.mark.parametrize(("grey", "dropped"), [(False, 0), (True, 0), (False, 15), (True, 15)])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_every_step_has_the_values_given_what_froze_before(grey, dropped, likelihood):
    dataset, images, labels = made(3, grey=grey, dropped=dropped)
    variance = (lambda p: p * (1 - p)) if likelihood == "bernoulli" else np.ones_like
    records = list(freezing_order(dataset, likelihood=likelihood))
    given = []
    for step in range(3):
        of_step = [each for each in records if each.step == step]
        expected = {"abc"[k]: value(images, labels, k, given, variance) for k in range(3) if k not in given}
        assert {each.factor for each in of_step} == set(expected)
        for each in of_step:
            assert each.given == tuple("abc"[k] for k in given)
            assert each.value == pytest.approx(expected[each.factor], rel=1e-5, abs=1e-6)
        (frozen,) = [each.factor for each in of_step if each.freezes]
        assert frozen == max(expected, key=expected.get)
        given.append("abc".index(frozen))


def test_a_factor_left_out_is_averaged_over_and_never_given():
    dataset, images, labels = made(4)
    records = list(freezing_order(dataset, factors=("c", "a")))
    assert {each.factor for each in records} == {"a", "c"}
    marginal = {each.factor: each.value for each in records if not each.given}
    assert marginal["a"] == pytest.approx(value(images, labels, 0, [], lambda p: p * (1 - p)), rel=1e-5)


class Painted(Listed):
    """Every image has a background of its own, of which the factor's pixels are the negative."""

    name = fingerprint = "painted"
    nuisances = ("background",)
    repaints = True
    source = reference = "made up"
    image_shape = (1, 8, 1)

    def __init__(self, repeats):
        self.factors = Factors(("a", "b"), (2, 3))
        self.options = DataOptions()
        self._labels = np.array(list(itertools.product(range(2), range(3)))).repeat(repeats, axis=0)
        self.background = np.random.default_rng(1).choice([0.3, 0.7], len(self._labels))

    def __len__(self):
        return len(self._labels)

    def images(self, index, nuisances_of=None):
        index = np.asarray(index)
        shown = self.background[index if nuisances_of is None else nuisances_of][:, None].repeat(8, axis=1)
        a, b = self._labels[index].T
        negative = np.zeros((len(index), 8), bool)
        negative[:, :4] = a[:, None] == 1
        negative[np.arange(len(index)), 4 + b] = True
        return np.where(negative, 1 - shown, shown).astype(np.float32).reshape(-1, *self.image_shape)

    def lookup(self, factors, nuisances_of=None):
        return (np.asarray(factors) @ (3, 1)) * (len(self) // 6)

    def factors_at(self, index):
        return self._labels[np.asarray(index)]

    def holds(self, factors):
        return np.ones(len(factors), bool)


class OnCanvas(Painted):
    """The same, saying what is painted over: which pixels are the negative."""

    def __init__(self, repeats):
        super().__init__(repeats)
        a, b = self._labels.T
        negative = np.zeros((len(self), 8))
        negative[:, :4] = a[:, None] == 1
        negative[np.arange(len(self)), 4 + b] = 1
        self.canvas = Listed(negative, self._labels, (2, 3))
        self.canvas.image_shape = self.image_shape

    def painted(self, canvases, nuisances_of):
        shown = self.background[nuisances_of].astype(np.float32)[:, None, None, None, None]
        return shown + canvases * (1 - 2 * shown)


@pytest.mark.parametrize("repeats", [1, 3, 100])
def test_a_painted_mean_has_the_value_of_the_images_that_it_is_the_mean_of(repeats):
    whole, canvas = (list(freezing_order(made(repeats))) for made in (Painted, OnCanvas))
    assert [(each.factor, each.given) for each in canvas] == [(each.factor, each.given) for each in whole]
    assert [each.value for each in canvas] == pytest.approx([each.value for each in whole], rel=3e-5)
    assert {each.error for each in whole} == {0}
    assert all(0 <= each.error < 1e-6 for each in canvas)  # either background has the same value


class ManyContexts(OnCanvas):
    """Contexts c in which the negative of a covers more or fewer pixels."""

    def __init__(self):
        self.factors, self.options = Factors(("a", "c"), (2, 240)), DataOptions()
        self._labels = np.array(list(itertools.product(range(2), range(240))))
        rng = np.random.default_rng(2)
        self.background = rng.uniform(0.1, 0.4, len(self._labels))
        wide = rng.integers(1, 9, 240)
        a, c = self._labels.T
        negative = (np.arange(8) < wide[c][:, None]) & (a[:, None] == 1)
        self.canvas = Listed(negative, self._labels, (2, 240))
        self.canvas.image_shape = self.image_shape


def value_given_c(seed, contexts, monkeypatch):
    monkeypatch.setattr("ifp.closed_form.context_batches._CONTEXTS", contexts)
    ds = ManyContexts()
    ds.options = replace(ds.options, seed=seed)
    a, c = ds.factors_at(np.arange(len(ds))).T
    images = context_images(ds, c, held=True)
    step = OrderStep(images, {"a": a[images.index]}, {"a": 2}, "bernoulli", "given c")
    return added_grams(step, HERE, 1, UNWATCHED)["a"].value()


def test_some_of_many_contexts_give_the_value_of_all_within_its_error(monkeypatch):
    draws = [value_given_c(seed, 240, monkeypatch)[0] for seed in range(30)]
    found = np.array([value_given_c(seed, 60, monkeypatch) for seed in range(60)])
    apart = found[:, 0] - np.mean(draws)
    assert abs(apart.mean()) < 3 * found[:, 1].mean() / 60**0.5
    assert np.sqrt(np.mean(found[:, 1] ** 2)) == pytest.approx(np.sqrt(np.mean(apart**2)), rel=0.35)


def test_contexts_are_drawn_whole_and_their_nuisances_in_parts_of_one_size(monkeypatch):
    ds = ifp.load_dataset("noisy-dsprites-32")
    context = np.ravel_multi_index(tuple(ds.factors_at(np.arange(len(ds))).T[[0, 2]]), (3, 40))
    monkeypatch.setattr("ifp.closed_form.context_batches._CONTEXTS", 30)
    some = context_images(ds, context, held=True)
    assert len(np.unique(some.context)) == 30
    assert len(some.index) == 30 * len(ds) / 120
    np.testing.assert_array_equal(context[some.index], some.context)
    np.testing.assert_array_equal(context[some.painting.shown_as[:, 0]], np.arange(120))
    counted = np.bincount(some.painting.part[np.unique(some.context)].ravel())
    assert np.ptp(counted) <= 1  # sixteen parts of as many contexts


def test_nuisances_that_are_held_are_known_and_others_hide_what_rests_on_them():
    ds = Painted(repeats=2000)
    background = np.full((6, 8), 0.3)
    labels = np.array(list(itertools.product(range(2), range(3))))
    background[:, :4][labels[:, 0] == 1] = 0.7
    background[np.arange(6), 4 + labels[:, 1]] = 0.7  # 0.3 and 0.7 are alike: any draw has the same value
    a, b = (value(background, labels, factor, [], lambda p: p * (1 - p)) for factor in range(2))
    held = {(each.factor, each.given): each.value for each in freezing_order(ds)}
    assert held == {
        ("a", ()): pytest.approx(a, rel=1e-4),
        ("b", ()): pytest.approx(b, rel=1e-4),
        ("b", ("a",)): pytest.approx(b, rel=1e-4),
    }
    redrawn = [each.value for each in freezing_order(ds, nuisance="redrawn")]
    assert max(redrawn) < 0.01 * min(a, b)


@pytest.mark.parametrize("repeats", [1, 10000])
def test_all_images_of_a_context_show_the_nuisances_of_one_of_them(repeats):
    ds = Painted(repeats)
    context = ds.factors_at(np.arange(len(ds)))[:, 0]
    found = context_images(ds, context, held=True)
    assert len(np.unique(found.context)) == 32  # two contexts, sixteen draws of each
    for number in range(32):
        inside = found.context == number
        (shown,) = np.unique(found.shown_as[inside])
        assert set(context[found.index[inside]]) == {context[shown]}
        assert len(np.unique(found.index[inside])) == inside.sum()
        assert inside.sum() == pytest.approx(min(3 * repeats, 2**14), rel=0.02)
    own = context_images(ds, context, held=False)
    assert own.shown_as is None
    np.testing.assert_array_equal(own.index, np.arange(len(ds)))


def ordered(*steps):
    """Records of an order: each step's values by factor, the largest of which freezes."""
    given, records = (), []
    for step, values in enumerate(steps):
        frozen = max(values, key=values.get)
        records += [OrderRecord(step, name, given, value, name == frozen) for name, value in values.items()]
        given = (*given, frozen)
    return records


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param(
            ({"x": 100, "y": 98, "s": 30}, {"y": 150, "s": 50}, {"s": 80}),
            {"x": 100, "y": 98, "s": 80},
            id="what is alike at one step freezes together",
        ),
        pytest.param(
            ({"x": 44, "s": 2, "r": 1}, {"s": 30, "r": 3}, {"r": 117}),
            {"x": 44, "s": 30, "r": 30},
            id="what rests on others freezes with the last of them at the earliest",
        ),
        pytest.param(
            ({"x": 40, "r": 1, "s": 2}, {"r": 117, "s": 100}, {"s": 10}),
            {"x": 40, "r": 40, "s": 40},
            id="ties are with the pressure reached",
        ),
        pytest.param(({"a": 0, "b": 0}, {"b": 64}), {"a": 0, "b": 64}, id="what never freezes holds up nothing"),
        pytest.param((), {}, id="no factor"),
    ],
)
def test_predicted_values_of_an_order(steps, expected):
    assert predicted_values(ordered(*steps)) == expected


def test_the_spectrum_of_the_whole_set_needs_no_labels():
    dataset, images, _ = made(5)
    unlabelled = Listed(images, None, None)
    varying = images[:, np.ptp(images, axis=0) > 0]
    p = varying.mean(axis=0)
    whitened = (varying - p) / np.sqrt(p * (1 - p))
    expected = np.linalg.eigvalsh(whitened.T @ whitened / len(images))[::-1][:4]
    np.testing.assert_allclose(whole_spectrum(unlabelled, count=4), expected, rtol=1e-5)
    assert whole_spectrum(dataset, count=4) == whole_spectrum(unlabelled, count=4)


def test_an_order_needs_labels_and_known_factors():
    dataset, images, _ = made(6)
    with pytest.raises(IFPError, match="labelled factors"):
        next(freezing_order(Listed(images, None, None)))
    with pytest.raises(IFPError, match="a factor out of a, b, c, got 'z'"):
        next(freezing_order(dataset, factors=("z",)))
    with pytest.raises(IFPError, match="one factor or more out of a, b, c, got none"):
        next(freezing_order(dataset, factors=()))
    with pytest.raises(IFPError, match="a nuisance out of held, redrawn, got 'kept'"):
        next(freezing_order(dataset, nuisance="kept"))


@pytest.mark.parametrize("nuisance", ["held", "redrawn"])
def test_commands_and_spectrum_take_the_order_with_the_nuisance_asked_for(nuisance, monkeypatch):
    ds = Painted(repeats=20)
    monkeypatch.setattr("ifp.datasets.arrays.load_dataset", lambda name, data_dir=None, **options: ds)
    order = list(freezing_order(ds, nuisance=nuisance))
    assert [each.value for each in order] != [each.value for each in freezing_order(ds, nuisance=other(nuisance))]
    spectrum = ifp.spectrum(ds, contexts=3, nuisance=nuisance)
    assert spectrum.order == predicted_values(order)
    asked = ["--dataset", "painted", "--contexts", "3", "--nuisance", nuisance]
    found = json.loads(CliRunner().invoke(app, ["spectrum", *asked, "--json"]).stdout)
    assert found["order"] == json.loads(json.dumps([asdict(each) for each in order]))
    planned = CliRunner().invoke(app, ["plan-stages", "--from", "spectrum", "--final-pressure", "0.001", *asked])
    expected = ifp.plan_stages(spectrum, final_pressure=0.001)
    assert StagePlan.from_json(planned.stdout).stages == expected.stages


def other(nuisance):
    return "redrawn" if nuisance == "held" else "held"


def test_which_of_several_images_of_a_cell_is_shown_is_averaged_over():
    ds, _, _ = made(8)
    ds.nuisances, ds.repaints = ("image",), False
    assert list(freezing_order(ds)) == list(freezing_order(made(8)[0]))
