"""What a watched loop tells as it happens: a line for each latent that turns, each factor that spreads, silence."""

from collections import deque
from collections.abc import Callable, Iterator

from analysis.diffusion_events import DiffusionEvent
from analysis.latent_turns import is_active, next_turns
from annealing.thresholds import SILENT
from ifp.training.silence import FirstFreezing, found_silence
from ifp.watching.config import WatchConfig
from ifp.watching.readings import Reading

_SURE = 3  # readings in a row at which all are silent, under a pressure that does not fall, before that is told
_LONG = 20  # ... where the pressure is not above the freezing point, or that is not known

First = Callable[[], FirstFreezing | None]


def silence_line(reading: Reading, config: WatchConfig, first: FirstFreezing | None) -> str:
    """That no latent carries information, how far above the first freezing point that is, and where to start."""
    if first is None or reading.pressure < first.pressure:
        return str(found_silence(reading.kl, reading.pressure, lambda: first))
    by = f" by the closed form of {first.images:,} images" if first.images else ""
    start = config.said(first.pressure)
    return (
        f"everything is silent: {config.said(reading.pressure)} is {reading.pressure / first.pressure:.3g} times the "
        f"freezing point of your data{by}; start below {start}"
    )


class Told:
    """Lines to be told of each reading; what was told already is remembered.

    Args:
        config: of the watch.
        first: the freezing point of the data, asked for at the first silence, as it takes a moment.
    """

    def __init__(self, config: WatchConfig, first: First) -> None:
        self._config, self._first = config, first
        self._last: Reading | None = None
        self._silent: deque[float] = deque(maxlen=_LONG)  # pressures of the last readings, all silent
        self._said = False

    def pass_over(self, reading: Reading) -> None:
        """Take note of a reading whose lines were told before."""
        for _ in self.lines(reading):
            pass

    def lines(self, reading: Reading) -> Iterator[str]:
        """What one more reading turns; of the first one nothing."""
        last, self._last = self._last, reading
        if last is None:
            self._active = is_active(reading.kl)
        else:
            pressures, kl = (last.pressure, reading.pressure), (last.kl, reading.kl)
            for turn in next_turns(self._active, reading.step, pressures, kl):
                said = "froze" if turn.kind == "froze" else "fell silent"
                yield (
                    f"step {turn.step}: z{turn.latent} {said} at {self._config.said(turn.pressure)}, "
                    f"KL {turn.nats:.3g} nats"
                )
        if (reading.kl >= SILENT).any():
            self._silent.clear()
            self._said = False
            return
        self._silent.append(reading.pressure)
        if not self._said and (line := self._silence(reading)):
            self._said = True
            yield f"step {reading.step}: {line}"

    def _silence(self, reading: Reading) -> str | None:
        """The line of silence, once it is sure."""
        count = len(self._silent)
        if count < _SURE or reading.pressure < self._silent[-_SURE]:  # a loop that lowers it knows
            return None
        first = self._first()
        if count < _LONG and (first is None or reading.pressure < first.pressure):
            return None
        return silence_line(reading, self._config, first)


def event_line(event: DiffusionEvent, config: WatchConfig) -> str:
    """One line of what a factor does."""
    verbs = {"spread": "begins to spread", "gather": "gathers", "move": "moves"}
    return (
        f"step {event.step}: {event.factor} {verbs[event.kind]} from z{event.out_of} into z{event.into} at "
        f"{config.said(event.pressure)}, {event.nats:.2g} nats"
    )
