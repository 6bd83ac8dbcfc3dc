"""Scores that a run keeps in its scores.json, so that none is measured twice."""

import importlib.metadata
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from analysis.kl_decomposition import KLDecomposition
from analysis.plain_json import json_bytes
from analysis.records import read_record, read_value
from analysis.scores.all_scores import POSTERIOR_SCORES, SCORES, SEEDS, VARIANTS
from analysis.scores.matrix import InformationMatrix
from analysis.scores.notes import Note
from analysis.scores.protocol import PROTOCOLS, STUDY
from analysis.scores.scores import BESIDE, FORMAT
from annealing.errors import IFPError, RunError
from ifp.run_directory.checksums import file_digest
from ifp.run_directory.run import PATIENCE
from ifp.training.checkpoint import MODEL_FILE
from ifp.training.trained import SCORES_FILE, TrainedRun

APART = "kl_decomposition"
_MANY = {"intervals": 2, "spreads": SEEDS}  # numbers of a score; of what is not here there is one
MATRIX, MISLEADING = "matrix", "misleading"
LIBRARIES = ("ifp", "scikit-learn", "scipy", "numpy")


def known_scores(trained: TrainedRun, seed: int) -> dict[str, Any]:
    """What scores.json holds that was measured on this checkpoint, with the same samples and libraries; {} for none."""
    if not (trained.run.path / SCORES_FILE).is_file():
        return {}
    held = trained.scores
    same = {"format": FORMAT, "samples": asdict(STUDY), "seed": seed, **library_versions()}
    current = held.get("checkpoint") == file_digest(trained.run.path / MODEL_FILE)
    if not current or held.get("protocol") not in PROTOCOLS or any(held.get(name) != same[name] for name in same):
        return {}
    scored = held.get("scored")
    names = [name for name in scored if isinstance(name, str)] if isinstance(scored, list) else []
    values = {name: held[name] for name in names if name in held and _is_measured(name, held[name])}
    beside = {kind: _numbers(held.get(kind), values, _MANY.get(kind)) for kind in BESIDE}
    return {**values, **beside, **_of_codes(trained, held), **same, "protocol": held["protocol"]}


def _of_codes(trained: TrainedRun, held: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says of the codes beside their scores, of that what may be so."""
    try:
        matrix = InformationMatrix.of_record(held.get(MATRIX))
        notes = read_value(tuple[Note, ...], held.get(MISLEADING), MISLEADING)
    except IFPError:
        return {}
    if len(matrix.nats) != sum(map(len, trained.checkpoint.groups)):
        return {}
    return {MATRIX: matrix.to_record(), MISLEADING: [each.to_record() for each in notes]}


def beside_scores(names: Collection[str], *records: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside these scores in records, the last one's first; ``seen`` only where there is any."""
    entries = {kind: [item for each in records for item in each.get(kind, {}).items()] for kind in BESIDE}
    found = {kind: {name: value for name, value in items if name in names} for kind, items in entries.items()}
    return {kind: values for kind, values in found.items() if values or kind != "seen"}


def is_complete(known: Mapping[str, Any], name: str, *, ceilings: bool, spread: bool) -> bool:
    """Whether a score is known, with what is asked for beside it; ``seen`` comes with ``exact``, where there is any."""
    if name not in known:
        return False
    without = name == APART or (ceilings and name in POSTERIOR_SCORES)
    has_ceiling = without or name in known["exact"]
    has_spread = name == APART or name in known["spreads"] or name in known["intervals"]
    return (has_ceiling or not ceilings) and (has_spread or not spread)


def _is_measured(name: str, value: object) -> bool:
    """Whether a value may be what a score of that name gave: the file may be a stranger's."""
    if name == APART:
        try:
            read_record(KLDecomposition, value, APART, RunError)
        except RunError:
            return False
        return True
    return name in (*SCORES, *VARIANTS) and _is_number(value)


def _is_number(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _numbers(held: object, values: Mapping[str, Any], many: int | None) -> dict[str, Any]:
    """A number, or a list of so many, by the names of scores: of such a mapping what may be so."""
    entries = held.items() if isinstance(held, Mapping) else ()
    return {name: entry for name, entry in entries if name in values and _is_entry(entry, many)}


def _is_entry(entry: object, many: int | None) -> bool:
    if many is None:
        return _is_number(entry)
    return isinstance(entry, list) and len(entry) == many and all(map(_is_number, entry))


def save_scores(trained: TrainedRun, told: Mapping[str, Any], asked: Sequence[str]) -> None:
    """Write scores.json: what was measured, and what was before by the same protocol."""
    run = trained.run
    with run.writing(wait=PATIENCE):  # else two at once would each keep their own scores only
        before = {"format": FORMAT} | dict(TrainedRun(run).scores if (run.path / SCORES_FILE).is_file() else {})
        measured_by = ("format", "protocol", "samples", "seed", "scikit-learn")
        kept = before if all(before.get(name) == told[name] for name in measured_by) else {}
        known = known_scores(TrainedRun(run), told["seed"]) if kept else {}
        scored = [name for name in known if _is_measured(name, known[name])]
        names = [*dict.fromkeys([*scored, *asked])]
        mark = {"scored": names, "checkpoint": file_digest(run.path / MODEL_FILE)}
        run.write(SCORES_FILE, json_bytes({**kept, **told, **beside_scores(names, known, told), **mark}))


def library_versions() -> dict[str, str]:
    """Versions of the libraries on which scores depend, by name."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}
