"""The page of a watched training."""

from analysis.diffusion import diagnose_diffusion
from analysis.figures.kl_steps import draw_kl_steps
from ifp.pages.page import Part, Picture, Section, Text
from ifp.pages.parts import diffusion_section, settings_section
from ifp.run_directory.run import RunDirectory
from ifp.tables.watched import watched_latents
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
    sections = [Section("Latents", tuple(parts))]
    trace = watched.information
    if trace is not None:
        sections.append(diffusion_section(run.path.name, trace, diagnose_diffusion(trace)))
    return [*sections, settings_section(run)]
