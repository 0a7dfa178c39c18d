"""The inferred groups, how they were verified, and the axes that do not move."""

from typing import Any

import streamlit as st

from lmc_core.runs.result import SymmetryFacts
from pages._widgets.shown import Shown

WORDS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve")
CAPTION = (
    "**What to look at.** A group is a set of units that can change places without changing the function, provided "
    "that everything that writes them and everything that reads them changes along. Pinned axes never move."
)

QUIET: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off", "border": True}


def body(shown: Shown) -> None:
    facts = shown.result.symmetry
    left, right = st.columns([1.6, 1], gap="large")
    with left:
        st.markdown(f"### {headline(facts)}")
        st.dataframe(groups(facts), hide_index=True, alt="The groups, what writes and what reads them")
        st.markdown("### Pinned axes")
        st.dataframe(
            {
                "axis": [f"{p.tensor}[{p.axis}] ({p.size})" for p in facts.pinned],
                "why": [p.why for p in facts.pinned],
            },
            hide_index=True,
            alt="The axes that never move, and why",
        )
    with right:
        st.metric("Verified by experiment", power(facts.error), "relative output change", **QUIET)
        st.metric(
            "Transported B is still B",
            power(shown.result.alignment.function_error),
            "largest change, relative to the largest output",
            **QUIET,
        )
        unknown = len(facts.unknown_ops)
        note = ", ".join(facts.unknown_ops) if unknown else "every operation of the graph has a rule"
        st.metric("Unknown operations", str(unknown), note, **QUIET)
        with st.expander("Every tensor, axis by axis"):
            st.dataframe(
                {
                    "tensor": [row.name for row in facts.tensors],
                    "shape": [" × ".join(map(str, row.shape)) for row in facts.tensors],
                    "axes": ["  ,  ".join(row.axes) for row in facts.tensors],
                },
                hide_index=True,
            )
    st.caption(CAPTION)


def headline(facts: SymmetryFacts) -> str:
    """How many groups there are, and whether the experiment agreed."""
    count = len(facts.groups)
    number = WORDS[count] if count < len(WORDS) else str(count)
    noun = "group of interchangeable units was" if count == 1 else "groups of interchangeable units were"
    return f"{number} {noun} found{' and verified' if facts.error is not None and facts.error < 1e-4 else ''}."


def groups(facts: SymmetryFacts) -> dict[str, list[object]]:
    """The groups as columns."""
    return {
        "group": [row.name if row.within is None else f"{row.name} within {row.within}" for row in facts.groups],
        "units": [row.size for row in facts.groups],
        "written by": [", ".join(row.written) for row in facts.groups],
        "read by": [", ".join(row.read) for row in facts.groups],
        "orderings": [f"10^{row.orderings:.0f}" for row in facts.groups],
    }


def power(value: float | None) -> str:
    """1.1 × 10⁻⁵"""
    if value is None:
        return "not measured"
    if value == 0:
        return "0, exactly"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits} × 10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
