"""How much a study trains: the size that is rerun on two cores, and the one for a GPU."""

from dataclasses import dataclass
from pathlib import Path

DOCS = Path("docs/studies")


@dataclass(frozen=True)
class Size:
    """Steps by the side of an image, batch size and seeds of every training run; contexts of every annealing test."""

    name: str
    steps: dict[int, int]
    batch_size: int
    seeds: tuple[int, ...]
    contexts: int
    planning_contexts: int

    @property
    def rows(self) -> Path:
        """Folder of the rows that are done."""
        return DOCS / "rows" / self.name

    @property
    def traces(self) -> Path:
        """Folder of the traces that rows are computed from, a file per row."""
        return DOCS / "traces" / self.name

    def page(self, name: str) -> Path:
        """What a study's page, CSV and figure are called, without their suffix: those of the two sizes are apart."""
        return DOCS / (name if self.name == "small" else f"{name}-{self.name}")


SMALL = Size("small", {32: 6000, 64: 8000}, 64, (0, 1, 2, 3, 4), 8, 1000)
FULL = Size("full", {32: 30_000, 64: 40_000}, 256, (0, 1, 2, 3, 4), 40, 1000)
