"""Tables of scores: how much each latent tells of each factor, and which latent owns which factor."""

from typing import Any

from analysis.scores.matrix import InformationMatrix
from ifp.tables.table import Table


def latents_telling(matrix: InformationMatrix) -> Table:
    """One row per latent: nats about each factor, the factor that it tells the largest share of, MIG-sup's gap."""
    rows = zip(matrix.nats, matrix.tells_most, matrix.latent_gaps.tolist(), strict=True)
    return Table(
        f"nats of each latent about each factor, {matrix.protocol}; gap: to the latent's second factor, of the entropy",
        tuple(
            {"latent": f"z{latent}", **_by_factor(matrix, nats), "most of": most or "-", "gap": gap}
            for latent, (nats, most, gap) in enumerate(rows)
        ),
    )


def factors_told(matrix: InformationMatrix) -> Table:
    """One row per factor: entropy, the latent that tells most of it, its nats, its share of all told, MIG's gap."""
    return Table(
        "factors, nats; owner: the latent that tells most, - where none tells more than chance; share: of all that "
        "latents tell beyond chance; gap: to the second latent, of the entropy",
        tuple(
            {name: "-" if name == "owner" and each is None else each for name, each in row.items()}
            for row in matrix.factors_frame().to_dict("records")
        ),
    )


def _by_factor(matrix: InformationMatrix, nats: tuple[float, ...]) -> dict[str, Any]:
    """Nats (factors,) by name; a factor that is called as another column is called so with a mark."""
    taken = ("latent", "most of", "gap")
    return {f"{name}*" if name in taken else name: each for name, each in zip(matrix.factors, nats, strict=True)}
