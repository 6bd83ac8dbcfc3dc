"""``ifp.spectrum``: closed-form freezing points of a data set."""

from collections.abc import Sequence

from ifp.closed_form.contexts import closed_forms
from ifp.closed_form.factors import chosen_factors
from ifp.closed_form.spectrum import Spectrum
from ifp.datasets.dataset import Dataset


def spectrum(
    dataset: Dataset,
    *,
    factors: Sequence[str] | None = None,
    contexts: int = 1000,
    seed: int = 0,
    likelihood: str = "bernoulli",
    nuisance: str = "held",
) -> Spectrum:
    """Closed-form freezing points of every factor over shared contexts: no training, some hundred a second.

    The largest eigenvalue of V^-1/2 C V^-1/2 of each case's images, with C their covariance and V the decoder's own
    variance at the mean image (:mod:`annealing.spectral`), and the bound beta_rd above it.

    >>> import ifp
    >>> found = ifp.spectrum(ifp.load_dataset("dsprites-tiny"), factors=["scale"], contexts=3)
    >>> len(found), found[0].factor, round(found[0].spectral_beta, 1)
    (3, 'scale', 169.9)

    Args:
        dataset: with labelled factors.
        factors: names; None for all.
        contexts: drawn, and shared by all factors.
        seed: of the draw.
        likelihood: bernoulli or gaussian.
        nuisance: held within a context, or redrawn for each image; in the freezing order, too.

    Raises:
        IFPError: an unlabelled data set, one image, an unknown factor or one of a single value, an unknown
            likelihood or ``nuisance``, or no context.
    """
    names = chosen_factors(dataset, factors)
    records = closed_forms(
        dataset, factors=names, contexts=contexts, seed=seed, likelihood=likelihood, nuisance=nuisance
    )
    return Spectrum(dataset, tuple(records), seed, likelihood, nuisance)
