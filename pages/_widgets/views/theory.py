"""What the theory speaks of, measured on one pair or over several widths."""

import streamlit as st

from lmc_core.figures.captions import layers_caption
from lmc_core.figures.config import plotly_config
from lmc_core.figures.layers import layers_alt, layers_figure
from lmc_core.figures.theory import theory_figure, theory_height, width_figure
from lmc_core.figures.theory_words import (
    NOT_COMPUTABLE,
    theory_alt,
    theory_caption,
    theory_cards,
    theory_finding,
    width_alt,
    width_caption,
    width_cards,
    width_finding,
)
from lmc_core.runs.kinds.theory import TheoryResult, theory_rows
from lmc_core.runs.kinds.width import WidthResult
from pages._widgets import viewport
from pages._widgets.url import choice
from pages._widgets.views import _parts

METRICS = {"data": "As the data sees it", "weights": "Raw weights"}


def pair(result: TheoryResult, run_id: str) -> None:
    """One pair."""
    naive, aligned, matching, layers = result.naive, result.aligned, result.matching, result.layers
    layout, theme = viewport.layout(), viewport.theme()
    _parts.head(
        theory_finding(naive, aligned, layers, result.method).markdown,
        _parts.about_models(result.models, result.data),
        theory_cards(naive, aligned, matching, layers),
    )
    place = st.skeleton(theory_height(len(layers), layout))
    figure = theory_figure(naive, aligned, matching, layers, theme=theme, layout=layout)
    config = plotly_config(f"theory-{run_id}", phone=layout == "narrow")
    place.plotly_chart(figure, key="theory", config=config, alt=theory_alt(naive, aligned, matching))
    with st.container(key="caption-theory"):
        st.markdown(theory_caption(naive))
    if not st.context.is_embedded and layers:
        st.markdown("### Features and spectra")
        below = layers_figure(layers, theme=theme, layout=layout)
        st.plotly_chart(below, key="layers", config=config, alt=layers_alt(layers))
        seen = [x.dimension.seen.dimension for x in layers.values() if x.dimension.seen is not None]
        with st.container(key="caption-layers"):
            st.markdown(layers_caption(tuple(seen), max(x.dimension.units for x in layers.values())))
        rows = theory_rows(result)
        columns = {name: [row.get(name) for row in rows] for name in rows[0]}
        numbers = {name: st.column_config.NumberColumn(format="%.3g") for name in columns if name != "layer"}
        st.dataframe(columns, hide_index=True, column_config=numbers, alt="Every number of the figures, per layer")
    _parts.foot(
        NOT_COMPUTABLE,
        result.notes,
        run_id,
        {
            "Layers, CSV": ("layers.csv", lambda: _layers(result)),
            "Request, JSON": ("request.json", lambda: _parts.request_json(run_id)),
        },
    )


def width(result: WidthResult, run_id: str) -> None:
    """Several widths."""
    layout = viewport.layout()
    widths = [row.width for row in result.rows]
    naive, aligned = ([getattr(row, name).barrier() for row in result.rows] for name in ("naive", "aligned"))
    _parts.head(
        width_finding(widths, naive, aligned, result.seen or result.plain, result.method).markdown,
        f"{result.title} · seeds 0 and 1 of each · Digits",
        width_cards(widths, naive, aligned, result.seen or result.plain),
    )
    with st.container(horizontal=True, key="view"):
        metric = choice(
            st.segmented_control, "Metric", METRICS, "data", "metric", required=True, label_visibility="collapsed"
        )
    seen = metric == "data"
    place = st.skeleton(800 if layout == "narrow" else 430)
    figure = width_figure(
        widths,
        naive,
        aligned,
        result.seen if seen else result.plain,
        seen=seen,
        theme=viewport.theme(),
        layout=layout,
    )
    config = plotly_config(f"width-{run_id}", phone=layout == "narrow")
    place.plotly_chart(figure, key="width", config=config, alt=width_alt(widths, naive, aligned))
    with st.container(key="caption-width"):
        st.markdown(width_caption())
    _parts.foot(
        NOT_COMPUTABLE,
        result.notes,
        run_id,
        {"Request, JSON": ("request.json", lambda: _parts.request_json(run_id))},
    )


def _layers(result: TheoryResult) -> bytes:
    rows = theory_rows(result)
    return _parts.as_csv({name: [row.get(name) for row in rows] for name in rows[0]})
