import numpy as np
import pytest
import torch

import ifp
from annealing.errors import IFPError
from annealing.likelihoods.pixels import Bernoulli
from ifp.evaluation.traversal import traverse_run
from ifp.training.checkpoint import load_model
from ifp.training.probe import encode_all
from ifp.training.traversal import latent_labels, traversal_images

pytestmark = pytest.mark.usefixtures("_one_thread")


@pytest.fixture(scope="module")
def run(bars, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    return ifp.train(bars, out=out, objective="beta-vae", latents=3, steps=3, threads=1, network="conv-8")


def test_one_latent_runs_while_the_others_stay_as_for_the_image(run, bars):
    model, image = load_model(run), torch.from_numpy(bars.images([5])[0]).permute(2, 0, 1)
    found = traversal_images(model, image, (2, 0), (-1.0, 0.5, 2.0), Bernoulli())
    assert found.shape == (2, 3, 16, 16, 1)
    code = encode_all(model, image[None])[0]
    for row, latent in enumerate((2, 0)):
        for column, value in enumerate((-1.0, 0.5, 2.0)):
            own = code.clone()
            own[0, latent] = value
            with torch.no_grad():
                expected = model.decode(own).sigmoid()[0].permute(1, 2, 0)
            np.testing.assert_allclose(found[row, column], expected.numpy(), rtol=1e-5, atol=1e-6)


def test_latents_are_named_after_the_factor_they_tell_most_about():
    kl, held = np.array([1.0, 0.5]), np.array([[0.2, 0.9], [0.03, 0.0]])
    assert latent_labels(kl, held, ("a", "b")) == ["z0  1.00 nats\nb", "z1  0.50 nats\n-"]
    assert latent_labels(kl, held[:, :0], ()) == ["z0  1.00 nats", "z1  0.50 nats"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"latents": (3,)}, "need latents within 0..2, got 3"),
        ({"latents": ()}, "need latents within 0..2, got none"),
        ({"values": (float("nan"),)}, "need finite values to run through, got nan"),
    ],
)
def test_what_cannot_be_drawn_is_refused(settings, reason, run, bars, monkeypatch):
    monkeypatch.setattr("ifp.evaluation.traversal.run_dataset", lambda run, data_dir: bars)
    with pytest.raises(IFPError, match=reason):
        traverse_run(run, **settings)
    assert len(traverse_run(run, latents=(1,), values=(0.0, 1.0), image=3).axes) == 2
