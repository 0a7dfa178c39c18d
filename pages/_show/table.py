"""Tables on the page and as files: how their numbers are written."""

import csv
import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import streamlit as st

from lmc_core.figures.palette import contrast
from lmc_core.runs.summary import Columns
from pages._frame.text import escaped

FORMATS = {
    "cosine": "%.3f",
    "distance": "%.3f",
    "acc.": "%.2f %%",
    "cost": "%.3f",
    "error": "%.2g",
    "half-way": "%.2f",
    "loss": "%.3f",
    "barrier": "%.3f",
    "objective": "%.1f",
    "seconds": "%.2f",
    "t": "%.2f",
    "units of": "%.2f",
}
"""A word of a column's name → how its numbers are written."""
OTHERS = "%.3g"
ROW, HEAD, ROWS = 35, 37, 12  # pixels; and rows of a table before it scrolls
SHARES = ("activation correlation",)  # columns that are drawn as bars from 0 to 1
SHORT = {"function error": "error", "W₂² of ": ""}  # in headings, so that a table fits beside a tablet's edges
WORDS = ("remarks",)  # columns of sentences, which stand under the table


def show(
    columns: Columns,
    alt: str,
    *,
    high: int | None = None,
    colours: Mapping[str, Mapping[str, str]] | None = None,
    links: Mapping[str, str] | None = None,
    chosen: Callable[[int], None] | None = None,
) -> None:
    """The table, with every number in few digits; sentences about its rows stand under it and are read whole.

    colours   column → what it says → colour behind it
    links     column of addresses → what every link says
    chosen    what to do with the number of a row that somebody chooses
    """
    config: dict[str, Any] = {}
    remarks = {name: columns[name] for name in WORDS if name in columns}
    columns = {name: values for name, values in columns.items() if name not in remarks}
    for name, values in columns.items():
        heading = shortened(name)
        label: dict[str, Any] = {} if heading == name else {"label": heading, "help": name}
        if links and name in links:
            config[name] = st.column_config.LinkColumn("", display_text=links[name])
        elif name in SHARES:
            config[name] = st.column_config.ProgressColumn(format="%.2f", min_value=0, max_value=1, **label)
        elif any(isinstance(value, float) for value in values):
            config[name] = st.column_config.NumberColumn(format=_format(name), **label)
        elif label:
            config[name] = st.column_config.Column(**label)
    how: dict[str, Any] = {} if high is None else {"height": high}
    if chosen is not None:
        how |= {
            "key": f"table-{alt}",
            "selection_mode": "single-row",
            "on_select": partial(_row, f"table-{alt}", chosen),
        }
    st.dataframe(_behind(columns, colours), hide_index=True, column_config=config, alt=alt, **how)
    for said in sentences(columns, remarks):
        st.caption(said)


def shortened(name: str) -> str:
    """The heading of a column on the page."""
    for long, short in SHORT.items():
        name = name.replace(long, short)
    return name


def sentences(columns: Columns, remarks: Columns) -> list[str]:
    """What is remarked of the rows, each after the words that its row begins with, as Markdown."""
    first = [name for name, values in columns.items() if all(isinstance(value, str) for value in values)]
    rows = [", ".join(columns[name][row] for name in first) for row in range(len(next(iter(columns.values()), ())))]
    return [
        f"**{escaped(row)}**: {escaped(said)}"
        for column in remarks.values()
        for row, said in zip(rows, column, strict=True)
        if said
    ]


def _row(key: str, chosen: Callable[[int], None]) -> None:
    for row in st.session_state[key].selection.rows[:1]:
        chosen(row)


def _behind(columns: Columns, colours: Mapping[str, Mapping[str, str]] | None) -> Any:
    """The columns, where there are colours with those behind what they say."""
    if not colours or not any(colours.values()):
        return dict(columns)
    from pandas import DataFrame

    styled = DataFrame(dict(columns)).style
    for column, known in colours.items():
        if column in columns:
            styled = styled.map(lambda value, known=known: _cell(known.get(value)), subset=[column])
    return styled


def _cell(colour: str | None) -> str:
    """CSS of a cell with that colour behind black or white, whichever can be read."""
    if colour is None:
        return ""
    words = max(("#FFFFFF", "#000000"), key=lambda words: contrast(words, colour))
    return f"background-color: {colour}; color: {words}"


def height(columns: Columns) -> int:
    """Pixels of a table of so many rows."""
    return HEAD + ROW * min(ROWS, len(next(iter(columns.values()), ())))


def _format(name: str) -> str:
    parts = f" {name.replace(',', ' ')} "
    return next((form for word, form in FORMATS.items() if f" {word} " in parts), OTHERS)


def as_csv(columns: Columns) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def as_latex(columns: Columns, caption: str) -> bytes:
    """The table for a paper that uses `booktabs`, its numbers in the digits of the page."""
    from pandas import DataFrame

    forms = {name: _format(name) for name, values in columns.items() if any(isinstance(v, float) for v in values)}
    how = {name: form.replace(" %%", "").__mod__ for name, form in forms.items()}
    written = DataFrame(dict(columns)).to_latex(index=False, escape=True, na_rep="--", formatters=how, caption=caption)
    return str(written).encode()
