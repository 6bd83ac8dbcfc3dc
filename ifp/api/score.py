"""``ifp.score``: how disentangled codes are."""

from collections.abc import Collection
from pathlib import Path

from numpy.typing import ArrayLike

from analysis.scores.all_scores import SCORES, VARIANTS
from analysis.scores.all_scores import score as scores_of
from analysis.scores.codes import STUDY, SampleSizes
from analysis.scores.scores import Scores
from annealing.errors import IFPError
from ifp.evaluation.scoring import score_run
from ifp.files.arrays import in_memory
from ifp.models.networks import Network
from ifp.run_directory.run import RunDirectory


def score(
    codes: ArrayLike | RunDirectory | str | Path,
    factors: ArrayLike | None = None,
    *,
    logvar: ArrayLike | None = None,
    seed: int = 0,
    only: Collection[str] | None = None,
    sizes: SampleSizes = STUDY,
    n_jobs: int = 1,
    network: Network | None = None,
) -> Scores:
    """How disentangled codes are: MIG, DCI, SAP, FactorVAE, BetaVAE, modularity, explicitness, IRS, by name.

    >>> import numpy as np
    >>> grid = np.array([[a, b] for a in range(4) for b in range(4)])
    >>> round(score(grid + 0.0, grid, only=["mig"])["mig"], 1)  # codes that are the factors
    1.0

    Args:
        codes: posterior means (rows, latents), numpy or torch; or a finished training run or its directory, of which
            every image is encoded first, and whose scores.json keeps the scores.
        factors: classes from 0 (rows, factors), with codes.
        logvar: posterior log-variances (rows, latents), with codes: for ``mig_chen``.
        seed: of the samples drawn.
        only: names of scores; None for all (DCI by its exact protocol takes minutes on thousands of rows).
        sizes: what is drawn from the codes; another choice than the study's is another protocol.
        n_jobs: factors that DCI fits side by side; -1 for one per core.
        network: of a run that was trained with an own one: the same.

    Raises:
        IFPError: codes and factors that do not fit, an unknown name, or a run that is not finished or not of training.
    """
    if isinstance(codes, (RunDirectory, str, Path)):
        if factors is not None or logvar is not None or sizes != STUDY:
            raise IFPError("need either codes with factors or a run alone, got both")
        found = score_run(codes, seed=seed, only=only, n_jobs=n_jobs, network=network)
        return Scores({name: found[name] for name in SCORES + VARIANTS if isinstance(found.get(name), float)})
    if factors is None:
        raise IFPError("need factors (rows, factors) with codes, got none")
    known = None if logvar is None else in_memory(logvar)
    return scores_of(
        in_memory(codes), in_memory(factors), logvar=known, seed=seed, only=only, sizes=sizes, n_jobs=n_jobs
    )
