"""Information diffusion along a finished run of training, a watched one, or one of whole-data annealing."""

from pathlib import Path

from analysis.information_trace import InformationTrace
from annealing.errors import RunError
from ifp.run_directory.kinds import Kind
from ifp.run_directory.run import RunDirectory, open_run
from ifp.training.trained import trained_run
from ifp.watching.watched import watched_run
from ifp.whole_annealing.results import annealed_whole

DIFFUSION_FILE = "diffusion.json"


def information_trace(run: RunDirectory | str | Path) -> InformationTrace:
    """What a run recorded of its latents' information.

    Raises:
        RunError: an unfinished run, one of another kind, or of unlabelled data.
    """
    run = run if isinstance(run, RunDirectory) else open_run(Path(run))
    if run.kind == Kind.WATCHED:
        known = watched_run(run).information
        if known is None:
            raise RunError(f"need a run with two records of labelled factors or more, {run.path} has fewer")
        return known
    if run.kind != Kind.WHOLE_ANNEALING:
        return trained_run(run, "a finished run of training").information
    trace = annealed_whole(run).information
    if trace is None:
        raise RunError(f"need a run whose curves tell of labelled factors, those of {run.path} do not")
    return trace
