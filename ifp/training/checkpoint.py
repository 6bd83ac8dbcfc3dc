"""Checkpoints in safetensors: the state a run resumes from, and the finished model."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from analysis.plain_json import json_bytes
from analysis.records import read_record
from annealing.choices import OWN
from annealing.errors import IFPError, RunError
from ifp.files.plain import load_json, read_file
from ifp.models.networks import ImageShape, Network, network_named
from ifp.models.optimizer_state import under
from ifp.models.own_network import require_new
from ifp.models.row_network import RowStart, row_network
from ifp.models.vae import MultiGroupVAE
from ifp.run_directory.kinds import Kind
from ifp.run_directory.listing import described
from ifp.run_directory.run import RunDirectory, open_run
from ifp.training.config import recorded_config
from ifp.training.drawing import RowDrawing, drawing_of
from ifp.training.learner import Learner
from ifp.training.loss_log import Losses
from ifp.training.probe import TraceRecord

FORMAT = "ifp-checkpoint/3"
STATE_FILE = "parts/state.safetensors"
MODEL_FILE = "checkpoint.safetensors"
_LARGEST = 2**33  # bytes of a model with all that training keeps beside it
_MOST_LATENTS = 1000
_DAMAGE = (LookupError, TypeError, ValueError, ArithmeticError, AssertionError, AttributeError, RuntimeError)


@dataclass(frozen=True)
class Checkpoint:
    """checkpoint.json: how the model is built, and after how many steps it was written."""

    format: str
    objective: str
    image_shape: tuple[int, int, int]
    groups: tuple[tuple[int, ...], ...]
    network: str
    rescaled: bool
    step: int

    def __post_init__(self) -> None:
        latents = sorted(latent for group in self.groups for latent in group)
        if len(self.groups) > _MOST_LATENTS or len(latents) > _MOST_LATENTS or latents != list(range(len(latents))):
            raise RunError(f"need groups of latents 0, 1, ..., at most {_MOST_LATENTS}, in a checkpoint, got others")


def state_bytes(learner: Learner, step: int, trace: list[TraceRecord], losses: Losses) -> bytes:
    """Everything that resuming needs, in one file: the step, the learner's state, and the records so far."""
    tensors = {"step": torch.tensor(step), **learner.state()}
    tensors |= {f"losses.{name}": value for name, value in losses.state().items()}
    for column in fields(TraceRecord):
        tensors[f"trace.{column.name}"] = torch.from_numpy(np.array([getattr(each, column.name) for each in trace]))
    return save_tensors(_plain(tensors))


def has_state(run: RunDirectory) -> bool:
    """Whether there is a state to resume the run from."""
    return (run.path / STATE_FILE).is_file()


def restore(run: RunDirectory, learner: Learner, losses: Losses) -> tuple[int, list[TraceRecord]]:
    """Restore the run's last state; returns its step and trace, or 0 and an empty trace if there is none."""
    if not has_state(run):
        return 0, []
    tensors = _load(run.path / STATE_FILE)
    try:
        learner.restore(tensors)
        losses.restore(under(tensors, "losses."))
        columns = {name: value.numpy() for name, value in under(tensors, "trace.").items()}
        trace = [TraceRecord(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]
        return int(tensors["step"]), trace
    except _DAMAGE as error:
        raise RunError(f"need a state of this run in {run.path / STATE_FILE}, got: {error!r}") from error


def write_checkpoint(run: RunDirectory, learner: Learner, network: str, image_shape: ImageShape, step: int) -> None:
    """Write checkpoint.safetensors and, as the last file of all, checkpoint.json, which says how to build the model."""
    run.write(MODEL_FILE, save_tensors(_plain(learner.model.state_dict())))
    about = Checkpoint(
        format=FORMAT,
        objective=learner.objective.name,
        image_shape=image_shape,
        groups=learner.objective.groups,
        network=network,
        rescaled=learner.objective.rescaled,
        step=step,
    )
    run.finish(json_bytes(about))


def read_checkpoint(run: RunDirectory) -> Checkpoint:
    """The content of a finished run's checkpoint.json; RunError if it is damaged or has an older format."""
    path = run.path / "checkpoint.json"
    value = load_json(path)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise RunError(f"need a checkpoint.json of {FORMAT} in {run.path}: train again with this version")
    return read_record(Checkpoint, value, f"{path}", RunError)


def load_model(run: RunDirectory | str | Path, network: Network | None = None) -> MultiGroupVAE:
    """The trained model of a finished run, on the CPU, in evaluation mode: dropout is off, and batch norm uses the
    running statistics of training. ``model.train()`` undoes this.

    Args:
        run: the run or its directory.
        network: for a run that was trained with a network of your own, that network.

    Raises:
        IFPError: the run has a network of your own and none is given, or one is given and the run has none.
        RunError: the run does not exist or is not finished, or its checkpoint is damaged.
    """
    run = run if isinstance(run, RunDirectory) else open_run(Path(run))
    if run.kind != Kind.TRAINING or not run.finished:
        raise RunError(f"need a finished training run, {run.path} is {described(run)}")
    about = read_checkpoint(run)
    tensors = _load(run.path / MODEL_FILE)
    if network is not None and about.network != OWN:
        raise IFPError(f"need no network for {run.path}, it was trained with {about.network}")
    if network is None and about.network == OWN:
        raise IFPError(f"need the own network of {run.path}: load_model(run, network=ifp.Network(...))")
    try:
        network = network or network_named(about.network)
        network = _of_rows(network, run)
        with torch.device("meta"):  # a sketch that takes no memory: shapes are compared before anything is made
            sketch = MultiGroupVAE(about.image_shape, about.groups, network, rescaled=about.rescaled)
        other = RunError(f"need the tensors of such a model in {run.path / MODEL_FILE}, got others")
        # an own network may make some of its own only once an image passes through
        if not _shapes(sketch.state_dict()).items() <= _shapes(tensors).items():
            raise other
        with torch.random.fork_rng(devices=[]):  # its first parameters are drawn, and replaced
            model = MultiGroupVAE(about.image_shape, about.groups, network, rescaled=about.rescaled)
        if _shapes(model.state_dict()) != _shapes(tensors):
            raise other
    except RunError:
        raise
    except _DAMAGE as error:
        raise RunError(f"need a whole checkpoint in {run.path}, got: {error!r}") from error
    require_new(sketch, model, "network")  # what is loaded is nobody else's, nor is the mode
    model.load_state_dict(tensors)
    return model.eval()


def _of_rows(network: Network, run: RunDirectory) -> Network:
    """The network of a run on rows as its model has it; of images itself."""
    described = run.config.get("data")
    if not isinstance(described, Mapping) or described.get("rows") is None:
        return network
    drawing = drawing_of(run.data, recorded_config(run).loop)
    assert isinstance(drawing, RowDrawing)
    return row_network(network, drawing.layout, RowStart.unknown(drawing.layout))


def initialise_from(model: MultiGroupVAE, path: str | Path) -> None:
    """Give a model the final parameters of a training run, or those of its last state if it never finished.

    Latents that were closed there are open again.

    Raises:
        RunError: there is no such run, it has saved nothing yet, or its latents, groups or networks differ.
    """
    run = open_run(Path(path))
    if run.kind != Kind.TRAINING:
        raise RunError(f"need a training run to start from, {run.path} is {described(run)}")
    if run.finished:
        tensors = _load(run.path / MODEL_FILE)
    elif (run.path / STATE_FILE).is_file():
        tensors = under(_load(run.path / STATE_FILE), "model.")
    else:
        raise RunError(f"need a training run with a saved state to start from, {run.path} has none yet")
    own, there = _shapes(model.state_dict()), _shapes(tensors)
    if own != there:
        name = next(name for name in sorted({*own, *there}) if own.get(name) != there.get(name))
        raise RunError(
            f"need a run of the same latents, groups, network and image shape to start from: {name} is "
            f"{there.get(name, 'missing')} in {run.path} and {own.get(name, 'missing')} here"
        )
    model.load_state_dict({**tensors, "closed": torch.zeros_like(model.closed)})


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in tensors.items()}


def _plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As the format takes them: each with memory of its own, also where two layers share their weights."""
    found: dict[str, Tensor] = {}
    taken = set[int]()
    for name, value in tensors.items():
        plain = value.detach().cpu().contiguous()
        memory = plain.untyped_storage().data_ptr()
        found[name] = plain.clone() if memory in taken else plain
        taken.add(memory)
    return found


def _load(path: Path) -> dict[str, Tensor]:
    data = read_file(path, "a whole checkpoint", _LARGEST)
    try:
        return load_tensors(data)
    except Exception as error:  # safetensors raises a class of its own, the file system others
        raise RunError(f"need a whole checkpoint {path}, got: {error}") from error
