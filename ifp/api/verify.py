"""``ifp.verify``: whether the files of a run are as they were written."""

from pathlib import Path

from ifp.api.run import found_run
from ifp.run_directory.kinds import RUNS
from ifp.run_directory.run import RunDirectory
from ifp.run_directory.verify import Verification
from ifp.run_directory.verify import verify as verify_run


def verify(run: RunDirectory | str | Path | None = None, *, runs: str | Path = RUNS) -> Verification:
    """Recompute the checksums of a finished run, and of the runs inside it; nothing is changed.

    Args:
        run: or its directory; None: the newest finished one.
        runs: where that is looked for.

    Raises:
        RunError: no run is there (its config.json is damaged or missing), or it is not finished.
    """
    return verify_run(found_run(None, runs, None) if run is None else run)
