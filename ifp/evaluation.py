"""What a model's latents carry: the trace's records along training, and the results at its end."""

import io
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import sklearn
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from analysis.figures.traversal import draw_traversal
from analysis.information import factor_entropy, information_and_chance
from analysis.scores.codes import STUDY, protocol_of
from analysis.scores.mig import mutual_information_gap
from annealing.bottleneck import gaussian_kl, reparameterize
from annealing.likelihood import likelihood_named
from ifp.datasets.dataset import Dataset, Factors, to_float
from ifp.deft import MultiGroupVAE
from ifp.objectives.objective import Objective
from ifp.runs import Run, csv_bytes, json_bytes, npz_bytes

if TYPE_CHECKING:
    from ifp.training import TrainConfig

_CHUNK = 256  # images encoded at a time
_TRAVERSAL = tuple(float(value) for value in np.linspace(-2.5, 2.5, 9))


@dataclass(frozen=True)
class TraceRecord:
    """Where training stands on the fixed probe set; ``mi`` still holds the chance level ``mi_null``."""

    step: int
    stage: int
    pressure: float  # beta, nats
    reconstruction: float  # nats per image, summed over pixels
    kl: NDArray[np.float32]  # (latents,), nats, mean over the probe set
    mi: NDArray[np.float64]  # (latents, factors), nats
    mi_null: NDArray[np.float64]  # (latents, factors), nats, labels shuffled


@dataclass(frozen=True)
class Probe:
    """The images that every record is taken on; fixed by the seed."""

    images: Tensor  # (N, C, H, W)
    factors: NDArray[np.int64]  # (N, K); K = 0 where unlabelled
    seed: int


def probe_images(dataset: Dataset, size: int, seed: int) -> Probe:
    """Random images, without repeats while there are enough."""
    index = np.random.default_rng([seed, 4]).permutation(len(dataset))[:size]
    labels = dataset.factors_at(index)
    factors = labels if labels is not None else np.empty((len(index), 0), np.int64)
    return Probe(torch.from_numpy(to_float(dataset.images(index))).permute(0, 3, 1, 2).contiguous(), factors, seed)


def probed_images(run: Run) -> int:
    """Images of a run's probe set: fewer than its settings ask for where the data set has fewer."""
    return int(min(run.config["settings"]["probe"], run.config["data"]["images"]))


@torch.no_grad()
def encode_all(model: MultiGroupVAE, images: Tensor, open_groups: int | None = None) -> tuple[Tensor, Tensor]:
    """Posterior means and log-variances (N, latents) on the CPU, some hundred images at a time."""
    device = next(model.parameters()).device
    parts = [model.encode(chunk.to(device), open_groups) for chunk in images.split(_CHUNK)]
    return torch.cat([mean for mean, _ in parts]).cpu(), torch.cat([logvar for _, logvar in parts]).cpu()


@torch.no_grad()
def evaluate(model: MultiGroupVAE, probe: Probe, objective: Objective, step: int, config: "TrainConfig") -> TraceRecord:
    """The record after ``step`` steps, with the groups open and the pressure acting in the last of them."""
    control = objective.at(max(step - 1, 0))
    mean, logvar = encode_all(model, probe.images, control.open_groups)
    noise = torch.randn(mean.shape, generator=Generator().manual_seed(probe.seed))
    device = next(model.parameters()).device
    likelihood = likelihood_named(config.likelihood)
    nats = [
        float(likelihood.nats(model.decode(z.to(device)), images.to(device)).sum())
        for z, images in zip(reparameterize(mean, logvar, noise).split(_CHUNK), probe.images.split(_CHUNK), strict=True)
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
    """What information is about: the factors' names and their entropies on the probe set, nats; none if unlabelled."""
    names = dataset.factors.names if dataset.factors is not None else ()
    return {"factors": np.array(names, dtype=np.str_), "entropy": factor_entropy(probe.factors)}


def write_results(
    run: Run, dataset: Dataset, model: MultiGroupVAE, trace: list[TraceRecord], probe: Probe, config: "TrainConfig"
) -> None:
    """trace.npz, metrics.csv, scores.json and traversal.png of a finished run."""
    columns = tuple(TraceRecord.__dataclass_fields__)
    arrays = {name: np.array([getattr(each, name) for each in trace]) for name in columns}
    run.write("trace.npz", npz_bytes({**arrays, **probe_arrays(dataset, probe)}))
    rows = [
        {
            "step": int(each.step),
            "stage": int(each.stage),
            "pressure": float(each.pressure),
            "reconstruction": float(each.reconstruction),
            **{f"kl_{latent}": float(nats) for latent, nats in enumerate(each.kl)},
        }
        for each in trace
    ]
    run.write("metrics.csv", csv_bytes(tuple(rows[0]), rows))
    factors = dataset.factors
    if factors is not None:
        scores = {
            "protocol": protocol_of(_labels(dataset, np.arange(len(dataset)))),
            "mig": _mig(dataset, model, config.seed),
            "samples": asdict(STUDY),
            "seed": config.seed,
            "scikit-learn": sklearn.__version__,
        }
        run.write("scores.json", json_bytes(scores))
    run.write("traversal.png", _traversal_png(model, probe, trace[-1], factors, config))


def _mig(dataset: Dataset, model: MultiGroupVAE, seed: int) -> float:
    """MIG on mean codes of 10,000 images drawn with replacement."""
    index = np.random.default_rng([seed, 5]).integers(0, len(dataset), STUDY.train)
    codes = [
        encode_all(model, torch.from_numpy(to_float(dataset.images(part))).permute(0, 3, 1, 2))[0].numpy()
        for part in np.split(index, range(_CHUNK, len(index), _CHUNK))
    ]
    return mutual_information_gap(np.concatenate(codes), _labels(dataset, index))


def _labels(dataset: Dataset, index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Classes of the images of a labelled data set."""
    labels = dataset.factors_at(index)
    assert labels is not None  # the caller has factors
    return labels


@torch.no_grad()
def _traversal_png(
    model: MultiGroupVAE, probe: Probe, last: TraceRecord, factors: Factors | None, config: "TrainConfig"
) -> bytes:
    mean, _ = encode_all(model, probe.images[:1])
    codes = mean.repeat(model.latents * len(_TRAVERSAL), 1).unflatten(0, (model.latents, len(_TRAVERSAL)))
    for latent in range(model.latents):
        codes[latent, :, latent] = torch.tensor(_TRAVERSAL)
    output = model.decode(codes.flatten(0, 1).to(next(model.parameters()).device)).cpu()
    images = likelihood_named(config.likelihood).mean(output).permute(0, 2, 3, 1)
    labels = [f"z{latent}  {float(nats):.2f} nats" for latent, nats in enumerate(last.kl)]
    if factors is not None:
        held = np.maximum(last.mi - last.mi_null, 0)
        best = [factors.names[int(k)] if row.max() > 0.05 else "-" for row, k in zip(held, held.argmax(1), strict=True)]
        labels = [f"{label}\n{name}" for label, name in zip(labels, best, strict=True)]
    figure = draw_traversal(images.unflatten(0, (model.latents, -1)).numpy(), _TRAVERSAL, labels)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
