"""What the views of finished runs have in common: finding, cards, files, the way to share them."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.figures.report import Picture, Report, Table, report_html
from lmc_core.runs.kinds._result import Measured
from lmc_core.runs.library import data as datasets
from lmc_core.runs.values.card import ModelCard
from lmc_core.words.finding import Card
from lmc_core.words.marks import Text
from lmc_core.words.models import models_line
from pages._frame import viewport
from pages._frame.text import escaped, markdown
from pages._frame.url import link
from pages._show.downloads import bundles

Columns = Mapping[str, Sequence[Any]]


def head(finding: Text, about: Text, cards: Sequence[Card]) -> None:
    """The finding, one line about what was measured, the numbers."""
    narrow = viewport.layout() == "narrow"
    st.markdown(f"## {markdown(finding)}")
    st.caption(markdown(about))
    with st.container(horizontal=True, key="cards"):
        for card in cards:
            why = card.help if card.help and not narrow else None
            label, value, note = map(markdown, (card.label, card.value, card.note))
            st.metric(label, value, note, delta_color="off", delta_arrow="off", border=True, help=why and markdown(why))


def about_models(models: Sequence[ModelCard], data: str, examples: Mapping[str, int] | None = None) -> Text:
    """A, B and perhaps C, what they are and the data, in one line."""
    return models_line(models, datasets.title(data), examples)


@dataclass(frozen=True, eq=False)
class Told:
    """What a page says of a result, for the page and for its files.

    caption    under the figure
    tables     title → (name of the file, columns)
    pictures   makes the figures of the report
    """

    about: Text
    cards: Sequence[Card]
    caption: Text
    tables: Mapping[str, tuple[str, Callable[[], Columns]]]
    pictures: Callable[[], Sequence[Picture]]


def foot(told: Told, result: Measured, run_id: str) -> None:
    """The caption, notes of the run, its files and its link; an embedded page leads to the full one instead."""
    with st.container(key="caption"):
        st.markdown(markdown(told.caption))
        for note in result.notes:
            st.caption(f":material/info: {escaped(note)}")
    address = link("run", id=run_id)
    if st.context.is_embedded:
        st.caption(f"Mode Connectivity Explorer · [open the full analysis]({address})")
        return
    with st.container(horizontal=True, key="files"):
        for label, name, make in files(told, result, run_id):
            st.download_button(label, make, f"{run_id}{name}", icon=":material/download:", on_click="ignore")
        with st.popover("Link", icon=":material/link:"):
            st.caption("Opens this result without recomputing.")
            st.code(address, language=None, wrap_lines=True)


def files(told: Told, result: Measured, run_id: str) -> list[tuple[str, str, Callable[[], bytes]]]:
    """Label, end of the file's name, and what makes it."""
    found: list[tuple[str, str, Callable[[], bytes]]] = [
        (f"{title}, CSV", f"-{name}.csv", partial(_csv, columns)) for title, (name, columns) in told.tables.items()
    ]
    found += [
        ("Everything, JSON", ".json", lambda: json.dumps(result.json, indent=1).encode()),
        ("Report, HTML", ".html", partial(report, told, result, run_id)),
        ("Request, JSON", "-request.json", partial(request_json, run_id)),
    ]
    return found + [(file.label, file.name.removeprefix(run_id), file.make) for file in bundles(run_id, result.models)]


def report(told: Told, result: Measured, run_id: str) -> bytes:
    """The result as one HTML file that needs nothing else."""
    listed = json.dumps(dict(result.request), indent=1, default=list)
    content = Report(
        title=result.title,
        finding=result.finding,
        about=str(told.about),
        numbers=tuple((card.label, str(card.value), card.note) for card in told.cards),
        pictures=tuple(told.pictures()),
        tables=tuple(Table(title, columns()) for title, (_, columns) in told.tables.items()),
        listings=(("Request", listed),),
        notes=result.notes,
        link=link("run", id=run_id),
        facts={**result.versions, "device": result.device},
    )
    return report_html(content).encode()


def _csv(columns: Callable[[], Columns]) -> bytes:
    return as_csv(columns())


def as_csv(columns: Mapping[str, Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def request_json(run_id: str) -> bytes:
    return json.dumps(json.loads(runs.request(run_id).json), indent=1).encode()
