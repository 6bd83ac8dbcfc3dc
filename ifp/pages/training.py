"""The page of a training run."""

from collections.abc import Mapping

from analysis.diffusion import diagnose_diffusion
from ifp.datasets.pictures import whole_png
from ifp.files.plain import read_file
from ifp.pages.latent_chart import training_chart
from ifp.pages.page import Part, Picture, Section, Text
from ifp.pages.panels import traversal_panels
from ifp.pages.parts import again_section, diffusion_section, plan_section, settings_section
from ifp.run_directory.run import RunDirectory
from ifp.tables.plan_outcome import planned_and_found
from ifp.tables.table import Table
from ifp.tables.training import UNLABELLED, kl_parts, latents, silent_stages
from ifp.training.trained import TrainedRun, trained_run
from ifp.training.traversal import VALUES, latent_labels

_LARGEST_PICTURE = 64 * 2**20  # bytes


def training_sections(run: RunDirectory) -> list[Section]:
    """Of a finished training run: what latents hold, diffusion, scores, traversals, the plan it was trained by."""
    trained = trained_run(run)
    labelled = bool(trained.trace.names)
    table = latents(trained)
    first: list[Part] = [table, *(Text(warning + ".", warning=True) for warning in silent_stages(trained))]
    if not labelled:
        first.append(Text(f"{UNLABELLED}."))
    path = run.path / "traversal.png"
    picture = whole_png(read_file(path, "a picture", _LARGEST_PICTURE), path)
    trace = trained.trace
    rows = [
        label.removesuffix("\n-").replace("\n", " ")
        for label in latent_labels(trace.kl[-1], trace.above[-1], trace.names)
    ]
    if not run.config["data"].get("rows"):
        said = f"Decoded images along each of {len(table.rows)} latents, one row per latent, from -2.5 to 2.5."
        how = "Each latent in turn runs from left to right while the others stay as for one image."
        first.append(Picture(picture, said, how, traversal_panels(picture, rows, VALUES)))
    else:
        said = (
            f"What is drawn of each feature along each of {len(table.rows)} latents, from -2.5 (dark) to 2.5 (light)."
        )
        first.append(Picture(picture, said, "Each latent in turn runs while the others stay as for one row."))
    diffusion = diagnose_diffusion(trained.information, trained.staged_plan) if labelled else None
    sections = [
        Section("Latents", tuple(first)),
        Section("Record by record", (training_chart(trained, diffusion),)),
    ]
    if diffusion is not None:
        sections.append(diffusion_section(run.path.name, trained.information, diffusion))
        if diffusion.plan:
            sections.append(Section("Plan and outcome", (planned_and_found(diffusion),)))
        sections.append(_scores(trained))
    names = (
        *("objective", "network", "latents", "steps", "batch_size", "learning_rate", "warmup", "init_from"),
        *("eval_every", "checkpoint_every"),
    )
    given = {name.replace("_", "-"): getattr(trained.config, name) for name in names}
    plan = trained.plan
    return [
        *sections,
        *([plan_section(plan)] if plan is not None else []),
        settings_section(run),
        again_section(run, given, *([] if plan is None else ["--plan plan.json"])),
    ]


def _scores(trained: TrainedRun) -> Section:
    """What scores.json holds, and with what it was measured."""
    found = trained.scores
    exact = found.get("exact")
    reached = exact if isinstance(exact, Mapping) else {}
    rows = tuple(
        {"score": name, "value": value, **({"exact factors": reached.get(name)} if reached else {})}
        for name, value in found.items()
        if isinstance(value, float)
    )
    measured = ", ".join(f"{name} {found.get(name, 'unknown')}" for name in ("protocol", "seed", "scikit-learn"))
    parts: list[Part] = [Table(f"disentanglement; {measured}", rows)]
    if len(rows) < 2:
        parts.append(Text(f"ifp score {trained.run.path} measures the others."))
    if "kl_decomposition" in found:
        parts.append(kl_parts(found["kl_decomposition"]))
    return Section("Scores", tuple(parts))
