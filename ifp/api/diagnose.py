"""What can be concluded from a run of any kind, or from a table of anyone's."""

from pathlib import Path
from typing import TypeAlias

from analysis.diffusion import Diffusion
from analysis.findings import Findings
from analysis.freezing_points import FreezingPoints
from analysis.whole_findings import WholeFindings
from ifp.api.freezing_points import Table, freezing_points, is_table
from ifp.run_directory.run import RunDirectory, open_run

Diagnosis: TypeAlias = Findings | WholeFindings | Diffusion | FreezingPoints


def diagnose(source: RunDirectory | Table | str | Path) -> Diagnosis:
    """Conclude from a finished run, or from a table of (step, beta, KL per latent).

    Returns:
        Of an annealing test :class:`analysis.findings.Findings` (freezing points, separability, predicted diffusion),
        of whole-data annealing :class:`analysis.whole_findings.WholeFindings` (latents, owners, diffusion as all data
        cooled), of training :class:`analysis.diffusion.Diffusion` (index, owners, events), of a table
        :class:`analysis.freezing_points.FreezingPoints`. What is concluded of a run is also written into it, as
        findings.json or diffusion.json.

    Args:
        source: a run, its directory, or a table as :func:`ifp.freezing_points` takes it.

    Raises:
        RunError: the run is not there, not finished, of another kind or of unlabelled data, or a file of it is damaged.
        IFPError: a table that is not as described there.
    """
    if not isinstance(source, RunDirectory) and (is_table(source) or not isinstance(source, (str, Path))):
        return freezing_points(source)
    from ifp.api.kinds import METHODS  # here: it stands on every room and every figure, seconds to import

    run = source if isinstance(source, RunDirectory) else open_run(Path(source))
    return METHODS[run.kind].diagnose(run)
