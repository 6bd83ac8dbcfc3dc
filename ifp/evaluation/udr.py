"""UDR of training runs: the same images encoded by each, and how far the latents of each are those of the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from analysis.scores.udr import Similarity, udr
from annealing.choices import require_one_of, require_seed
from annealing.errors import IFPError
from annealing.thresholds import SILENT
from ifp.evaluation.encoding import encoded_run
from ifp.evaluation.scoring import latent_nats
from ifp.machine.progress import UNWATCHED, Watch
from ifp.models.networks import Network
from ifp.training.trained import TrainedRun

IMAGES = 10_000  # that are encoded, or all where there are fewer
_STREAM = 4  # of random numbers: those of the scores' samples are 0 to 3


@dataclass(frozen=True)
class RunAgreement:
    """How far a run agrees with the others.

    Attributes:
        udr: the median of its agreement with each of them, 0..1.
        active: latents that take part, those with more than 0.01 nats of KL.
        images: that were encoded.
    """

    udr: float
    active: int
    images: int


def udr_of_runs(
    runs: Sequence[TrainedRun],
    *,
    similarity: Similarity = "spearman",
    seed: int = 0,
    data_dir: Path | None = None,
    watch: Watch = UNWATCHED,
    network: Network | None = None,
) -> list[RunAgreement]:
    """UDR of each run among these, which are on the same data; labels are not looked at.

    The images are 10,000 drawn with the seed, each once, or all where there are fewer: the same whether or not a run
    keeps the posteriors of every image, from which theirs are then taken.

    Args:
        runs: two or more.
        similarity: as :func:`analysis.scores.udr.udr` has it.
        seed: of the images drawn.
        data_dir, watch, network: of the encoding.

    Raises:
        IFPError: fewer than two runs, another similarity, no seed, or the data set is not at hand.
    """
    require_one_of("a similarity", similarity, get_args(Similarity))
    require_seed(seed)
    if len(runs) < 2:
        raise IFPError(f"need two runs or more for UDR, which tells how far they agree, got {len(runs)}")
    total = runs[0].run.data.images
    index = np.arange(total)
    if total > IMAGES:
        index = np.sort(np.random.default_rng([seed, _STREAM]).choice(total, IMAGES, replace=False))
    codes, nats = [], []
    for trained in runs:
        found = encoded_run(trained.run, data_dir, watch, network, index)
        codes.append(found["codes"][index])
        nats.append(latent_nats(codes[-1], found["logvar"][index]))
    values = udr(codes, kl=nats, similarity=similarity).tolist()
    active = [int((each > SILENT).sum()) for each in nats]
    return [RunAgreement(value, count, len(index)) for value, count in zip(values, active, strict=True)]
