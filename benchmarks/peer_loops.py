"""Training loops of two other libraries, of the network, data, batch and learning rate of ours.

They are installed for this alone, in an environment of their own: see ``benchmarks/README.md``.
"""

import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from ifp.models.networks import network_named

LEARNING_RATE, PRESSURE = 5e-4, 4.0
SHAPE, LATENTS = (64, 64, 1), 10
INPUT = (1, 64, 64)

Work = Callable[[int], float]  # steps to seconds


def pythae(images: Tensor, batch: int, device: str) -> Work:
    """The trainer of pythae 0.1.2, a step of which is a pass through its loader."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import BetaVAE, BetaVAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.network = network_named("conv").encoder(SHAPE, 2 * LATENTS)

        def forward(self, images: Tensor) -> Any:
            mean, logvar = self.network(images).chunk(2, dim=1)
            return ModelOutput(embedding=mean, log_covariance=logvar)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.network = network_named("conv").decoder(SHAPE, LATENTS)

        def forward(self, latents: Tensor) -> Any:
            return ModelOutput(reconstruction=self.network(latents).sigmoid())

    settings = {"input_dim": INPUT, "latent_dim": LATENTS, "reconstruction_loss": "bce", "beta": PRESSURE}
    model = BetaVAE(BetaVAEConfig(**settings), encoder=Encoder(), decoder=Decoder())

    def taken(count: int) -> float:
        with tempfile.TemporaryDirectory() as folder:
            chosen = images[torch.randint(len(images), (count * batch,))]
            asked = BaseTrainerConfig(
                output_dir=folder,
                per_device_train_batch_size=batch,
                learning_rate=LEARNING_RATE,
                num_epochs=1,
                no_cuda=device == "cpu",
            )
            trainer = BaseTrainer(model, BaseDataset(chosen, torch.zeros(len(chosen))), training_config=asked)
            trainer.prepare_training()
            started = time.perf_counter()
            trainer.train_step(1)
            return time.perf_counter() - started

    return taken


def disent(images: Tensor, batch: int, device: str) -> Work:
    """The framework of disent 0.8.0 in Lightning's trainer, from its first batch to its last."""
    from lightning.pytorch import Callback, Trainer  # first: it looks whether torchvision is there

    _without_torchvision()
    from disent.frameworks.vae import BetaVae
    from disent.model import AutoEncoder, DisentDecoder, DisentEncoder

    class Encoder(DisentEncoder):
        def __init__(self) -> None:
            super().__init__(x_shape=INPUT, z_size=LATENTS, z_multiplier=2)
            self.network = network_named("conv").encoder(SHAPE, 2 * LATENTS)

        def encode(self, x: Tensor) -> Tensor:
            return self.network(x)

    class Decoder(DisentDecoder):
        def __init__(self) -> None:
            super().__init__(x_shape=INPUT, z_size=LATENTS)
            self.network = network_named("conv").decoder(SHAPE, LATENTS)

        def decode(self, z: Tensor) -> Tensor:
            return self.network(z)

    class Clock(Callback):
        started = ended = 0.0

        def on_train_start(self, *_: Any) -> None:
            self.started = time.perf_counter()

        def on_train_batch_end(self, *_: Any) -> None:
            self.ended = time.perf_counter()

    class Targets(Dataset[dict[str, tuple[Tensor, ...]]]):
        def __init__(self) -> None:
            self.images = TensorDataset(images)

        def __len__(self) -> int:
            return len(self.images)

        def __getitem__(self, index: int) -> dict[str, tuple[Tensor, ...]]:
            return {"x_targ": self.images[index]}

    settings = BetaVae.cfg(
        optimizer="adam",
        optimizer_kwargs={"lr": LEARNING_RATE},
        recon_loss="bce",
        loss_reduction="mean_sum",
        beta=PRESSURE,
    )
    framework = BetaVae(model=AutoEncoder(Encoder(), Decoder()), cfg=settings)
    loader = DataLoader(Targets(), batch, shuffle=True, drop_last=True)

    def taken(count: int) -> float:
        clock = Clock()
        quiet = {
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        }
        where = {"accelerator": "cpu" if device == "cpu" else "gpu", "devices": 1}
        Trainer(max_steps=count, callbacks=[clock], **quiet, **where).fit(framework, loader)
        return clock.ended - clock.started

    return taken


def _without_torchvision() -> None:
    """A stand-in where it is not installed: disent imports it, and its training needs nothing of it."""
    if importlib.util.find_spec("torchvision") is None:
        for name in (
            "torchvision",
            "torchvision.models",
            "torchvision.transforms",
            "torchvision.transforms.functional",
        ):
            sys.modules[name] = MagicMock()
        datasets = ModuleType("torchvision.datasets")
        datasets.ImageFolder = nn.Module  # type: ignore[attr-defined]  # a class to inherit from
        sys.modules["torchvision.datasets"] = datasets
