r"""Annealing at equilibrium: every pressure of a sweep converged, with a decoder that is always the best one.

Neither learning rate nor speed nor network enters (:mod:`annealing.relaxation`), so that heating and cooling part only
where the loss has two minima: at a transition of first order, between its two ends. Along a branch of minima

.. math:: \frac{dF}{d\beta} = \mathrm{KL}, \qquad -\frac{dR}{d\,\mathrm{KL}} = \beta .
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annealing.choices import Order
from annealing.errors import IFPError
from annealing.freezing import crossing
from annealing.likelihoods.pixels import Likelihood
from annealing.optimal_decoder import ImageSet
from annealing.pressure import geometric
from annealing.relaxation import State, measured, settle
from annealing.spectral import whitened_courses
from annealing.stack import Case
from annealing.sweep import SweepRecord
from annealing.thresholds import ACTIVE, ONSET

_OFFER = 1e-3  # size of the code a silent encoder is offered: barriers it could jump are as small
_AROUND = 0.3  # size of the codes offered once silence is unstable
_INSIDE = 0.05  # nats from which on heating may take over what cooling met
_SMALL_MOVE = 0.25  # of any mean or log sd from one pressure to the next along one branch
_SILENT = 1e-5  # nats below which an encoder is offered a code again
MOST_CODES = 2000  # of a case, images times latents: the curvature has 4 numbers for each pair, here 128 MiB


@dataclass(frozen=True, kw_only=True)
class EquilibriumConfig:
    """How finely the pressures are set and how far each is converged; their range is the case's own."""

    pressures: int = 30  # of each branch, in equal ratios
    bisections: int = 5  # more pressures for each latent and branch, towards its onset
    latents: int = 1
    tolerance: float = 1e-6  # largest slope of n F / beta by any mean or log standard deviation

    def __post_init__(self) -> None:
        for name, least in (("pressures", 2), ("bisections", 0), ("latents", 1)):
            if getattr(self, name) < least:
                raise IFPError(f"need {name} of at least {least}, got {getattr(self, name)}")
        if not 0 < self.tolerance <= 1e-4:
            raise IFPError(f"need a tolerance above 0 and at most 1e-4, got {self.tolerance}")

    @property
    def records(self) -> int:
        """Records of each branch."""
        return self.pressures + self.bisections * self.latents


class _Annealer:
    """One case: its images, its silent state and the codes a silent encoder is offered."""

    def __init__(self, case: Case, config: EquilibriumConfig, likelihood: Likelihood) -> None:
        self._images, self._config = ImageSet.of(case.images, likelihood), config
        n, latents = len(self._images), config.latents
        courses = whitened_courses(case.images, likelihood).numpy()
        modes = np.linalg.eigh(courses @ courses.T)[1][:, ::-1]
        modes = np.resize(modes.T, (latents, n)).T  # more latents than images share modes
        # an eigenvector's sign is the library's choice: its largest entry decides here
        self._modes = modes / modes[np.abs(modes).argmax(axis=0), np.arange(latents)]
        silent = measured(self._images, case.high, np.zeros((2, n, latents)), curvature=True)
        assert silent is not None  # it is well within the prior's range
        self._silent = silent

    def heated(self, beta: float, before: State) -> State:
        return settle(self._images, beta, before, self._config.tolerance)

    def cooled(self, beta: float, before: State) -> State:
        """From the state before; a silent one is offered the leading modes, in the means and in the deviations.

        Both have the same threshold. A code too small to jump a barrier shows whether silence is stable; where it is
        not, codes of some size lead to the minima around, and the lowest is taken: the way down from the saddle
        itself often ends in one that is coded by the deviations alone.
        """
        if before.kl.sum() >= _SILENT:
            return self.heated(beta, before)
        found = self.heated(beta, self._offered(_OFFER, _OFFER))
        if found.kl.sum() < _SILENT:
            return found
        around = [self.heated(beta, self._offered(_AROUND, sign * _AROUND / 4)) for sign in (-1, 1)]
        return min([found, *around], key=lambda state: state.loss)

    def spread(self, beta: float) -> State:
        """From codes laid out along the leading modes at once."""
        encoder = np.stack([2 * self._modes, np.full_like(self._modes, -1.0)])
        return self.heated(beta, replace(self._silent, encoder=encoder, bend=None))

    def silent(self) -> State:
        return self._silent

    def _offered(self, mean: float, log_sd: float) -> State:
        return replace(self._silent, encoder=np.stack([mean * self._modes, log_sd * self._modes]))


def _cooling(annealer: _Annealer, falling: Sequence[float], config: EquilibriumConfig) -> list[State]:
    """The branch from silence down. It is entered close to the onset, where it is the only way out of silence."""
    states, entered = [replace(annealer.silent(), beta=falling[0])], False
    for beta in falling[1:]:
        found = annealer.cooled(beta, states[-1])
        # once: a code that were lost again and came back would have more records than other cases
        if not entered and states[-1].kl.sum() < _SILENT <= found.kl.sum():
            entered = True
            unstable: list[float] = []
            for _ in range(config.bisections):
                between = float(np.sqrt(states[-1].beta * (unstable[-1] if unstable else beta)))
                tried = annealer.cooled(between, states[-1])
                if tried.kl.sum() < _SILENT:
                    states.append(tried)
                else:
                    unstable.append(between)
            for between in reversed(unstable):
                states.append(annealer.cooled(between, states[-1]))
            found = annealer.cooled(beta, states[-1])
        states.append(found)
    return states


def _towards_onset(states: list[State], latent: int) -> int:
    """Number of the record after which one more is worth most: at the onset, or where the widest gap is."""
    beta = np.array([state.beta for state in states])
    point = crossing(beta, np.array([state.kl[latent] for state in states]), ONSET)
    if point.status != "ok":
        return int(np.argmax(np.abs(np.diff(np.log(beta)))))
    before = beta < point.beta if beta[0] < beta[-1] else beta > point.beta
    return max(int(before.sum()), 1) - 1


def _refined(states: list[State], follow: Callable[[float, State], State], config: EquilibriumConfig) -> list[State]:
    """With more pressures halfway (in ln beta) between the records that part silent from active, to the full number.

    As many for each latent, the last latents' last: those of a branch that has some already are the first latent's.
    """
    states = list(states)
    for missing in range(config.records - len(states), 0, -1):
        at = _towards_onset(states, config.latents - 1 - (missing - 1) // config.bisections)
        beta = float(np.sqrt(states[at].beta * states[at + 1].beta))
        states.insert(at + 1, follow(beta, states[at]))
    return states


def _continues(state: State, known: State) -> bool:
    """Whether a state met on cooling lies on the branch that is heated: well inside, and one small move away."""
    return bool(known.kl.sum() >= _INSIDE and np.abs(state.encoder - known.encoder).max() < _SMALL_MOVE)


def branches(case: Case, config: EquilibriumConfig, likelihood: Likelihood) -> tuple[list[State], list[State]]:
    """Heating and cooling branch of one case, ``config.records`` states each, in order of the pressures."""
    annealer = _Annealer(case, config, likelihood)
    rising = [geometric(i, config.pressures, case.low, case.high) for i in range(config.pressures)]
    cool = _cooling(annealer, rising[::-1], config)
    heat = [cool[-1] if cool[-1].kl.sum() >= ONSET else annealer.spread(case.low)]
    met = {state.beta: state for state in cool}
    for beta in rising[1:]:
        heat.append(met[beta] if _continues(heat[-1], met[beta]) else annealer.heated(beta, heat[-1]))
    return _refined(heat, annealer.heated, config), _refined(cool, annealer.cooled, config)


@dataclass(frozen=True)
class Equilibrium:
    """What the two branches of one case say; pressures in nats, NaN where a branch gave no point.

    At a first-order transition ``onset`` is where silence turns unstable under falling pressure and ``melting`` where
    the active minimum disappears under rising pressure; at a continuous one they are the same pressure.
    """

    onset: float  # KL = 0.01 on cooling
    freezing: float  # KL = threshold on cooling
    melting: float  # KL = threshold on heating
    order: Order  # continuous or first_order


_RESOLVED = 0.004  # relative difference of the two branches that the pressures resolve


def judge(direction: NDArray[np.str_], beta: NDArray, kl: NDArray, threshold: float = ACTIVE) -> Equilibrium:
    """Both ends of one latent's transition, and its order: first where heating keeps what cooling does not find.

    Args:
        direction, beta, kl: of each record, shape (records,).
    """
    heat, cool = direction == "heat", direction == "cool"
    onset, left = (crossing(beta[on], kl[on], ONSET).beta for on in (cool, heat))
    freezing, melting = (crossing(beta[on], kl[on], threshold).beta for on in (cool, heat))
    first = left > (1 + _RESOLVED) * onset or melting > (1 + _RESOLVED) * freezing
    return Equilibrium(onset, freezing, melting, "first_order" if first else "continuous")


def equilibrium(cases: Sequence[Case], config: EquilibriumConfig, likelihood: Likelihood) -> Iterator[SweepRecord]:
    """Heat each case from its lowest pressure to its highest, then cool it, converged at every pressure.

    The branches of all cases have the same number of records: equal ratios of pressure, and bisection towards each
    latent's onset. Nothing is random, and no case knows of the others.

    Raises:
        IFPError: no case, or one of more than 2000 images times latents.
    """
    if not cases:
        raise IFPError("need one case or more, got none")
    codes = max(len(case.images) for case in cases) * config.latents
    if codes > MOST_CODES:
        raise IFPError(f"need at most {MOST_CODES} codes (images times latents) of a case at equilibrium, got {codes}")
    swept = [branches(case, config, likelihood) for case in cases]
    step = 0
    for direction, number in (("heat", 0), ("cool", 1)):
        for states in zip(*(each[number] for each in swept), strict=True):
            yield SweepRecord(
                step=step,
                direction=(direction,) * len(cases),
                loop=np.ones(len(cases), np.int64),
                beta=np.array([state.beta for state in states]),
                kl=np.array([state.kl for state in states], np.float32),
                reconstruction=np.array([state.reconstruction for state in states], np.float32),
            )
            step += 1
