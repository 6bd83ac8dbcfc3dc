"""Options that several commands share, and the readers of their values."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from annealing.errors import IFPError

if TYPE_CHECKING:
    from ifp.runs import Run

DatasetName = Annotated[str | None, typer.Option("--dataset", help="Data set, e.g. dsprites.", metavar="NAME")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of the public files. [default: IFP_DATA_DIR, or rendered]")
]
FactorNames = Annotated[str | None, typer.Option("--factors", help="Only these factors: a,b.  [default: all]")]
Seed = Annotated[int | None, typer.Option("--seed", help="One seed, one result.  [default: 0]", min=0)]
Out = Annotated[Path | None, typer.Option("--out", help="Directory of the run.  [default: a new one under --runs]")]
Runs = Annotated[Path, typer.Option("--runs", help="Where runs are kept and looked for.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with --out, or the newest unfinished run.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the run in --out.")]
Device = Annotated[str | None, typer.Option("--device", help="cpu or cuda.  [default: cpu]")]
Threads = Annotated[
    int | None,
    typer.Option("--threads", help="Processor threads.  [default: 1 to anneal action by action, else 2]", min=1),
]
Json = Annotated[bool, typer.Option("--json", help="Print the table as JSON on stdout.")]
RunPath = Annotated[
    Path | None,
    typer.Argument(metavar="[RUN]", help="A run's directory.  [default: the newest finished annealing run]"),
]
DEFAULT_RUNS = Path("runs")


def present(given: Mapping[str, object]) -> dict[str, Any]:
    """The options that were given: those not left at None."""
    return {name: value for name, value in given.items() if value is not None}


def pressure_range(text: str | None, option: str) -> tuple[float, float] | None:
    """LO:HI as two pressures; IFPError for anything else."""
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


def annealing_run(path: Path | None, runs: Path) -> "Run":
    """The finished annealing run at ``path``, or the newest one under ``runs``."""
    from ifp.diagnosis import require_annealing_run
    from ifp.runs import newest_run

    return newest_run(runs, "anneal") if path is None else require_annealing_run(path)
