"""Checkpoints in safetensors: the state a run resumes from, and the finished model."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from annealing.errors import RunError
from ifp.deft import MultiGroupVAE
from ifp.evaluation import TraceRecord
from ifp.objectives.objective import Objective
from ifp.runs import Run, json_bytes, load_json, open_run

FORMAT = "ifp-checkpoint/1"
STATE_FILE = "parts/state.safetensors"


def state_bytes(model: MultiGroupVAE, optimizer: torch.optim.Adam, step: int, trace: list[TraceRecord]) -> bytes:
    """All that resuming needs, in one file: the step, parameters, Adam's moments and the trace so far."""
    tensors = {"step": torch.tensor(step)}
    tensors |= {f"model.{name}": value for name, value in model.state_dict().items()}
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{number}.{name}": value for name, value in moments.items()}
    for column in fields(TraceRecord):
        tensors[f"trace.{column.name}"] = torch.from_numpy(np.array([getattr(each, column.name) for each in trace]))
    return save_tensors(_plain(tensors))


def restore(run: Run, model: MultiGroupVAE, optimizer: torch.optim.Adam) -> tuple[int, list[TraceRecord]]:
    """Put back what the run's last state holds: its step and trace, or 0 and an empty one where there is none."""
    if not (run.path / STATE_FILE).is_file():
        return 0, []
    tensors = _load(run.path / STATE_FILE)
    try:
        model.load_state_dict(_named(tensors, "model."))
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _named(tensors, "adam.").items():
            number, moment = name.split(".")
            moments.setdefault(int(number), {})[moment] = value
        optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
        columns = {name: value.numpy() for name, value in _named(tensors, "trace.").items()}
        trace = [TraceRecord(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]
        return int(tensors["step"]), trace
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RunError(f"need a state of this run in {run.path / STATE_FILE}, got: {error!r}") from error


def write_checkpoint(run: Run, model: MultiGroupVAE, objective: Objective, step: int) -> None:
    """checkpoint.safetensors and, last of all files, the checkpoint.json that says how to build the model."""
    run.write("checkpoint.safetensors", save_tensors(_plain(model.state_dict())))
    about = {
        "format": FORMAT,
        "objective": objective.name,
        "image_shape": run.config["data"]["image_shape"],
        "groups": objective.groups,
        "channels": objective.channels,
        "hidden": objective.hidden,
        "step": step,
    }
    run.write("checkpoint.json", json_bytes(about))


def load_model(run: Run | str | Path) -> MultiGroupVAE:
    """The trained model of a finished run, on the CPU, in evaluation mode.

    Raises:
        RunError: the run is not there, not finished, or its checkpoint is damaged.
    """
    run = run if isinstance(run, Run) else open_run(Path(run))
    if run.kind != "train" or not run.finished:
        raise RunError(f"need a finished training run, {run.path} is none")
    about = load_json(run.path / "checkpoint.json")
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise RunError(f"need a checkpoint.json of {FORMAT} in {run.path}")
    tensors = _load(run.path / "checkpoint.safetensors")
    try:
        height, width, channels = about["image_shape"]
        model = MultiGroupVAE((height, width, channels), about["groups"], about["channels"], about["hidden"])
        model.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RunError(f"need a whole checkpoint in {run.path}, got: {error!r}") from error
    return model.eval()


def _plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def _named(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _load(path: Path) -> dict[str, Tensor]:
    try:
        return load_tensors(path.read_bytes())
    except Exception as error:  # safetensors raises a class of its own, the file system others
        raise RunError(f"need a whole checkpoint {path}, got: {error}") from error
