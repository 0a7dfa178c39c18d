"""A finished run on the page, of whatever kind: finding, numbers, figure, caption, tabs."""

from collections.abc import Hashable
from functools import partial

import streamlit as st

from lmc_core import runs
from lmc_core.errors import RunError
from lmc_core.words.marks import joined
from pages._frame import viewport
from pages._frame.text import escaped, markdown
from pages._frame.url import link
from pages._show import deferred, files, reproduce
from pages._show.view import view

TITLE = 120  # characters


def draw(kind: str, run_id: str) -> None:
    """The whole result; without tabs where it is embedded in another page."""
    how, result = view(kind), runs.result(run_id)
    heading, line, numbers = st.empty(), st.empty(), st.container(horizontal=True, key="cards")
    look = how.look(result, run_id)
    shown = how.shown(result, run_id, look)
    heading.markdown(f"## {markdown(joined([shown.finding, shown.more]))}")
    st.set_page_config(page_title=_window(str(shown.finding)))
    line.caption(markdown(shown.about))
    embedded, narrow = st.context.is_embedded, viewport.layout() == "narrow"
    with numbers:
        for card in shown.cards[: how.brief] if embedded or narrow else shown.cards:
            why = card.help if card.help and not (embedded or narrow) else None
            label, value, note = map(markdown, (card.label, card.value, card.note))
            st.metric(label, value, note, delta_color="off", delta_arrow="off", border=True, help=why and markdown(why))
    how.figure(shown)
    with st.container(key="caption"):
        st.markdown(markdown(shown.caption))
        for note in shown.notes:
            st.caption(f":material/info: {escaped(note)}")
        if shown.assumed:
            with st.expander("What was assumed, as the files do not say it"):
                for what in shown.assumed:
                    st.caption(escaped(what))
    if embedded:
        st.caption(f"Mode Connectivity Explorer · [open the full analysis]({link('run', id=run_id)})")
        return
    how.under(shown)
    if how.height:
        deferred.below(how.height, partial(tabs, kind, run_id, look))


def _window(finding: str) -> str:
    """The finding as the title of a window: what fits there."""
    return finding if len(finding) <= TITLE else f"{finding[: TITLE - 1]}…"


def tabs(kind: str, run_id: str, look: Hashable) -> None:
    """What lies under the figure: open tables, then tabs, each drawn only while it is open; which one is in the URL.

    The result is read again: it is shared by all who look, and only its name is kept for each of them.
    """
    how = view(kind)
    try:
        shown = how.shown(runs.result(run_id), run_id, look)
    except RunError:  # removed or damaged since the page was drawn, which says it when it is drawn anew
        st.rerun()
    files.numbers([one for one in shown.tables if one.open])
    bodies = {**how.tabs, "Data": files.body, "Reproduce": reproduce.body}
    for tab, body in zip(
        st.tabs(list(bodies), key="tab", on_change="rerun", bind="query-params"), bodies.values(), strict=True
    ):
        if tab.open:
            with tab:
                body(shown)
