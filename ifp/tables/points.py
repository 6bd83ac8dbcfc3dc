"""The table of freezing points read from anyone's records."""

from analysis.freezing_points import FreezingPoints
from ifp.tables.table import Table


def latent_points(found: FreezingPoints, label: str) -> Table:
    """One row per latent: freezing, melting, the point with its bracket, and the nats it held."""
    rows = found.to_frame().to_dict("records")
    title = (
        f"{label}: pressures at which KL crossed {found.threshold:g} nat (in nats, on the scale of the beta given). "
        "ifp: the knee on heating, otherwise the middle of freezing and melting. A cooling alone lags, so it gives "
        "only a lower bound"
    )
    return Table(title, tuple({str(name): value for name, value in row.items()} for row in rows))


def branch_points(found: FreezingPoints, label: str) -> Table:
    """One row per branch of falling or rising pressure: where each latent that was ever active passed the threshold."""
    shown = [each for each in found.points if each.kl_peak >= found.threshold]
    rows = []
    for number, branch in enumerate(found.points[0].branches):
        way = "falls" if branch.direction == "cool" else "rises"
        row: dict[str, object] = {"branch": branch.branch, "beta": way, "from": branch.start, "to": branch.end}
        row |= {"steps": f"{branch.first_step:g} to {branch.last_step:g}"}
        for each in shown:
            own = each.branches[number]
            row[f"z{each.latent}"] = f"{own.point:.4g}" if own.status == "ok" else own.status.replace("_", " ")
        rows.append(row)
    title = f"{label}: every branch by itself: the pressure at which each latent's KL crossed {found.threshold:g} nat"
    return Table(title, tuple(rows))
