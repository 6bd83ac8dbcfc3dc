"""Findings that stages are planned from, of a run of either kind of annealing."""

from pathlib import Path

from analysis.findings import Findings
from analysis.latent_findings import latent_findings
from ifp.annealing_test.diagnosis import findings_of
from ifp.run_directory.kinds import Kind
from ifp.run_directory.run import RunDirectory, open_run
from ifp.whole_annealing.results import require_whole_run, whole_findings


def planning_findings(run: RunDirectory | str | Path) -> Findings:
    """Findings of a finished annealing run, or of the latents of one of whole-data annealing.

    Raises:
        IFPError: another run, an unfinished one, or no latent that froze.
    """
    run = run if isinstance(run, RunDirectory) else open_run(Path(run))
    if run.kind != Kind.WHOLE_ANNEALING:
        return findings_of(run)
    whole = whole_findings(require_whole_run(run))
    image_shape = run.about_data("image_shape", tuple[int, int, int])
    return latent_findings(whole, image_shape=image_shape, likelihood=run.setting("likelihood", str))
