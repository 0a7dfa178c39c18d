"""What the theory speaks of, over several widths."""

from functools import partial
from typing import Any

import streamlit as st

from lmc_core.figures.report import Picture
from lmc_core.figures.width import width_figure, width_height
from lmc_core.runs.kinds.width import WidthResult
from lmc_core.words.marks import as_text, joined
from lmc_core.words.theory import NOT_COMPUTABLE
from lmc_core.words.width import width_alt, width_caption, width_cards, width_finding
from pages._frame.url import buttons
from pages._show.chart import chart
from pages._show.view import Columns, Shown, Table, View

METRICS = {"data": "As the data sees it", "weights": "Raw weights"}


def look(result: WidthResult, run_id: str) -> str:
    """The metric of the distances."""
    with st.container(horizontal=True, key="view"):
        return buttons("Metric", METRICS, "metric")


def shown(result: WidthResult, run_id: str, look: str) -> Shown:
    parts, seen = barriers(result), result.seen or result.plain
    return Shown(
        run_id,
        result,
        look,
        width_finding(*parts, seen, result.method).sentence,
        about=as_text(f"{result.title} · seeds 0 and 1 of each · Digits"),
        cards=width_cards(*parts, seen),
        caption=joined([width_caption(), NOT_COMPUTABLE], "\n\n"),
        notes=result.notes,
        tables=(Table(partial(table, result), "Widths", "Widths", "Barriers and distances of every width"),),
        pictures=partial(pictures, result),
    )


def figure(shown: Shown) -> None:
    result, parts, seen = shown.result, barriers(shown.result), shown.look == "data"
    make = partial(width_figure, *parts, result.seen if seen else result.plain, seen=seen)
    chart("width", shown.run, make, width_alt(*parts), height=width_height, look=(seen,))


def barriers(result: WidthResult) -> tuple[list[int], list[float], list[float]]:
    """Widths, and the barriers of the test loss without and with alignment."""
    naive, aligned = ([getattr(row, name).barrier() for row in result.rows] for name in ("naive", "aligned"))
    return [row.width for row in result.rows], naive, aligned


def table(result: WidthResult) -> Columns:
    """One row per width: barriers, and the distance of every layer in both metrics."""
    widths, naive, aligned = barriers(result)
    columns: dict[str, list[Any]] = {"width": widths, "barrier, naive": naive, "barrier, aligned": aligned}
    for name, scalings in (("W", result.plain), ("W Σ½", result.seen)):
        columns |= {f"W₂² of {name}, {label}": line.costs.tolist() for label, line in scalings.items()}
    return columns


def pictures(result: WidthResult) -> list[Picture]:
    """The figure of a report."""
    parts = barriers(result)
    drawn = width_figure(*parts, result.seen or result.plain, standalone=True)
    caption = f"{width_caption()} {NOT_COMPUTABLE}"
    return [Picture("Barrier and distance against width", drawn, caption, width_alt(*parts))]


VIEW = View(shown, look, figure, height=460, title="Widths", page="theory")
