"""Latent traversals of a trained model: what it draws as one latent runs while the others stay."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from analysis.figures.traversal import draw_traversal
from annealing.errors import IFPError
from annealing.likelihood import likelihood_named
from ifp.datasets.dataset import to_float
from ifp.files.npz import load_arrays
from ifp.run_directory.resume import run_dataset
from ifp.run_directory.run import RunDirectory, open_run
from ifp.training.checkpoint import load_model
from ifp.training.probe import LABELLED, TRACE
from ifp.training.traversal import VALUES, latent_labels, traversal_images


def traverse_run(
    run: RunDirectory | str | Path,
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
    run = run if isinstance(run, RunDirectory) else open_run(Path(run))
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
