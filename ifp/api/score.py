"""``ifp.score``: how disentangled codes are."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from analysis.scores.all_scores import SCORES, VARIANTS
from analysis.scores.protocol import STUDY, SampleSizes
from analysis.scores.scores import Scores
from annealing.errors import IFPError
from ifp.api.run import found_run
from ifp.evaluation.codes import codes_of_file, factor_names_of_file, labelled_codes
from ifp.evaluation.scoring import score_codes, score_run
from ifp.files.arrays import in_memory, labels_in_memory
from ifp.machine.progress import UNWATCHED, Watch
from ifp.models.networks import Network
from ifp.run_directory.kinds import RUNS, Kind
from ifp.run_directory.run import RunDirectory


def score(
    codes: ArrayLike | RunDirectory | str | Path | None = None,
    factors: ArrayLike | None = None,
    *,
    logvar: ArrayLike | None = None,
    bins: int | None = None,
    missing: str | int | float | None = None,
    seed: int = 0,
    only: Collection[str] | None = None,
    sizes: SampleSizes = STUDY,
    n_jobs: int = -1,
    network: Network | None = None,
    data_dir: str | Path | None = None,
    runs: str | Path = RUNS,
    save: bool = False,
    anew: bool = False,
    ceilings: bool = True,
    spread: bool = False,
    matrix: bool = False,
    watch: Watch = UNWATCHED,
) -> Scores:
    """How disentangled codes are: MIG, DCI, SAP, FactorVAE, BetaVAE, modularity, explicitness, IRS, by name.

    >>> import numpy as np
    >>> grid = np.array([[a, b] for a in range(4) for b in range(4)])
    >>> round(score(grid + 0.0, grid, only=["mig"])["mig"], 1)  # codes that are the factors
    1.0

    Args:
        codes: posterior means (rows, latents), numpy or torch; or a finished training run or its directory, whose
            images are encoded as the scores need them; or the path of an npz with ``codes``, ``factors`` and perhaps
            ``logvar``. None: the newest finished training run.
        factors: labels (rows, factors) or (rows,) of the codes, as numbers or text. Their distinct values are the
            classes (:func:`ifp.datasets.labels.factor_classes`). NaN or empty text is a missing label: a warning says
            so, and the row counts only for the factors for which it has a label.
        logvar: posterior log-variances (rows, latents) of the codes, needed for ``mig_chen``.
        bins: number of classes into which a continuous factor of the codes is cut; regression scores need none.
        missing: the label, beside codes, that stands for a missing one.
        seed: of the samples drawn.
        only: names of scores; None for all (DCI by its exact protocol takes minutes on thousands of rows).
        sizes: how much is drawn from the codes; sizes other than the study's are another protocol.
        n_jobs: how many factors DCI fits in parallel; -1 for one per core.
        network: for a run that was trained with a network of your own, that network.
        data_dir: for a run, the folder of the data set's public files.
        runs: where to look for the newest run.
        save: keep the scores in the run's scores.json beside those measured before and, if every image was encoded, the
            posteriors in its posteriors.npz.
        anew: for a run, measure again what its scores.json already has.
        ceilings: also score the exact factors on the same rows, which is close to the most that a score can reach;
            for a run on sprites without a background also their centroid and area
            (:func:`ifp.evaluation.seen.seen_scores`).
        spread: also repeat scores that have no interval with five sample seeds.
        matrix: for a run, measure ``matrix`` even if its scores.json has all scores but no matrix.
        watch: follows the encoding.

    Returns:
        Scores by name. ``matrix`` is the information of every latent about every factor. ``record`` also says what the
        scores were measured with; its ``notes`` say where a score is misleading on such codes and, if log-variances are
        known, which latents carry no information.

    Raises:
        IFPError: codes and factors do not fit, a name is unknown or ``only`` is empty, or the run is not finished or
            not of training.
    """
    if only is not None and not only:
        raise IFPError("need the name of a score or more, got none")
    if codes is None or isinstance(codes, (RunDirectory, str, Path)):
        if factors is not None or logvar is not None or sizes != STUDY:
            raise IFPError("need either codes with factors or a run alone, got both")
        if isinstance(codes, (str, Path)) and Path(codes).suffix == ".npz":
            names = factor_names_of_file(Path(codes))
            data = codes_of_file(Path(codes), bins=bins, missing=missing, only=only)
            given: dict[str, Any] = {"seed": seed, "only": only, "n_jobs": n_jobs}
            return scores_of(score_codes(data, **given, ceilings=ceilings, spread=spread, names=names))
        if bins is not None or missing is not None:
            raise IFPError("need codes and factors for bins and missing, a run has the classes of its data set")
        found = score_run(
            found_run(codes, runs, Kind.TRAINING),
            seed=seed,
            only=only,
            n_jobs=n_jobs,
            data_dir=None if data_dir is None else Path(data_dir),
            watch=watch,
            network=network,
            save=save,
            anew=anew,
            ceilings=ceilings,
            spread=spread,
            matrix=matrix,
        )
        return scores_of(found)
    if factors is None:
        raise IFPError("need factors (rows, factors) with codes, got none; several runs: ifp.score_runs")
    data = labelled_codes(
        in_memory(codes),
        labels_in_memory(factors),
        None if logvar is None else in_memory(logvar),
        bins=bins,
        missing=missing,
        only=only,
    )
    return scores_of(
        score_codes(data, seed=seed, only=only, sizes=sizes, n_jobs=n_jobs, ceilings=ceilings, spread=spread)
    )


def scores_of(record: dict[str, Any]) -> Scores:
    """The scores in a record of a model's codes; the record itself is kept with them."""
    values = {name: record[name] for name in SCORES + VARIANTS if isinstance(record.get(name), float)}
    return Scores(values, record=record)
