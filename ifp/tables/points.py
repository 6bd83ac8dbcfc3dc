"""The table of freezing points read from anyone's records."""

from analysis.freezing_points import FreezingPoints
from ifp.tables.table import Table


def latent_points(found: FreezingPoints, label: str) -> Table:
    """One row per latent: freezing, melting, the point with its bracket, and the nats it held."""
    rows = found.to_frame().to_dict("records")
    title = (
        f"{label}: pressures (nats, on the scale of the beta given) at which KL passed {found.threshold:g} nat; ifp: "
        "knee of heating, else between freezing and melting; a cooling alone lags, and gives a lower bound"
    )
    return Table(title, tuple({str(name): value for name, value in row.items()} for row in rows))
