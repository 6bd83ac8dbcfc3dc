"""Study 5: as posX and posY become correlated, does an objective on the total correlation fail where DEFT does not?"""

from collections.abc import Iterator

from studies.methods import trainings
from studies.size import Size
from studies.training import Training

DATASET = "dsprites-32"
METHODS = ("deft", "beta-vae", "beta-tcvae")
SIGMAS = ("", "0.7", "0.3", "0.1")  # width of the Gaussian about the diagonal; none: independent


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study, from no correlation to strong."""
    for sigma in SIGMAS:
        yield from trainings(DATASET, METHODS, size, f"posX:posY:{sigma}" if sigma else "")
