"""The kinds of runs: what each is called, which command makes it, and which file it writes last.

What is done with a finished run of a kind (its config, main table, figures, page and diagnosis) stands in
:mod:`ifp.api.kinds`, above all that it needs.
"""

from enum import StrEnum
from pathlib import Path

RUNS = Path("runs")  # where runs are kept, unless another place is named


class Kind(StrEnum):
    """A kind of run; its value is what config.json and the names of run directories call it.

    Attributes:
        label: in words, as a page is headed.
        command: of ``ifp``, that makes such a run and goes on with it; empty where only Python does.
        example: a command line, or a call, that makes one.
        last_file: the file that is written last: a run that has it is finished.
    """

    label: str
    command: str
    example: str
    last_file: str

    def __new__(cls, name: str, label: str, command: str, example: str, last_file: str) -> "Kind":
        """A string that knows the rest."""
        kind = str.__new__(cls, name)
        kind._value_ = name
        kind.label = label
        kind.command = command
        kind.example = example
        kind.last_file = last_file
        return kind

    ANNEALING_TEST = ("anneal", "annealing test", "anneal", "ifp anneal --dataset NAME", "freezing.csv")
    WHOLE_ANNEALING = (
        "anneal-whole", "whole-data annealing", "anneal", "ifp anneal --dataset NAME --mode full", "freezing.csv",
    )  # fmt: skip
    TRAINING = ("train", "training", "train", "ifp train --plan FILE", "checkpoint.json")
    WATCHED = ("watch", "watched training", "", "ifp.watch(out=DIR, latents=K)", "trace.npz")
    COMPARISON = ("compare", "comparison", "compare", "ifp compare --dataset NAME --objectives A,B", "comparison.csv")
