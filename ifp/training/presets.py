"""Settings of published studies, by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from annealing.choices import require_one_of


@dataclass(frozen=True)
class Preset:
    """What a study trained with: settings of the run, and settings of objectives by their names."""

    settings: Mapping[str, Any]
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


PRESETS: Mapping[str, Preset] = {
    # Locatello et al. 2019, the code of the study; its objectives' settings are the defaults here
    "locatello": Preset(
        {
            "network": "conv-locatello",
            "batch_size": 64,
            "learning_rate": 1e-4,
            "warmup": 0,
            "steps": 300_000,
            "precision": "float32",
        }
    ),
    # DEFT as its paper has it: Wu et al., Machine Learning 111, 2022; its gamma is the plan's
    "deft-2022": Preset(
        {
            "objective": "deft",
            "network": "conv-8",
            "batch_size": 64,
            "learning_rate": 5e-4,
            "warmup": 0,
            "precision": "float32",
        },
        {"deft": {"axes": "learned", "spare": "open", "opening": "noise", "lead": 1.0, "heat": 1.0}},
    ),
    # experiments/shared.gin of DEFT's authors, spring 2021
    "deft-2021": Preset(
        {
            "objective": "deft-hook",
            "network": "conv",
            "batch_size": 256,
            "learning_rate": 5e-4,
            "warmup": 0,
            "steps": 70_000,
            "precision": "float32",
        },
        {
            "beta-vae": {"beta": 4.0},
            "beta-tcvae": {"beta": 6.0},
            "annealed-vae": {"c_max": 25.0, "gamma": 1000.0, "growth": 6 / 7},  # 60,000 of 70,000 steps
            "cascade-vae-c": {"low": 1.0, "high": 10.0, "share": 6 / 70},  # 6,000 steps a latent
        },
    ),
}


def with_preset(name: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a preset, overridden by those given; IFPError if there is no preset of that name."""
    if name is None:
        return dict(given)
    require_one_of("a preset", name, PRESETS)
    preset = PRESETS[name]
    settings = {**preset.settings, **given}
    parameters = {**preset.parameters.get(settings.get("objective", ""), {}), **given.get("parameters", {})}
    return {**settings, "parameters": parameters}
