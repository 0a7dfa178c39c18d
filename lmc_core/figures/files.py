"""One figure as a file: a page that needs nothing else, or a picture for a paper."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go

from lmc_core.errors import SettingError
from lmc_core.figures.report import Picture, figure_html

PAGE, PICTURES = ".html", (".svg", ".png", ".pdf")
WIDTH = 1100
"""Pixels of a picture: the wide layout at the size it is drawn for."""
CONTROLS = 44
"""Pixels of a slider under the axes of a figure."""
SHARP = 2
"""Dots of a PNG per pixel."""


def check_figure(path: Path) -> None:
    """Find out before the work whether a figure can be written there. Raises SettingError."""
    if path.suffix not in (PAGE, *PICTURES):
        raise SettingError(f"a figure is written as {PAGE}, {', '.join(PICTURES)}; {path.name!r} ends in none of them")
    if path.suffix in PICTURES and not _browser():
        raise SettingError(
            f"{path.name!r}: a picture is drawn by Chrome or Chromium, and none is installed here; "
            f"install one, or write {path.stem}{PAGE}"
        )


def write_figure(picture: Picture, path: Path) -> None:
    """The figure of `picture`, drawn with `standalone=True`, in the form that the ending of `path` says.

    SVG, PNG and PDF hold the picture alone, as it looks before anybody touches it: nothing to press, nothing to move.
    Raises SettingError as `check_figure` does.
    """
    check_figure(path)
    if path.suffix == PAGE:
        page = figure_html(picture.figure, title=picture.title, caption=picture.caption, alt=picture.alt)
        path.write_text(page, encoding="utf-8")
        return
    path.write_bytes(drawn(picture, path.suffix))


def drawn(picture: Picture, ending: str, width: int = WIDTH) -> bytes:
    """The picture alone as .svg, .pdf with its font, or .png in two dots per pixel; `width` in pixels.

    Raises SettingError where no browser is installed that draws it.
    """
    check_figure(Path(f"figure{ending}"))
    how = {"format": ending.removeprefix("."), "width": width, "scale": SHARP if ending == ".png" else 1}
    return bytes(_still(picture.figure).to_image(**how))


def _still(figure: go.Figure) -> go.Figure:
    """The figure without its controls and the room under the plot that they take."""
    found = go.Figure(figure.data, figure.layout)
    room = CONTROLS if found.layout.sliders else 0
    found.layout.sliders = found.layout.updatemenus = None
    return found.update_layout(height=found.layout.height - room, margin={"b": found.layout.margin.b - room})


def drawable() -> bool:
    """Whether a browser is installed that draws pictures."""
    return _browser() is not None


def _browser() -> str | None:
    from choreographer.browsers.chromium import Chromium

    found: str | None = Chromium.find_browser(skip_local=False)
    return found
