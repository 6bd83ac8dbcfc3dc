"""Disentanglement, completeness and informativeness (DCI)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import entropy
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier
from sklearn.utils.parallel import Parallel, delayed

from analysis.scores.codes import LabelledCodes, Sample
from analysis.scores.measure import Estimate, Measure, When
from analysis.scores.protocol import STUDY, SampleSizes
from annealing.errors import IFPError

Variant = Literal["boosting", "forest"]
NAMES: dict[Variant, str] = {"boosting": "dci", "forest": "dci-forest"}
PARTS = ("disentanglement", "completeness", "informativeness")

_FLOOR = 1e-11  # added to every importance, as in the study: an entropy of nothing is that of equal shares


@dataclass(frozen=True)
class DCI:
    """The three scores, and the name of what they are: ``dci`` or, by another classifier, ``dci-forest``."""

    name: str
    disentanglement: float
    completeness: float
    informativeness: float


def dci(
    data: LabelledCodes, *, seed: int = 0, sizes: SampleSizes = STUDY, variant: Variant = "boosting", n_jobs: int = 1
) -> DCI:
    """How well trees tell each factor from the codes, and from how few latents.

    Per factor, boosted trees (scikit-learn's ``GradientBoostingClassifier`` with its defaults: 100 rounds of depth 3)
    are fitted to mean codes; the importances of the latents in them give :func:`disentanglement` (what papers call
    DCI) and :func:`completeness`, and the accuracy on other samples, mean over factors, is the informativeness.
    Boosting fits 100 trees for every value of every factor, which takes minutes at full size. ``variant="forest"``
    is its fast stand-in, scikit-learn's ``ExtraTreesClassifier``: its scores are other ones, go by the name
    ``dci-forest`` and must not be compared with those of boosting. Boosting, too, moves with the version of
    scikit-learn. Source: Eastwood & Williams 2018 (ICLR, openreview By-7dz-AZ), as in Locatello et al. 2019,
    arXiv:1811.12359.

    The importances for a factor add up to 1 however little the codes tell of it, so that a factor not held lowers
    both. A constant code has 0. With one latent, completeness is 1 and disentanglement 0 if it moves. The trees of a
    factor are fitted to and tested on the rows that have its label.

    Args:
        n_jobs: factors fitted side by side, -1 for one per core; the result does not depend on it.

    Raises:
        IFPError: fewer than two factors vary, one has a single value in the sample, or the variant is not known.
    """
    if variant not in NAMES:
        raise IFPError(f"need one of the variants {', '.join(NAMES)}, got {variant!r}")
    data.need_factors("DCI")
    train, test = data.train(seed, sizes), data.test(seed, sizes)
    fits = Parallel(n_jobs=n_jobs)(delayed(_fit)(train, test, k, seed, variant) for k in range(len(data.sizes)))
    importance = np.stack([importances for importances, _ in fits], axis=1)
    return DCI(
        name=NAMES[variant],
        disentanglement=disentanglement(importance),
        completeness=completeness(importance),
        informativeness=float(np.mean([accuracy for _, accuracy in fits])),
    )


def disentanglement(importance: NDArray[np.floating]) -> float:
    r"""How few factors each latent tells of, from the importance of each latent for each factor.

    .. math:: D = \sum_j \rho_j \left( 1 - H_K(P_j) \right), \quad
        P_{jk} = \frac{R_{jk}}{\sum_{k'} R_{jk'}}, \quad \rho_j = \frac{\sum_k R_{jk}}{\sum_{jk} R_{jk}}

    with the entropy to the base K, the number of factors. 0 where nothing is important.

    Args:
        importance: R, not negative, shape (latents, factors), two factors or more.

    Raises:
        IFPError: another shape, a negative importance, or one factor only.
    """
    _check(importance)
    if importance.shape[1] < 2:
        raise IFPError(f"need importances of two or more factors for disentanglement, got {importance.shape}")
    return _concentration(importance)


def completeness(importance: NDArray[np.floating]) -> float:
    r"""How few latents tell of each factor: :func:`disentanglement` with latents and factors exchanged.

    The entropy is to the base of the number of latents; with one latent, the score is 1 if it tells anything.

    Raises:
        IFPError: another shape than (latents, factors), or a negative importance.
    """
    _check(importance)
    return _concentration(importance.T)


def _check(importance: NDArray[np.floating]) -> None:
    if importance.ndim != 2 or not importance.size or not (importance >= 0).all():
        raise IFPError(f"need importances (latents, factors), none below 0 or NaN, got shape {importance.shape}")


def _concentration(rows: NDArray[np.floating]) -> float:
    """1 less each row's normalised entropy, mean weighted by the rows' sums."""
    mass, width = rows.sum(axis=1), rows.shape[1]
    if not mass.any():
        return 0.0
    spread = entropy(rows + _FLOOR, base=width, axis=1) if width > 1 else np.zeros(len(rows))
    return float(np.average(1 - spread, weights=mass))


def _fit(train: Sample, test: Sample, k: int, seed: int, variant: Variant) -> tuple[NDArray[np.float64], float]:
    """Importance of each latent for factor ``k``, (latents,), and the accuracy on the test sample."""
    if variant == "boosting":
        model = GradientBoostingClassifier(random_state=seed)
    else:
        # All latents at every split: among the usual random few, an important one may be missing. Leaves of half a
        # percent of the sample: pure ones would learn the noise, which spreads the importances over all latents.
        model = ExtraTreesClassifier(max_features=None, min_samples_leaf=0.005, random_state=seed)
    model.fit(*train.of(k))
    unseen, labels = test.of(k)
    accuracy = np.mean(model.predict(unseen) == labels)
    return np.abs(model.feature_importances_), float(accuracy)


def _measure(variant: Variant, when: When) -> Measure:
    def measure(data: LabelledCodes, seed: int, sizes: SampleSizes, n_jobs: int) -> tuple[Estimate, ...]:
        found = dci(data, seed=seed, sizes=sizes, variant=variant, n_jobs=n_jobs)
        return Estimate(found.disentanglement), Estimate(found.completeness), Estimate(found.informativeness)

    names = tuple(f"{NAMES[variant]}_{part}" for part in PARTS)
    return Measure(names, measure, when, place=1, rows="samples")


MEASURES = (_measure("boosting", "always"), _measure("forest", "named"))
