"""A file that was read."""

from collections.abc import Mapping
from typing import Any

from lmc_core.runs.values.record import Record
from lmc_core.words.marks import as_text
from pages._frame.text import escaped
from pages._show.view import Shown, View


def shown(result: Record, run_id: str, look: None) -> Shown:
    title = as_text(result.title)  # type: ignore[attr-defined]
    return Shown(run_id, result, look, title + " was read.", about=as_text(result.finding))


def doing(options: Mapping[str, Any]) -> str:
    """The heading while a file is read."""
    return f"Reading {escaped(options['filename'])}"


VIEW = View(shown, doing=doing, failed="This file could not be read.")
