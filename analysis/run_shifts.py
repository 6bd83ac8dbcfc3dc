"""Two annealing runs side by side: for each factor, how far the freezing points of the two runs lie apart."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.distributions import Summary, holm, summarise
from analysis.printed import Shown
from analysis.separability import compare_pairs, measured_pressures
from analysis.shifts import FactorShift, paired_shift, unpaired_shift
from annealing.errors import IFPError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT = "ifp-run-shifts/1"


@dataclass(frozen=True, eq=False)
class RunCases:
    """An annealing run in the form that is compared.

    Attributes:
        name: of the run.
        rows: of freezing.csv at the main threshold, one per factor and context.
        contexts: what each context, by its number, is known by in either run: where two are equal, cases of a factor
            are a pair. Empty: not known.
        settings: by name, as they are told where they differ.
    """

    name: str
    rows: pd.DataFrame
    contexts: Mapping[int, Hashable]
    settings: Mapping[str, str]

    def cases(self, factor: str) -> pd.DataFrame:
        """Pressure (-inf, inf: beyond the sweep; NaN: diverged) and closed form by context, as contexts are known."""
        rows = self.rows[self.rows["factor"] == factor].set_index("context")
        known = {number: (0, self.contexts[number]) for number in rows.index if number in self.contexts}
        labels = [known.get(number, (1, self.name, number)) for number in rows.index]
        measured = measured_pressures(rows.reset_index())[factor].reindex(rows.index)
        columns = {"beta": measured.to_numpy(), "spectral": rows["spectral_beta"].to_numpy()}
        return pd.DataFrame(columns, index=pd.Index(labels, tupleize_cols=False))


@dataclass(frozen=True)
class Difference:
    """A setting that differs between the two runs."""

    name: str
    first: str
    second: str

    def __str__(self) -> str:
        return f"{self.name} {self.first} / {self.second}"


@dataclass(frozen=True, repr=False)
class RunShifts(Shown):
    """Two annealing runs compared, the second against the first.

    Attributes:
        first, second: names of the runs.
        differences: settings that differ.
        pairing: in words, how contexts of the two runs are known to be the same, or why they are not.
        factors: those that both runs have.
        only_first, only_second: names of factors that only one of them has.
    """

    format: str
    first: str
    second: str
    differences: tuple[Difference, ...]
    pairing: str
    factors: tuple[FactorShift, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to know beside the numbers, a line each: what was paired, and what is not compared."""
        told = [self.pairing]
        some = any(each.shift.paired for each in self.factors)
        for each in self.factors:
            if some and not each.shift.paired:
                told.append(f"{each.factor}: {each.shared} contexts in both, less than half: compared as two samples")
            if any(each.left_out):
                told.append(f"{each.factor}: {each.left_out[0]} and {each.left_out[1]} cases left out, without partner "
                            "or diverged")  # fmt: skip
        for run, names in ((self.first, self.only_first), (self.second, self.only_second)):
            if names:
                told.append(f"only {run} has {', '.join(names)}")
        return tuple(told)

    def to_frame(self) -> pd.DataFrame:
        """A row per factor.

        Columns: factor; paired, n, m (pairs, or cases of either run); first, second (medians, nats); ratio (exp of the
            shift), ratio_low, ratio_high (95% interval); predicted (ratio of the closed forms of the same cases);
            shift, shift_low, shift_high (of ln beta); superiority; p_value, p_holm; beyond_first, beyond_second (cases
            known only to lie below or above the sweep).
        """
        return pd.DataFrame([_row(each) for each in self.factors])

    def plot(self, kind: str = "box") -> "Figure":
        """Both distributions of every factor and their shift: :func:`analysis.figures.run_shifts.draw_shifts`."""
        from analysis.figures.run_shifts import draw_shifts

        return draw_shifts(self.first, self.second, self.factors, kind)

    def __str__(self) -> str:
        """What is compared, in a line."""
        differ = "; ".join(map(str, self.differences)) or "no setting"
        return f"{self.first} (first) and {self.second} (second); differ in: {differ}"

    def _shown(self) -> tuple[str, pd.DataFrame]:
        columns = ["factor", "n", "m", "first", "second", "ratio", "ratio_low", "ratio_high", "predicted", "p_holm"]
        return f"Shifts of {self} (pressures beta in nats)", self.to_frame()[columns]

    def _below(self) -> tuple[str, ...]:
        return self.notes


def compare_runs(first: RunCases, second: RunCases, pairing: str) -> RunShifts:
    """The second run against the first: every factor that both have, by its name.

    A factor is compared in pairs if at least half of the cases in the run with fewer of them have their context in the
    other run; otherwise as two samples.

    Args:
        first, second: the runs.
        pairing: how their contexts are known to be the same, or why not.

    Raises:
        IFPError: they have no factor in common.
    """
    names, others = (list(dict.fromkeys(run.rows["factor"])) for run in (first, second))
    shared = [name for name in names if name in others]
    if not shared:
        raise IFPError(
            f"need two runs with a factor in common, got {', '.join(names)} and {', '.join(others)}: diagnose each by "
            "itself"
        )
    found = [_factor_shift(name, first.cases(name), second.cases(name)) for name in shared]
    if first.contexts and second.contexts and not any(each.shift.paired for each in found):
        most = max(each.shared for each in found)
        few = f"{most} contexts in both, less than half" if most else "no context is in both"
        pairing = f"no pairs, the runs are compared as two samples: {few}"
    tested = [each for each in found if each.p_value is not None]
    adjusted = dict(zip((each.factor for each in tested), holm([each.p_value or 0.0 for each in tested]), strict=True))
    settings = dict.fromkeys([*first.settings, *second.settings])
    told = ((name, first.settings.get(name, "-"), second.settings.get(name, "-")) for name in settings)
    return RunShifts(
        format=FORMAT,
        first=first.name,
        second=second.name,
        differences=tuple(Difference(*each) for each in told if each[1] != each[2]),
        pairing=pairing,
        factors=tuple(replace(each, p_holm=adjusted.get(each.factor)) for each in found),
        only_first=tuple(name for name in names if name not in shared),
        only_second=tuple(name for name in others if name not in shared),
    )


def _factor_shift(name: str, first: pd.DataFrame, second: pd.DataFrame) -> FactorShift:
    both = first.index.intersection(second.index, sort=False)
    paired = 2 * len(both) >= min(len(first), len(second))
    if paired:
        a, b = first.loc[both], second.loc[both]
        complete = (a["beta"].notna() & b["beta"].notna()).to_numpy()
        a, b = a[complete], b[complete]
    else:
        a, b = first[first["beta"].notna()], second[second["beta"].notna()]
    shift = paired_shift if paired else unpaired_shift
    rows = range(len(a)), range(len(b)) if paired else range(len(a), len(a) + len(b))  # two samples share no row
    columns = {"first": pd.Series(a["beta"].to_numpy(), rows[0]), "second": pd.Series(b["beta"].to_numpy(), rows[1])}
    compared = compare_pairs(("second", "first"), pd.DataFrame(columns), "measured")
    comparison = compared[0].comparison if compared else None
    return FactorShift(
        factor=name,
        shift=shift(a["beta"], b["beta"]),
        closed_form=shift(a["spectral"], b["spectral"]),
        first=_summary(a["beta"]),
        second=_summary(b["beta"]),
        first_beta=tuple(a["beta"].tolist()),
        second_beta=tuple(b["beta"].tolist()),
        first_spectral=tuple(a["spectral"].tolist()),
        second_spectral=tuple(b["spectral"].tolist()),
        shared=len(both),
        left_out=(len(first) - len(a), len(second) - len(b)),
        superiority=comparison.superiority if comparison else None,
        p_value=comparison.p_value if comparison else None,
        p_holm=None,
    )


def _summary(beta: pd.Series) -> Summary:
    return summarise(beta, below=int((beta == -np.inf).sum()), above=int((beta == np.inf).sum()))


def _row(each: FactorShift) -> dict[str, object]:
    shift, ends = each.shift, (each.shift.low, each.shift.high)
    low, high = (None if end is None else float(np.exp(end)) for end in ends)
    return {
        "factor": each.factor, "paired": shift.paired, "n": shift.n, "m": shift.m,
        "first": each.first.median, "second": each.second.median,
        "ratio": shift.ratio, "ratio_low": low, "ratio_high": high, "predicted": each.closed_form.ratio,
        "shift": shift.shift, "shift_low": shift.low, "shift_high": shift.high,
        "superiority": each.superiority, "p_value": each.p_value, "p_holm": each.p_holm,
        "beyond_first": each.first.below + each.first.above, "beyond_second": each.second.below + each.second.above,
    }  # fmt: skip
