"""Two finished runs beside each other, with only what differs."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.library import models as library
from lmc_core.runs.summary import summary
from pages._frame.navigation import lead
from pages._frame.text import escaped
from pages._frame.url import known, remember
from pages._jobs import job
from pages._show import table
from pages._show.request import TITLES

KEY = "with"  # in the URL and in the session: the runs that were picked


def picked() -> list[str]:
    """The runs that were picked, two at most, as the link or the visitor says."""
    asked = st.query_params.get(KEY)
    if asked is not None and asked != st.session_state.get(f"{KEY}:url"):
        known = [run for run in asked.split(",") if (now := job.status(run)) is not None and now.state == "done"]
        st.session_state[KEY] = known[:2]
    return list(st.session_state.get(KEY, []))


def pick(run: str) -> None:
    """A box to pick a run; of three, the first is let go."""
    chosen = picked()
    st.session_state[f"pick-{run}"] = run in chosen
    st.checkbox("Compare", key=f"pick-{run}", on_change=_toggle, args=(run,))


def _toggle(run: str) -> None:
    chosen = list(st.session_state.get(KEY, []))
    _choose([one for one in chosen if one != run] if run in chosen else [*chosen, run][-2:])


def _choose(chosen: list[str]) -> None:
    known(KEY)  # a quick second click comes with the address of before the first
    st.session_state[KEY] = chosen


def _clear() -> None:
    _choose([])


def draw() -> None:
    """The picked runs, once there are two."""
    chosen = picked()
    remember(KEY, ",".join(chosen) or None)
    if len(chosen) == 1:
        st.caption("One run is picked. Pick another to see both side by side.")
    if len(chosen) < 2:
        return
    with st.container(border=True, key="side-by-side"):
        st.markdown("### Side by side")
        states = [runs.status(run) for run in chosen]
        for letter, column, now in zip("12", st.columns(2), states, strict=True):
            with column:
                st.markdown(f"**{letter} · {escaped(now.title)}**")
                st.caption(escaped(now.finding))
                lead("run", "Open", {"id": now.id})
        try:
            first, second = (told(now) for now in states)
        except LMCError as error:
            st.caption(escaped(str(error)))
            return
        rows = differences(first, second)
        if rows["what"]:
            table.show(rows, "What differs between the two runs")
        else:
            st.caption("Nothing differs.")
        st.button("Close", icon=":material/close:", key="side-by-side-close", on_click=_clear)


def told(now: runs.RunStatus) -> dict[str, str]:
    """What was asked for and what came out, by name."""
    options, result = runs.request(now.id).options, runs.result(now.id)
    facts = KINDS[now.kind].facts
    asked = {name.replace("_", " "): _spelled(value) for name, value in options.items() if name not in facts}
    found = {card.label: str(card.value) for card in summary(now.kind, result).cards}
    return {"kind": now.kind, **asked, **{str(label): value for label, value in found.items()}}


def differences(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, list[Any]]:
    """Columns of what is not the same; a dash where one has no such thing."""
    names = [name for name in dict.fromkeys((*first, *second)) if first.get(name) != second.get(name)]
    columns = {"1": [first.get(name, "–") for name in names], "2": [second.get(name, "–") for name in names]}
    return {"what": names, **columns}


def _spelled(value: Any) -> str:
    """A value as the page writes it: models and methods by what they are called."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {_spelled(one)}" for name, one in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_spelled, value))
    if isinstance(value, str) and value in TITLES:
        return TITLES[value]
    if isinstance(value, str):
        try:
            return library.card(value).name
        except LMCError:
            return value
    return "none" if value is None else str(value)
