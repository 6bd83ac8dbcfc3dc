"""What score prints: the KL taken apart, and each score with what stands beside it; or the scores of several runs."""

from collections.abc import Mapping
from typing import Any

import typer

from analysis.plain_json import json_bytes
from analysis.scores.run_scores import RunScores
from analysis.scores.scores import Scores
from ifp.cli.tables import show, show_notes, show_table
from ifp.tables.scores import factors_told, latents_telling
from ifp.tables.table import cell
from ifp.tables.training import kl_parts


def show_scores(found: Scores | RunScores, *, json: bool = False, matrix: bool = False) -> None:
    """Tables on stderr or, with ``json``, all that was measured as one object on stdout.

    ``matrix``: also the tables of the information of every latent about every factor.
    """
    record = found.record
    if isinstance(found, RunScores):
        show_notes(*found.about.get("notes", ()))
        for each in found.runs:
            show_notes(*(f"{each.run}: {note}" for note in each.scores.record.get("notes", ())))
    else:
        show_notes(*record.get("notes", ()))
    if json:
        typer.echo(json_bytes(record).decode(), nl=False)
    elif isinstance(found, RunScores):
        _show_runs(found)
        for each in found.runs if matrix else ():
            _show_matrix(each.scores)
    else:
        if "kl_decomposition" in record:
            show(kl_parts(record["kl_decomposition"]))
        show_table(_title(record), score_rows(found))
        if matrix:
            _show_matrix(found)


def _show_matrix(found: Scores) -> None:
    if found.matrix is not None:
        show(latents_telling(found.matrix))
        show(factors_told(found.matrix))


def score_rows(found: Scores) -> list[dict[str, object]]:
    """A row per score: its value and, where any score has them, the interval, the exact factors' value, what can be
    seen of them, and the lowest and highest value with other sample seeds."""
    record = found.record
    columns: dict[str, Mapping[str, object]] = {"value": found}
    columns["interval"] = {name: _range(ends) for name, ends in found.intervals.items()}
    columns |= {"exact": found.exact, "seen": record.get("seen", {})}
    seeds = max(map(len, found.spreads.values()), default=0)
    columns[f"{seeds} sample seeds"] = {name: _range(values) for name, values in found.spreads.items()}
    told = {title: values for title, values in columns.items() if values}
    return [{"score": name, **{title: values.get(name) for title, values in told.items()}} for name in found]


def _range(values: Any) -> str:
    return f"{cell(round(min(values), 4))}..{cell(round(max(values), 4))}"


def _title(record: Mapping[str, Any]) -> str:
    measured = f"protocol {record['protocol']}, scikit-learn {record['scikit-learn']}"
    if not record.get("intervals"):
        return measured
    # of other data than a full lattice no row is drawn twice: of fewer rows all are counted
    counted = f"{'' if record['protocol'] == 'gdl' else 'up to '}{record['samples']['train']:,} samples"
    return f"{measured}; interval: 95%, of the expectation at {counted}"


def _show_runs(found: RunScores) -> None:
    """A table with a row per run, and of scores one with a row per method and score."""
    runs = found.to_frame().to_dict("records")
    about = found.about
    if found.is_udr:
        title = f"UDR by {about['similarity']} on {about['images']:,} images of {about['data']}; kept in no run"
        show_table(f"{title}: it depends on the others", runs)
        return
    record = next(iter(found.scores.values())).record
    show_table(f"{about['data']}: each run, protocol {record['protocol']}, scikit-learn {record['scikit-learn']}", runs)
    title = "over runs: median, lowest and highest; sample: half the 95% interval of one run's score at its samples"
    rows = [
        {"±sample" if name == "sample_half_width" else name: value for name, value in row.items()}
        for row in found.over_runs().to_dict("records")
    ]
    show_table(title, rows)
