"""Study 6: what is lost where the plan stands on unlabelled data?"""

from collections.abc import Iterator

from studies.methods import trainings
from studies.size import Size
from studies.training import Training

DATASET = "dsprites-32"
METHODS = ("deft", "deft-annealed", "deft-unlabelled", "beta-vae", "beta-tcvae")


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study."""
    return trainings(DATASET, METHODS, size)
