"""Leading eigenvalues of a whole data set, labelled or not."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from annealing.choices import LikelihoodName
from annealing.leading import HELD, leading_eigenvalues
from annealing.likelihoods.pixels import likelihood_named
from ifp.datasets.batches import all_images, require_images_fit
from ifp.datasets.dataset import Dataset
from ifp.machine.progress import UNWATCHED, Watch

_OF_DIRECTION = 24  # bytes of a pixel value: the block, its product and a copy, float64
_OF_IMAGE = 85  # as measured, with the sums over all images and what the C library keeps of freed blocks


def whole_spectrum(
    dataset: Dataset, *, count: int = 20, likelihood: LikelihoodName = "bernoulli", watch: Watch = UNWATCHED
) -> list[float]:
    r"""The largest eigenvalues of :math:`V^{-1/2} C V^{-1/2}` over all images, falling, in nats.

    Needs no labels. The first is the pressure below which a latent may carry information about the whole set; see
    :func:`annealing.leading.leading_eigenvalues` for how they are found and how exact they are.

    Args:
        dataset: any data set; its images are read in batches, once or several times.
        count: how many values; fewer come back where there are fewer images or pixels.
        likelihood: bernoulli or gaussian (variance 1).
        watch: follows the batches of each pass over the images.

    Raises:
        IFPError: fewer than two images, an unknown likelihood, pixels it cannot draw, or a count below 1.
    """

    if len(dataset) * np.prod(dataset.image_shape, dtype=float) > HELD:  # else all of them are held, which is little
        few = len(dataset) <= 2 * count  # two images are held at a time, else the directions of the iteration
        require_images_fit(dataset, 2 if few else 2 * count, "eigenvalues", _OF_IMAGE if few else _OF_DIRECTION)

    def images() -> Iterator[Tensor]:
        return (batch.images for batch in watch.follow(all_images(dataset, "whole set"), "eigenvalues"))

    return leading_eigenvalues(images, likelihood_named(likelihood), count).tolist()
