"""An own network in the annealing test: the same bytes in any number of pieces, and what is refused in a line."""

import numpy as np
import pytest
import torch
from torch import nn

import ifp

pytestmark = pytest.mark.usefixtures("_one_thread")

SHORT = {"contexts": 2, "planning_contexts": 2, "factors": ("edge",), "max_steps": 401, "threads": 1}
FILES = ("curves.npz", "freezing.csv", "spectral.csv")


def network(width=5):
    return ifp.Network(
        lambda shape, outputs: nn.Sequential(
            nn.Flatten(), nn.LazyLinear(width), nn.Dropout(0.5), nn.Tanh(), nn.Linear(width, outputs)
        ),
        lambda shape, latents: nn.Sequential(
            nn.Linear(latents, width), nn.Tanh(), nn.Linear(width, 24), nn.Unflatten(1, (1, 4, 6))
        ),
    )


@pytest.fixture(scope="module")
def places():
    """Six bars with and without an upper edge."""
    images = np.zeros((6, 2, 4, 6), np.float32)
    for place in range(6):
        images[place, :, :, place] = 1
        images[place, 1, 0] = 1
    labels = [[place, edge] for place in range(6) for edge in range(2)]
    return ifp.from_arrays(images.reshape(12, 4, 6), labels, ["place", "edge"], name="bars")


@pytest.fixture(scope="module")
def whole(places, tmp_path_factory):
    return ifp.anneal(places, network=network(), out=tmp_path_factory.mktemp("runs") / "whole", **SHORT)


class StopsAfter:
    """A watch that stops the work once so many pieces are done."""

    def __init__(self, pieces):
        self.pieces = pieces

    def begun(self, about, run=None, files=()):
        pass

    def follow(self, steps, title):
        for step in steps:
            yield step
            if step.done >= self.pieces and step.total > 1:
                raise KeyboardInterrupt


def test_the_run_says_that_its_network_is_the_users_own(whole):
    sweep = whole.config["settings"]["sweep"]
    assert sweep["network"] == "own"
    assert len(whole.to_frame()) == 4  # two contexts at two thresholds


def test_a_stopped_test_goes_on_to_the_same_bytes_whatever_the_process_drew(whole, places, tmp_path):
    torch.manual_seed(3)
    with pytest.raises(KeyboardInterrupt):
        ifp.anneal(places, network=network(), out=tmp_path / "run", watch=StopsAfter(1), **SHORT)
    assert len(list((tmp_path / "run" / "parts").iterdir())) == 1  # a case with an own network is a piece of its own
    torch.manual_seed(4)
    with pytest.raises(ifp.IFPError, match="need the own network that the run was trained with, from Python"):
        ifp.anneal(out=tmp_path / "run", resume=True)
    with pytest.raises(ifp.IFPError, match="got one whose parameters have other names or shapes"):
        ifp.anneal(out=tmp_path / "run", resume=True, network=network(6))
    before = torch.get_rng_state()
    again = ifp.anneal(out=tmp_path / "run", resume=True, network=network())
    assert torch.equal(torch.get_rng_state(), before)
    for name in FILES:
        assert (again.path / name).read_bytes() == (whole.path / name).read_bytes(), name


def test_two_contexts_start_from_streams_of_their_own(whole):
    with np.load(whole.path / "curves.npz") as curves:
        assert (curves["kl"][0, 0] != curves["kl"][1, 0]).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"jobs": 2}, "need one process for a network of your own, whose functions others do not have, got 2 jobs"),
        ({"scheduler": "local:2"}, "need one process for a network of your own, .* got --scheduler"),
        ({"protocol": "deft-2022"}, "need the protocol heat-cool with a network of your own, got deft-2022"),
        ({"network": "own"}, r"need the own network that the run was trained with, from Python: network=ifp.Network"),
        (
            {"network": ifp.Network(network().encoder, lambda shape, latents: nn.Linear(latents, 24))},
            r"need \(2, 1, 4, 6\) from the own decoder for inputs \(2, 1\)",
        ),
    ],
)
def test_what_an_own_network_cannot_do_is_told_before_anything_is_written(places, tmp_path, settings, message):
    with pytest.raises(ifp.IFPError, match=message):
        ifp.anneal(places, out=tmp_path / "run", **{"network": network(), **SHORT, **settings})
    assert not (tmp_path / "run").exists()
