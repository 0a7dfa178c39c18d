"""Pictures of a result: made by the worker after a run and kept with it, drawn anew where an earlier run has none."""

from __future__ import annotations

import logging
from pathlib import Path

from lmc_core.errors import InputError
from lmc_core.figures.thumbnail import card_png, thumbnail_svg
from lmc_core.runs.result import PathResult, Result

THUMBNAIL, PREVIEW = "thumbnail.svg", "card.png"
PICTURES = (THUMBNAIL, PREVIEW)

log = logging.getLogger("lmc_core.runs.illustrate")


def draw(result: Result, name: str) -> bytes:
    """One of PICTURES. Raises InputError for results without a path, and where Pillow is missing."""
    if not isinstance(result, PathResult) or name not in PICTURES:
        raise InputError(f"this run has no picture {name[:40]!r}")
    if name == THUMBNAIL:
        return thumbnail_svg(result.naive, result.aligned).encode()
    try:
        return card_png(result.title, result.finding, result.naive, result.aligned)
    except ImportError:
        raise InputError("previews need Pillow, which is not installed") from None


def leave(result: Result, folder: Path) -> None:
    """Put the pictures of a result among the files that are kept with it. A picture that fails costs no run."""
    if not isinstance(result, PathResult):
        return
    for name in PICTURES:
        try:
            (folder / name).write_bytes(draw(result, name))
        except InputError:
            continue
        except Exception:
            log.exception("no %s for this result", name)
