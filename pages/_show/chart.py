"""Figures of finished runs, drawn once for all visitors."""

from collections.abc import Callable, Hashable
from functools import lru_cache
from threading import Lock
from typing import Any

import streamlit as st

from lmc_core.figures.browser import Encoded, plotly_config
from lmc_core.words.marks import Text
from pages._frame import viewport
from pages._frame.text import markdown

KEPT = 32  # half a megabyte each


def drawn(name: str, run_id: str, look: tuple[Hashable, ...], draw: Callable[[], Any]) -> Encoded:
    """The figure of that name, as `draw` draws it.

    look    everything beside the run that the drawing depends on: theme, layout, layer, axis …
    """
    return _place(name, run_id, look).figure(draw)


class _Place:
    """Where a figure is kept. It is drawn by the first who asks, and all who ask meanwhile wait for that."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._figure: Encoded | None = None

    def figure(self, draw: Callable[[], Any]) -> Encoded:
        with self._lock:
            if self._figure is None:
                self._figure = Encoded(draw())
            return self._figure


@lru_cache(maxsize=KEPT)  # those of Streamlit keep a lock for every value they ever held
def _place(name: str, run_id: str, look: tuple[Hashable, ...]) -> _Place:
    return _Place()


def chart(
    name: str,
    run_id: str,
    make: Callable[..., Any],
    alt: str,
    *,
    height: Callable[[Any], int] | None = None,
    look: tuple[Hashable, ...] = (),
) -> None:
    """A figure of the run, in the theme and for the width of the page.

    height   layout → pixels: a skeleton of that size stands in its place until it is there
    """
    theme, layout = viewport.theme(), viewport.layout()
    place: Any = st if height is None else st.skeleton(height(layout))
    figure = drawn(name, run_id, (*look, theme, layout), lambda: make(theme=theme, layout=layout))
    config = plotly_config(f"{name}-{run_id}", phone=layout == "narrow")
    place.plotly_chart(figure, key=name, config=config, alt=alt)


def same_height(pixels: int, layout: Any) -> int:
    """The height of a figure that has the same in every layout."""
    return pixels


def caption(name: str, words: Text) -> None:
    """What to look at in the figure of that name."""
    with st.container(key=f"caption-{name}"):
        st.markdown(markdown(words))
