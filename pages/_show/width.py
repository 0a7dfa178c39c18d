"""What the theory speaks of, over several widths."""

from functools import partial

import streamlit as st

from lmc_core.figures.measurements import exponent_figure, measurement_height
from lmc_core.figures.width import width_figure, width_height
from lmc_core.runs.kinds.width import WidthResult
from lmc_core.runs.summary.width import barriers, summary
from lmc_core.words.measurements import exponent_alt, exponent_words
from lmc_core.words.width import width_alt
from pages._frame.url import buttons
from pages._show.chart import caption, chart, same_height
from pages._show.view import Shown, View

METRICS = {"data": "As the data sees it", "weights": "Raw weights"}


def look(result: WidthResult, run_id: str) -> str:
    """The metric of the distances."""
    with st.container(horizontal=True, key="view"):
        return buttons("Metric", METRICS, "metric")


def shown(result: WidthResult, run_id: str, look: str) -> Shown:
    return Shown.of(summary(result), run_id, look)


def figure(shown: Shown) -> None:
    result, parts, seen = shown.result, barriers(shown.result), shown.look == "data"
    make = partial(width_figure, *parts, result.seen if seen else result.plain, seen=seen)
    chart("width", shown.run, make, width_alt(*parts), height=width_height, look=(seen,))


def under(shown: Shown) -> None:
    """The exponents, and what three pairs can tell of them."""
    result = shown.result
    if not result.exponents:
        return
    of = result.exponents, result.seen or result.plain
    rows = len(result.exponents) + len(of[1])
    height = partial(same_height, measurement_height(rows))
    chart("exponents", shown.run, partial(exponent_figure, *of), exponent_alt(result.exponents), height=height)
    caption("exponents", exponent_words(*of))


VIEW = View(shown, look, figure, under, height=460, title="Widths", page="theory")
