"""Check an annealing run against the closed form: brackets, widths, order of medians.

Usage: python benchmarks/brackets.py RUN
"""

import itertools
import sys

import ifp


def main(run: str) -> None:
    """Print a line per factor and the pairs whose order departs."""
    findings = ifp.diagnose(run)
    print("factor        holds  width  ifp median  spectral median")
    for each in findings.factors:
        print(
            f"{each.factor:12s} {each.bracketed:6.2f} {each.bracket_width or float('nan'):6.2f} "
            f"{each.ifp.median or float('nan'):11.1f} {each.spectral.median or float('nan'):16.1f}"
        )
    wrong = []
    for a, b in itertools.combinations(findings.factors, 2):
        measured, spectral = a.ifp.median / b.ifp.median, a.spectral.median / b.spectral.median
        if (measured - 1) * (spectral - 1) < 0 and not 1 / 1.15 <= spectral <= 1.15:
            wrong.append(f"{a.factor}/{b.factor}: measured {measured:.2f}, spectral {spectral:.2f}")
    print("order of measured medians:", "as the closed form's" if not wrong else "; ".join(wrong))
    order = sorted(findings.factors, key=lambda each: -each.planning.median)
    print("closed form over all contexts:", " > ".join(f"{e.factor} {e.planning.median:.1f}" for e in order))


if __name__ == "__main__":
    main(sys.argv[1])
