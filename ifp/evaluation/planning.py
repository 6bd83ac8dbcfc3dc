"""Findings that stages are planned from, of a run of either kind of annealing."""

from typing import TYPE_CHECKING

from analysis.findings import Findings
from analysis.latent_findings import latent_findings
from ifp.annealing_test.annealed import annealed_test
from ifp.run_directory.kinds import Kind
from ifp.run_directory.run import RunDirectory

if TYPE_CHECKING:
    from ifp.whole_annealing.results import AnnealedWhole


def planning_findings(run: RunDirectory) -> Findings:
    """Findings of a finished annealing run, or of the latents of one of whole-data annealing.

    Raises:
        IFPError: another run, an unfinished one, or no latent that froze.
    """
    if run.kind == Kind.WHOLE_ANNEALING:
        from ifp.whole_annealing.results import annealed_whole

        return findings_of_latents(annealed_whole(run))
    return annealed_test(run).findings


def findings_of_latents(whole: "AnnealedWhole") -> Findings:
    """The latents that froze, as the planner takes factors; IFPError where none did."""
    return latent_findings(whole.findings, image_shape=whole.run.data.image_shape, likelihood=whole.config.likelihood)
