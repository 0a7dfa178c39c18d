"""Figures of finished runs, drawn once for all visitors."""

from collections.abc import Callable, Hashable
from typing import Any

import streamlit as st

from lmc_core.figures.browser import Encoded

KEPT = 32  # half a megabyte each


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def drawn(name: str, run_id: str, look: tuple[Hashable, ...], _draw: Callable[[], Any]) -> Encoded:
    """The figure of that name, as `_draw` draws it.

    look    everything beside the run that the drawing depends on: theme, layout, layer, axis …
    """
    return Encoded(_draw())
