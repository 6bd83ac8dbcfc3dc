r"""The pressure above which silence is the global optimum, whatever the encoder, decoder, prior and latents are.

Around the silent decoder, which draws the mean image p at output l_0, a decoder of natural parameter l_0 + u costs
B(u) - (x - p) . u more, with :math:`B(u) = A(l_0 + u) - A(l_0) - p \cdot u` and A the log-partition function. Silence
is the global optimum at pressure beta if and only if

.. math:: \beta \ln E_x e^{(x - p) \cdot u / \beta} \le B(u) \quad \text{for all } u,

which holds from some pressure up: beta_RD. It is the pressure at which the rate-distortion curve of the images meets
rate 0. To second order in u the condition reads beta >= lambda_max of :func:`annealing.spectral.freezing_point`.

Writing the left side as :math:`\max_w [E_w(x - p) \cdot u - \beta\,\mathrm{KL}(w \| P)]` over weights w of the images,
P their frequencies, and maximising over u first, gives the form that is computed here,

.. math:: \beta_{RD} = \sup_{w \ne P} D(E_w x \,\|\, p) / \mathrm{KL}(w \| P),

with D the decoder's divergence between mean images: sum of Bernoulli divergences, or half squared distance over
sigma^2. Weights near P give lambda_max, weights on one image :func:`annealing.spectral.codebook_bound`. For Gaussian
pixels beta_RD is the optimal sub-Gaussian variance proxy of the images over sigma^2 (Arbel, Marchal & Nguyen 2020,
arXiv:1901.09188); for two clusters the Kearns-Saul constant (Ostrovsky & Sirota 2014, arXiv:1405.6749).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from annealing.likelihoods.pixels import Gaussian, Likelihood
from annealing.spectral import whitened_courses
from annealing.stack import merge_pixels

_TILTS = (-3.0, -1.0, -0.3, 0.3, 1.0, 3.0)  # log-weights per standard deviation along an eigenvector
_TILTED = 2  # leading eigenvectors to tilt along
_FIRST = 3  # steps of every start before the best are kept
_KEPT = 6  # starts that are followed to their end
_CYCLES = 40  # of three steps each
_AHEAD = 20  # a start is followed while so many cycles of its last gain would raise the bound
_TOLERANCE = 1e-5  # relative, of such a rise
_LEAST_KL = 1e-6  # nats; nearer to P the quotient is rounding, and its limit is no more than lambda_max
_ELEMENTS = 300_000  # starts times columns of one batch: what the processor's cache holds
_MANY = 1000  # images above which nothing of the size images by images is held
_ALONE = 250  # starts on one image, where there are many: those of the largest quotients


@dataclass(frozen=True)
class _Case:
    number: int
    columns: Tensor  # (n, c)
    multiplicity: Tensor  # (c,)


def rate_distortion_bound(cases: Sequence[Tensor], likelihood: Likelihood) -> list[float]:
    r"""beta_RD of each case in nats, reconstruction summed over pixels: images (n, ...) each, n and pixels may differ.

    Difference-of-convex ascent of D - beta KL: :math:`w \propto P \exp[(x - p) \cdot u / \beta]`, u that of the mean
    image E_w x; from each image alone and from tilts along the leading eigenvectors. Beta starts at lambda_max and
    rises to each quotient D / KL that is larger. Every third step is extrapolated (SQUAREM, Varadhan & Roland 2008,
    doi:10.1111/j.1467-9469.2007.00585.x) and kept where it does no harm.

    The problem is not convex. Each quotient found is a certificate that silence is not the global optimum below it, so
    that the answer is never too large, and never below lambda_max or the codebook bound; but nothing certifies that
    no start was missed. 0 where the images are all the same.

    Of more than 1000 images the ascent starts from the 250 that alone have the largest quotients.

    Raises:
        IFPError: fewer than two images, or pixels that the likelihood cannot draw.

    >>> from annealing.likelihoods.pixels import Bernoulli
    >>> cases = [torch.tensor([[0.0, 0.0], [1.0, 1.0], [1.0, 1.0]]), torch.ones(2, 5)]
    >>> [round(bound, 6) for bound in rate_distortion_bound(cases, Bernoulli())]
    [2.0, 0.0]
    """
    bounds = [0.0] * len(cases)
    by_length: dict[int, list[_Case]] = {}
    for number, images in enumerate(cases):
        _require_images(images, likelihood)
        merged = merge_pixels(images if images.dtype == torch.float32 else images.to(torch.float64))
        columns, multiplicity = (each.to(torch.float64) for each in merged)
        if len(multiplicity):
            by_length.setdefault(len(images), []).append(_Case(number, columns, multiplicity))
    for same_length in by_length.values():
        for part in _parts(same_length):
            for case, bound in zip(part, _ascend(part, likelihood).tolist(), strict=True):
                bounds[case.number] = bound
    return bounds


def _require_images(images: Tensor, likelihood: Likelihood) -> None:
    """Refuse what the spectrum refuses, at the price of one look at the pixels: the extreme ones stand for all."""
    shaped = images.ndim > 1 and len(images) > 1 and images.numel() > 0
    whitened_courses(torch.stack(images.aminmax())[:, None] if shaped else images, likelihood)


def _parts(cases: list[_Case]) -> Iterator[list[_Case]]:
    """Cases of similar width together, as many as fit."""
    rest = sorted(cases, key=lambda case: len(case.multiplicity))
    while rest:
        starts = len(rest[-1].columns) + len(_TILTS) * _TILTED
        alone = len(rest[-1].columns) > _MANY
        size = 1 if alone else max(1, _ELEMENTS // (starts * len(rest[-1].multiplicity)))
        yield rest[-size:]
        rest = rest[:-size]


@dataclass(frozen=True)
class _Batch:
    """Cases with the same number of images, their columns padded to one width with multiplicity 0."""

    likelihood: Likelihood
    images: Tensor  # (cases, n, columns)
    mean: Tensor  # (cases, 1, columns)
    multiplicity: Tensor  # (cases, 1, columns)

    @cached_property
    def _silent(self) -> tuple[Tensor, Tensor]:
        """Output of the silent decoder, and its log-partition: (cases, 1, columns) each."""
        output = self.likelihood.output_for(self.mean)
        return output, self.likelihood.log_partition(output)

    @cached_property
    def _pulls(self) -> Tensor:
        """(x - p) of each image, by the natural parameter's scale and the columns' multiplicity."""
        return (self.images - self.mean) * (self.multiplicity / self._noise)

    @property
    def _noise(self) -> float:
        """What an output is divided by to be the natural parameter."""
        return self.likelihood.sigma2 if isinstance(self.likelihood, Gaussian) else 1.0

    def at(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """D / KL of the weights softmax(logits) (cases, starts, n), and the next logits times beta, (x - p) . u."""
        weights = logits.softmax(dim=-1)
        divergence, change = self.divergence(weights @ self.images)
        kl = torch.xlogy(weights, weights * weights.shape[-1]).sum(dim=-1)
        return torch.where(kl > _LEAST_KL, divergence / kl, 0.0), change @ self._pulls.mT

    def divergence(self, mean: Tensor) -> tuple[Tensor, Tensor]:
        """D of mean images (cases, m, columns) from the silent one, nats: (cases, m); and their outputs less its.

        D is linear in the mean but for the log-partition A: mean . (l - l_0) / sigma^2 - A(l) + A(l_0).
        """
        silent, partition = self._silent
        output = self.likelihood.output_for(mean)
        change = output - silent
        loss = self.likelihood.log_partition(output).sub_(partition).addcmul_(mean, change, value=-1 / self._noise)
        return -(loss @ self.multiplicity.mT)[..., 0], change

    def courses(self) -> Tensor:
        """The whitened courses, (cases, n, columns)."""
        whitening = (
            self.multiplicity / self.likelihood.variance(self.mean).clamp(min=1e-300)
        ).sqrt()  # padding has V = 0
        return (self.images - self.mean) * whitening

    def kept(self, cases: Tensor) -> "_Batch":
        return _Batch(self.likelihood, self.images[cases], self.mean[cases], self.multiplicity[cases])


def _batch(cases: list[_Case], likelihood: Likelihood) -> _Batch:
    width = max(len(case.multiplicity) for case in cases)

    def padded(tensors: list[Tensor]) -> Tensor:
        return torch.stack([functional.pad(each, (0, width - each.shape[-1])) for each in tensors])

    images = padded([case.columns for case in cases])
    multiplicity = padded([case.multiplicity for case in cases])
    return _Batch(likelihood, images, images.mean(dim=1, keepdim=True), multiplicity[:, None])


def _starts(batch: _Batch) -> tuple[Tensor, Tensor]:
    """lambda_max (cases,), and log-weights (cases, starts, n): on an image and those equal to it, or tilted."""
    courses = batch.courses()
    n = courses.shape[1]
    if n > _MANY:
        return _starts_of_many(batch, courses)
    gram = courses @ courses.mT / n
    values, vectors = torch.linalg.eigh(gram)
    power = gram.diagonal(dim1=1, dim2=2)
    distance = power[:, :, None] + power[:, None, :] - 2 * gram
    equal = distance <= 1e-9 * power.amax(dim=1)[:, None, None]
    leading = vectors.flip(-1)[..., : min(_TILTED, n - 1)]
    return values[:, -1], torch.cat([equal.to(gram.dtype).log(), _tilted(leading)], dim=1)


def _starts_of_many(batch: _Batch, courses: Tensor) -> tuple[Tensor, Tensor]:
    """The same of one case of many images, with nothing of the size images by images where pixels are fewer."""
    n, columns = courses.shape[1:]
    if n > columns:
        values, axes = torch.linalg.eigh(courses.mT @ courses / n)
        leading = functional.normalize(courses @ axes.flip(-1)[..., :_TILTED], dim=1)
    else:
        values, vectors = torch.linalg.eigh(courses @ courses.mT / n)
        leading = vectors.flip(-1)[..., :_TILTED]
    distinct, which, count = torch.unique(batch.images[0], dim=0, return_inverse=True, return_counts=True)
    gain = batch.divergence(distinct[None])[0][0]
    quotient = gain / torch.log(n / count)
    best = quotient.topk(min(_ALONE, len(distinct))).indices
    alone = (which == best[:, None]).to(courses.dtype).log()
    return values[:, -1], torch.cat([alone[None], _tilted(leading)], dim=1)


def _tilted(leading: Tensor) -> Tensor:
    """Log-weights (cases, tilts, n) along leading eigenvectors (cases, n, few) of length 1."""
    along = leading.mT * leading.shape[1] ** 0.5
    return (torch.tensor(_TILTS, dtype=leading.dtype)[:, None] * along[:, :, None]).flatten(1, 2)


def _ascend(cases: list[_Case], likelihood: Likelihood) -> Tensor:
    """beta_RD (cases,) of cases with the same number of images."""
    batch = _batch(cases, likelihood)
    beta, logits = _starts(batch)
    for _ in range(_FIRST):
        quotient, logits, beta = _step(batch, logits, beta)
    quotient, best = quotient.topk(min(_KEPT, quotient.shape[1]), dim=1)
    logits = logits.gather(1, best[..., None].expand(-1, -1, logits.shape[-1]))

    bounds, rows = beta.clone(), torch.arange(len(cases))
    for _ in range(_CYCLES):
        before = quotient
        quotient, logits, beta = _cycle(batch, logits, beta)
        bounds[rows] = beta
        hope = quotient + _AHEAD * (quotient - before).clamp(min=0)
        on = hope.amax(dim=1) > beta * (1 + _TOLERANCE)
        if not on.any():
            break
        batch, logits, beta, quotient, rows = batch.kept(on), logits[on], beta[on], quotient[on], rows[on]
    return bounds


def _step(batch: _Batch, logits: Tensor, beta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Quotients at the logits, the logits after them and the raised beta."""
    quotient, pull = batch.at(logits)
    beta = torch.maximum(beta, quotient.amax(dim=1))
    return quotient, pull / beta[:, None, None], beta


def _cycle(batch: _Batch, logits: Tensor, beta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Two steps and a third from where they point, or from where they lead if that is the better point."""
    _, first, beta = _step(batch, logits, beta)
    plain, second, beta = _step(batch, first, beta)
    change = first - logits
    bend = second - first - change
    length = change.norm(dim=-1, keepdim=True) / bend.norm(dim=-1, keepdim=True).clamp(min=1e-300)
    length = length.clamp(1, 1e9)
    extrapolated, after, beta = _step(batch, logits + 2 * length * change + length.square() * bend, beta)
    better = extrapolated >= plain
    return torch.where(better, extrapolated, plain), torch.where(better[..., None], after, second), beta
