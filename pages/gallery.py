"""Finished runs that were published, and the visitor's own; bundles of other servers are opened here."""

from collections import Counter
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.share import bundle
from lmc_core.runs.values.status import Order
from pages._frame.navigation import lead
from pages._frame.url import choice
from pages._jobs import gate, incoming, visitor
from pages._show import reproductions, run_card, side_by_side

PAGE, COLUMNS = 12, 3
SEARCH = 200  # characters
SLOT = incoming.Slot("bundles", many=False)
ORDERS: dict[str, str] = {"newest": "Newest first", "oldest": "Oldest first", "title": "By name"}
WHOSE = {"all": "Published", "mine": "Your runs", "papers": "Reproductions"}


def found(words: str, kind: str | None, mine: bool, order: Order) -> list[runs.RunStatus]:
    """The first finished runs of a kind with these words, one more than are shown."""
    shown = PAGE * int(st.session_state.get("gallery-pages", 1))
    owner = visitor.name() if mine else None
    kinds = [kind] if kind else list(run_card.TITLES)
    return runs.recent(shown + 1, kind=kinds, state="done", owner=owner, words=words, mine=mine, order=order)


def brought(file: Any) -> Request:
    """What is to be run on a bundle; the networks in it are read too."""
    *networks, whole = bundle.add(file.name, file, owner=visitor.name())
    for network in networks:
        runs.submit(network, visitor.name())
    return whole


def more() -> None:
    st.session_state["gallery-pages"] = st.session_state.get("gallery-pages", 1) + 1


heading, about = st.empty(), st.empty()
with st.container(horizontal=True, vertical_alignment="center"):
    words = st.text_input(
        "Search",
        max_chars=SEARCH,
        key="q",
        bind="query-params",
        placeholder="digits, barrier, a tag …",
        label_visibility="collapsed",
    )
    kinds = {"all": "Everything"} | run_card.TITLES
    kind = choice(st.selectbox, "Kind", kinds, "all", "kind", label_visibility="collapsed", width=160)
    order: Any = choice(st.selectbox, "Order", ORDERS, "newest", "order", label_visibility="collapsed", width=150)
    whose = choice(st.segmented_control, "Whose", WHOSE, "all", "whose", required=True, label_visibility="collapsed")
    with st.popover("Open a bundle", icon=":material/unarchive:"):
        st.caption("A .zip that another server exported. It is checked field by field, and private until you publish.")
        if gate.passed("open bundles"):
            incoming.uploader("A bundle", ["zip"], SLOT, brought)
        for now in incoming.reading(SLOT):
            lead("run", "Open the run", {"id": now.id}, icon=":material/check:")
if whose == "papers":
    heading.markdown("## Reproductions")
    about.caption("Experiments of the papers, run here: published numbers stand beside those found.")
    reproductions.draw()
    st.stop()
own = whose == "mine"
heading.markdown("## Your runs" if own else "## Gallery")
about.caption(
    "Everything you asked for that is finished. Open a run to publish it."
    if own
    else "Finished runs that their owners published. Your own are under *Your runs*; open one to publish it."
)
listed = found(words, None if kind == "all" else kind, own, order)
tags = Counter(tag for run in listed for tag in run.tags)
common = [tag for tag, _ in tags.most_common(12)]
chosen = st.pills("Tags", common, key="tag", bind="query-params", label_visibility="collapsed") if common else None
listed = [run for run in listed if chosen is None or chosen in run.tags]
if not listed:
    nothing = "None of your runs is finished yet." if own else "Nothing has been published yet."
    st.caption("No finished run matches." if words or chosen or kind != "all" else nothing)
side_by_side.draw()
for start in range(0, min(len(listed), PAGE * st.session_state.get("gallery-pages", 1)), COLUMNS):
    for column, run in zip(st.columns(COLUMNS), listed[start : start + COLUMNS], strict=False):
        with column:
            run_card.draw(run, own=own)
if len(listed) > PAGE * st.session_state.get("gallery-pages", 1):
    st.button("Show more", on_click=more, key="more")
