"""Saving a figure where the command was told to, in the format its suffix names."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from annealing.errors import IFPError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".pdf", ".svg")


def require_figure_path(path: Path) -> None:
    """IFPError for a suffix that is not one of png, pdf and svg, or no folder there that can be written to."""
    from ifp.files.atomic import require_writable

    if path.suffix not in FORMATS:
        raise IFPError(f"need a figure file ending in {', '.join(FORMATS)}, got {path}")
    if not path.parent.is_dir():
        raise IFPError(f"need an existing folder for the figure, got {path.parent}")
    require_writable(path.parent)


def save_figure(figure: "Figure", path: Path) -> None:
    """Write the figure atomically; IFPError as for :func:`require_figure_path`."""
    from ifp.run_directory.run import write_file

    require_figure_path(path)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix[1:], dpi=150)
    write_file(path, buffer.getvalue())
