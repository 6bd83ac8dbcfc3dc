"""Latent traversals of a trained model: what it draws as one latent runs while the others stay."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from annealing.errors import IFPError
from ifp.datasets.dataset import to_float
from ifp.models.networks import Network
from ifp.run_directory.opening import run_dataset
from ifp.run_directory.run import RunDirectory
from ifp.training.checkpoint import load_model
from ifp.training.drawing import drawing_of
from ifp.training.trained import trained_run
from ifp.training.traversal import VALUES, feature_names, latent_labels, traversal_figure, traversal_images


def traverse_run(
    run: RunDirectory | str | Path,
    *,
    image: int = 0,
    latents: Sequence[int] | None = None,
    values: Sequence[float] = VALUES,
    data_dir: Path | None = None,
    network: Network | None = None,
) -> Figure:
    """The traversal of a finished training run from an image of its data set.

    Args:
        image: index of the image that the other latents stay at.
        latents: rows of the figure; all of them by default.
        values: of the latent along a row, in prior standard deviations.
        network: of a run that was trained with an own one: the same.

    Raises:
        IFPError: the run is not finished, its data set is not at hand, or there is no such image or latent.
    """
    trained = trained_run(run)
    model = load_model(trained.run, network)
    dataset = run_dataset(trained.run, data_dir)
    chosen = range(model.latents) if latents is None else latents
    if not chosen or not all(0 <= latent < model.latents for latent in chosen):
        raise IFPError(f"need latents within 0..{model.latents - 1}, got {', '.join(map(str, chosen)) or 'none'}")
    if not values or not np.isfinite(values).all():
        raise IFPError(f"need finite values to run through, got {', '.join(map(str, values)) or 'none'}")
    start = torch.from_numpy(to_float(dataset.images([image]))[0]).permute(2, 0, 1)
    images = traversal_images(model, start, chosen, values, drawing_of(dataset, trained.config.loop))
    trace = trained.trace
    labels = latent_labels(trace.kl[-1], trace.above[-1], trace.names)
    return traversal_figure(images, values, [labels[latent] for latent in chosen], feature_names(dataset))
