"""Experiments of the papers as they were last run: each with its figure, table, notes, runs and command."""

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from lmc_core.figures.chart import Chart
from lmc_core.figures.experiment import experiment_figure
from lmc_core.runs.library import models as library
from lmc_core.runs.summary import Columns
from lmc_core.training.reproduce import EXPERIMENTS
from pages._ask import links
from pages._frame.navigation import TITLES
from pages._frame.url import choice, link
from pages._show import table
from pages._show.chart import chart
from pages._show.view import view

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
    st.code(found["command"], language="bash", wrap_lines=True)
    if runs := found.get("runs"):
        behind(name, runs)


def behind(name: str, runs: Sequence[Mapping[str, Any]]) -> None:
    """The measurements that the rows are means of, with links to those that a page can ask for again."""
    columns = measured(runs)
    opened = addresses(runs, {card.id for card in library.shipped()})
    st.markdown(f"**Runs behind this table** · {len(runs)}")
    shown = {**columns, "opens": opened} if any(opened) else columns
    alt = f"All runs of {name}, by network"
    table.show(shown, alt, high=table.height(shown), links={"opens": "open"})
    st.download_button(
        "Runs as CSV", table.as_csv(columns), f"{name}-runs.csv", icon=":material/download:", on_click="ignore"
    )


def measured(runs: Sequence[Mapping[str, Any]]) -> Columns:
    """Networks, the row that a run counts in, and its numbers, by column; None where a run has none."""
    rows, numbers = (dict.fromkeys(name for run in runs for name in run[part]) for part in ("row", "found"))
    return {
        "trained by": [run["recipe"] for run in runs],
        "seeds": [", ".join(map(str, run["seeds"])) for run in runs],
        **{name: [run["row"].get(name) for run in runs] for name in rows},
        **{name: [run["found"].get(name) for run in runs] for name in numbers},
    }


def addresses(runs: Sequence[Mapping[str, Any]], known: Collection[str]) -> list[str | None]:
    """Of the controls that ask for each run again; None where nothing can, or a network is not among the `known`."""
    return [_address(run["opens"]) if run["opens"] and networks(run["opens"]) <= set(known) else None for run in runs]


def networks(opens: Mapping[str, Any]) -> set[str]:
    """Ids of the networks that a run is of."""
    return set(opens.get("models") or (opens["a"], opens["b"]))


def _address(opens: Mapping[str, Any]) -> str:
    page = view(opens["kind"]).page
    return link("" if page == next(iter(TITLES)) else page, **links.query(opens["kind"], opens))
