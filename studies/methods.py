"""Methods that the studies compare, by the name of their rows: objective, plan, settings."""

from collections.abc import Iterable, Iterator
from typing import Any

from studies.plans import DEPTHS
from studies.size import Size
from studies.training import Training

OF_ONE_PLAN = ("derived", "log-spaced", "half", "double", "reversed", "one-stage", "without-nuisance")
OF_OTHER_DEPTHS = tuple(f"depth-{depth:g}" for depth in DEPTHS)

PUBLISHED = {"opening": "noise", "lead": 1.0, "heat": 1.0}  # how groups begin in the paper, and where nothing is said
WARM = {"opening": "warm", "lead": 0.0, "heat": 0.05}  # what lets late factors freeze in their own stage

# each without one of the three, or with another choice beside them
WITHOUT_ONE: dict[str, dict] = {
    "without-layers": {"opening": "quiet"},
    "without-opening": {"opening": "noise"},
    "without-lead": {"lead": 1.0},
    "without-heat": {"heat": 1.0},
    "half-lead": {"lead": 0.5},
    "heat-0.2": {"heat": 0.2},
    "heat-0.01": {"heat": 0.01},
    "as-learned": {"axes": "learned"},
    "spare-open": {"spare": "open"},
    "plateau": {"advance": "plateau"},
}
WITH_ONE: dict[str, dict] = {name: {name: WARM[name]} for name in WARM} | {"quiet": {"opening": "quiet"}}
BY_OTHER_PLANS = ("gamma-0.1", "settled", "spare-latents")


def _deft(plan: str, **parameters: Any) -> dict:
    return {"objective": "deft", "plan": plan, "parameters": tuple((PUBLISHED | parameters).items())}


METHODS: dict[str, dict] = {
    "deft": _deft("spectrum"),
    "deft-gamma-1": _deft("spectrum-gamma-1"),
    # by the derived plan, and by others for the same groups
    **{f"deft-{plan}": _deft(plan) for plan in (*OF_ONE_PLAN, *OF_OTHER_DEPTHS)},
    "deft-before": _deft("before"),
    "deft-warm": _deft("derived", **WARM),
    **{f"deft-warm-{name}": _deft("derived", **WARM | changed) for name, changed in WITHOUT_ONE.items()},
    **{f"deft-warm-{plan}": _deft(f"derived-{plan}", **WARM) for plan in BY_OTHER_PLANS},
    **{f"deft-only-{name}": _deft("derived", **parameters) for name, parameters in WITH_ONE.items()},
    "deft-shorter": _deft("spectrum") | {"longer": 0.5},
    "deft-longer": _deft("spectrum") | {"longer": 2.0},
    "deft-published-form": _deft("spectrum", axes="learned", spare="open"),
    "deft-hook": {"objective": "deft-hook", "plan": "spectrum"},
    "deft-separate": {"objective": "deft-separate", "plan": "spectrum"},
    "deft-published-pressures": _deft("published"),
    "deft-annealed": _deft("annealed"),
    "deft-unlabelled": _deft("unlabelled"),
    "beta-vae": {"objective": "beta-vae"},
    "beta-tcvae": {"objective": "beta-tcvae"},
    "factor-vae": {"objective": "factor-vae"},
    # from the plan's first pressure to its last; without a warm-up some networks stay silent to the end
    "annealed-beta": {"objective": "annealed-beta", "plan": "spectrum", "warmup": 0.1},
    "annealed-beta-cold": {"objective": "annealed-beta", "plan": "spectrum"},
    # with the defaults, 25 nats at a weight of 1000, it learns next to nothing in so few steps; with a weight of 100,
    # above the freezing points of all factors, noise is as good as information: some networks stay silent to the end
    "annealed-vae": {"objective": "annealed-vae", "parameters": (("c_max", 10.0), ("gamma", 20.0)), "warmup": 0.1},
    "cascade-vae-c": {"objective": "cascade-vae-c", "warmup": 0.1},
    "control-vae": {"objective": "control-vae"},
    "dip-vae-i": {"objective": "dip-vae-i"},
    "dip-vae-ii": {"objective": "dip-vae-ii"},
    "dynamic-vae": {"objective": "dynamic-vae"},
}


def trainings(
    dataset: str, methods: Iterable[str], size: Size, correlate: str = "", **changed: Any
) -> Iterator[Training]:
    """Every method with every seed, seed by seed: a study that is stopped has whole seeds."""
    for seed in size.seeds:
        for method in methods:
            yield Training(
                dataset=dataset, method=method, seed=seed, correlate=correlate, **{**METHODS[method], **changed}
            )
