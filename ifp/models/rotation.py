"""Turning the latents of a group to axes on which they are independent: at once what pressure does over many steps."""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import kurtosis
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor, nn

from annealing.bottleneck import gaussian_kl
from annealing.errors import IFPError
from annealing.thresholds import ACTIVE
from ifp.models.vae import MultiGroupVAE

_STARTS = 5
_BETTER = 1.01  # times the kurtoses of an earlier start, below which it is the same solution, to other roundings


def independent_axes(means: NDArray[np.floating]) -> NDArray[np.float64]:
    r"""The rotation R (k, k) that makes codes (N, k) as independent as a rotation can: R mu.

    Factors that freeze at one pressure freeze as some mixture of them: a Gaussian posterior of equal widths says the
    same in all directions, so that the ELBO is blind to :math:`\mu \to R\mu` at second order and turns the codes only
    slowly. Independent component analysis (Hyvarinen 1999, with the kurtosis) finds the axes at once, from several
    starts: one in eighty lies so near to where two codes are mixed most evenly, which is stationary too, that it stops
    there. The one of the largest kurtoses is taken (:math:`\sum_k \kappa_k^2`, Comon 1994), and of what that leaves
    open, order and sign, the choice nearest to how the codes lie; where no axes are found, the codes stay.
    """
    codes = np.asarray(means, dtype=np.float64)
    unmixing, largest = None, 0.0
    for start in range(_STARTS):
        components = _components(codes, start)
        if components is None:
            continue
        contrast = float(np.square(kurtosis(codes @ components.T)).sum())
        if unmixing is None or contrast > _BETTER * largest:
            unmixing, largest = components, contrast
    if unmixing is None:
        return np.eye(means.shape[1])
    left, _, right = np.linalg.svd(unmixing)  # the nearest rotation: widths are the posterior's business
    axes = left @ right
    _, order = linear_sum_assignment(-np.abs(axes.T))
    axes = axes[order]
    return axes * np.sign(np.diag(axes))[:, None]


def _components(codes: NDArray[np.float64], start: int) -> NDArray[np.float64] | None:
    """The matrix that takes codes apart, from one start; None where it does not settle."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            fitted = FastICA(whiten="unit-variance", fun="cube", max_iter=1000, random_state=start).fit(codes)
        except ConvergenceWarning:
            return None
    components: NDArray[np.float64] = fitted.components_
    return components


@torch.no_grad()
def turn_group(model: MultiGroupVAE, number: int, means: Tensor, logvars: Tensor) -> None:
    """Turn the awake latents of a group, in encoder and decoder alike: what is reconstructed stays.

    Args:
        model: changed in place: the last layer of the group's encoder, the first of the decoder.
        number: of the group.
        means: posterior means (N, latents) of images of the data set.
        logvars: their log-variances (N, latents); a posterior of unequal widths stays diagonal, and so changes.
    """
    group = model.groups[number]
    nats = gaussian_kl(means, logvars).mean(dim=0)
    awake = [place for place, latent in enumerate(group) if nats[latent] > ACTIVE]
    if len(awake) < 2:
        return
    latents = [group[place] for place in awake]
    encoder, decoder = linear_layers(model.encoders[number])[-1], linear_layers(model.decoder)[0]
    axes = torch.from_numpy(independent_axes(means[:, latents].double().numpy())).to(encoder.weight)
    rows, widths = awake, [len(group) + place for place in awake]
    for parameter in (encoder.weight, encoder.bias):
        parameter[rows] = axes @ parameter[rows]
        parameter[widths] = axes.square() @ parameter[widths]
    decoder.weight[:, latents] = decoder.weight[:, latents] @ axes.T


def require_turnable(model: MultiGroupVAE) -> None:
    """IFPError where the last linear layer of an encoder or the first of the decoder is none that can be turned."""
    first = [(layer.in_features, "inputs") for layer in linear_layers(model.decoder)[:1]]
    parts = [("decoder", first, (model.latents, "inputs"))]
    for group, encoder in zip(model.groups, model.encoders, strict=True):
        last = [(each.out_features, "outputs") for each in linear_layers(encoder)[-1:] if each.bias is not None]
        parts.append(("encoder", last, (2 * len(group), "outputs")))
    for word, found, (size, what) in parts if any(len(group) > 1 for group in model.groups) else ():
        if found != [(size, what)]:
            got = " ".join(map(str, found[0])) if found else "none with a bias"
            raise IFPError(
                f"need a {'first' if word == 'decoder' else 'last'} linear layer of {size} {what} in the {word}, which "
                f'turns a group to its independent axes, got {got}: parameters={{"axes": "learned"}} leaves them be'
            )


def linear_layers(network: nn.Module) -> Sequence[nn.Linear]:
    """The linear layers of a network, from its input on."""
    return [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
