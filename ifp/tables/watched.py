"""The table of a watched training: when and where each latent froze or fell silent, and what it holds."""

from analysis.watched_findings import WatchedFindings
from annealing.thresholds import ACTIVE
from ifp.tables.table import Table


def watched_latents(label: str, found: WatchedFindings) -> Table:
    """One row per latent; freezing points where the pressure moved."""
    title = (
        f"{label}: froze at: step and beta (nats) at which KL last rose to {ACTIVE:g} nat. silent at: below 0.01 again"
    )
    rows = []
    for latent in found.latents:
        row: dict[str, object] = {"latent": f"z{latent.latent}", "froze at": latent.froze_at, "beta": latent.froze_beta}
        if any(each.silent_at is not None for each in found.latents):
            row |= {"silent at": latent.silent_at, "at beta": latent.silent_beta}
        if found.annealed:
            row |= {name: getattr(latent, name) for name in ("freezing", "melting", "ifp", "low", "high", "status")}
        rows.append(row | {"kl peak": latent.kl_peak, "kl end": latent.kl_end})
    told = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    return Table(title, tuple({name: row[name] for name in told} for row in rows))
