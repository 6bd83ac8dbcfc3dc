"""``ifp.score_runs``: scores of several runs, their spread over seeds, and UDR, which ranks runs without labels."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from analysis.scores.all_scores import require_scores
from analysis.scores.run_scores import RunScores, ScoredRun
from analysis.scores.scores import Scores
from analysis.scores.udr import Similarity
from annealing.choices import require_seed
from annealing.errors import IFPError
from ifp.api.score import score, scores_of
from ifp.comparison.study import method_names, runs_at_hand
from ifp.evaluation.scoring import score_run
from ifp.evaluation.udr import RunAgreement, udr_of_runs
from ifp.machine.progress import UNWATCHED, Watch
from ifp.models.networks import Network
from ifp.run_directory.kinds import RUNS, Kind
from ifp.run_directory.run import RunDirectory, open_run
from ifp.training.trained import TrainedRun


def score_runs(
    at_hand: Sequence[RunDirectory | str | Path],
    *,
    udr: bool = False,
    similarity: Similarity = "spearman",
    seed: int = 0,
    only: Collection[str] | None = None,
    n_jobs: int = -1,
    network: Network | None = None,
    data_dir: str | Path | None = None,
    save: bool = False,
    anew: bool = False,
    ceilings: bool = True,
    spread: bool = False,
    matrix: bool = False,
    watch: Watch = UNWATCHED,
) -> RunScores:
    """Scores of several training runs on the same data, and their spread over seeds: ::

        found = ifp.score_runs(["runs/first", "runs/second"], only=["mig"])
        found.over_runs()  # median, min and max over the runs of each method, apart from the interval of a single run
        ifp.score_runs(["runs/first", "runs/second"], udr=True)  # how far they agree: needs no labels

    Args:
        at_hand: finished training runs, or studies, each of which stands for the runs in it.
        udr: measure UDR (:func:`analysis.scores.udr.udr`) on 10,000 images drawn with ``seed``, instead of the scores.
            UDR depends on which runs are compared, so it is not kept in any of them.
        similarity: of latents, for UDR: ``spearman`` or ``lasso``.
        seed: of the samples drawn, the same for every run.
        only, n_jobs, network, data_dir, anew, ceilings, spread, matrix, watch: for each run, as in :func:`ifp.score`.
        save: keep each run's scores in its scores.json, as :func:`ifp.score` does.

    Raises:
        IFPError: the runs are on different data, one is given twice, not finished or not of training, or a score is
            unknown; the runs have no labels and ``udr`` is not set; or, with ``udr``, there are fewer than two runs or
            options of the scores are given.
    """
    require_scores(only, n_jobs)
    require_seed(seed)
    found = _opened(at_hand)
    methods = method_names(found)
    about: dict[str, Any] = {"data": found[0].run.data.name}
    shared: dict[str, Any] = {"seed": seed, "network": network, "watch": watch}
    shared["data_dir"] = None if data_dir is None else Path(data_dir)
    if udr:
        if only is not None or anew or spread or matrix:
            raise IFPError("need either scores or UDR, got both: only, anew, spread and matrix are of scores")
        agreements = udr_of_runs(found, similarity=similarity, **shared)
        about |= {"similarity": similarity, "images": agreements[0].images, "seed": seed}
        about["notes"] = [*_mixed(methods), *_silent(found, agreements)]
        scores = [Scores(udr=each.udr, record={"udr": each.udr, "active_latents": each.active}) for each in agreements]
    else:
        shared |= {"only": only, "n_jobs": n_jobs, "save": save, "anew": anew, "ceilings": ceilings, "spread": spread}
        shared["matrix"] = matrix
        scores = [scores_of(score_run(each.run, **shared)) for each in found]
    return RunScores(
        tuple(
            ScoredRun(str(each.run.path), method, each.config.seed, own)
            for each, method, own in zip(found, methods, scores, strict=True)
        ),
        about,
    )


def scored(
    sources: Sequence[Path],
    *,
    udr: bool = False,
    similarity: Similarity | None = None,
    runs: str | Path = RUNS,
    **settings: Any,
) -> Scores | RunScores:
    """What ``ifp score`` measures: one run or npz by :func:`ifp.score`, several or a study by :func:`ifp.score_runs`.

    Args:
        sources: paths; if there are none, the newest finished training run.
        udr, similarity: as in :func:`ifp.score_runs`.
        runs: where to look for the newest run.
        settings: of the two functions, by name.

    Raises:
        IFPError: as in the two functions; also for an npz among several sources, or options that exclude each other.
    """
    files = [each for each in sources if each.suffix == ".npz"]
    several = udr or len(sources) > 1
    if several and (files or not sources):
        alone = "analysis.scores.udr.udr compares their codes" if udr else "score these one by one"
        got = f"{len(files)} files of codes: {alone}" if files else "none"
        raise IFPError(f"need training runs to score together, got {got}")
    if similarity is not None and not udr:
        raise IFPError("need --udr for a similarity, which is of UDR alone")
    if not several and (not sources or files or open_run(sources[0]).kind != Kind.COMPARISON):
        return score(sources[0] if sources else None, runs=runs, **settings)
    if {"bins", "missing"} & set(settings):
        raise IFPError("need codes and factors for bins and missing, a run has the classes of its data set")
    if similarity is not None:
        settings["similarity"] = similarity
    return score_runs(sources, udr=udr, **settings)


def _opened(at_hand: Sequence[RunDirectory | str | Path]) -> list[TrainedRun]:
    """The training runs; IFPError if one is given twice."""
    found = runs_at_hand([each if isinstance(each, RunDirectory) else Path(each) for each in at_hand])
    paths = [each.run.path.resolve() for each in found]
    if twice := next((path for path in paths if paths.count(path) > 1), None):
        raise IFPError(f"need each run once, got {twice} twice: its seed would count twice")
    return found


def _mixed(methods: Sequence[str]) -> list[str]:
    """What to know of a UDR among runs of several methods."""
    kinds = dict.fromkeys(methods)
    return [] if len(kinds) == 1 else [f"UDR is meant for seeds of one setting, these runs have {len(kinds)}"]


def _silent(runs: Sequence[TrainedRun], agreements: Sequence[RunAgreement]) -> list[str]:
    """The runs whose latents all carry no information."""
    return [
        f"no latent of {trained.run.path} carries information: it agrees with none"
        for trained, agreement in zip(runs, agreements, strict=True)
        if not agreement.active
    ]
