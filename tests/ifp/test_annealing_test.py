import pytest
import torch

from annealing.errors import IFPError
from annealing.likelihoods.pixels import Bernoulli
from annealing.spectral import codebook_bound, freezing_point
from annealing.sweep_config import SweepConfig
from ifp.annealing_test.config import AnnealConfig, pieces
from ifp.annealing_test.piece import case_range

OPPOSITE = torch.tensor([[0.0], [1.0]]).repeat(1, 6)  # closed form and codebook bound are both 6
UNLIKE = torch.eye(12).repeat(1, 4)  # nothing shared: naming an image pays far above the closed form


def config(**settings):
    return AnnealConfig(dataset="any", factors=("a", "b"), **settings)


def test_a_case_is_swept_from_the_span_times_its_closed_form():
    assert case_range(OPPOSITE, 6.0, config()) == pytest.approx((0.3 * 6, 3 * 6), rel=1e-4)
    assert case_range(OPPOSITE, 6.0, config(span=(0.5, 2.0))) == pytest.approx((3, 12), rel=1e-4)


def test_the_top_of_the_range_reaches_beyond_the_codebook_bound_where_that_is_higher():
    spectral, bound = freezing_point(UNLIKE, Bernoulli()), codebook_bound(UNLIKE, Bernoulli())
    assert bound > 1.2 * spectral
    assert case_range(UNLIKE, spectral, config()) == pytest.approx((0.3 * spectral, 3 * bound))


def test_pieces_cover_every_case_once_in_order():
    work = pieces(config(contexts=5, stack=2))
    cases = [((0, 0), (1, 0)), ((2, 0), (3, 0)), ((4, 0),)]
    assert [(each.factor, each.cases) for each in work] == [(factor, each) for factor in "ab" for each in cases]
    assert len({each.name for each in work}) == len(work)
    for alone in (config(contexts=2, sweep=SweepConfig(network="conv")), config(contexts=2, protocol="deft-2022")):
        assert [each.cases for each in pieces(alone)] == [((0, 0),), ((1, 0),)] * 2
    repeated = pieces(config(contexts=2, repeats=2, stack=3))
    assert [each.cases for each in repeated[:2]] == [((0, 0), (0, 1), (1, 0)), ((1, 1),)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"contexts": 0}, "contexts of at least 1, got 0"),
        ({"contexts": 20, "planning_contexts": 10}, "20 contexts among those planned over, got 10"),
        ({"span": (2.0, 1.0)}, "span LO:HI with 0 < LO < HI, got 2:1"),
        ({"pressures": (0.0, 1.0)}, "pressures LO:HI with 0 < LO < HI, got 0:1"),
        ({"thresholds": (0.0,)}, "thresholds above 0"),
        ({"likelihood": "poisson"}, "bernoulli, gaussian, got 'poisson'"),
        ({"precision": "bfloat16"}, "precision float32"),
        ({"protocol": "deft-2030"}, "heat-cool, equilibrium, deft-2022, deft-2021, got 'deft-2030'"),
        ({"protocol": "equilibrium", "repeats": 2}, "one repeat at equilibrium"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(IFPError, match=message):
        config(**settings)
