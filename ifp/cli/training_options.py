"""Options that ``ifp train`` and ``ifp compare`` share."""

from typing import Annotated

import typer

from ifp.cli.config_file import with_file_settings
from ifp.cli.defaults import Source, literals
from ifp.cli.help import DATA, MACHINE

DEFAULTS = Source("ifp.training.config:TrainConfig")
Plan = Annotated[str | None, typer.Option("--plan", help="Stage plan: a JSON file, or - for stdin.", metavar="FILE|-")]
Force = Annotated[bool, typer.Option("--force", help="Use a plan made for other data.", rich_help_panel=DATA)]
_LATENTS = literals("ifp.training.config")["_LATENTS"]
Latents = Annotated[
    int | None, typer.Option("--latents", help=f"Latents.  [default: the plan's, else {_LATENTS}]", min=1)
]
Steps = Annotated[
    int | None,
    typer.Option("--steps", help="Steps of a run, divided over the stages.", min=1),
]
BatchSize = Annotated[int | None, typer.Option("--batch-size", help="Images per step.", min=1)]
LearningRate = Annotated[float | None, typer.Option("--learning-rate", help="Learning rate of Adam.")]
Warmup = Annotated[
    int | None,
    typer.Option("--warmup", help="Steps over which the learning rate rises.", min=0),
]
Network = Annotated[
    str | None,
    typer.Option(
        "--network",
        help="conv (4x4 kernels), conv-locatello (its code's, 2x2 in the last two), conv-small, conv-8, conv-32, "
        "dense.  [default: the objective's]",
        metavar="NAME",
    ),
]
EvalEvery = Annotated[int | None, typer.Option("--eval-every", help="Steps between records.", min=1)]
Precision = Annotated[
    str | None,
    typer.Option(
        "--precision", help="float32, bfloat16, or auto: bfloat16 where the hardware has it.",
        metavar="NAME", rich_help_panel=MACHINE,
    ),
]  # fmt: skip
Setting = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="A setting of the objective: beta=4.", metavar="NAME=VALUE", callback=with_file_settings
    ),
]
ObjectiveSetting = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="A setting of one objective: beta-vae.beta=4.", metavar="OBJECTIVE.NAME=VALUE",
        callback=with_file_settings,
    ),
]  # fmt: skip
