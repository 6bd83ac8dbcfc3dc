"""The page of a watched training."""

import numpy as np

from analysis.diffusion import Diffusion, diagnose_diffusion
from analysis.figures.kl_steps import draw_kl_steps
from analysis.information_trace import InformationTrace
from ifp.pages.chart import Chart
from ifp.pages.latent_chart import diffusion_marks, latent_chart
from ifp.pages.page import Part, Picture, Section, Text
from ifp.pages.parts import diffusion_section, settings_section
from ifp.run_directory.run import RunDirectory
from ifp.tables.watched import watched_latents
from ifp.watching.readings import Readings
from ifp.watching.watched import watched_run


def watching_sections(run: RunDirectory) -> list[Section]:
    """Of a loop that was watched, or is: latents and their KL, diffusion where labels were told, settings."""
    watched = watched_run(run)
    found, readings = watched.findings, watched.readings
    parts: list[Part] = [watched_latents(run.path.name, found)]
    parts += [Text(f"{note}.", warning=True) for note in found.notes]
    parts.append(
        Picture(
            draw_kl_steps(readings.step, readings.pressure, readings.kl),
            f"KL of each of {len(found.latents)} latents along {len(readings.step)} readings, and the pressure below.",
            "Nats by step; dotted: 0.1 nat, from which a latent counts as active.",
        )
    )
    trace = watched.information
    diffusion = None if trace is None else diagnose_diffusion(trace)
    sections = [
        Section("Latents", tuple(parts)),
        Section("Record by record", (watched_chart(readings, trace, diffusion),)),
    ]
    if trace is not None and diffusion is not None:
        sections.append(diffusion_section(run.path.name, trace, diffusion))
    return [*sections, settings_section(run)]


def watched_chart(readings: Readings, trace: InformationTrace | None, diffusion: Diffusion | None) -> Chart:
    """Every latent's KL along the readings, with what happened to factors.

    What a latent holds of factors is that of the last reading with labels.
    """
    columns = [
        {"step": int(step), "beta": float(beta)} for step, beta in zip(readings.step, readings.pressure, strict=True)
    ]
    held, marks = None, []
    if trace is not None and diffusion is not None and trace.above.shape[1] == readings.kl.shape[1]:
        last = np.searchsorted(trace.step, readings.step, side="right") - 1
        held = np.where((last >= 0)[:, None, None], trace.held[np.maximum(last, 0)], 0.0)
        numbers = np.searchsorted(readings.step, trace.step).clip(max=len(readings.step) - 1)
        marks = [(int(numbers[record]), mark) for record, mark in diffusion_marks(trace, diffusion)]
    return latent_chart(
        readings.step.astype(np.float64), readings.kl, held, () if trace is None else trace.names, columns, marks,
        control="Reading of the loop; beta is in nats", axis="step",
    )  # fmt: skip
