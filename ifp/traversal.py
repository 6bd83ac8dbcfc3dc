"""Latent traversals of a trained model: what it draws as one latent runs while the others stay."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from analysis.figures.traversal import draw_traversal
from annealing.errors import IFPError
from annealing.likelihood import Likelihood, likelihood_named
from ifp.checkpoint import load_model
from ifp.datasets.dataset import to_float
from ifp.evaluation import encode_all
from ifp.resuming import run_dataset
from ifp.run_arrays import LABELLED, TRACE, load_arrays
from ifp.runs import Run, open_run
from ifp.vae import MultiGroupVAE

VALUES = tuple(float(value) for value in np.linspace(-2.5, 2.5, 9))  # prior standard deviations
_TOLD = 0.05  # nats about a factor from which a latent is named after it


@torch.no_grad()
def traversal_images(
    model: MultiGroupVAE, image: Tensor, latents: Sequence[int], values: Sequence[float], likelihood: Likelihood
) -> NDArray[np.float32]:
    """Decoded images (latents, values, H, W, C) in 0..1: each latent in turn runs, the others stay as for the image.

    Args:
        image: (C, H, W), in 0..1.
    """
    mean, _ = encode_all(model, image[None])
    codes = mean.repeat(len(latents) * len(values), 1).unflatten(0, (len(latents), len(values)))
    for row, latent in enumerate(latents):
        codes[row, :, latent] = torch.tensor(values)
    output = model.decode(codes.flatten(0, 1).to(next(model.parameters()).device)).cpu()
    return likelihood.mean(output).permute(0, 2, 3, 1).unflatten(0, (len(latents), -1)).numpy()


def latent_labels(
    kl: NDArray[np.floating], mi: NDArray[np.floating], mi_null: NDArray[np.floating], names: Sequence[str]
) -> list[str]:
    """Of each latent its nats (latents,) and, where the data are labelled, the factor it tells most about."""
    labels = [f"z{latent}  {float(nats):.2f} nats" for latent, nats in enumerate(kl)]
    if not len(names):
        return labels
    held = np.maximum(mi - mi_null, 0)
    best = [names[int(k)] if row.max() > _TOLD else "-" for row, k in zip(held, held.argmax(1), strict=True)]
    return [f"{label}\n{name}" for label, name in zip(labels, best, strict=True)]


def traverse_run(
    run: Run | str | Path,
    *,
    image: int = 0,
    latents: Sequence[int] | None = None,
    values: Sequence[float] = VALUES,
    data_dir: Path | None = None,
) -> Figure:
    """The traversal of a finished training run from an image of its data set.

    Args:
        image: index of the image that the other latents stay at.
        latents: rows of the figure; all of them by default.
        values: of the latent along a row, in prior standard deviations.

    Raises:
        IFPError: the run is not finished, its data set is not at hand, or there is no such image or latent.
    """
    run = run if isinstance(run, Run) else open_run(Path(run))
    model, dataset = load_model(run), run_dataset(run, data_dir)
    chosen = range(model.latents) if latents is None else latents
    if not chosen or not all(0 <= latent < model.latents for latent in chosen):
        raise IFPError(f"need latents within 0..{model.latents - 1}, got {', '.join(map(str, chosen)) or 'none'}")
    if not values or not np.isfinite(values).all():
        raise IFPError(f"need finite values to run through, got {', '.join(map(str, values)) or 'none'}")
    start = torch.from_numpy(to_float(dataset.images([image]))[0]).permute(2, 0, 1)
    likelihood = likelihood_named(run.setting("likelihood", str))
    images = traversal_images(model, start, chosen, values, likelihood)
    trace = load_arrays(run.path / "trace.npz", TRACE | LABELLED)
    last = {name: trace[name][-1] for name in ("kl", "mi", "mi_null")}
    labels = latent_labels(**last, names=trace["factors"].tolist())
    return draw_traversal(images, values, [labels[latent] for latent in chosen])
