"""Everything that a finished run can be saved as, and the tab that offers it."""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.figures.files import WIDTH, drawable, drawn
from lmc_core.figures.palette import ThemeName
from lmc_core.runs.library import models as library
from lmc_core.runs.share import bundle
from lmc_core.runs.summary import Table, no_pictures
from lmc_core.runs.summary.report import report
from lmc_core.runs.values.card import ModelCard
from pages._frame import viewport
from pages._frame.url import link
from pages._jobs import visitor
from pages._show import table
from pages._show.view import File, Shown

NARROWEST, WIDEST = 740, 2000
"""Pixels of a figure whose panels stand side by side."""


def files(shown: Shown) -> tuple[File, ...]:
    """Tables, what the kind adds, report, request, bundles."""
    return (
        *(file for one in shown.tables if one.saved for file in _table(one)),
        *shown.files,
        File("Everything, JSON", "data_object", ".json", lambda: _json(shown.result.json)),
        File("Report, HTML", "description", ".html", partial(_report, shown, viewport.theme())),
        File("Request, JSON", "data_object", "-request.json", lambda: _json(json.loads(runs.request(shown.run).json))),
        *bundles(shown.run, shown.result.models),
    )


def bundles(run: str, models: Sequence[ModelCard]) -> tuple[File, ...]:
    """The run for another server; with its networks only for who may see all of them anyway."""
    seen = {card.id: card.fingerprint for card in library.models(visitor.name())}
    small = File("Bundle, ZIP", "folder_zip", ".zip", partial(bundle.export, run))
    whole = File("Bundle with networks, ZIP", "folder_zip", "-networks.zip", partial(bundle.export, run, networks=True))
    return (small, whole) if all(seen.get(card.id) == card.fingerprint for card in models) else (small,)


def body(shown: Shown) -> None:
    """The files, and the first table where none is open above."""
    _figure(shown)
    with st.container(horizontal=True, key="files"):
        for file in files(shown):
            icon = f":material/{file.icon}:"
            st.download_button(file.label, file.make, f"{shown.run}{file.ending}", icon=icon, on_click="ignore")
    if not any(one.open for one in shown.tables):
        numbers(shown.tables[:1])


def _figure(shown: Shown) -> None:
    """The picture alone, for a paper; nothing where no browser is installed that draws it."""
    if shown.pictures is no_pictures or not drawable():
        return
    with st.container(horizontal=True, key="figure-files", vertical_alignment="bottom"):
        pixels = st.number_input(
            "Width of the figure, pixels", NARROWEST, WIDEST, WIDTH, step=20, key="figure-width", width=220
        )
        for label, ending in {"PDF": ".pdf", "SVG": ".svg", "PNG, 2×": ".png"}.items():
            make = partial(_drawn, shown, ending, pixels)
            how: dict[str, Any] = {"icon": ":material/image:", "on_click": "ignore", "key": f"figure{ending}"}
            st.download_button(f"Figure, {label}", make, f"{shown.run}-figure{ending}", **how)


def _drawn(shown: Shown, ending: str, width: int) -> bytes:
    return drawn(shown.pictures()[0], ending, width)


def numbers(tables: Sequence[Table]) -> None:
    """The tables, each with its note."""
    for one in tables:
        columns = one.columns()
        table.show(columns, one.alt, high=table.height(columns))
        if one.note:
            st.caption(one.note)


def _report(shown: Shown, look: ThemeName) -> bytes:
    return report(shown, look=look, listings=shown.listings, link=link("run", id=shown.run)).encode()


def _table(one: Table) -> tuple[File, ...]:
    name, caption = one.saved, one.title or one.saved
    return (
        File(f"{name}, CSV", "table", f"-{name.lower()}.csv", lambda: table.as_csv(one.columns())),
        File(f"{name}, LaTeX", "table", f"-{name.lower()}.tex", lambda: table.as_latex(one.columns(), caption)),
    )


def _json(content: object) -> bytes:
    return json.dumps(content, indent=1).encode()
