"""A finished run as a card: picture, what was compared, the finding."""

from datetime import UTC, datetime
from functools import lru_cache

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from lmc_core.figures.sketch import recoloured
from lmc_core.runs.keep.pictures import THUMBNAIL
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.library import data as datasets
from pages._frame import viewport
from pages._frame.navigation import lead
from pages._frame.text import escaped
from pages._jobs import deleting
from pages._show import request, side_by_side
from pages._show.view import view

KEPT = 500  # pictures, a few kilobytes each
TITLES = {kind: view(kind).title for kind in KINDS if view(kind).title}
"""Kind of run → what its cards say."""


@lru_cache(maxsize=KEPT)
def thumbnail(run: str) -> str:
    """The picture as SVG; empty where there is none. A run never changes, so neither does its picture."""
    try:
        return runs.picture(run, THUMBNAIL).decode()
    except LMCError:
        return ""


def draw(now: runs.RunStatus, *, own: bool = False) -> None:
    """The card, as high as its neighbours. From among their `own`, a visitor may delete it."""
    with st.container(border=True, height="stretch", key=f"run-card-{now.id}"):
        if picture := thumbnail(now.id):
            st.image(recoloured(picture, viewport.theme()), width="stretch", alt=f"{now.title}. {now.finding}")
        st.markdown(f":gray[{TITLES.get(now.kind, now.kind)}]  \n**{escaped(now.title)}**")
        st.caption(escaped(now.finding))
        st.caption(escaped(" · ".join(settings(now))))
        if now.tags:
            with st.container(horizontal=True, gap="small"):
                for tag in now.tags:
                    st.badge(escaped(tag), color="gray")
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            lead("run", "Open", {"id": now.id})
            side_by_side.pick(now.id)
            if own:
                deleting.run(now)


def settings(now: runs.RunStatus) -> list[str]:
    """When it was asked for, on which data, and how much was measured."""
    options = runs.request(now.id).options
    data = [datasets.title(options["data"])] if options.get("data") else []
    return [f"{datetime.fromtimestamp(now.created, UTC):%-d %b %Y}", *data, *request.numbers(options)]
