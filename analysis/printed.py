"""How a result is displayed at a prompt and in a notebook: a line that says what it is, and its frame below."""

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 20


def printed(title: str, frame: "pd.DataFrame") -> str:
    """The title, then the frame's first rows, with four digits per number and - for a missing one.

    >>> import pandas as pd
    >>> print(printed("pressures (nats)", pd.DataFrame({"factor": ["scale", "posX"], "ifp": [135.061, float("nan")]})))
    pressures (nats)
    factor   ifp
     scale 135.1
      posX     -
    """
    text = frame.head(_MOST_ROWS).to_string(index=False, na_rep="-", float_format="{:.4g}".format, justify="right")
    more = f"\n... {len(frame) - _MOST_ROWS} more rows: .to_frame()" if len(frame) > _MOST_ROWS else ""
    return f"{title}\n{text}{more}"


def printed_html(title: str, frame: "pd.DataFrame") -> str:
    """The same for a notebook; nothing in a name or a title is taken for HTML.

    >>> import pandas as pd
    >>> print(printed_html("a < b", pd.DataFrame({"n": [1]})).splitlines()[0])
    <p>a &lt; b</p>
    """
    table = frame.head(_MOST_ROWS).to_html(index=False, na_rep="-", float_format="{:.4g}".format, border=0)
    more = f"\n<p>... {len(frame) - _MOST_ROWS} more rows: .to_frame()</p>" if len(frame) > _MOST_ROWS else ""
    return f"<p>{html.escape(title)}</p>\n{table}{more}"


class Shown:
    """A result that is displayed as a line and a table: as text at a prompt, as HTML in a notebook."""

    def _shown(self) -> tuple[str, "pd.DataFrame"]:
        """The line that says what it is, and the frame to show."""
        raise NotImplementedError

    def _below(self) -> tuple[str, ...]:
        """Lines below the table."""
        return ()

    def __repr__(self) -> str:
        return "\n".join([printed(*self._shown()), *self._below()])

    def _repr_html_(self) -> str:
        below = (f"<p>{html.escape(line)}</p>" for line in self._below())
        return "\n".join([printed_html(*self._shown()), *below])
