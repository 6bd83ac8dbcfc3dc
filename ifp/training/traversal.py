"""What a model draws as one latent runs through its values while the others stay, and labels for its latents."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from annealing.thresholds import TOLD
from ifp.datasets.dataset import Dataset
from ifp.datasets.row_dataset import is_rows
from ifp.models.networks import device_of, evaluating
from ifp.models.vae import MultiGroupVAE
from ifp.training.drawing import Drawing
from ifp.training.probe import encode_all

SPAN = (-2.5, 2.5)  # from where to where a latent runs, in prior standard deviations
COUNT = 9  # images on the way
VALUES = tuple(float(value) for value in np.linspace(*SPAN, COUNT))


@torch.no_grad()
def traversal_images(
    model: MultiGroupVAE, image: Tensor, latents: Sequence[int], values: Sequence[float], likelihood: Drawing
) -> NDArray[np.float32]:
    """Decoded images (latents, values, H, W, C) in 0..1: one latent at a time runs, the others stay as for the image.

    For rows: the decoder's mean of each feature (latents, values, D), at an exposure of 1.

    Args:
        image: (C, H, W), in 0..1.
    """
    mean, _ = encode_all(model, image[None])
    codes = mean.repeat(len(latents) * len(values), 1).unflatten(0, (len(latents), len(values)))
    for row, latent in enumerate(latents):
        codes[row, :, latent] = torch.tensor(values)
    with evaluating(model):
        output = model.decode(codes.flatten(0, 1).to(device_of(model))).cpu()
    drawn = likelihood.mean(output)
    drawn = drawn.permute(0, 2, 3, 1) if drawn.dim() == 4 else drawn
    return drawn.unflatten(0, (len(latents), -1)).numpy()


def feature_names(dataset: Dataset) -> tuple[str, ...]:
    """Names of the features of rows, numbered if they have none; empty for images."""
    if not is_rows(dataset):
        return ()
    return tuple(dataset.feature_names or (f"feature {number}" for number in range(dataset.rows.features)))


def traversal_figure(
    drawn: NDArray[np.floating], values: Sequence[float], labels: Sequence[str], features: Sequence[str] = ()
) -> Figure:
    """The figure of :func:`traversal_images`: pictures, or lines over the features of these names."""
    from analysis.figures.row_traversal import draw_row_traversal
    from analysis.figures.traversal import draw_traversal

    return draw_row_traversal(drawn, values, labels, features) if features else draw_traversal(drawn, values, labels)


def latent_labels(kl: NDArray[np.floating], held: NDArray[np.floating], names: Sequence[str]) -> list[str]:
    """A label per latent: its nats and, if the data are labelled, the factor that it tells most about.

    Args:
        kl: nats (latents,).
        held: information above chance, nats (latents, factors).
        names: of the factors.
    """
    labels = [f"z{latent}  {float(nats):.2f} nats" for latent, nats in enumerate(kl)]
    if not len(names):
        return labels
    best = [names[int(k)] if row.max() > TOLD else "-" for row, k in zip(held, held.argmax(1), strict=True)]
    return [f"{label}\n{name}" for label, name in zip(labels, best, strict=True)]
