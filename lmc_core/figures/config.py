"""How the browser may handle a figure: which buttons, which export."""

from __future__ import annotations

from typing import Any

_REMOVED = ["select2d", "lasso2d", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "autoScale2d", "resetScale2d"]


def plotly_config(filename: str = "mode-connectivity", *, phone: bool = False) -> dict[str, Any]:
    """plotly's `config`: a download button on hover and nothing else; no bar at all on a phone."""
    return {
        "displaylogo": False,
        "scrollZoom": False,
        "doubleClick": False,
        "responsive": True,
        "displayModeBar": False if phone else "hover",
        "modeBarButtonsToRemove": list(_REMOVED),
        "toImageButtonOptions": {"format": "svg", "filename": filename},
    }
