"""Objectives, one small file each: what is minimised, which latents may learn how fast, what is remembered.

A module with an ``OBJECTIVE`` is known everywhere. Objectives know neither data sets nor runs, and may import
:mod:`ifp.models`, :mod:`ifp.machine`, and the two packages below.
"""

import dataclasses
import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from analysis.records import MEANT
from annealing.choices import require_one_of
from annealing.errors import IFPError, did_you_mean
from ifp.objectives.objective import Objective, Setup

__all__ = [
    *("Objective", "Setup"),
    *("made", "objective_named", "objectives", "parameters_of", "recorded_parameters"),
]

_WORDS = {float: "a number", int: "a whole number", str: "a word"}


def objectives() -> dict[str, type[Objective]]:
    """What is known, by name: the ``OBJECTIVE`` of every module of this package."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    known = [module.OBJECTIVE for module in modules if hasattr(module, "OBJECTIVE")]
    return {each.name: each for each in sorted(known, key=lambda each: each.name)}


def objective_named(name: str) -> type[Objective]:
    """The objective called ``name``; IFPError where none is known by it."""
    known = objectives()
    require_one_of("an objective", name, known)
    return known[name]


def made(name: str, setup: Setup, parameters: Mapping[str, Any]) -> Objective:
    """The objective of that name with its settings.

    Raises:
        IFPError: no such objective or setting, a setting of another type or out of range, or a plan is missing.
    """
    kind = objective_named(name)
    known = {each.name: each for each in dataclasses.fields(kind) if each.name != "setup"}
    given: dict[str, Any] = {}
    for key, value in parameters.items():
        if key not in known:
            listed = ", ".join(known) if known else "none: it has none"
            raise IFPError(f"need settings of {name} out of {listed}, got {key!r}{did_you_mean(key, known)}")
        wanted: Any = known[key].type
        if isinstance(value, bool) or not isinstance(value, (int, float) if wanted is float else wanted):
            raise IFPError(f"need {_WORDS[wanted]} for {name}'s {key}, got {value!r}")
        given[key] = wanted(value)
    return kind(setup=setup, **given)


def recorded_parameters(name: str, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the objective of that name as a run recorded them, with what it meant by those it has none of.

    Those are the default, or ``metadata={MEANT: value}`` of the field where runs of before meant another value.
    """
    known = [each for each in dataclasses.fields(objective_named(name)) if each.name != "setup"]
    return {each.name: each.metadata.get(MEANT, each.default) for each in known} | dict(recorded)


def parameters_of(objective: Objective) -> dict[str, Any]:
    """Every setting of an objective by name, defaults too."""
    return {each.name: getattr(objective, each.name) for each in dataclasses.fields(objective) if each.name != "setup"}
