"""Pictures of a result: made by the worker after a run and kept with it, drawn anew where an earlier run has none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lmc_core.errors import InputError
from lmc_core.figures.compare import compare_sketch
from lmc_core.figures.fuse.sketch import fuse_sketch
from lmc_core.figures.path.sketch import path_sketch
from lmc_core.figures.plane.sketch import plane_sketch
from lmc_core.figures.sketch import Sketch, card_png, thumbnail_svg
from lmc_core.figures.theory import theory_sketch
from lmc_core.figures.width import width_sketch
from lmc_core.runs.kinds.compare import ComparisonResult
from lmc_core.runs.kinds.fuse import FuseResult
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.kinds.plane import PlaneResult
from lmc_core.runs.kinds.theory import TheoryResult
from lmc_core.runs.kinds.width import WidthResult
from lmc_core.runs.values.record import Result

THUMBNAIL, PREVIEW = "thumbnail.svg", "card.png"
PICTURES = (THUMBNAIL, PREVIEW)


def _sketched(sketch: Callable[[Any], Sketch]) -> Mapping[str, Callable[[Any], bytes]]:
    return {
        THUMBNAIL: lambda found: thumbnail_svg(sketch(found)).encode(),
        PREVIEW: lambda found: card_png(found.title, found.finding, sketch(found)),
    }


DRAWN: Mapping[type, Mapping[str, Callable[[Any], bytes]]] = {
    PathResult: _sketched(lambda found: path_sketch(found.naive, found.aligned)),
    PlaneResult: _sketched(lambda found: plane_sketch(found.surface, found.naive, found.aligned, found.across)),
    TheoryResult: _sketched(lambda found: theory_sketch(found.naive.t, found.naive.gap, found.aligned.gap)),
    WidthResult: _sketched(
        lambda found: width_sketch(
            [row.width for row in found.rows],
            [row.naive.barrier() for row in found.rows],
            [row.aligned.barrier() for row in found.rows],
        )
    ),
    ComparisonResult: _sketched(lambda found: compare_sketch([pair.profiles for pair in found.pairs])),
    FuseResult: _sketched(lambda found: fuse_sketch(found.outcome)),
}
"""Kind of result → name of a picture → what draws it."""

log = logging.getLogger("lmc_core.runs.keep.pictures")


def draw(result: Result, name: str) -> bytes:
    """One of PICTURES. Raises InputError for results that have none, and where Pillow is missing."""
    drawing = DRAWN.get(type(result), {}).get(name)
    if drawing is None:
        raise InputError(f"this run has no picture {name[:40]!r}")
    try:
        return drawing(result)
    except ImportError:
        raise InputError("previews need Pillow, which is not installed") from None


def whole(name: str, content: bytes) -> bool:
    """True if a kept picture has its beginning and its end."""
    start, end = (b"\x89PNG", b"IEND\xaeB`\x82") if name == PREVIEW else (b"<svg", b"</svg>")
    return content.startswith(start) and content.rstrip().endswith(end)


def leave(result: Result, folder: Path) -> None:
    """Put the pictures of a result among the files that are kept with it. A picture that fails costs no run."""
    for name in DRAWN.get(type(result), {}):
        try:
            (folder / name).write_bytes(draw(result, name))
        except InputError:
            continue
        except Exception:
            log.exception("no %s for this result", name)
