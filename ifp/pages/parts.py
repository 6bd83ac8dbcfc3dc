"""Parts that pages of several kinds of run share: settings, plans, diffusion, how to do it again."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from analysis.diffusion import Diffusion
from analysis.figures.information import draw_information
from analysis.information_trace import InformationTrace
from analysis.stage_plan import StagePlan
from annealing.choices import OWN
from ifp.pages.page import Code, Listed, Part, Picture, Section, Text
from ifp.run_directory.kinds import Kind
from ifp.run_directory.run import RunDirectory
from ifp.tables.diffusion import events, index_words, owners
from ifp.tables.table import Table


def settings_section(run: RunDirectory) -> Section:
    """Data, settings and versions, as config.json has them."""
    data, versions = run.config["data"], run.config["versions"]
    about = Table(
        "data",
        tuple({"": name, "value": _shown(value)} for name, value in data.items()),
    )
    settings = Table(
        "settings",
        tuple({"": name, "value": _shown(value)} for name, value in _flat(run.config["settings"]).items()),
    )
    made = Table("versions", tuple({"": name, "value": str(value)} for name, value in versions.items()))
    return Section("Settings", (Text(f"Created {run.config['created']}."), about, settings, made))


def plan_section(plan: StagePlan) -> Section:
    """The stages, and the evidence for every choice."""
    rows = tuple(
        {
            "stage": number,
            "factors": ", ".join(stage.factors),
            "pressure": stage.pressure,
            "latents": ", ".join(map(str, stage.latents)),
            "share of steps": stage.share,
            "predicted nats": ", ".join(f"{name} {nats:.2f}" for name, nats in stage.predicted_nats.items()) or "-",
        }
        for number, stage in enumerate(plan.stages, start=1)
    )
    parts: list[Part] = [Table("stages of DEFT; pressures beta in nats, reconstruction summed over pixels", rows)]
    parts += [Text(f"{warning}.", warning=True) for warning in _sentences(plan.warnings)]
    for number, stage in enumerate(plan.stages, start=1):
        if evidence := _sentences(stage.evidence):
            parts += [Text(f"Why stage {number} is so:"), Listed(evidence)]
    return Section("Plan", tuple(parts))


def _sentences(free: object) -> tuple[str, ...]:
    """What is free in a plan, as sentences."""
    if isinstance(free, (list, tuple)):
        return tuple(map(str, free))
    return (str(free),) if free else ()


def diffusion_section(name: str, trace: InformationTrace, found: Diffusion) -> Section:
    """Owners, what left them, and when."""
    words = index_words(found)
    shown = ", ".join(
        f"{factor.factor} {factor.nats:.2f} nats"
        + ("" if factor.share is None else f", {factor.share:.0%} in the latent with most")
        for factor in found.factors
    )
    parts: list[Part] = [
        Text(f"{words[0].upper()}{words[1:]}. 0: every factor is in one latent; 1: all is spread evenly."),
        Picture(
            draw_information([(name, trace, found)]),
            f"Information about each factor along training, stacked by latent. At the end: {shown}.",
            "Nats above chance by step; the owner in the factor's colour, others in greys. Below: the index.",
        ),
        owners(name, found),
    ]
    parts += [Text(f"{a} and {b} are mixed in the same latents.", warning=True) for a, b in found.mixed]
    return Section("Information diffusion", (*parts, *((events(found),) if found.events else ())))


def again_section(run: RunDirectory, options: Mapping[str, object], *more: str) -> Section:
    """The command that repeats the run, and its whole config.

    Args:
        run: whose settings they are.
        options: what follows the command by name; lists are joined by commas, what is None or empty is left out.
        more: what stands before them, ``--mode full``.
    """
    data = run.config["settings"]["data_options"]
    pairs = data["correlate"] or ()
    every = {
        "dataset": run.config["settings"]["dataset"],
        **options,
        **{name: run.config["settings"].get(name) for name in ("likelihood", "seed", "threads", "device", "precision")},
        "background": data["background"],
        "background-color": data.get("background_color"),  # runs made before there were these have none
        "resize": data.get("resize"),
        "bins": data["bins"],
        "missing": data.get("missing"),
        "factors-from": data.get("factors_from"),
        "images-from": data.get("images_from"),
        "data-seed": data["seed"],
    }
    if run.kind == Kind.ANNEALING_TEST:
        del every["precision"]  # is always float32 there, and no option
    words = [f"--{name} {_word(value)}" for name, value in every.items() if value not in (None, (), [])]
    words += [f"--correlate {_word(pair)}" for pair in pairs]
    if run.kind == Kind.TRAINING:
        words += [f"--set {_word(f'{name}={value}')}" for name, value in run.config["settings"]["parameters"].items()]
        words += ["--compile"] if run.config["settings"]["compile"] else []
    if run.config["settings"].get("likelihood") != OWN:  # which no option sets
        held = run.config["settings"].get("likelihood_settings") or {}
        words += [f"--set-likelihood {_word(f'{name}={value}')}" for name, value in held.items()]
    words += [f"--{name} {_word(data[name])}" for name in ("exposure", "labels", "layer") if data.get(name)]
    return Section(
        "How to do it again",
        (
            Text(
                "On the same type of machine, with the same versions and threads, every result file has the same bytes."
            ),
            Code(" ".join([f"ifp {run.kind.command}", *more, *words])),
            Text("Every setting, as config.json has it; what no option of the command sets has its default:"),
            Code(json.dumps(run.config["settings"], indent=1)),
        ),
    )


def _word(value: object) -> str:
    return shlex.quote(",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_shown, value)) or "none"
    return "none" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
