"""Conclusions from one run of whole-data annealing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.attribution import LatentBranch, LatentFreezing, latent_freezing
from analysis.diffusion import Diffusion, diagnose_diffusion
from analysis.information import adjusted_information, chance_deviation
from analysis.information_trace import InformationTrace, gated
from analysis.leakage import PairLeakage, leakages
from analysis.melting import FactorMelting, LatentMelting, factor_melting, latent_melting
from analysis.modes import EarlyShare, ModeFreezing, early_shares, mode_freezing
from analysis.ownership import FactorOwnership, factor_ownership
from analysis.printed import Shown
from annealing.errors import IFPError
from annealing.freezing import Direction
from annealing.thresholds import INFORMED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT = "ifp-whole-findings/3"
_DRAWN = 1.05  # reconstruction at the end of the hold, in units of the mean image's


@dataclass(frozen=True, repr=False)
class WholeFindings(Shown):
    """Conclusions of one run; pressures and information in nats.

    ``predicted`` has closed-form freezing points by factor. ``factors``, ``modes`` and ``early`` are empty if the data
    have no labels; ``modes`` and ``early`` are also empty if nothing was predicted. ``diffusion``, and ``leakage`` of
    ordered pairs of factors that froze, are measured along the cooling; they are None and empty without labels.
    ``latents_melting`` and ``factors_melting`` are read from the heating, and are empty if the run only cooled.
    """

    dataset: str
    fingerprint: str
    seed: int
    thresholds: tuple[float, ...]
    predicted: Mapping[str, float]
    latents: tuple[LatentFreezing, ...]
    factors: tuple[FactorOwnership, ...]
    modes: tuple[ModeFreezing, ...]
    early: tuple[EarlyShare, ...]
    diffusion: Diffusion | None
    leakage: tuple[PairLeakage, ...]
    warnings: tuple[str, ...]
    latents_melting: tuple[LatentMelting, ...] = ()
    factors_melting: tuple[FactorMelting, ...] = ()
    format: str = FORMAT

    def to_frame(self) -> pd.DataFrame:
        """A row per latent: freezing (nats, at the first threshold; NaN unless status is ok), status, about (the factor
        it then held most of) and share, kl_peak and kl_end (nats); of a run that was heated also melting,
        knee, melting_status and melted_about."""
        table = pd.DataFrame(
            [
                {
                    "latent": each.latent,
                    "freezing": each.freezing[0],
                    "status": each.statuses[0],
                    "about": each.frozen.factor,
                    "share": each.frozen.share,
                    "kl_peak": each.kl_peak,
                    "kl_end": each.kl_end,
                }
                for each in self.latents
            ]
        )
        if not self.latents_melting:
            return table
        return table.assign(
            melting=[each.melting[0] for each in self.latents_melting],
            knee=[each.knee for each in self.latents_melting],
            melting_status=[each.statuses[0] for each in self.latents_melting],
            melted_about=[each.melted.factor for each in self.latents_melting],
        )

    def plot(self) -> "Figure":
        """Where each latent melted, or froze if it only cooled, beside what was predicted:
        :func:`analysis.figures.latent_points.draw_points`."""
        from analysis.figures.latent_points import draw_points

        if self.latents_melting:
            about = {each.latent: each.melted.factor for each in self.latents_melting}
            points = {each.latent: each.point for each in self.latents_melting if each.statuses[0] == "ok"}
            return draw_points(points, about, self.predicted, self.dataset, "melted")
        about = {each.latent: each.frozen.factor for each in self.latents}
        points = {each.latent: each.freezing[0] for each in self.latents if each.statuses[0] == "ok"}
        return draw_points(points, about, self.predicted, self.dataset, "froze")

    def _shown(self) -> tuple[str, pd.DataFrame]:
        return (
            f"Findings about latents annealed on all of {self.dataset}: pressures beta in nats (reconstruction "
            f"summed over pixels) at {self.thresholds[0]:g} nat of KL",
            self.to_frame(),
        )


def cooling_branch(curves: Mapping[str, NDArray[Any]]) -> LatentBranch:
    """The cooling records in the arrays of curves.npz: :func:`annealed_branch`."""
    return annealed_branch(curves, "cool")


def heating_branch(curves: Mapping[str, NDArray[Any]]) -> LatentBranch | None:
    """The heating records, from high pressure to low: :func:`annealed_branch`; None where the run only cooled."""
    return annealed_branch(curves, "heat") if (curves["direction"] == "heat").any() else None


def annealed_branch(curves: Mapping[str, NDArray[Any]], direction: Direction) -> LatentBranch:
    """Records of one direction, from high pressure to low, in the arrays of curves.npz.

    Args:
        curves: direction (records,), beta (1, records), kl (1, records, latents), mi and mi_null
            (records, latents, factors), factors: their names, and their entropy (factors,).

    Raises:
        IFPError: an array is missing or does not fit.
    """
    missing = {"direction", "beta", "kl", "mi", "mi_null", "factors", "entropy"} - set(curves)
    if missing:
        raise IFPError(f"need curves of whole-data annealing, those here lack {', '.join(sorted(missing))}")
    on = np.flatnonzero(curves["direction"] == direction)
    on = on[::-1] if direction == "heat" else on
    above = adjusted_information(curves["mi"][on], curves["mi_null"][on], curves["entropy"])
    return LatentBranch(curves["beta"][0][on], curves["kl"][0][on], above, tuple(curves["factors"].tolist()))


def cooling_trace(curves: Mapping[str, NDArray[Any]], images: int) -> InformationTrace | None:
    """What the latents held about the factors while the pressure fell; None if the data have no labels.

    Args:
        curves: as for :func:`cooling_branch`, with step (records,).
        images: of the probe set behind mi.
    """
    if not len(curves["factors"]):
        return None
    branch, cool = cooling_branch(curves), curves["direction"] == "cool"
    return InformationTrace(
        step=curves["step"][cool],
        pressure=branch.beta,
        above=gated(branch.above, branch.kl),
        deviation=chance_deviation(curves["mi_null"][cool], images, curves["entropy"]),
        names=branch.names,
        entropy=curves["entropy"],
    )


def conclude_whole(
    curves: Mapping[str, NDArray[Any]],
    *,
    dataset: str,
    fingerprint: str,
    seed: int,
    thresholds: Sequence[float],
    predicted: Mapping[str, float],
    images: int,
) -> WholeFindings:
    """Melting and freezing points of latents, factors and degenerate modes, and what makes them doubtful.

    Args:
        curves: arrays of curves.npz.
        dataset, fingerprint, seed: of the run, for the record.
        thresholds: nats of KL from which a latent is active; the first is the main one.
        predicted: closed-form freezing points by factor; some or all may be missing.
        images: of the probe set.
    """
    branch, trace = cooling_branch(curves), cooling_trace(curves, images)
    latents, heating = latent_freezing(branch, thresholds), heating_branch(curves)
    heated = () if heating is None else latent_melting(heating, thresholds)
    known = {name: value for name, value in predicted.items() if name in branch.names}
    return WholeFindings(
        dataset=dataset,
        fingerprint=fingerprint,
        seed=seed,
        thresholds=tuple(thresholds),
        predicted=dict(predicted),
        latents=latents,
        factors=factor_ownership(branch),
        modes=mode_freezing(latents, branch.names, known, heated),
        early=early_shares(branch, latents, known),
        diffusion=None if trace is None else diagnose_diffusion(trace),
        leakage=() if trace is None else leakages(trace),
        warnings=tuple(
            _warnings(curves, thresholds[0], predicted)
            if heating is None
            else _heating_warnings(heating, thresholds[0], predicted)
        ),
        latents_melting=heated,
        factors_melting=() if heating is None else factor_melting(heating, heated),
    )


def _heating_warnings(heating: LatentBranch, threshold: float, predicted: Mapping[str, float]) -> list[str]:
    """What makes melting points doubtful: latents active at the top, and what had not been learnt at the bottom."""
    found = []
    active = np.flatnonzero(heating.kl[0] >= threshold).tolist()
    if active:
        listed = ", ".join(map(str, active))
        found.append(f"latents {listed} are active at the top pressure {heating.beta[0]:.4g}: heat higher")
    low = f"{heating.beta[-1]:.4g}"
    if not (heating.kl[-1] >= threshold).any():
        found.append(f"no latent had learnt anything when heating began at {low}: learn longer, or at lower pressure")
    held = dict(zip(heating.names, heating.above[-1].sum(axis=0), strict=True))
    missed = [name for name in held if held[name] < INFORMED and predicted.get(name, 0.0) > heating.beta[-1]]
    if missed:
        found.append(f"{', '.join(missed)} had not been learnt when heating began at {low}: learn longer")
    return found


def _warnings(curves: Mapping[str, NDArray[Any]], threshold: float, predicted: Mapping[str, float]) -> list[str]:
    found = []
    held = np.flatnonzero(curves["direction"] == "hold")[-1]
    top = float(curves["beta"][0, held])
    active = np.flatnonzero(curves["kl"][0, held] >= threshold).tolist()
    if active:
        found.append(f"latents {', '.join(map(str, active))} are active at the top pressure {top:.4g}: start higher")
    reconstruction, silent = float(curves["reconstruction"][0, held]), float(curves["silent_reconstruction"][0])
    if not active and reconstruction > _DRAWN * silent:
        found.append(
            f"the decoder had not learnt the mean image when cooling began (reconstruction {reconstruction:.1f} nats, "
            f"{silent:.1f} with the mean image): hold longer"
        )
    if predicted and top < max(predicted.values()):
        found.append(f"the top pressure {top:.4g} lies below the predicted {max(predicted.values()):.4g}: start higher")
    return found
