r"""Order of the transition at the freezing point, and the slope of KL(beta) below it, for one latent.

Around the silent decoder (mean image p, variance V, freezing point lambda) let the leading mode be coded by the
latent's mean, with amplitude a, and by its variance, with amplitude b. Both become unstable at lambda. With
y_j the eigenvectors of :math:`V^{-1/2} C V^{-1/2}`, :math:`v_j = V^{-1/2} y_j`, :math:`s_j = v_j \cdot (x - p)`,
kappa and chi the third and fourth cumulants of a pixel (0 for Gaussian ones), and

.. math::
    K_j = \sum_i \kappa_i v_{1i}^2 v_{ji}, \quad S_j = E[s_1^2 s_j], \quad D_j = K_j - S_j / \lambda^2, \quad
    X = \sum_i \chi_i v_{1i}^4,

the loss of the best encoder and decoder is, beside that of silence and with r = beta / lambda - 1,

.. math::
    \tfrac r2 (a^2 + b^2) + \tfrac{D_1}{\sqrt 2} \left(a^2 b + \tfrac23 b^3\right)
    + A a^4 + A' a^2 b^2 + A'' b^4, \qquad
    A = \frac1{4\lambda} + \frac X8 - \frac18 \sum_j K_j^2 - \sum_{j>1} \frac{D_j^2}{4 (1 - \lambda_j / \lambda)},

the sums over all eigenvectors, those of eigenvalue 0 by Parseval. Where D_1 = 0 and A > 0 the transition is
continuous, :math:`\mathrm{KL} \approx g \ln(\lambda / \beta)` with :math:`g = 1 / (8 \lambda A)`: 1/2 for a
Gaussian decoder and a symmetric mode, 2 and more for most images.

In this form b is what the decoder draws along the leading mode to second order. Held at what the code's own variances
are, the coefficient of a^4 is A - D_1^2 / 4 (found numerically, to 0.2%). The two agree where D_1 = 0; where it is not,
jumps by the form here are nearer: 0.054 against 0.059 for two clusters of weights 0.3 and 0.7, exact 0.043.

The other two coefficients are worked out here in the form in which the decoder is already the best one for the
encoder, :math:`p(x|z) = \sum_i q(z|x_i) x_i / \sum_i q(z|x_i)`: means m and variances 1 + t of the posteriors are
:math:`m = a s_1 / \lambda, t = \sqrt2 b s_1 / \lambda`, and functions of second order that are eliminated. With T the
operator :math:`(Tf)(x) = E_{x'}[y(x) \cdot y(x') f(x')]` of the whitened images y, and
:math:`\langle f, h \rangle = E[f (\lambda - T)^{-1} h]` without the leading mode,

.. math::
    A' &= \frac4\lambda + \frac{4 \sum_j K_j S_j}{\lambda^2} - \frac{3 \sum_j S_j^2}{2 \lambda^4} - \frac{5 c}4
    - \langle \rho, \rho \rangle - \langle \rho, \tau \rangle \\
    A'' &= \frac3{2\lambda} + \frac{E s_1^4}{2 \lambda^3} + \frac{3 \sum_j K_j S_j}{2 \lambda^2}
    - \frac{3 \sum_j S_j^2}{4 \lambda^4} - \frac{5 c}8 - \langle \rho, \rho \rangle

with :math:`c = 3 \sum_j K_j^2 - X`, :math:`\rho = 1 + \sum_j K_j s_j - s_1^2 / \lambda` and
:math:`\tau = 1 + \sum_j D_j s_j`.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from annealing.choices import Order
from annealing.likelihoods.pixels import Bernoulli, Likelihood
from annealing.spectral import whitened_pixels
from annealing.thresholds import NEARLY_DEGENERATE

SMALL_JUMP = 0.01  # relative; less than what a measured or simulated freezing point resolves
_ROUGH_JUMP = 0.002  # from it on a transition that counts as continuous is nearly of first order, its slope rough
_ROUNDING = 1e-9  # of 4 lambda A, which is 1 for a Gaussian decoder and a symmetric mode
_DIRECTIONS = 1000


@dataclass(frozen=True)
class Transition:
    """How a latent's KL rises below the freezing point lambda."""

    order: Order
    slope: float  # g of KL ~ g ln(lambda / beta), nats; NaN where that law does not hold
    slope_rough: bool  # the slope is that of a nearly first-order transition, off by a third
    second_ratio: float  # second over first eigenvalue
    jump: float  # predicted (pressure at which silence loses) / lambda - 1; NaN where the expansion does not give it


def transition(images: Tensor, likelihood: Likelihood) -> Transition:
    r"""Order and slope of the transition of one latent: images (n, ...), nats summed over pixels.

    - "degenerate": lambda_2 / lambda_1 above 0.9. Two modes start together, the expansion in one of them does not
      hold: slope and jump are NaN. It goes before the other answers, which such a pair would make worthless.
    - "first_order": the quartic form is not positive in every direction of (a, b), most often A <= 0 (jump NaN: it
      depends on higher orders), or D_1 makes silence lose by more than 1% above lambda. Slope NaN.
    - "continuous": all else; a jump of less than 1% is reported and the slope given as if it were none. It is rough
      (``slope_rough``) from a jump of 0.2% on, where KL at equilibrium rises 0.6 to 1.3 times as fast as it says; below
      that it rises 0.93 to 1.15 times as fast (5% to 95% of 94 cases, ``python -m benchmarks.slopes 20``).
      Where A = 0 within rounding (two distinct binary images) KL rises faster than any slope: NaN.
    - "none": images all the same; slope and jump NaN, second_ratio 0.

    The jump is the largest r at which some direction of (a, b) breaks even, cubic squared over twice the quartic form:
    leading order in D_1, so good for jumps of a few percent (two clusters of weights 0.4 and 0.6, Gaussian decoder:
    0.0097, exact 0.0093; weights 0.3 and 0.7: 0.054, exact 0.043). A better encoder than a Gaussian one may jump
    earlier, by no more than :func:`annealing.rate_distortion.rate_distortion_bound`. Slope: near the freezing point
    only, KL below about 0.2.

    Raises:
        IFPError: fewer than two images, or pixels that the likelihood cannot draw.

    >>> from annealing.likelihoods.pixels import Gaussian
    >>> transition(torch.tensor([[-1.0], [1.0]]), likelihood=Gaussian()).slope
    0.5
    """
    courses, mean = whitened_pixels(images, likelihood)
    modes = _modes(courses)
    if not len(modes.values):
        return Transition("none", math.nan, False, 0.0, math.nan)
    lam = float(modes.values[0])
    ratio = float(modes.values[1] / lam) if len(modes.values) > 1 else 0.0
    if ratio > NEARLY_DEGENERATE:
        return Transition("degenerate", math.nan, False, ratio, math.nan)
    form = _quartic(courses, modes, *_cumulants(mean, likelihood))
    jump = _jump(form)
    if math.isnan(jump) or jump > SMALL_JUMP:
        return Transition("first_order", math.nan, False, ratio, jump)
    flat = 4 * lam * form.mean < _ROUNDING
    slope = math.nan if flat else 1 / (8 * lam * form.mean)
    return Transition("continuous", slope, not flat and jump > _ROUGH_JUMP, ratio, jump)


@dataclass(frozen=True)
class _Modes:
    """Eigenvalues above rounding, falling (r,), scores s_j of each image (n, r), directions y_j (pixels, r)."""

    values: Tensor
    scores: Tensor
    directions: Tensor


def _modes(courses: Tensor) -> _Modes:
    """From the matrix of the images or of the pixels, whichever is smaller: the other may be too large to hold."""
    n, pixels = courses.shape
    gram = courses @ courses.T if n <= pixels else courses.T @ courses
    values, vectors = (each.flip(-1) for each in torch.linalg.eigh(gram / n))
    rank = int((values > values[:1].clamp(min=0) * 1e-12).sum())
    values, vectors = values[:rank], vectors[:, :rank]
    if n > pixels:
        return _Modes(values, courses @ vectors, vectors)
    length = (n * values).sqrt()
    return _Modes(values, vectors * length, courses.T @ vectors / length)


@dataclass(frozen=True)
class _Form:
    """Coefficients of the expansion in a (means) and b (variances)."""

    cubic: float  # D_1
    mean: float  # A
    mixed: float  # A'
    variance: float  # A''


def _cumulants(p: Tensor, likelihood: Likelihood) -> tuple[Tensor, Tensor]:
    """kappa / V^(3/2) and chi / V^2 of pixels at their mean image."""
    if not isinstance(likelihood, Bernoulli):
        return torch.zeros_like(p), torch.zeros_like(p)
    variance = likelihood.variance(p)
    return (1 - 2 * p) / variance.sqrt(), (1 - 6 * variance) / variance


def _quartic(courses: Tensor, modes: _Modes, skew: Tensor, excess: Tensor) -> _Form:
    values, scores = modes.values, modes.scores
    n, lam = len(courses), float(values[0])
    leading = modes.directions[:, 0]
    bend = skew * leading.square()  # K_j is its product with y_j
    k = modes.directions.T @ bend
    s = (scores[:, :1].square() * scores).mean(dim=0)
    d = k - s / lam**2
    all_k, x = float(bend.square().sum()), float((excess * leading.pow(4)).sum())
    followed = (d[1:].square() / (4 * (1 - values[1:] / lam))).sum() + (all_k - k.square().sum()) / 4
    mean = 1 / (4 * lam) + x / 8 - all_k / 8 - float(followed)

    def product(f: Tensor, h: Tensor) -> float:
        """E[f (lambda - T)^-1 h] without the leading mode; what is in no mode, by Parseval."""
        shared = (scores.T @ f) * (scores.T @ h) / (n * values)
        return float((shared[1:] / (lam - values[1:])).sum() + (f @ h - shared.sum()) / lam) / n

    rho = 1 + courses @ bend - scores[:, 0].square() / lam
    tau = 1 + courses @ bend - scores @ s / lam**2
    k_s, s_s, c = float((k * s).sum()), float(s.square().sum()), 3 * all_k - x
    mixed = 4 / lam + 4 * k_s / lam**2 - 3 * s_s / (2 * lam**4) - 5 * c / 4 - product(rho, rho) - product(rho, tau)
    fourth = float(scores[:, 0].pow(4).mean())
    variance = (
        3 / (2 * lam) + fourth / (2 * lam**3) + 3 * k_s / (2 * lam**2) - 3 * s_s / (4 * lam**4) - 5 * c / 8
    ) - product(rho, rho)
    return _Form(float(d[0]), mean, mixed, variance)


def _jump(form: _Form) -> float:
    """Largest r at which a direction of (a, b) breaks even with silence; NaN where the quartic form is not positive."""
    angle = torch.linspace(0, math.pi / 2, _DIRECTIONS, dtype=torch.float64)
    a, b = angle.cos(), angle.sin()
    quartic = form.mean * a**4 + form.mixed * a**2 * b**2 + form.variance * b**4
    if form.mean < -_ROUNDING * quartic.abs().max() or (quartic[1:] <= 0).any():
        return math.nan
    cubic = form.cubic * (a**2 * b + 2 * b**3 / 3) / math.sqrt(2)
    # r/2 + cubic x + quartic x^2 touches 0, x the amplitude; along b = 0 there is no cubic
    return float((cubic[1:].square() / (2 * quartic[1:])).max())
