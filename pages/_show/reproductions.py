"""Experiments of the papers as they were last run: each with its figure, its table, its notes and its command."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from lmc_core.figures.chart import Chart
from lmc_core.figures.experiment import experiment_figure
from lmc_core.training.reproduce import EXPERIMENTS
from pages._frame.url import choice
from pages._show import table
from pages._show.chart import chart

RESULTS = Path(__file__).parents[2] / "docs" / "experiments"


def recorded() -> dict[str, str]:
    """Name → title, of the experiments whose results are here."""
    return {name: str(result(name)["title"]) for name in EXPERIMENTS if (RESULTS / f"{name}.json").is_file()}


@cache
def result(name: str) -> dict[str, Any]:
    """What `reproduce NAME` wrote."""
    return dict(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")))


def draw() -> None:
    """The shelf: one experiment at a time."""
    titles = recorded()
    if not titles:
        st.caption("No result of an experiment is here.")
        return
    name = choice(st.selectbox, "Experiment", titles, next(iter(titles)), "experiment", label_visibility="collapsed")
    found = result(name)
    rows, drawn = found["rows"], Chart(**found["chart"])

    def make(*, theme: Any, layout: Any) -> Any:
        return experiment_figure(rows, drawn, theme=theme)

    st.caption(EXPERIMENTS[name][0].upper() + EXPERIMENTS[name][1:] + ".")
    chart(f"experiment-{name}", name, make, f"{found['title']}: {drawn.y} by {drawn.x}")
    for note in found["notes"]:
        st.markdown(f"- {note}".replace("$", r"\$"))
    columns = {column: [row[column] for row in rows] for column in rows[0]}
    table.show(columns, f"All rows of {found['title']}", high=table.height(columns))
    st.code(found["command"], language="bash")
