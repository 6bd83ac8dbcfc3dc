"""Tables of whole-data annealing: latents, factors, degenerate modes, and what it says in words."""

from collections.abc import Iterator, Sequence

from analysis.attribution import Holding
from analysis.whole_findings import WholeFindings
from ifp.tables.table import Table


def whole_tables(findings: WholeFindings) -> Iterator[Table]:
    """Latents and factors as they were heated, if they were; the same as they cooled; modes, leakage.

    Factors where there are labels, modes where something was predicted.
    """
    labelled = bool(findings.factors)
    if findings.latents_melting:
        yield Table(
            f"{findings.dataset}: beta (nats, reconstruction summed over pixels) at which each latent melted as beta "
            "rose: its knee, and where KL crossed each threshold"
            + (". about: the factor that it held most of then, and its share" if labelled else ""),
            tuple(_melting_rows(findings, labelled=labelled)),
        )
    if findings.factors_melting:
        yield Table(
            "factors as beta rose: where all latents together fell below 0.1 nat. owner: the latent that held most of "
            "the factor last, with its share then, and its knee",
            tuple(_factor_melting_rows(findings)),
        )
    yield Table(
        f"{findings.dataset}: beta (nats, reconstruction summed over pixels) at which each latent froze as beta fell, "
        "at each threshold of KL"
        + (". about: the factor that it held most of then, and its share" if labelled else ""),
        tuple(_latent_rows(findings, labelled=labelled)),
    )
    if labelled:
        yield Table(
            "factors as beta fell. owner: the latent that alone held the factor, from which beta down to which, and "
            "its share at the end",
            tuple(_factor_rows(findings)),
        )
    if modes := {name: beta for name, beta in findings.predicted.items() if name not in _factors(findings)}:
        yield Table(
            "closed form: beta (nats) at which modes of the rows freeze; the first holds for any network",
            tuple({"mode": name, "predicted": beta} for name, beta in modes.items()),
        )
    if findings.modes:
        yield Table(
            "modes: factors predicted to freeze at the same beta share a freezing point", tuple(_mode_rows(findings))
        )
    if findings.leakage:
        yield Table(
            "leakage: nats of a factor that ended up in the latent of another. shared: that latent owns both",
            tuple(_leakage_rows(findings)),
        )


def whole_remarks(findings: WholeFindings) -> Iterator[str]:
    """What latents that froze early are about, then what makes the run doubtful."""
    for early in findings.early:
        share = "no information" if early.share is None else f"{early.share:.0%} of their information"
        yield (
            f"latents that froze above {early.pressure:.4g}, predicted for {', '.join(early.before)}: "
            f"{_listed(early.latents)}; {share} about {', '.join(early.factors)}"
        )
    yield from (f"warning: {warning}" for warning in findings.warnings)


def _factors(findings: WholeFindings) -> set[str]:
    return {each.factor for each in findings.factors}


def _latent_rows(findings: WholeFindings, *, labelled: bool) -> list[dict[str, object]]:
    """Rows by falling freezing point, the silent ones last."""
    rows = []
    for each in sorted(findings.latents, key=lambda latent: -_known(latent.freezing[0])):
        row: dict[str, object] = {"latent": each.latent}
        for threshold, beta, status in zip(findings.thresholds, each.freezing, each.statuses, strict=True):
            row[f"{threshold:g} nat"] = _point(beta, status)
        if labelled:
            row |= {"about": _about(each.frozen), "at the end": _about(each.holds)}
        rows.append(row | {"KL at most": each.kl_peak, "KL at the end": each.kl_end})
    return rows


def _melting_rows(findings: WholeFindings, *, labelled: bool) -> list[dict[str, object]]:
    """Rows by falling melting point, the silent ones last."""
    rows = []
    for each in sorted(findings.latents_melting, key=lambda latent: -_known(latent.melting[0])):
        row: dict[str, object] = {"latent": each.latent, "knee": each.knee}
        for threshold, beta, status in zip(findings.thresholds, each.melting, each.statuses, strict=True):
            row[f"{threshold:g} nat"] = _heated(beta, status)
        if labelled:
            row |= {"about": _about(each.melted), "learnt": _about(each.learned)}
        rows.append(row | {"KL learnt": each.kl_learned})
    return rows


def _factor_melting_rows(findings: WholeFindings) -> list[dict[str, object]]:
    """Rows by falling melting point, those never learnt last."""
    return [
        {
            "factor": each.factor,
            "melted": _heated(each.melting, each.status),
            "predicted": (predicted := findings.predicted.get(each.factor)),
            "of predicted": None if predicted is None else each.melting / predicted,
            "knee": each.knee,
            "owner": each.owner,
            "share": each.share,
            "nats learnt": each.nats,
        }
        for each in sorted(findings.factors_melting, key=lambda factor: -_known(factor.melting))
    ]


def _factor_rows(findings: WholeFindings) -> list[dict[str, object]]:
    """Rows by falling freezing point, those that never froze last."""
    return [
        {
            "factor": each.factor,
            "froze": _point(each.freezing, each.status),
            "predicted": findings.predicted.get(each.factor),
            "owner": each.owner,
            "from": each.sole_from,
            "down to": each.lost_at if each.lost_at is not None or each.sole_from is None else "the end",
            "nats at the end": each.nats,
            "share": each.share,
        }
        for each in sorted(findings.factors, key=lambda factor: -_known(factor.freezing))
    ]


def _mode_rows(findings: WholeFindings) -> list[dict[str, object]]:
    return [
        {
            "mode": " + ".join(each.factors),
            **({"melted": each.melting} if findings.latents_melting else {}),
            "froze": each.freezing,
            "predicted": each.predicted,
            "latents": _listed(each.latents),
            "mixed": each.mixing,
        }
        for each in findings.modes
    ]


def _leakage_rows(findings: WholeFindings) -> list[dict[str, object]]:
    """Rows by falling leakage."""
    return [
        {
            "factor": each.factor,
            "into the latent of": each.other,
            "nats": each.nats,
            "shared": "yes" if each.shared else "no",
        }
        for each in sorted(findings.leakage, key=lambda pair: -pair.nats)
    ]


def _point(beta: float, status: str) -> float | str:
    """The pressure, or why there is none."""
    return beta if status == "ok" else status.replace("_", " ")


def _heated(beta: float, status: str) -> float | str:
    """The pressure, or why there is none, of what was heated."""
    return "not learnt" if status == "never_froze" else _point(beta, status)


def _about(held: Holding) -> str:
    return "-" if held.factor is None else f"{held.factor} {held.share:.0%}"


def _known(beta: float) -> float:
    return beta if beta == beta else 0.0


def _listed(latents: Sequence[int]) -> str:
    return ", ".join(map(str, latents)) or "none"
