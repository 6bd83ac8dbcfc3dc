"""Small valid files of every kind that is read: what :mod:`benchmarks.fuzz` mutates."""

import dataclasses
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.io
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save as save_tensors

from analysis.conclusions import conclude, conclude_spectrum
from analysis.findings import Findings
from analysis.plain_json import json_bytes
from analysis.stages import plan_stages
from ifp.annealing_test.columns import FREEZING_COLUMNS
from ifp.annealing_test.config import AnnealConfig
from ifp.closed_form.contexts import SpectralRecord
from ifp.datasets.dataset import DataDescription
from ifp.files.event_files import checksum
from ifp.files.npz import npz_bytes
from ifp.files.plain import csv_bytes
from ifp.models.networks import network_named
from ifp.models.vae import MultiGroupVAE
from ifp.run_directory.kinds import Kind
from ifp.run_directory.run import RunDirectory, create_run
from ifp.training.checkpoint import FORMAT as CHECKPOINT

POINTS = {"place": (40.0, 44.0, 52.0), "width": (12.0, 11.0, 17.0)}  # closed forms in three contexts, nats
DATA = DataDescription(name="bars", fingerprint="f" * 16, image_shape=(8, 8, 1), images=32, source="drawn in memory")
_BETA = np.concatenate([np.geomspace(3, 120, 24), np.geomspace(120, 3, 24)])


def freezing_csv() -> bytes:
    """Rows of two factors in three contexts at two thresholds; one case never froze."""
    rows = [
        {
            "dataset": "bars", "factor": factor, "context": context, "latent": 0, "threshold_nats": threshold,
            "freezing_beta": 0.9 * point, "melting_beta": point, "ifp_beta": 0.95 * point, "ifp_low": 0.9 * point,
            "ifp_high": point, "knee_beta": None, "slope": None, "spectral_beta": point, "beta_rd": 1.1 * point,
            "transition": "continuous", "attributed_factor": factor, "attributed_share": 1.0, "protocol": "heat-cool",
            "seed": 0, "status": "never_froze" if (factor, context) == ("width", 2) else "ok", "ifp_source": "",
            "ifp_over_spectral": 0.95, "gap": "lag", "stopped_by": "tolerance", "steps": 4000, "balance": 0.99,
            "repeats_ok": 1, "repeats_below": 0, "repeats_above": 0,
        }
        for factor, points in POINTS.items()
        for context, point in enumerate(points)
        for threshold in (0.1, 0.01)
    ]  # fmt: skip
    return csv_bytes(FREEZING_COLUMNS, rows)


def spectral_csv() -> bytes:
    """The closed forms of the same cases, and of two more contexts."""
    rows = [
        dataclasses.asdict(
            SpectralRecord("bars", factor, context, 7 * context, point, 1.1 * point, 0.2, "continuous", 2.0, False, 4)
        )
        for factor, points in POINTS.items()
        for context, point in enumerate((*points, 1.2 * points[0], 0.0))
    ]
    return csv_bytes(tuple(rows[0]), rows)


def curves() -> dict[str, NDArray]:
    """Arrays of curves.npz that follow KL = 2 ln(beta_c / beta)."""
    cases = [(factor, context, point) for factor, points in POINTS.items() for context, point in enumerate(points)]
    kl = np.stack([2 * np.maximum(np.log(point / _BETA), 0) for _, _, point in cases])
    shape = (len(cases), len(_BETA))
    return {
        "factor": np.array([factor for factor, _, _ in cases]),
        "context": np.array([context for _, context, _ in cases]),
        "repeat": np.zeros(len(cases), np.int64),
        "step": np.broadcast_to(np.arange(len(_BETA)), shape),
        "direction": np.broadcast_to(np.repeat(["heat", "cool"], len(_BETA) // 2), shape),
        "loop": np.zeros(shape, np.int64),
        "beta": np.broadcast_to(_BETA, shape),
        "kl": kl[:, :, None],
        "reconstruction": 90 - kl,
    }


def annealing_run(folder: Path) -> RunDirectory:
    """A finished annealing run with the files above."""
    config = AnnealConfig(dataset="bars", factors=tuple(POINTS), contexts=3, planning_contexts=5)
    run = create_run(folder, Kind.ANNEALING_TEST, config, DATA)
    run.write("spectral.csv", spectral_csv())
    run.write("curves.npz", npz_bytes(curves()))
    run.write("freezing.csv", freezing_csv())
    return run


def findings() -> list[Findings]:
    """Findings of the run, and of its closed forms alone with values of a freezing order."""
    about: dict[str, Any] = {
        "fingerprint": DATA.fingerprint,
        "image_shape": DATA.image_shape,
        "likelihood": "bernoulli",
    }
    spectral = pd.read_csv(io.BytesIO(spectral_csv()))
    measured = conclude(pd.read_csv(io.BytesIO(freezing_csv())), spectral, curves(), source="seed", **about)
    order = {"place": 43.0, "width": 12.5}
    return [measured, conclude_spectrum(spectral, seed=0, conditional=order, **about)]


def plans() -> list[bytes]:
    """Plans made from these findings."""
    return [json_bytes(plan_stages(each)) for each in findings()]


def datasets() -> list[dict[str, NDArray]]:
    """Arrays of users' files: bytes, floats, dSprites' own layout."""
    grid = np.stack(np.unravel_index(np.arange(6), (2, 3)), axis=1)
    pixels = np.random.default_rng(0).random((6, 4, 4))
    return [
        {"images": (255 * pixels).astype(np.uint8), "factors": grid, "factor_names": np.array(["place", "width"])},
        {"images": pixels.astype(np.float32)[..., None], "factors": grid + 0.5},
        {"imgs": (pixels > 0.5).astype(np.uint8), "latents_classes": np.pad(grid, ((0, 0), (0, 3)))},
    ]


def codes() -> list[dict[str, NDArray]]:
    """Codes with the factors behind them."""
    grid = np.stack(np.unravel_index(np.arange(12), (3, 4)), axis=1)
    return [{"codes": grid.astype(np.float32), "factors": grid, "logvar": np.zeros((12, 2), np.float32)}]


def pictures() -> list[bytes]:
    """Of the five formats that are read, grey, in colour, deep, with alpha; and others that no reader may take."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 4), np.uint8)
    grey, colour, alpha = Image.fromarray(pixels[..., 0]), Image.fromarray(pixels[..., :3]), Image.fromarray(pixels)
    palette, deep = colour.convert("P"), Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    held = Image.Exif()
    held[274] = 6  # a camera on its side
    kinds: list[tuple[Image.Image, str, dict[str, Any]]] = [
        *((each, "PNG", {}) for each in (grey, colour, palette, alpha, deep)),
        (colour, "PNG", {"exif": held.tobytes(), "transparency": (1, 2, 3)}),
        (grey, "JPEG", {}),
        (colour, "JPEG", {"exif": held.tobytes()}),
        *((each, "TIFF", {}) for each in (colour, alpha, deep)),
        *((colour, "TIFF", {"compression": each, "exif": held}) for each in ("tiff_lzw", "tiff_adobe_deflate", "jpeg")),
        (palette, "BMP", {}),
        (colour, "BMP", {}),
        (alpha, "WEBP", {"lossless": True}),
        (colour, "WEBP", {"exif": held.tobytes()}),
        (palette, "GIF", {}),
        (colour, "EPS", {}),
    ]
    found = []
    for image, kind, more in kinds:
        buffer = io.BytesIO()
        image.save(buffer, format=kind, **more)
        found.append(buffer.getvalue())
    return found


def settings() -> bytes:
    """Settings of a training run as a TOML file has them."""
    return b"""# settings
dataset = "dsprites"
objective = "beta-vae"
steps = 2_000
learning-rate = 1e-3
background = "~/sky.png"
correlate = ["posX:posY:0.2"]
overwrite = true
[set]
beta = 4.0
[set.factor-vae]
gamma = 1e1
"""


def log() -> bytes:
    """A log of one cooling and one heating of three latents."""
    rows = [
        {"step": step, "beta": float(beta), **{f"kl_{k}": max(2 * np.log(20 * (k + 1) / beta), 0) for k in range(3)}}
        for step, beta in enumerate(_BETA)
    ]
    return csv_bytes(tuple(rows[0]), rows)


def events() -> list[bytes]:
    """The same log as TensorBoard's events: a record per scalar, without its frame."""

    def record(step: int, tag: str, value: float) -> bytes:
        scalar = b"\x0a" + bytes([len(tag)]) + tag.encode() + b"\x15" + struct.pack("<f", value)
        summary = b"\x0a" + bytes([len(scalar)]) + scalar
        return b"\x10" + bytes([step]) + b"\x2a" + bytes([len(summary)]) + summary

    return [
        record(step, tag, value)
        for step, beta in enumerate(_BETA)
        for tag, value in (("beta", beta), *((f"kl/{k}", max(2 * np.log(20 * (k + 1) / beta), 0)) for k in range(3)))
    ]


def framed(records: list[bytes]) -> bytes:
    """A TFRecord file."""
    found = b""
    for each in records:
        length = struct.pack("<Q", len(each))
        found += length + struct.pack("<I", checksum(length)) + each + struct.pack("<I", checksum(each))
    return found


def car(*, packed: bool) -> bytes:
    """A MATLAB file of one car, very small."""
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, {"im": np.ones((2, 2, 3, 24, 4), np.uint8)}, do_compression=packed)
    return buffer.getvalue()


def trained_run(folder: Path) -> RunDirectory:
    """A finished training run of two latents, as far as its model needs it."""
    run = create_run(folder, Kind.TRAINING, {}, DATA)
    model = MultiGroupVAE((16, 16, 1), [[0], [1]], network_named("conv-8"))
    run.write("checkpoint.safetensors", save_tensors(dict(model.state_dict())))
    about = {
        "format": CHECKPOINT, "objective": "deft", "image_shape": (16, 16, 1), "groups": [[0], [1]],
        "network": "conv-8", "rescaled": False, "step": 3,
    }  # fmt: skip
    run.write("checkpoint.json", json_bytes(about))
    return run
