"""Options that several commands share, and the readers of their values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from annealing.errors import IFPError
from ifp.cli.completion import complete_datasets, complete_factors, complete_runs
from ifp.cli.config_file import read_config
from ifp.cli.defaults import Source
from ifp.cli.help import DATA, MACHINE, OUTPUT, RUN
from ifp.run_directory.kinds import RUNS

DEFAULT_RUNS = RUNS
DATA_DEFAULTS = Source("ifp.datasets.dataset:DataOptions", {"data_seed": "seed"}, only=True)
NAMES, RANGE = "A,B,...", "LO:HI"  # metavars of values with several parts, which --config takes as lists

_DATASET = typer.Option(
    "--dataset", help="Data set (ifp data list), or your own: a file of arrays or a folder of pictures.",
    metavar="NAME|PATH", rich_help_panel=DATA, autocompletion=complete_datasets,
)  # fmt: skip
DatasetName = Annotated[str | None, _DATASET]
RequiredDatasetName = Annotated[str, _DATASET]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Folder of the public files.  [default: IFP_DATA_DIR, or the user's cache]", metavar="DIR",
        rich_help_panel=DATA,
    ),
]  # fmt: skip
Background = Annotated[
    Path | None,
    typer.Option("--background", help="Picture behind scream-dsprites.", metavar="PICTURE", rich_help_panel=DATA),
]
BackgroundColor = Annotated[
    str | None,
    typer.Option(
        "--background-color", help="Colour behind transparent pixels of pictures: white, #rrggbb.", metavar="COLOUR",
        rich_help_panel=DATA,
    ),
]  # fmt: skip
Resize = Annotated[
    str | None,
    typer.Option("--resize", help="Make pictures of a folder H x W (Lanczos).", metavar="H[xW]", rich_help_panel=DATA),
]
Correlate = Annotated[
    list[str] | None,
    typer.Option(
        "--correlate", help="Make two factors occur together; sigma 0.2 strong, 0.7 weak.", metavar="A:B:SIGMA",
        rich_help_panel=DATA,
    ),
]  # fmt: skip
Bins = Annotated[
    int | None,
    typer.Option(
        "--bins", help="Classes that continuous factors of your own data are cut into.", min=2, rich_help_panel=DATA
    ),
]
Missing = Annotated[
    str | None,
    typer.Option(
        "--missing", help="A label that marks a missing value, e.g. -1, besides NaN and empty text.", metavar="LABEL",
        rich_help_panel=DATA,
    ),
]  # fmt: skip
FactorsFrom = Annotated[
    str | None,
    typer.Option(
        "--factors-from", help="Arrays of your own file, or columns of the CSV beside pictures, that hold the labels.",
        metavar=NAMES, rich_help_panel=DATA,
    ),
]  # fmt: skip
ImagesFrom = Annotated[
    str | None,
    typer.Option(
        "--images-from", help="Array of your own file that holds the images.", metavar="NAME", rich_help_panel=DATA
    ),
]
DataSeed = Annotated[
    int | None,
    typer.Option(
        "--data-seed", help="Seed of the colours, noise, crops and correlation that are drawn.", min=0,
        rich_help_panel=DATA,
    ),
]  # fmt: skip
Nuisance = Annotated[
    str | None,
    typer.Option(
        "--nuisance", help="Hold nuisances within a context, or redraw them for each image (redrawn).", metavar="NAME",
        rich_help_panel=DATA,
    ),
]  # fmt: skip
FactorNames = Annotated[
    str | None,
    typer.Option(
        "--factors", help="Only these factors.  [default: all]", metavar=NAMES, rich_help_panel=DATA,
        autocompletion=complete_factors,
    ),
]  # fmt: skip
Likelihood = Annotated[str | None, typer.Option("--likelihood", help="bernoulli or gaussian.", metavar="NAME")]
Seed = Annotated[int | None, typer.Option("--seed", help="One seed, one result.", min=0, rich_help_panel=RUN)]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", help="Read settings from a TOML file whose keys are these options; options given here win.",
        metavar="FILE.toml", is_eager=True, callback=read_config, rich_help_panel=RUN,
    ),
]  # fmt: skip
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with --out, or the newest unfinished run.", rich_help_panel=RUN)
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="Directory of the run.  [default: a new one under --runs]", metavar="DIR",
        rich_help_panel=OUTPUT, autocompletion=complete_runs,
    ),
]  # fmt: skip
Runs = Annotated[
    Path, typer.Option("--runs", help="Where runs are kept and looked for.", metavar="DIR", rich_help_panel=OUTPUT)
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the run in --out.", rich_help_panel=OUTPUT)]
Json = Annotated[bool, typer.Option("--json", help="Print the table as JSON on stdout.", rich_help_panel=OUTPUT)]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler", help="Dask: tcp://HOST:PORT, or local:N for N workers here (needs ifp[cluster]).",
        metavar="ADDRESS", rich_help_panel=MACHINE,
    ),
]  # fmt: skip
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", help="Processes side by side, of --threads each.  [default: what the cores allow]", min=1,
        rich_help_panel=MACHINE,
    ),
]  # fmt: skip
Device = Annotated[
    str | None,
    typer.Option(
        "--device", help="cpu, cuda, or auto: a GPU where there is one.", metavar="NAME", rich_help_panel=MACHINE
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads", help="Processor threads.", min=1,
        rich_help_panel=MACHINE,
    ),
]  # fmt: skip
RunPath = Annotated[
    Path | None,
    typer.Argument(
        metavar="RUN", help="A run's directory.  [default: the newest finished annealing run]",
        autocompletion=complete_runs,
    ),
]  # fmt: skip
TrainingRun = Annotated[
    Path | None,
    typer.Argument(
        metavar="RUN", help="A training run.  [default: the newest finished one]", autocompletion=complete_runs
    ),
]


def data_options(
    background: Path | None,
    background_color: str | None,
    resize: str | None,
    correlate: list[str] | None,
    bins: int | None,
    missing: str | None,
    factors_from: str | None,
    images_from: str | None,
    data_seed: int | None,
) -> dict[str, Any]:
    """How the data set is opened beyond its name: only what was given."""
    return present(
        {
            "background": None if background is None else str(background.expanduser().resolve()),
            "correlate": tuple(correlate) if correlate else None,
            "bins": bins,
            "seed": data_seed,
            "background_color": background_color,
            "resize": resize,
            "missing": missing,
            "factors_from": factors_from,
            "images_from": images_from,
        }
    )


def log_among(paths: list[Path]) -> Path | None:
    """The log of any program among paths of runs; IFPError where it does not stand alone."""
    from ifp.files.event_files import is_log

    logs = [path for path in paths if is_log(path)]
    if logs and len(paths) > 1:
        raise IFPError(f"need one log, or runs without a log, got {len(paths)} paths: diagnose a log by itself")
    return logs[0] if logs else None


def present(given: Mapping[str, object]) -> dict[str, Any]:
    """The options that were given: those not left at None."""
    return {name: value for name, value in given.items() if value is not None}


def settings(given: list[str] | None) -> dict[str, Any]:
    """NAME=VALUE of each as a mapping: whole numbers, numbers or words; IFPError for anything else."""
    found: dict[str, Any] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals and value) or name in found:
            raise IFPError(f"need settings NAME=VALUE, each once, got {text!r}")
        found[name] = _value(value)
    return found


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def number_range(text: str | None, option: str) -> tuple[float, float] | None:
    """LO:HI as two numbers; IFPError for anything else."""
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        raise IFPError(f"need {option} LO:HI, two numbers, got {text!r}") from None
    return low, high


def name_list(text: str | None) -> tuple[str, ...] | None:
    """a,b,c as names."""
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def number_list(text: str | None, option: str) -> tuple[float, ...] | None:
    """a,b,c as numbers; IFPError for anything else."""
    try:
        return None if text is None else tuple(float(part) for part in text.split(","))
    except ValueError:
        raise IFPError(f"need {option} as numbers, a,b,c, got {text!r}") from None


def whole_list(text: str | None, option: str) -> tuple[int, ...] | None:
    """a,b,c as whole numbers; IFPError for anything else."""
    numbers = number_list(text, option)
    if numbers is not None and not all(number.is_integer() for number in numbers):
        raise IFPError(f"need {option} as whole numbers, a,b,c, got {text!r}")
    return None if numbers is None else tuple(int(number) for number in numbers)
