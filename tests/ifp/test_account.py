"""The sentences of a diagnosis say what was planted in its findings."""

from dataclasses import replace

import pandas as pd

from analysis.conclusions import conclude_spectrum
from analysis.mixing import PairMixing
from ifp.tables.account import annealing_chapters

# In ten contexts a freezes above all others, c above b in eight, d above c in five.
POINTS = {"a": [90.0] * 10, "b": [10.0] * 10, "c": [20.0] * 8 + [5.0] * 2, "d": [21.0] * 5 + [4.0] * 5}


def findings(*mixing):
    rows = [(name, context, beta) for name, points in POINTS.items() for context, beta in enumerate(points)]
    table = pd.DataFrame(rows, columns=["factor", "context", "spectral_beta"]).assign(dataset="toy")
    return conclude_spectrum(
        table, seed=0, fingerprint="", image_shape=(8, 8, 1), likelihood="bernoulli", mixing=mixing
    )


def test_order_doubt_and_predicted_diffusion_are_told_with_their_numbers():
    mixed = (PairMixing("b", "a", 0.05), PairMixing("c", "b", 0.5), PairMixing("d", "c", 0.2))
    freezing, order, spread = annealing_chapters(findings(*mixed))
    assert freezing.sentences == (
        "In the closed form over 10 contexts the factors freeze in this order, in nats: a at 90, c at 20, d at 12.5, b "
        "at 10.",
    )
    assert order.sentences == (
        "In 3 of 6 pairs one factor freezes first in 95% of the contexts or more.",
        "The order is less sure for c before b (80%).",
        "Pressure cannot tell apart b and d (b first in 50%) and c and d (c first in 50%).",
    )
    assert spread.sentences == (
        "Expect 0.5 nats of c in the latent of b and 0.2 nats of d in the latent of c: the code of the one carries "
        "that much of the other.",
    )


def test_without_a_strong_pair_no_diffusion_is_predicted():
    *_, spread = annealing_chapters(findings(PairMixing("a", "b", 0.05)))
    assert spread.sentences == ("No factor's code carries 0.1 nats or more of another factor.",)


def test_a_measured_run_is_held_against_the_closed_form_of_its_cases():
    found = findings()
    factors = []
    for each, median in zip(found.factors, (10.0, 10.2, 9.5, 10.0), strict=True):
        measured, closed = replace(each.planning, n=3, median=median), replace(each.planning, median=10.0)
        factors.append(replace(each, cases=4, ifp=measured, spectral=closed))
    freezing, *_ = annealing_chapters(replace(found, factors=tuple(factors)))
    assert freezing.sentences[1] == (
        "12 of 16 measured cases have a freezing point; the medians lie within 5.0% of the closed form of the same "
        "cases (c is farthest)."
    )
