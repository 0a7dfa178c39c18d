"""What the theory speaks of, measured on one pair or over several widths."""

from functools import partial
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.figures.browser import plotly_config
from lmc_core.figures.path.layers import layers_figure, layers_height
from lmc_core.figures.report import Picture
from lmc_core.figures.theory import theory_figure, theory_height
from lmc_core.figures.width import width_figure, width_height
from lmc_core.runs.kinds.theory import TheoryResult, theory_rows
from lmc_core.runs.kinds.width import WidthResult
from lmc_core.words.layers import layers_alt, layers_caption
from lmc_core.words.marks import as_text
from lmc_core.words.theory import (
    NOT_COMPUTABLE,
    theory_alt,
    theory_caption,
    theory_cards,
    theory_finding,
)
from lmc_core.words.width import width_alt, width_caption, width_cards, width_finding
from pages._frame import viewport
from pages._frame.text import markdown
from pages._frame.url import choice
from pages._show import later, picture
from pages._show.views import _parts

METRICS = {"data": "As the data sees it", "weights": "Raw weights"}


def pair(result: TheoryResult, run_id: str) -> None:
    """One pair."""
    naive, aligned, matching, layers = result.naive, result.aligned, result.matching, result.layers
    layout, theme = viewport.layout(), viewport.theme()
    told = _parts.Told(
        _parts.about_models(result.models, result.data),
        theory_cards(naive, aligned, matching, layers),
        NOT_COMPUTABLE,
        {"Layers": ("layers", partial(rows, result))} if layers else {},
        partial(pair_pictures, result),
    )
    _parts.head(theory_finding(naive, aligned, layers, result.method).sentence, told.about, told.cards)
    place = st.skeleton(theory_height(len(layers), layout))
    make = partial(theory_figure, naive, aligned, matching, layers, theme=theme, layout=layout)
    figure = picture.drawn("theory", run_id, (theme, layout), make)
    config = plotly_config(f"theory-{run_id}", phone=layout == "narrow")
    place.plotly_chart(figure, key="theory", config=config, alt=theory_alt(naive, aligned, matching))
    with st.container(key="caption-theory"):
        st.markdown(markdown(theory_caption(naive)))
    if not st.context.is_embedded and layers:
        later.below("theory", layers_height(len(layers), layout), partial(_layers, run_id))
    _parts.foot(told, result, run_id)


def _layers(run_id: str) -> None:
    """Features and spectra of every layer, and every number as a table."""
    result = runs.result(run_id)
    assert isinstance(result, TheoryResult)
    layout, theme = viewport.layout(), viewport.theme()
    st.markdown("### Features and spectra")
    make = partial(layers_figure, result.layers, theme=theme, layout=layout)
    below = picture.drawn("theory-layers", run_id, (theme, layout), make)
    config = plotly_config(f"theory-{run_id}-layers", phone=layout == "narrow")
    st.plotly_chart(below, key="layers", config=config, alt=layers_alt(result.layers))
    with st.container(key="caption-layers"):
        st.markdown(markdown(layers_caption(result.layers)))
    columns = rows(result)
    numbers = {name: st.column_config.NumberColumn(format="%.3g") for name in columns if name != "layer"}
    st.dataframe(columns, hide_index=True, column_config=numbers, alt="Every number of the figures, per layer")


def rows(result: TheoryResult) -> dict[str, list[Any]]:
    """One row per layer."""
    found = theory_rows(result)
    return {name: [row.get(name) for row in found] for name in found[0]}


def pair_pictures(result: TheoryResult) -> list[Picture]:
    """Both figures of a report."""
    naive, aligned, matching, layers = result.naive, result.aligned, result.matching, result.layers
    figure = theory_figure(naive, aligned, matching, layers, standalone=True)
    caption = f"{theory_caption(naive)} {NOT_COMPUTABLE}"
    drawn = [Picture("Gap, distances, dimensions", figure, caption, theory_alt(naive, aligned, matching))]
    if layers:
        below = layers_figure(layers, standalone=True)
        drawn.append(Picture("Features and spectra", below, str(layers_caption(layers)), layers_alt(layers)))
    return drawn


def width(result: WidthResult, run_id: str) -> None:
    """Several widths."""
    layout, theme = viewport.layout(), viewport.theme()
    widths, naive, aligned = barriers(result)
    shown = result.seen or result.plain
    told = _parts.Told(
        as_text(f"{result.title} · seeds 0 and 1 of each · Digits"),
        width_cards(widths, naive, aligned, shown),
        NOT_COMPUTABLE,
        {"Widths": ("widths", partial(width_table, result))},
        partial(width_pictures, result),
    )
    _parts.head(width_finding(widths, naive, aligned, shown, result.method).sentence, told.about, told.cards)
    with st.container(horizontal=True, key="view"):
        metric = choice(
            st.segmented_control, "Metric", METRICS, "data", "metric", required=True, label_visibility="collapsed"
        )
    seen = metric == "data"
    scalings = result.seen if seen else result.plain
    place = st.skeleton(width_height(layout))
    make = partial(width_figure, widths, naive, aligned, scalings, seen=seen, theme=theme, layout=layout)
    figure = picture.drawn("width", run_id, (seen, theme, layout), make)
    config = plotly_config(f"width-{run_id}", phone=layout == "narrow")
    place.plotly_chart(figure, key="width", config=config, alt=width_alt(widths, naive, aligned))
    with st.container(key="caption-width"):
        st.markdown(markdown(width_caption()))
    _parts.foot(told, result, run_id)


def barriers(result: WidthResult) -> tuple[list[int], list[float], list[float]]:
    """Widths, and the barriers of the test loss without and with alignment."""
    naive, aligned = ([getattr(row, name).barrier() for row in result.rows] for name in ("naive", "aligned"))
    return [row.width for row in result.rows], naive, aligned


def width_table(result: WidthResult) -> dict[str, list[Any]]:
    """One row per width: barriers, and the distance of every layer in both metrics."""
    widths, naive, aligned = barriers(result)
    columns: dict[str, list[Any]] = {"width": widths, "barrier, naive": naive, "barrier, aligned": aligned}
    for name, scalings in (("W", result.plain), ("W Σ½", result.seen)):
        columns |= {f"W₂² of {name}, {label}": line.costs.tolist() for label, line in scalings.items()}
    return columns


def width_pictures(result: WidthResult) -> list[Picture]:
    """The figure of a report."""
    widths, naive, aligned = barriers(result)
    figure = width_figure(widths, naive, aligned, result.seen or result.plain, standalone=True)
    caption = f"{width_caption()} {NOT_COMPUTABLE}"
    return [Picture("Barrier and distance against width", figure, caption, width_alt(widths, naive, aligned))]
