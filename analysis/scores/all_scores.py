"""Every score of one model's codes in one call."""

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from analysis.scores.beta_vae import beta_vae
from analysis.scores.codes import STUDY, LabelledCodes, SampleSizes
from analysis.scores.dci import NAMES, Variant, dci
from analysis.scores.explicitness import explicitness
from analysis.scores.factor_vae import factor_vae
from analysis.scores.irs import irs
from analysis.scores.mig import mig_chen, mutual_information_gap
from analysis.scores.modularity import modularity
from analysis.scores.sap import sap
from analysis.scores.scores import Scores
from annealing.errors import IFPError

Measure = Callable[[LabelledCodes, int, SampleSizes, int], tuple[float, ...]]  # data, seed, sizes, n_jobs


def _mig(data: LabelledCodes, seed: int, sizes: SampleSizes, n_jobs: int) -> tuple[float, ...]:
    train = data.train(seed, sizes)
    return (mutual_information_gap(train.codes, train.factors),)


def _mig_chen(data: LabelledCodes, seed: int, sizes: SampleSizes, n_jobs: int) -> tuple[float, ...]:
    if data.logvar is None:
        raise IFPError("need the posteriors' logvar for mig_chen, got none")
    train = data.train(seed, sizes)
    return (mig_chen(train.codes, data.logvar[train.rows], train.factors),)


def _one(measure: Callable[..., float]) -> Measure:
    return lambda data, seed, sizes, n_jobs: (measure(data, seed=seed, sizes=sizes),)


def _dci(variant: Variant) -> dict[tuple[str, ...], Measure]:
    def measure(data: LabelledCodes, seed: int, sizes: SampleSizes, n_jobs: int) -> tuple[float, ...]:
        found = dci(data, seed=seed, sizes=sizes, variant=variant, n_jobs=n_jobs)
        return found.disentanglement, found.completeness, found.informativeness

    names = tuple(f"{NAMES[variant]}_{part}" for part in ("disentanglement", "completeness", "informativeness"))
    return {names: measure}


_OF_MEANS: dict[tuple[str, ...], Measure] = {
    ("mig",): _mig,
    **_dci("boosting"),
    ("sap",): _one(sap),
    ("factor_vae",): _one(factor_vae),
    ("beta_vae",): _one(beta_vae),
    ("modularity",): _one(modularity),
    ("explicitness",): _one(explicitness),
    ("irs",): _one(irs),
}
_NAMED_VARIANTS: dict[tuple[str, ...], Measure] = {("mig_chen",): _mig_chen, **_dci("forest")}

SCORES = tuple(name for names in _OF_MEANS for name in names)
VARIANTS = tuple(name for names in _NAMED_VARIANTS for name in names)


def require_scores(only: Collection[str] | None, n_jobs: int) -> None:
    """IFPError for a name that is no score's, or for no job: what can be told before codes are made."""
    if unknown := set(only or ()).difference(SCORES, VARIANTS):
        raise IFPError(f"need scores among {', '.join(SCORES + VARIANTS)}, got {', '.join(sorted(unknown))}")
    if n_jobs == 0:
        raise IFPError("need one job or more, or -1 for one per core, got 0")


def score(
    codes: NDArray[np.floating],
    factors: NDArray[np.integer],
    *,
    logvar: NDArray[np.floating] | None = None,
    seed: int = 0,
    only: Collection[str] | None = None,
    sizes: SampleSizes = STUDY,
    n_jobs: int = 1,
) -> Scores:
    """Scores by name: those of ``SCORES`` in that order, then ``mig_chen`` where ``logvar`` is given.

    A score's value does not depend on which others are asked for. Whether factors are uniform and independent, as
    the field has them, says ``LabelledCodes(codes, factors).protocol``.

    Args:
        codes: posterior means, shape (rows, latents).
        factors: classes from 0, shape (rows, factors); those that do not vary are left out.
        logvar: posterior log-variances, shape (rows, latents).
        only: names among ``SCORES`` and ``VARIANTS``. Of the variants, those of DCI are measured only if named.
        sizes: what is drawn; another choice than the study's is another protocol.
        n_jobs: factors fitted side by side for DCI.

    Raises:
        IFPError: codes and factors that do not fit (:class:`LabelledCodes`), an unknown name, mig_chen without
            logvar, or a single factor that varies: DCI, FactorVAE, BetaVAE and modularity need two.
    """
    require_scores(only, n_jobs)
    data = LabelledCodes(codes, factors, logvar)
    default = SCORES if logvar is None else (*SCORES, "mig_chen")
    wanted = set(default if only is None else only)
    found: dict[str, float] = {}
    for names, measure in (_OF_MEANS | _NAMED_VARIANTS).items():
        if wanted.intersection(names):
            found.update(zip(names, measure(data, seed, sizes, n_jobs), strict=True))
    return Scores({name: value for name, value in found.items() if name in wanted})
