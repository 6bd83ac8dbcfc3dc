"""Study 3: does information diffuse under the existing objectives, and not under DEFT?"""

from collections.abc import Iterator

from studies.methods import trainings
from studies.size import Size
from studies.training import Training

DATASET = "dsprites-32"
METHODS = ("deft", "annealed-beta", "annealed-vae", "cascade-vae-c", "dynamic-vae")


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study."""
    return trainings(DATASET, METHODS, size)
