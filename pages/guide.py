"""What mode connectivity is, in five pictures; the methods and when to use them; what the words mean."""

import inspect
from collections.abc import Mapping

import streamlit as st

from lmc_core.alignment.method import Method
from lmc_core.fusion import FUSIONS
from lmc_core.methods import METHODS
from lmc_core.words.guide import BARRIER, CHAPTERS, INTRODUCTION, WHEN, WORDS
from pages._frame.navigation import lead
from pages._frame.text import escaped, markdown
from pages._frame.url import buttons, choice
from pages._show import guide

METHODS_BY_USE: Mapping[str, Mapping[str, Method]] = {"Alignment": METHODS, "Fusion": FUSIONS}
EVERY = "all"
PARTS = {"pictures": "Five pictures", "methods": "Methods", "words": "Words"}


def pictures() -> None:
    """One picture after the other, of what is shipped."""
    st.markdown(markdown(INTRODUCTION))
    lead("explore", "Be shown around a finished analysis", {"tour": "1"})
    for number, (name, chapter) in enumerate(CHAPTERS.items(), 1):
        st.markdown(f"### {number} · {chapter.title}")
        st.markdown(markdown(chapter.words))
        if name == "barrier":
            st.latex(BARRIER)
        guide.draw(name, chapter)


def methods() -> None:
    """Every method with what it solves and when to use it, or the one that the link names."""
    titles = {EVERY: "All methods"} | {
        name: each.title for known in METHODS_BY_USE.values() for name, each in known.items()
    }
    chosen = choice(st.selectbox, "Method", titles, EVERY, "of", width=420)
    for title, known in METHODS_BY_USE.items():
        if shown := {name: each for name, each in known.items() if chosen in (EVERY, name)}:
            st.markdown(f"### {title}")
            _table(shown)


def _table(known: Mapping[str, Method]) -> None:
    for name, method in known.items():
        with st.container(border=True, key=f"method-{name}"):
            paper = f"[{method.paper.key}]({method.paper.url})"
            st.markdown(f"**{escaped(method.title)}** · {escaped(method.summary)} {paper}")
            st.markdown(f"*When.* {escaped(WHEN[name])}")
            st.code(inspect.getdoc(method.solve), language=None, wrap_lines=True)


def words() -> None:
    """The glossary."""
    for word, meaning in WORDS.items():
        st.markdown(f"**{word.capitalize()}** · {escaped(meaning)}")


st.markdown("## What is mode connectivity?")
with st.container(key="guide-parts"):
    part = buttons("Part", PARTS, "part")
{"pictures": pictures, "methods": methods, "words": words}[part]()
