"""What is trained: a model, its optimizer and the objective that leads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.stage_plan import StagePlan
from annealing.errors import IFPError
from ifp.datasets.dataset import Dataset
from ifp.datasets.row_dataset import is_rows
from ifp.machine.device import require_device
from ifp.machine.memory import require_memory
from ifp.models.networks import ROWS_NETWORK, ImageShape, Network, network_named
from ifp.models.optimizer_state import optimizer_tensors, restore_optimizer, under
from ifp.models.own_network import require_network
from ifp.models.row_network import RowStart, row_network
from ifp.models.vae import MultiGroupVAE
from ifp.objectives import Objective
from ifp.training.config import TrainConfig
from ifp.training.drawing import RowDrawing, drawing_of
from ifp.training.loop_config import LoopConfig

_CPU = torch.device("cpu")
_BYTES = 16  # of a parameter: itself, its gradient and Adam's two moments, float32


@dataclass(frozen=True, eq=False)
class Learner:
    """A model, its optimizer and the objective that leads them; all three carry state that is checkpointed."""

    model: MultiGroupVAE
    optimizer: torch.optim.Adam
    objective: Objective

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    def state(self) -> dict[str, Tensor]:
        """Parameters, Adam's moments and the objective's own state, by name."""
        return {
            **{f"model.{name}": value for name, value in self.model.state_dict().items()},
            **{f"adam.{name}": value for name, value in optimizer_tensors(self.optimizer).items()},
            **{f"objective.{name}": value for name, value in self.objective.state().items()},
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore all three; KeyError, ValueError or RuntimeError if the state belongs to something else."""
        self.model.load_state_dict(under(state, "model."))
        restore_optimizer(self.optimizer, under(state, "adam."))
        self.objective.restore(under(state, "objective."))


def build_learner(
    objective: Objective,
    network: Network,
    image_shape: ImageShape,
    learning_rate: float,
    *,
    device: torch.device = _CPU,
) -> Learner:
    """The objective's model, initialised from its seed alone, on a device, and Adam for it.

    Adam has a parameter group per sub-encoder, then one for all the rest: the objective scales the steps of each
    group.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(objective.setup.seed)
        model = MultiGroupVAE(image_shape, objective.groups, network, rescaled=objective.rescaled)
    model.to(device).train()  # whatever mode an own network was built in
    objective.to(device)
    return Learner(model, build_optimizer(model, learning_rate), objective)


def networks_for(dataset: Dataset, config: TrainConfig, network: Network | None, *, begins: bool = True) -> Network:
    """How to build the model's networks for a data set, by name or as given; for rows inside the layers that rows need.

    Args:
        begins: whether the model starts from the best description of the rows without a code; False if a saved state
            follows.

    Raises:
        DataError: rows are impossible under the likelihood.
    """
    return around_rows(network or network_named(config.network or ""), dataset, config.loop, begins=begins)


def around_rows(network: Network, dataset: Dataset, config: LoopConfig, *, begins: bool = True) -> Network:
    """A network as the model's are built: of rows, between what they are laid out as and their silent decoder.

    Args:
        begins: as of :func:`networks_for`.

    Raises:
        DataError: rows that the likelihood cannot draw.
    """
    drawing = drawing_of(dataset, config)
    if not isinstance(drawing, RowDrawing) or not is_rows(dataset):
        return network
    start = RowStart.of(dataset.rows, drawing.layout) if begins else RowStart.unknown(drawing.layout)
    return row_network(network, drawing.layout, start)


def require_networks(dataset: Dataset, config: TrainConfig, plan: StagePlan | None, network: Network | None) -> None:
    """IFPError if the networks do not fit into memory, or if the user's own do not fit what training needs."""
    objective = config.objective_for(dataset, plan)
    drawing = drawing_of(dataset, config.loop)
    if network is None:
        if isinstance(drawing, RowDrawing) and config.network != ROWS_NETWORK:
            raise IFPError(f"need the network {ROWS_NETWORK} for rows, or your own (ifp.Network), got {config.network}")
        _require_model_fits(objective, networks_for(dataset, config, None, begins=False), dataset.image_shape)
        return
    device = require_device(config.device)
    require_own(network, dataset, config.loop, objective.groups, device=device, processes=config.processes)


def require_own(
    network: Network,
    dataset: Dataset,
    config: LoopConfig,
    groups: Sequence[Sequence[int]],
    *,
    device: torch.device = _CPU,
    processes: int = 1,
) -> None:
    """IFPError where the user's own network is not what training on a data set takes: it is tried, and let go."""
    drawing = drawing_of(dataset, config)
    require_network(
        network,
        drawing.layout.seen if isinstance(drawing, RowDrawing) else dataset.image_shape,
        groups,
        config.likelihood,
        batch_size=config.batch_size,
        processes=processes,
        device=device,
        lower=config.precision == "bfloat16",
        drawn=drawing.layout.drawn if isinstance(drawing, RowDrawing) else None,
    )


def _require_model_fits(objective: Objective, network: Network, image_shape: ImageShape) -> None:
    """IFPError where the objective's model, its gradients and Adam's moments do not fit into memory.

    It is sketched without taking any: dense layers of large images have more parameters than one would think.
    """
    with torch.device("meta"):
        sketch = MultiGroupVAE(image_shape, objective.groups, network, rescaled=objective.rescaled)
    parameters = sum(each.numel() for each in sketch.parameters())
    shape = "x".join(map(str, image_shape))
    require_memory(_BYTES * parameters, f"networks of {parameters:,} parameters for images of {shape}")


def build_optimizer(model: MultiGroupVAE, learning_rate: float) -> torch.optim.Adam:
    """Adam with a parameter group per sub-encoder, then one for the decoder and everything else."""
    of_encoders = [list(encoder.parameters()) for encoder in model.encoders]
    taken = {id(each) for group in of_encoders for each in group}
    rest = [each for each in model.parameters() if id(each) not in taken]
    return torch.optim.Adam([{"params": group} for group in (*of_encoders, rest)], lr=learning_rate, fused=True)
