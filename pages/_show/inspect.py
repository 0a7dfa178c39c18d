"""A file that was read."""

from collections.abc import Mapping
from typing import Any

from lmc_core.runs.kinds.inspect import InspectResult
from lmc_core.runs.summary.inspect import summary
from pages._frame.text import escaped
from pages._show.view import Shown, View


def shown(result: InspectResult, run_id: str, look: None) -> Shown:
    return Shown(**vars(summary(result)), run=run_id, look=look)


def doing(options: Mapping[str, Any]) -> str:
    """The heading while a file is read."""
    return f"Reading {escaped(options['filename'])}"


VIEW = View(shown, doing=doing, failed="This file could not be read.")
