"""Study 7: is a plan from closed forms, in seconds, as good as one from an annealing test, in minutes?"""

from collections.abc import Iterator

from studies.methods import trainings
from studies.size import Size
from studies.training import Training

DATASET = "dsprites-32"
METHODS = ("deft", "deft-annealed")


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study."""
    return trainings(DATASET, METHODS, size)
