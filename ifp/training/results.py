"""What a finished training run writes: its trace, metrics, scores and traversal."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import torch

from analysis.information import adjusted_information, factor_entropy
from analysis.plain_json import json_bytes
from analysis.scores.protocol import STUDY, drawn_rows, protocol_of
from analysis.scores.scores import FORMAT
from ifp.datasets.dataset import Dataset, LabelledDataset, is_labelled, to_float
from ifp.files.npz import npz_bytes
from ifp.files.plain import csv_bytes
from ifp.models.vae import MultiGroupVAE
from ifp.objectives import objective_named
from ifp.run_directory.run import RunDirectory
from ifp.training.config import TrainConfig
from ifp.training.drawing import Drawing, drawing_of
from ifp.training.probe import Probe, TraceRecord, encode_all, probe_arrays
from ifp.training.silence import first_freezing, found_silence
from ifp.training.traversal import VALUES, feature_names, latent_labels, traversal_figure, traversal_images

_CHUNK = 256  # images encoded at a time


def metrics_bytes(trace: Sequence[TraceRecord], losses: Sequence[Mapping[str, float]]) -> bytes:
    """metrics.csv: measures of the probe set at each record, and the terms of the loss as means since the last one."""
    names = sorted({name for each in losses for name in each})
    rows = [
        {
            "step": int(each.step),
            "stage": int(each.stage),
            "pressure": float(each.pressure),
            "reconstruction": float(each.reconstruction),
            **{f"kl_{latent}": float(nats) for latent, nats in enumerate(each.kl)},
            **{f"loss_{name}": terms.get(name) for name in names},
        }
        for each, terms in zip(trace, losses, strict=True)
    ]
    return csv_bytes(tuple(rows[0]), rows)


def write_results(
    run: RunDirectory,
    dataset: Dataset,
    model: MultiGroupVAE,
    trace: list[TraceRecord],
    probe: Probe,
    config: TrainConfig,
) -> None:
    """trace.npz, scores.json and traversal.png of a finished run."""
    import sklearn  # only now: it takes a second to import, and drawing does, too

    columns = tuple(TraceRecord.__dataclass_fields__)
    arrays = {name: np.array([getattr(each, name) for each in trace]) for name in columns}
    run.write("trace.npz", npz_bytes({**arrays, **probe_arrays(dataset, probe)}))
    if is_labelled(dataset):
        labels = dataset.factors_at(np.arange(len(dataset)))
        vary = bool(np.ptp(labels, axis=0).any())  # without a factor that does there is no score
        scores = {
            "format": FORMAT,
            "protocol": protocol_of(labels),
            **({"mig": mean_code_mig(dataset, model, config.seed)} if vary else {}),
            "samples": asdict(STUDY),
            "seed": config.seed,
            "scikit-learn": sklearn.__version__,
        }
        last = trace[-1]
        silence = found_silence(
            last.kl,
            last.pressure,
            lambda: first_freezing(probe.images, drawing_of(dataset, config.loop)),
            objective_named(config.objective).louder,
        )
        if silence is not None:  # what such codes score says little
            scores["notes"] = [str(silence)]
        run.write("scores.json", json_bytes(scores))
    run.write("traversal.png", _traversal_png(model, probe, trace[-1], dataset, drawing_of(dataset, config.loop)))


def mean_code_mig(dataset: LabelledDataset, model: MultiGroupVAE, seed: int) -> float:
    """MIG on mean codes of 10,000 images, drawn by the protocol of :class:`analysis.scores.codes.LabelledCodes`."""
    from analysis.scores.mig import mutual_information_gap

    labels = dataset.factors_at(np.arange(len(dataset)))
    index = drawn_rows(labels, STUDY.train, np.random.default_rng([seed, 5]))
    codes = [
        encode_all(model, torch.from_numpy(to_float(dataset.images(part))).permute(0, 3, 1, 2))[0].numpy()
        for part in np.split(index, range(_CHUNK, len(index), _CHUNK))
    ]
    return mutual_information_gap(np.concatenate(codes), labels[index])


def _traversal_png(
    model: MultiGroupVAE, probe: Probe, last: TraceRecord, dataset: Dataset, likelihood: Drawing
) -> bytes:
    names = dataset.factors.names if dataset.factors else ()
    drawn = traversal_images(model, probe.images[0], range(model.latents), VALUES, likelihood)
    buffer = io.BytesIO()
    held = adjusted_information(last.mi, last.mi_null, factor_entropy(probe.factors))
    figure = traversal_figure(drawn, VALUES, latent_labels(last.kl, held, names), feature_names(dataset))
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
