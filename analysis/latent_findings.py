"""Findings to plan from about latents alone, in the order in which they melted or froze: on all data, or in a log."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.conclusions import conclude_spectrum
from analysis.findings import Findings
from analysis.freezing_points import FreezingPoints
from analysis.whole_findings import WholeFindings
from annealing.errors import IFPError

SAME_WITHIN = 0.15  # points of latents that differ by less, relatively, are one: they lag differently


def latent_findings(whole: WholeFindings, *, image_shape: Sequence[int], likelihood: str) -> Findings:
    """Findings to plan stages from without labels: every latent with a point stands for a factor, under its own name.

    The points are where latents melted, if they were heated, the knee or the crossing: that lags little. Else they are
    those of cooling, lower bounds of the freezing points. A latent that some factor was told of is named after it too,
    ``scale (z5)``.

    Raises:
        IFPError: no latent melted, or froze.
    """
    if whole.latents_melting:
        way, are = "heated", "melting points of latents as all data were heated"
        frozen = {
            _named(each.latent, each.melted.factor): each.point
            for each in whole.latents_melting
            if each.statuses[0] == "ok"
        }
        held = [each.latent for each in whole.latents_melting if each.statuses[0] == "never_melted"]
    else:
        way, are = "cooled", "freezing points of latents as all data were cooled, lower bounds"
        frozen = {
            _named(each.latent, each.frozen.factor): each.freezing[0]
            for each in whole.latents
            if each.statuses[0] == "ok"
        }
        held = [each.latent for each in whole.latents if each.statuses[0] == "above_range"]
    found = _findings(
        frozen,
        len(whole.latents),
        dataset=whole.dataset,
        seed=whole.seed,
        fingerprint=whole.fingerprint,
        image_shape=image_shape,
        likelihood=likelihood,
    )
    return replace(
        found,
        source=f"{len(frozen)} latents of whole-data annealing, {way}",
        conditional_are=are,
        warnings=(*_left_out(held), *whole.warnings),
    )


def point_findings(
    points: FreezingPoints, *, dataset: str, fingerprint: str, image_shape: Sequence[int], likelihood: str
) -> Findings:
    """Findings to plan stages from, for a log of any model: every latent that has a point stands for a factor.

    A latent is called by what it is about, where that was said (:meth:`FreezingPoints.named`), ``scale (z5)``.

    Args:
        points: of :func:`analysis.freezing_points.find_freezing_points`, pressures in nats.
        dataset, fingerprint, image_shape, likelihood: of the data that the plan is for.

    Raises:
        IFPError: no latent has a point.
    """
    frozen = {
        _named(each.latent, points.names.get(each.latent)): each.ifp for each in points.points if np.isfinite(each.ifp)
    }
    found = _findings(
        frozen,
        len(points.points),
        dataset=dataset,
        seed=0,
        fingerprint=fingerprint,
        image_shape=image_shape,
        likelihood=likelihood,
    )
    never_heated = not any(np.isfinite(each.melting) for each in points.points)
    bounds = ", lower bounds: never heated" if never_heated else ""
    diverged = (f"z{each.latent} diverged and is in no stage" for each in points.points if each.status == "diverged")
    left_out = _left_out([each.latent for each in points.points if each.status == "above_range"])
    return replace(
        found,
        source=f"{len(frozen)} latents of a log",
        conditional_are=f"freezing points of latents, read from a log{bounds}",
        warnings=(*left_out, *diverged, *points.notes),
    )


def _named(latent: int, factor: str | None) -> str:
    return f"{factor} (z{latent})" if factor else f"z{latent}"


def _left_out(latents: Sequence[int]) -> list[str]:
    return [f"z{latent} held information at the top pressure already and is in no stage" for latent in latents]


def _findings(
    frozen: Mapping[str, float],
    latents: int,
    *,
    dataset: str,
    seed: int,
    fingerprint: str,
    image_shape: Sequence[int],
    likelihood: str,
) -> Findings:
    """Findings of freezing points by latent, each known only once."""
    if not frozen:
        raise IFPError(f"need a latent that froze to plan with, none of {latents} did")
    table = pd.DataFrame({"factor": list(frozen), "spectral_beta": list(frozen.values())})
    found = conclude_spectrum(
        table.assign(dataset=dataset, context=0),
        seed=seed,
        fingerprint=fingerprint,
        image_shape=image_shape,
        likelihood=likelihood,
        conditional=frozen,
    )
    return replace(found, same_within=SAME_WITHIN)
