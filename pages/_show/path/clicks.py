"""What the browser does in the figure of a path: it says which dot was clicked, and rings the unit that is looked at.

The rings lie over the figure. They move with its frames, so neither a click nor the slider draws the figure anew.
Streamlit's own selections do not survive the slider: plotly cannot select in a figure that showed a frame.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from pages._frame.script import script

KEY = "clicks"

_clicks = script(Path(__file__).with_suffix(".js"))


def listen(ring: dict[str, Any] | None, clicked: Callable[[], None]) -> None:
    """Call `clicked` when a dot is clicked, with its number in `number`, and draw that ring over the figure."""
    _clicks(key=KEY, data={"figure": ".st-key-figure", "ring": ring}, on_unit_change=clicked)


def number() -> int | None:
    """A's unit that was clicked."""
    found = st.session_state[KEY].unit
    return int(found) if isinstance(found, (int, float)) else None
