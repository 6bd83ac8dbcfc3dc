"""Study 4: does DEFT score higher than the objectives it is compared with, and with less spread over seeds?"""

from collections.abc import Iterator

from studies.methods import trainings
from studies.size import Size
from studies.training import Training

OTHERS = ("beta-vae", "beta-tcvae", "factor-vae", "annealed-beta")
METHODS = {
    "dsprites": (
        *("deft", "deft-published-pressures", "deft-published-form", "deft-hook", "deft-separate"),
        *OTHERS,
    ),
    "dsprites-32": ("deft", *OTHERS, "deft-shorter", "deft-longer", "deft-gamma-1"),
    "color-dsprites-32": ("deft", *OTHERS),
    "scream-dsprites-32": ("deft", *OTHERS),
    "coil20": ("deft", *OTHERS),  # in the place of SmallNORB
}


def cases(size: Size) -> Iterator[Training]:
    """Rows of the study, data set by data set."""
    for dataset, methods in METHODS.items():
        yield from trainings(dataset, methods, size)
