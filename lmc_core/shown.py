"""How values show themselves in a notebook: what draws them stands on a floor above theirs, loaded when asked."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_DRAWS = "lmc_core.figures.notebook"


def drawn(value: Any) -> Any:
    """The plotly figure of a value."""
    return import_module(_DRAWS).drawn(value)


def page(value: Any) -> str:
    """A value as HTML: what it is, in a table."""
    return str(import_module(_DRAWS).page(value))
