"""What a model's latents carry about a fixed set of images: the records of the trace during training."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from analysis.information import factor_entropy, information_and_chance
from annealing.bottleneck import gaussian_kl, reparameterize
from annealing.errors import RunError
from ifp.datasets.dataset import Dataset, to_float
from ifp.models.networks import device_of, evaluating
from ifp.models.vae import MultiGroupVAE
from ifp.objectives.objective import Control
from ifp.run_directory.run import RunDirectory
from ifp.training.drawing import Drawing

_CHUNK = 256  # images encoded at a time


@dataclass(frozen=True)
class TraceRecord:
    """The state of training on the fixed probe set; ``mi`` includes the chance level ``mi_null``."""

    step: int
    stage: int
    pressure: float  # beta, nats
    reconstruction: float  # nats per image, summed over pixels
    kl: NDArray[np.float32]  # (latents,), nats, mean over the probe set
    mi: NDArray[np.float64]  # (latents, factors), nats
    mi_null: NDArray[np.float64]  # (latents, factors), nats, labels shuffled


@dataclass(frozen=True)
class Probe:
    """The images on which every record is taken; fixed by the seed."""

    images: Tensor  # (N, C, H, W)
    factors: NDArray[np.int64]  # (N, K); K = 0 where unlabelled
    seed: int


def probe_images(dataset: Dataset, size: int, seed: int) -> Probe:
    """Random images, without repeats as long as there are enough."""
    index = np.random.default_rng([seed, 4]).permutation(len(dataset))[:size]
    labels = dataset.factors_at(index)
    factors = labels if labels is not None else np.empty((len(index), 0), np.int64)
    return Probe(torch.from_numpy(to_float(dataset.images(index))).permute(0, 3, 1, 2).contiguous(), factors, seed)


def probed_images(run: RunDirectory, size: int) -> int:
    """Size of a run's probe set: ``size``, or fewer if the data set has fewer images."""
    found = min(size, run.data.images)
    if found < 1:
        raise RunError(f"need a probe set of one image or more in {run.path / 'config.json'}, got {found}")
    return found


@torch.no_grad()
def encode_all(model: MultiGroupVAE, images: Tensor, open_groups: int | None = None) -> tuple[Tensor, Tensor]:
    """Posterior means and log-variances (N, latents) on the CPU, some hundred images at a time, in evaluation mode."""
    device = device_of(model)
    with evaluating(model):
        parts = [model.encode(chunk.to(device), open_groups) for chunk in images.split(_CHUNK)]
    return torch.cat([mean for mean, _ in parts]).cpu(), torch.cat([logvar for _, logvar in parts]).cpu()


@torch.no_grad()
def evaluate(model: MultiGroupVAE, probe: Probe, control: Control, step: int, likelihood: Drawing) -> TraceRecord:
    """The record after ``step`` steps, with the open groups and the pressure of the last step.

    The model is put into evaluation mode for this, and back into its own mode afterwards.
    """
    mean, logvar = encode_all(model, probe.images, control.open_groups)
    noise = torch.randn(mean.shape, generator=Generator().manual_seed(probe.seed))
    device, samples = device_of(model), reparameterize(mean, logvar, noise)
    with evaluating(model):
        nats = [
            float(likelihood.nats(model.decode(z.to(device), control.open_groups), images.to(device)).sum())
            for z, images in zip(samples.split(_CHUNK), probe.images.split(_CHUNK), strict=True)
        ]
    mi, mi_null = information_and_chance(mean.numpy(), logvar.numpy(), probe.factors, seed=probe.seed)
    return TraceRecord(
        step=step,
        stage=control.stage,
        pressure=control.pressure,
        reconstruction=sum(nats) / len(mean),
        kl=gaussian_kl(mean, logvar).mean(dim=0).numpy(),
        mi=mi,
        mi_null=mi_null,
    )


def probe_arrays(dataset: Dataset, probe: Probe) -> dict[str, NDArray]:
    """Names of the factors and their entropies on the probe set, in nats; none if the data are unlabelled."""
    names = dataset.factors.names if dataset.factors is not None else ()
    return {"factors": np.array(names, dtype=np.str_), "entropy": factor_entropy(probe.factors)}
