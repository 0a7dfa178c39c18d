"""A figure checked and encoded once, to be sent to many viewers."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import plotly.graph_objects as go

from lmc_core.figures.at_once import at_once


class Ready(go.Figure):
    """What a figure says as a dictionary, made when it is built: whoever sends it neither checks nor encodes it again.

    Checking every trace of every frame takes most of the time in which a page is drawn.
    """

    def __init__(self, figure: go.Figure) -> None:
        super().__init__()
        self._said: dict[str, Any] = figure.to_dict()

    @cached_property
    def at_once(self) -> str:
        """Its lines and dots as HTML."""
        return at_once(self._said)

    def to_dict(self) -> dict[str, Any]:
        return self._said
