"""A figure as one HTML file that needs nothing else."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go

from lmc_core.figures.config import plotly_config
from lmc_core.figures.palette import ThemeName
from lmc_core.figures.palette import theme as theme_of
from lmc_core.figures.standalone import FONT


def figure_html(
    figure: go.Figure,
    *,
    title: str,
    caption: str = "",
    alt: str = "",
    theme: ThemeName = "light",
    filename: str = "mode-connectivity",
) -> str:
    """A page with the title, the figure and its caption; plotly.js is inside, nothing is fetched or played by itself.

    figure     drawn with `standalone=True` in the same theme
    caption    plain text
    """
    ink = theme_of(theme)
    body = figure.to_html(
        full_html=False, include_plotlyjs=True, auto_play=False, config=plotly_config(filename), default_width="100%"
    )
    said = f"<p>{escape(caption)}</p>" if caption else ""
    style = (
        f"body{{margin:0 auto;padding:24px;max-width:1060px;font:15px/1.5 {FONT}}}"
        f"body{{background:{ink.page};color:{ink.text}}}"
        "h1{font-size:1.4rem;font-weight:650;line-height:1.32}figure{margin:0}p{max-width:62rem}"
    )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body><h1>{escape(title)}</h1><figure role='group' aria-label='{escape(alt, quote=True)}'>{body}</figure>"
        f"{said}</body></html>\n"
    )
