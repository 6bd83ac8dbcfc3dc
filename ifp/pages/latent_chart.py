"""Latents under a slider: what each holds at every record of a training run, or at every pressure of a cooling."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from analysis.attribution import holding
from analysis.diffusion import Diffusion
from analysis.diffusion_events import freezing_record
from analysis.figures.palette import factor_colours
from analysis.information_trace import InformationTrace
from analysis.stage_plan import StagePlan
from analysis.whole_findings import cooling_branch
from annealing.thresholds import ACTIVE, INFORMED
from ifp.pages.chart import MOST_CURVES, Chart, Curve, Mark, StageLine, kept_records, short
from ifp.tables.diffusion import largest_events
from ifp.training.trained import TrainedRun
from ifp.whole_annealing.results import AnnealedWhole

_UNTOLD = "#7d7d7d"  # of latents that hold no factor
_DASHES = ("", "7 3", "2 3", "9 3 2 3")  # latents of one factor share its colour
_TOLD = 3  # factors that are named of one latent
_HAPPENED = {"spread": "spread from", "gather": "gathered from", "move": "moved from"}


def training_chart(trained: TrainedRun, diffusion: Diffusion | None) -> Chart:
    """Every latent's KL along training, with stages and what happened to factors.

    Args:
        trained: the run.
        diffusion: along its trace; None where the data are unlabelled.
    """
    trace = trained.trace
    information = trained.information if trace.names else None
    stages = _stages(trained)
    columns: list[dict[str, object]] = [
        {"step": int(step), "beta": float(beta), **({"stage": stages[int(stage)]} if stages else {})}
        for step, beta, stage in zip(trace.step, trace.pressure, trace.stage, strict=True)
    ]
    events = [] if information is None or diffusion is None else list(diffusion_marks(information, diffusion))
    return latent_chart(
        trace.step.astype(np.float64),
        trace.kl,
        None if information is None else information.held,
        trace.names,
        columns,
        events,
        control="Record of training; beta is in nats",
        axis="step",
        needed=trace.stage_ends[:MOST_CURVES].tolist(),
        stages=tuple(_stage_lines(trained, stages)),
    )


def cooling_chart(whole: AnnealedWhole) -> Chart:
    """Every latent's KL as the pressure on all data fell, with where it froze and what happened to factors."""
    branch, information, findings = cooling_branch(whole.curves), whole.information, whole.findings
    events = [
        (
            int(np.searchsorted(-branch.beta, -latent.freezing[0])),
            Mark(
                latent.freezing[0],
                latent.latent,
                "froze",
                f"z{latent.latent} froze at beta {latent.freezing[0]:.4g} nats"
                + ("" if latent.frozen.factor is None else f", about {short(latent.frozen.factor)}"),
                findings.thresholds[0],
            ),
        )
        for latent in findings.latents
        if latent.statuses[0] == "ok"
    ]
    if information is not None and findings.diffusion is not None:
        marks = diffusion_marks(information, findings.diffusion, pressure=True)
        events += [mark for mark in marks if mark[1].shape != "froze"]
    held = None if information is None else information.held
    return latent_chart(
        branch.beta, branch.kl, held, branch.names, [{"beta": float(beta)} for beta in branch.beta], events,
        control="Pressure beta (nats), as it fell", axis="pressure beta (nats)", threshold=findings.thresholds[0],
    )  # fmt: skip


def latent_chart(
    at: NDArray[np.floating],
    kl: NDArray[np.floating],
    held: NDArray[np.floating] | None,
    names: Sequence[str],
    columns: Sequence[Mapping[str, object]],
    events: Sequence[tuple[int, Mark]],
    *,
    control: str,
    axis: str,
    threshold: float = ACTIVE,
    needed: Sequence[int] = (),
    stages: tuple[StageLine, ...] = (),
) -> Chart:
    """Latents along records that are laid out by ``at``, which rises with the step or falls with the pressure.

    Args:
        at: place of each record (records,).
        kl: nats (records, latents).
        held: information above chance where it is sure, nats (records, latents, factors); None of unlabelled data.
        names: of the factors.
        columns: what is told of each record.
        events: with the record of each.
        needed: records that are shown in any case, beside those of events.
    """
    latents = sorted(np.argsort(-kl.max(axis=0), kind="stable")[:MOST_CURVES].tolist())
    kept = kept_records(len(at), len(latents), [*needed, *(min(record, len(at) - 1) for record, _ in events)])
    falls = bool(at[0] > at[-1])
    kept = kept[::-1] if falls else kept
    records = [{**columns[record], **_awake(kl[record], held, record, names, threshold)} for record in kept]
    colours = _colours(latents, held, names)
    curves = tuple(
        Curve(
            name=f"z{latent}",
            colour=colour,
            nats=tuple(kl[kept, latent].astype(np.float64).tolist()),
            told=tuple("" if held is None else _holds(held[record, latent], names) for record in kept),
            dash=dash,
        )
        for latent, (colour, dash) in zip(latents, colours, strict=True)
    )
    numbers = {latent: number for number, latent in enumerate(latents)}
    marks = tuple(
        Mark(mark.at, numbers[mark.curve], mark.shape, mark.text, _height(mark, kl, record))
        for record, mark in events
        if mark.curve in numbers
    )
    left_out = [
        *([f"the {len(latents)} of {kl.shape[1]:,} latents with most KL"] if len(latents) < kl.shape[1] else []),
        *([f"{len(kept):,} of {len(at):,} records"] if len(kept) < len(at) else []),
    ]
    about = "in the colour of the factor it holds most of at the end" if names else "in its own colour"
    happened = " Circles: froze; triangles: spread (to the left), gathered; squares on edge: moved." if marks else ""
    return Chart(
        title="KL (nats) of every latent as the pressure fell" if falls else "KL (nats) of every latent along training",
        subject="latent",
        holds="holds, nats above chance",
        control=control,
        axis=axis,
        at=tuple(at[kept].astype(np.float64).tolist()),
        logarithmic=falls,
        records=tuple(records),
        curves=curves,
        marks=marks,
        stages=stages,
        threshold=threshold,
        caption=f"A curve per latent, {about}; dotted: {threshold:g} nats, from which a latent is awake.{happened}"
        + (f" Shown: {', '.join(left_out)}." if left_out else ""),
    )


def _awake(
    kl: NDArray[np.floating],
    held: NDArray[np.floating] | None,
    record: int,
    names: Sequence[str],
    threshold: float,
) -> dict[str, object]:
    """Latents, and factors of which all latents together hold 0.1 nats, by name."""
    latents = ", ".join(f"z{latent}" for latent in np.flatnonzero(kl >= threshold)[:MOST_CURVES]) or "none"
    if held is None:
        return {"awake latents": latents}
    awake = np.flatnonzero(held[record].sum(axis=0) >= INFORMED)[:MOST_CURVES]
    return {"awake latents": latents, "awake factors": ", ".join(short(names[k]) for k in awake) or "none"}


def _holds(nats: NDArray[np.floating], names: Sequence[str]) -> str:
    """The factors that a latent holds most of, with their nats.

    >>> _holds(np.array([0.25, 0.0, 1.5]), ("width", "shape", "place"))
    'place 1.50, width 0.25'
    """
    most = [k for k in np.argsort(-nats, kind="stable")[:_TOLD] if nats[k] > 0]
    more = int((nats > 0).sum()) - len(most)
    return ", ".join([*(f"{short(names[k])} {nats[k]:.2f}" for k in most), *([f"{more} more"] if more else [])])


def _colours(
    latents: Sequence[int], held: NDArray[np.floating] | None, names: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Colour and dashes of each latent's curve."""
    if held is None:
        own = factor_colours([f"z{latent}" for latent in latents])
        yield from ((to_hex(colour), "") for colour in own.values())
        return
    colours, taken = factor_colours(names), dict.fromkeys([*names, None], 0)
    for latent in latents:
        factor = holding(held[-1, latent], names).factor
        yield (
            _UNTOLD if factor is None else to_hex(colours[factor]),
            "" if factor is None else _DASHES[taken[factor] % len(_DASHES)],
        )
        taken[factor] += 1


def diffusion_marks(
    information: InformationTrace, diffusion: Diffusion, *, pressure: bool = False
) -> Iterator[tuple[int, Mark]]:
    """Where factors froze, then the largest of what spread, gathered and moved, each with its record."""
    held = information.held
    places = information.pressure if pressure else information.step

    def when(record: int) -> str:
        return f"step {int(information.step[record]):,}, beta {float(information.pressure[record]):.4g} nats"

    for k, name in enumerate(information.names):
        record = freezing_record(held[:, :, k])
        if record is not None:
            latent = int(held[record, :, k].argmax())
            yield (
                record,
                Mark(float(places[record]), latent, "froze", f"{short(name)} froze in z{latent}: {when(record)}"),
            )
    for event in largest_events(diffusion):
        record = int(np.searchsorted(information.step, event.step))
        way = f"{_HAPPENED[event.kind]} z{event.out_of} into z{event.into}"
        text = f"{short(event.factor)} {way}, {event.nats:.2f} nats: {when(record)}"
        yield record, Mark(float(places[record]), event.into, event.kind, text)


def _height(mark: Mark, kl: NDArray[np.floating], record: int) -> float:
    """On the curve of its latent, at its record; at the threshold where it was read there."""
    return float(kl[record, mark.curve]) if mark.nats is None else mark.nats


def _stages(trained: TrainedRun) -> dict[int, str]:
    """Each stage in words, by its number from 0: what the plan has in it; none where there was one throughout."""
    trace, plan = trained.trace, trained.staged_plan
    numbers = [int(stage) for stage in np.unique(trace.stage)]
    if len(numbers) < 2:
        return {}
    count = max(numbers) + 1
    return {stage: f"{stage + 1} of {count}{_in_stage(plan, stage)}" for stage in numbers}


def _in_stage(plan: StagePlan | None, stage: int) -> str:
    """Factors and latents of a planned stage."""
    if plan is None or not 0 <= stage < len(plan.stages):
        return ""
    planned = plan.stages[stage]
    factors = ", ".join(map(short, planned.factors[:_TOLD])) or "no factor"
    more = f" and {len(planned.factors) - _TOLD} more" if len(planned.factors) > _TOLD else ""
    return f": {factors}{more} in {', '.join(f'z{latent}' for latent in planned.latents[:MOST_CURVES])}"


def _stage_lines(trained: TrainedRun, stages: Mapping[int, str]) -> Iterator[StageLine]:
    """Where each stage begins: at the end of the one before."""
    trace, plan = trained.trace, trained.staged_plan
    starts = [0, *(trace.stage_ends[:-1] + 1).tolist()] if stages else []
    for start in starts[:MOST_CURVES]:
        stage = int(trace.stage[start])
        known = plan is not None and 0 <= stage < len(plan.stages)
        planned = f"; planned at beta {plan.stages[stage].pressure:.4g} nats" if plan is not None and known else ""
        text = f"Stage {stages[stage]}{planned}"
        yield StageLine(float(trace.step[max(start - 1, 0)]), f"stage {stage + 1}", text)
