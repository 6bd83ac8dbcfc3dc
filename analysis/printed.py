"""How a result shows itself at a prompt: a line that says what it is, and its frame below."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 20


def printed(title: str, frame: "pd.DataFrame") -> str:
    """The title, then the frame's first rows with four digits a number and - where there is none.

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
