"""A plan of DEFT's stages: its type, checked when made, and its strict reader."""

import itertools
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.names import is_name
from analysis.plain_json import AT_DEFAULT, json_bytes, read_json, shown
from analysis.printed import Shown
from analysis.records import ADDED, read_record
from annealing.errors import PlanError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

FORMAT = "ifp-stage-plan/1"
SETTLING_FORMAT = "ifp-stage-plan/2"  # of a plan of which a stage settles: what reads the first alone would not do that
_OF_SETTLING = {ADDED: True, AT_DEFAULT: True}  # so that plans of the first format are written as before


@dataclass(frozen=True)
class Stage:
    """One stage of DEFT: its pressure in nats, whose factors freeze in it, and the latents it opens."""

    pressure: float
    factors: tuple[str, ...]
    latents: tuple[int, ...]
    share: float  # of the steps
    predicted_nats: Mapping[str, float]  # what a factor's latent holds at the end, by its own heating curve if any
    evidence: Any
    # before its latents open, earlier groups settle at these pressures, then at its own, in equal parts of ``settle``
    settling: tuple[float, ...] = field(default=(), metadata=_OF_SETTLING)
    settle: float = field(default=0.0, metadata=_OF_SETTLING)  # share of the stage


@dataclass(frozen=True, repr=False)
class StagePlan(Shown):
    """Stages of DEFT for one data set, image shape and likelihood; checked when made."""

    format: str
    dataset: str
    fingerprint: str
    image_shape: tuple[int, int, int]
    likelihood: str
    latents: int
    gamma: float  # scale of the steps of groups that opened earlier
    stages: tuple[Stage, ...]
    source: Any
    warnings: Any

    def __post_init__(self) -> None:
        if self.format not in (FORMAT, SETTLING_FORMAT):
            raise PlanError(f"need a plan of format {FORMAT} or {SETTLING_FORMAT}, got {shown(self.format)}")
        self._require_settling()
        if not is_name(self.dataset) or "/" in self.dataset:
            raise PlanError(f"need the name of a data set in a plan, got {shown(self.dataset)}")
        if min(self.image_shape) < 1:
            raise PlanError(f"need an image shape of 1 pixel or more in a plan, got {shown(self.image_shape)}")
        for name in (name for stage in self.stages for name in stage.factors):
            if not is_name(name):
                raise PlanError(f"need names of factors in one line in a plan, got {shown(name)}")
        for stage in self.stages:
            name, times = Counter(stage.factors).most_common(1)[0] if stage.factors else ("", 0)
            if times > 1:
                raise PlanError(f"need each factor of a stage once, got {shown(name)} {times} times")
        for name, nats in (pair for stage in self.stages for pair in stage.predicted_nats.items()):
            if not 0 <= nats < math.inf:
                raise PlanError(f"need predicted nats of 0 or more, got {nats:g} of {shown(name)}")
        if not self.stages:
            raise PlanError("need a plan of one or more stages, got none")
        if not 0 <= self.gamma <= 1:
            raise PlanError(f"need gamma in 0..1, got {self.gamma:g}")
        for number, (stage, after) in enumerate(itertools.pairwise(self.stages)):
            if not after.pressure < stage.pressure:
                raise PlanError(
                    f"need pressures that fall from stage to stage, got {stage.pressure:g} in stage {number + 1} "
                    f"and {after.pressure:g} after it"
                )
        if not self.stages[-1].pressure > 0:
            raise PlanError(f"need pressures above 0, got {self.stages[-1].pressure:g}")
        named = [latent for stage in self.stages for latent in stage.latents]
        latent, times = Counter(named).most_common(1)[0] if named else (0, 0)
        if times > 1:
            raise PlanError(f"need each latent in one stage only, got latent {shown(latent)} twice")
        if len(named) != self.latents or sorted(named) != list(range(len(named))):
            raise PlanError(f"need the stages to open latents 0..{self.latents - 1}, got {shown(sorted(named))}")
        if any(not stage.latents or not stage.share > 0 for stage in self.stages):
            raise PlanError("need in every stage a latent or more and a share of the steps above 0, one stage has none")
        if abs(sum(stage.share for stage in self.stages) - 1) > 1e-6:
            raise PlanError(f"need shares that sum to 1, got {sum(stage.share for stage in self.stages):g}")

    def _require_settling(self) -> None:
        if self.format == FORMAT and any(stage.settle or stage.settling for stage in self.stages):
            raise PlanError(f"need format {SETTLING_FORMAT} for a plan with stages that settle, got {FORMAT}")
        if self.stages and (self.stages[0].settle or self.stages[0].settling):
            raise PlanError("need a first stage that does not settle, as none was before it, got one that does")
        for before, stage in itertools.pairwise(self.stages):
            if not 0 <= stage.settle < 1 or (stage.settling and not stage.settle):
                raise PlanError(
                    f"need a settle of 0 or more and below 1, above 0 where it settles, got {stage.settle:g}"
                )
            way = (before.pressure, *stage.settling, stage.pressure)
            if stage.settle and any(not after < pressure for pressure, after in itertools.pairwise(way)):
                raise PlanError(f"need settling pressures that fall from stage to stage, got {shown(list(way))}")

    @classmethod
    def from_json(cls, text: str) -> "StagePlan":
        """The plan in a JSON text; PlanError names what is broken, unknown, missing or contradictory."""
        if not text.strip():
            raise PlanError("need a stage plan, got nothing")
        try:
            value = read_json(text)
        except ValueError as error:
            raise PlanError(f"need a stage plan in JSON, got text that is not: {error}") from None
        if isinstance(value, Mapping) and value.get("format") not in (FORMAT, SETTLING_FORMAT):
            raise PlanError(
                f"need a plan of format {FORMAT} or {SETTLING_FORMAT}, got {shown(value.get('format'))}: "
                "plan anew with `ifp plan-stages`"
            )
        return read_record(cls, value, "plan", PlanError)

    def to_json(self) -> str:
        """The plan as ``ifp train --plan`` and :meth:`from_json` read it."""
        return json_bytes(self).decode()

    def to_frame(self) -> "pd.DataFrame":
        """A row per stage: stage (from 1), pressure (nats), factors, latents, share of the steps, and nats, what the
        factors' latents hold at its end by their heating curves."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "stage": number,
                    "pressure": stage.pressure,
                    "factors": ", ".join(stage.factors),
                    "latents": ", ".join(map(str, stage.latents)),
                    "share": stage.share,
                    "nats": ", ".join(f"{name} {held:.2g}" for name, held in stage.predicted_nats.items()),
                }
                for number, stage in enumerate(self.stages, 1)
            ]
        )

    def plot(self) -> "Figure":
        """Pressure against the share of the steps: :func:`analysis.figures.stages.draw_stages`."""
        from analysis.figures.stages import draw_stages

        return draw_stages(
            [stage.pressure for stage in self.stages],
            [stage.share for stage in self.stages],
            [[*stage.factors, ", ".join(f"z{latent}" for latent in stage.latents)] for stage in self.stages],
            f"Stages planned for {self.dataset}",
        )

    def _shown(self) -> tuple[str, "pd.DataFrame"]:
        title = (
            f"StagePlan for {self.dataset}: {len(self.stages)} stages, {self.latents} latents, gamma {self.gamma:g}; "
            "pressures beta in nats (reconstruction summed over pixels)"
        )
        return title, self.to_frame()

    def boundaries(self, steps: int) -> list[int]:
        """Step at which each stage ends when ``steps`` are divided by share; the last one at ``steps``."""
        ends = np.rint(np.cumsum([stage.share for stage in self.stages]) * steps).astype(int).tolist()
        return [*ends[:-1], steps]
