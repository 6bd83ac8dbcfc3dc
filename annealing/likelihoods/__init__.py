"""Likelihoods: of images (:mod:`annealing.likelihoods.pixels`), and of rows of any data, by name."""

from dataclasses import fields
from typing import Any

from annealing.choices import RowLikelihoodName, require_one_of
from annealing.errors import IFPError
from annealing.likelihoods.bernoulli import BernoulliRows
from annealing.likelihoods.gaussian import GaussianDecodedRows, GaussianEachRows, GaussianRows, GaussianSharedRows
from annealing.likelihoods.laplace import LaplaceRows
from annealing.likelihoods.likelihood import RowLikelihood
from annealing.likelihoods.negative_binomial import NegativeBinomialRows
from annealing.likelihoods.poisson import PoissonRows
from annealing.likelihoods.softmax import SoftmaxRatesRows, SoftmaxRows
from annealing.likelihoods.softmax_negative_binomial import SoftmaxNegativeBinomialRows

_ROWS: tuple[type[RowLikelihood], ...] = (
    BernoulliRows,
    GaussianRows,
    GaussianSharedRows,
    GaussianEachRows,
    GaussianDecodedRows,
    PoissonRows,
    NegativeBinomialRows,
    SoftmaxRows,
    SoftmaxRatesRows,
    SoftmaxNegativeBinomialRows,
    LaplaceRows,
)


def row_likelihood(name: RowLikelihoodName, **settings: Any) -> RowLikelihood:
    """The likelihood of rows of this name, with its settings: ``row_likelihood("gaussian", variance=0.1)``.

    Settings are the fields of its class: ``variance`` of gaussian, ``dispersion`` of negative-binomial and
    softmax-negative-binomial, ``per_token`` of softmax, ``scale`` of laplace.

    Raises:
        IFPError: no such likelihood, a setting that it does not have, or one out of range.
    """
    kinds = {kind.name: kind for kind in _ROWS}
    require_one_of("a likelihood of rows", name, kinds)
    kind = kinds[name]
    own = [field.name for field in fields(kind) if field.init]  # type: ignore[arg-type]
    for setting in settings:
        if not own:
            raise IFPError(f"need no settings for {name}, got {setting}")
        require_one_of(f"a setting of {name}", setting, own)
    return kind(**settings)
