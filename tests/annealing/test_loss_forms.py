"""Each form's loss as it is written, run by torch, against nats and KL of torch's own distributions."""

import math
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from torch import distributions
from torch.nn import functional

from annealing.errors import IFPError
from annealing.loss_forms import LOSS_FORMS, LossName, LossScale, beta_in_nats, weight_of

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "freezing_points.md"
ROW = re.compile(r"^\| `([\w-]+)` \| `([^|`]+)` \| `([^|`]+)` \| (\w+) \|$", re.MULTILINE)
DECODERS = {
    "bernoulli": lambda output: distributions.Bernoulli(logits=output),
    "gaussian": lambda output: distributions.Normal(output, 1.0),
    "laplace": lambda output: distributions.Laplace(output, 1.0),
}
B, N, K = 6, 10, 3


def weights_in(written, likelihood):
    """Of the KL and of a nat of reconstruction in a loss, by the gradients of the loss and of torch's distributions."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(B, N, generator=generator).round().double()
    x_hat = torch.randn(B, N, generator=generator).double().requires_grad_()
    mean = torch.randn(B, K, generator=generator).double().requires_grad_()
    kl = distributions.kl_divergence(distributions.Normal(mean, 0.5), distributions.Normal(0.0, 1.0))
    drawn = DECODERS[likelihood](x_hat)
    known = {"F": functional, "torch": torch, "x": x, "x_hat": x_hat, "kl": kl, "w": 1.0, "log_prob": drawn.log_prob}
    loss = eval(written, known)
    nats = -drawn.log_prob(x).sum(dim=1).mean()
    found = torch.autograd.grad(loss, [x_hat, mean], retain_graph=True)
    in_nats = torch.autograd.grad(nats + kl.sum(dim=1).mean(), [x_hat, mean])
    of_nat, of_kl = (one / other for one, other in zip(found, in_nats, strict=True))
    for each in (of_nat, of_kl):
        torch.testing.assert_close(each, each[0, 0].expand_as(each).clone())
    return float(of_kl[0, 0]), float(of_nat[0, 0])


@pytest.mark.parametrize("loss", LOSS_FORMS)
def test_beta_is_the_weight_of_the_kl_over_that_of_a_nat(loss):
    form = LOSS_FORMS[loss]
    of_kl, of_nat = weights_in(form.written, form.likelihood or "gaussian")
    assert beta_in_nats(1.0, loss, features=N, batch_size=B) == pytest.approx(of_kl / of_nat)


@pytest.mark.parametrize("likelihood", DECODERS)
def test_a_log_likelihood_of_any_kind_is_in_nats(likelihood):
    assert weights_in(LOSS_FORMS["nll-sum"].written, likelihood) == pytest.approx((1, 1))


def test_a_mean_over_latents_divides():
    of_kl, of_nat = weights_in("F.mse_loss(x_hat, x) + w * kl.mean()", "gaussian")
    assert beta_in_nats(1.0, "mse-mean", features=N, kl_mean_over=K) == pytest.approx(of_kl / of_nat)


def test_the_page_has_every_form_with_the_same_loss_and_beta():
    rows = {name: row for name, *row in ROW.findall(PAGE.read_text(encoding="utf-8"))}
    assert set(rows) == set(LOSS_FORMS) == set(get_args(LossName))
    for name, (written, beta, likelihood) in rows.items():
        form = LOSS_FORMS[name]
        assert (written, likelihood) == (form.written, form.likelihood or "any")
        assert eval(beta, {"w": 0.3, "N": N, "B": B}) == pytest.approx(
            beta_in_nats(0.3, name, features=N, batch_size=B)
        )


def test_there_and_back_is_the_same():
    beta = np.array([0.0, 0.5, 200.0])
    for loss in LOSS_FORMS:
        scale = {"features": 4096, "batch_size": 64, "kl_mean_over": 10}
        np.testing.assert_allclose(beta_in_nats(weight_of(beta, loss, **scale), loss, **scale), beta)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: beta_in_nats(1.0, "mse_mean", features=4), r"need a loss out of .* \(did you mean mse-mean\?\)"),
        (lambda: beta_in_nats(1.0, "bce-mean-kl-total", features=4), r"need the batch size .* got none: name it"),
        (lambda: beta_in_nats(1.0, "mse-mean", features=0), "need features of at least 1"),
        (lambda: beta_in_nats(1.0, "mse-total", features=4, batch_size=0), "need batch_size of at least 1"),
        (lambda: beta_in_nats(1.0, "mse-mean", features=4, kl_mean_over=10**6), "need latents of at most 4,096"),
        (lambda: beta_in_nats(-1.0, "mse-mean", features=4), "need a weight of 0 or more, got -1"),
        (lambda: weight_of(math.nan, "mse-mean", features=4), "need a pressure beta of 0 or more, got nan"),
        (lambda: weight_of("much", "mse-mean", features=4), "need a pressure beta of 0 or more, got 'much'"),
        (lambda: LossScale("mse-mean", 4).require_likelihood("bernoulli"), "need the likelihood gaussian with"),
        (lambda: LossScale("bce-mean", 4).require_likelihood("gaussian"), "need the likelihood bernoulli"),
        (lambda: LossScale("l1-mean", 4).require_likelihood("gaussian"), "need the likelihood laplace with l1-mean"),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_does_not_fit_is_told(make, line):
    with pytest.raises(IFPError, match=line):
        make()
