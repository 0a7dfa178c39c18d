"""The pictures of the guide, drawn from the analyses that the other pages open on."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from lmc_core.figures.compare import compare_figure, compare_height
from lmc_core.figures.fuse.figure import HEIGHTS, fuse_figure
from lmc_core.figures.path.matching import matching_figure
from lmc_core.figures.plane.maps import plane_figure, plane_height
from lmc_core.figures.width import width_figure, width_height
from lmc_core.runs.summary.compare import profiles
from lmc_core.runs.summary.plane import drawn_from
from lmc_core.runs.summary.width import barriers
from lmc_core.words.compare import compare_alt
from lmc_core.words.fuse import fuse_alt
from lmc_core.words.guide import Chapter
from lmc_core.words.matching import matching_alt
from lmc_core.words.plane import plane_alt
from lmc_core.words.width import width_alt
from pages._frame.navigation import TITLES, lead
from pages._show.chart import chart
from pages._show.view import view


def valleys(result: Any, run: str) -> None:
    """The plane as maps."""
    parts = drawn_from(result)
    make = partial(plane_figure, *parts, across=result.across)
    alt = plane_alt(*parts, relief="", across=result.across)
    chart("guide-valleys", run, make, alt, height=partial(plane_height, result.surface))


def barrier(result: Any, run: str) -> None:
    """Paths of all methods on the first pair."""
    first = {"": profiles(result)[0]}
    high = partial(compare_height, 1, sorted(first[""]))
    chart("guide-barrier", run, partial(compare_figure, first), compare_alt(list(first.values())), height=high)


def order(result: Any, run: str) -> None:
    """How well the units of the first layer fit, before and after."""
    group = next(iter(result.matching))
    chart("guide-order", run, partial(matching_figure, result.matching, group), matching_alt(result.matching, group))


def fusion(result: Any, run: str) -> None:
    """Parents, average and fused."""
    chart(
        "guide-fusion", run, partial(fuse_figure, result.outcome), fuse_alt(result.outcome), height=HEIGHTS.__getitem__
    )


def width(result: Any, run: str) -> None:
    """Barriers over widths."""
    parts = barriers(result)
    make = partial(width_figure, *parts, result.seen, seen=True)
    chart("guide-width", run, make, width_alt(*parts), height=width_height)


PICTURES: Mapping[str, Callable[[Any, str], None]] = {
    "valleys": valleys, "barrier": barrier, "order": order, "fusion": fusion, "width": width,
}  # fmt: skip
"""Chapter → what draws it."""


def draw(name: str, chapter: Chapter) -> None:
    """The picture, and the way to the page that it is from; a word where this host has not computed it."""
    request = runs.default_request(chapter.kind)
    try:
        result = None if request is None else runs.result(request.id)
    except LMCError:
        result = None
    if request is None or result is None:
        st.caption("This picture is drawn from an analysis that this server has not computed yet.")
        return
    PICTURES[name](result, request.id)
    page = view(chapter.kind).page
    lead(page, f"Open it in {TITLES[page]}", {"part": "width"} if chapter.kind == "width" else {})
