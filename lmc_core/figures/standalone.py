"""The colours a figure needs when no page around it fills them in."""

from __future__ import annotations

from typing import Any

from lmc_core.figures.palette import Theme

FONT = "'Source Sans 3', 'Source Sans Pro', 'Source Sans', system-ui, -apple-system, 'Segoe UI', sans-serif"


def paper(theme: Theme, standalone: bool) -> dict[str, Any]:
    """Background and font of a plotly layout: the theme's in a file, left to the page in the app."""
    if not standalone:
        return {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}
    return {
        "paper_bgcolor": theme.page,
        "plot_bgcolor": theme.page,
        "font": {"family": FONT, "color": theme.text},
        "hoverlabel": {"bgcolor": theme.page, "font": {"color": theme.text}},
    }
