"""A result, or one figure, as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lmc_core.figures.browser import plotly_config
from lmc_core.figures.palette import ThemeName, theme_of
from lmc_core.figures.sheet import FONT

TEMPLATE = "report.html.j2"


@dataclass(frozen=True)
class Picture:
    """A figure drawn with `standalone=True`, its caption as plain text, and what it shows in words."""

    title: str
    figure: go.Figure
    caption: str = ""
    alt: str = ""


@dataclass(frozen=True)
class Table:
    """Columns by name, all of one length."""

    title: str
    columns: Mapping[str, Sequence[Any]]

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """The cells, row by row."""
        return list(zip(*self.columns.values(), strict=True))


@dataclass(frozen=True)
class Report:
    """What stands in a report, from top to bottom; every text is plain and is escaped.

    finding    the sentence; `about` says under it which networks and data
    numbers    (label, value, note)
    listings   (title, text): command line, Python, request
    """

    title: str
    finding: str
    about: str = ""
    numbers: tuple[tuple[str, str, str], ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    listings: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    link: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


def report_html(report: Report, *, look: ThemeName = "light", filename: str = "figure") -> str:
    """The page. plotly.js is inside once; nothing is fetched, nothing plays by itself.

    filename   of pictures that a reader saves
    """
    drawn = []
    for k, picture in enumerate(report.pictures, 1):
        part = picture.figure.to_html(
            full_html=False,
            include_plotlyjs=k == 1,
            auto_play=False,
            config=plotly_config(f"{filename}-{k}"),
            default_width="100%",
            div_id=f"figure-{k}",
        )
        drawn.append((picture, Markup(part)))
    place = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page: str = place.get_template(TEMPLATE).render(
        report=report, drawn=drawn, ink=theme_of(look), font=Markup(FONT), number=number
    )
    return page


def figure_html(
    figure: go.Figure,
    *,
    title: str,
    caption: str = "",
    alt: str = "",
    look: ThemeName = "light",
    filename: str = "figure",
) -> str:
    """The page of one figure under its title; `figure` is drawn with `standalone=True` in the same theme."""
    picture = Picture(title, figure, caption, alt)
    return report_html(Report(title, title, pictures=(picture,)), look=look, filename=filename)


def number(value: Any) -> str:
    """A cell: floats with four significant digits, everything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
