"""How a group's latents begin when they open: with a signal instead of noise, and with layers that see already."""

import torch
from torch import Tensor

from annealing.errors import IFPError
from ifp.models.rotation import linear_layers
from ifp.models.vae import MultiGroupVAE

_LOGVAR = -4.0  # of a latent that opens: a deviation of 0.14 beside codes of 1
_VARIES = 1e-6  # share of the largest variance below which a direction of the codes is left as it is


@torch.no_grad()
def open_quietly(model: MultiGroupVAE, number: int, means: Tensor) -> None:
    r"""Give a group codes of mean 0, variance 1 and no correlation, and posteriors of deviation 0.14.

    A latent that opens as noise teaches the decoder to ignore it, and pressure then keeps it silent. The last layer of
    the group's encoder, :math:`\mu = W h + b`, becomes :math:`C^{-1/2} (W h + b - \bar\mu)` with C the covariance of
    the means, so that the latents of a group say different things; log-variances begin at -4 whatever the image.

    Args:
        model: changed in place: the last layer of the group's encoder.
        number: of the group.
        means: posterior means (N, latents) of images of the data set.
    """
    group = list(model.groups[number])
    last = linear_layers(model.encoders[number])[-1]
    codes = means[:, group].double()
    values, axes = torch.linalg.eigh(torch.cov(codes.T).reshape(len(group), len(group)))
    scales = torch.where(values > _VARIES * values.max(), values, 1.0).rsqrt()
    whiten = ((axes * scales) @ axes.T).to(last.weight)
    of_means, of_logvars = slice(len(group)), slice(len(group), None)
    last.weight[of_means] = whiten @ last.weight[of_means]
    last.bias[of_means] = whiten @ (last.bias[of_means] - codes.mean(dim=0).to(last.bias))
    last.weight[of_logvars] = 0
    last.bias[of_logvars] = _LOGVAR


@torch.no_grad()
def take_layers(model: MultiGroupVAE, number: int, source: int) -> None:
    """Give the encoder of group ``number`` the layers of that of group ``source``, all but the last linear one.

    Layers as they are initialised see little of what is left once the first factors are known; those of a group that
    carries information see where the image's content lies.
    """
    own, trained = model.encoders[number].state_dict(), model.encoders[source].state_dict()
    last = _name_of_last(model, number)
    model.encoders[number].load_state_dict(
        {name: own[name] if name.startswith(f"{last}.") else trained[name] for name in own}
    )


def require_openable(model: MultiGroupVAE, *, layers: bool) -> None:
    """IFPError where an encoder has no last linear layer to open by or, with ``layers``, others than the first's."""
    for number, (group, encoder) in enumerate(zip(model.groups, model.encoders, strict=True)):
        last = [(layer.out_features, layer.bias is not None) for layer in linear_layers(encoder)[-1:]]
        if last != [(2 * len(group), True)]:
            got = f"{last[0][0]} outputs{'' if last[0][1] else ' without a bias'}" if last else "none"
            raise IFPError(
                f"need a last linear layer of {2 * len(group)} outputs with a bias in the encoder, by which a group "
                f'opens, got {got}: parameters={{"opening": "noise"}} leaves it be'
            )
        if layers and _hidden_shapes(model, number) != _hidden_shapes(model, 0):
            raise IFPError(
                "need encoders that differ in their last layer alone, so that a group can begin with the layers of "
                f'another, got others in group {number + 1}: parameters={{"opening": "quiet"}} leaves them be'
            )


def _name_of_last(model: MultiGroupVAE, number: int) -> str:
    last = linear_layers(model.encoders[number])[-1]
    return next(name for name, module in model.encoders[number].named_modules() if module is last)


def _hidden_shapes(model: MultiGroupVAE, number: int) -> dict[str, torch.Size]:
    last = _name_of_last(model, number)
    state = model.encoders[number].state_dict()
    return {name: value.shape for name, value in state.items() if not name.startswith(f"{last}.")}
