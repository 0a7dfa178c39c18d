"""The inferred groups, how they were verified, and the axes that do not move."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from lmc_core.figures.inspect import ROWS, groups_figure, groups_steps
from lmc_core.runs.values.facts import SymmetryFacts
from lmc_core.words.inspect import CLASSES, groups_alt, tensor_of
from lmc_core.words.marks import say
from lmc_core.words.numbers import power, raised
from pages._show import chart, table
from pages._show.view import Shown

WORDS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve")
CAPTION = say(
    "**What to look at.** A group is a set of units that can change places without changing the function, provided "
    "that everything that writes them and everything that reads them changes along: all tensors on its line. "
    "Pinned axes never move. *May be* says what else leaves the function as it is: the units of a ReLU may be "
    "rescaled, those between two linear maps mixed at will. "
    "Full-symmetry matching and learned matching use all of that, the other methods orders alone."
)
FORM = say(
    "Before they were compared, both networks were written in other numbers of the same tensors, with the same "
    "function: gains and biases that another tensor can carry were folded into it, scales and frames that are free "
    "were balanced."
)
QUIET: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off", "border": True}
VERIFIED = 1e-4  # relative: float32 leaves a few 1e-7


def body(shown: Shown) -> None:
    facts = shown.result.symmetry
    labels = {group: cloud.label for (group, _), cloud in shown.result.clouds.items()}
    if facts.groups:
        chain(shown, labels)
    left, right = st.columns([1.6, 1], gap="medium")
    with left:
        st.markdown(f"### {headline(facts)}")
        table.show(groups(facts, labels), "The groups, what writes and what reads them")
        if facts.form:
            st.markdown("### Canonical form")
            st.caption(FORM)
            table.show(form(facts), "What was settled before the networks were compared, and what stays as it is")
        st.markdown("### Pinned axes")
        table.show(pinned(facts), "The axes that never move, and why")
    with right:
        st.metric("Verified by experiment", power(facts.error), "output change when re-ordered, relative", **QUIET)
        st.metric(
            "Aligned B is still B", power(shown.result.alignment.function_error), "output change, relative", **QUIET
        )
        if facts.moved_error is not None and any(row.kind != "permutation" for row in facts.groups):
            note = "output change under a random element of every class, relative"
            st.metric("Classes verified", power(facts.moved_error), note, **QUIET)
        unknown = ", ".join(facts.unknown_ops)
        known = "every operation of the graph has a rule"
        st.metric("Unknown operations", str(len(facts.unknown_ops)), unknown or known, **QUIET)
        with st.expander("Every tensor, axis by axis"):
            table.show(tensors(facts), "Every tensor with its shape and its axes")
    chart.caption("symmetry", CAPTION)


def chain(shown: Shown, labels: Mapping[str, str]) -> None:
    """The tensors in order, joined by their groups, with the experiment that says it is right."""
    facts = shown.result.symmetry
    checked = facts.error is not None and facts.error < VERIFIED
    icon, colour = (":material/check:", "green") if checked else (":material/help:", "gray")
    badge = (
        f"re-ordered at random, outputs change by {power(facts.error)}" if facts.error is not None else "not verified"
    )
    st.badge(badge, icon=icon, color=colour)  # type: ignore[arg-type]
    chart.chart("chain", shown.run, partial(groups_figure, facts, labels=labels), groups_alt(facts))
    if len(steps := groups_steps(facts)) > ROWS:
        st.caption(f"The first {ROWS} of {len(steps)} rows are drawn; the table below has all.")


def headline(facts: SymmetryFacts) -> str:
    """How many groups there are, and whether the experiment agreed."""
    count = len(facts.groups)
    number = WORDS[count] if count < len(WORDS) else str(count)
    units = "interchangeable units" if all(row.kind == "permutation" for row in facts.groups) else "units"
    noun = f"group of {units} was" if count == 1 else f"groups of {units} were"
    return f"{number} {noun} found{' and verified' if facts.error is not None and facts.error < VERIFIED else ''}."


def groups(facts: SymmetryFacts, labels: Mapping[str, str]) -> dict[str, list[object]]:
    """The groups as columns."""
    ranks = {row.name: len(row.shape) for row in facts.tensors}

    def named(name: str, within: str | None) -> str:
        label = labels.get(name, name)
        return (name if label == name else f"{label} ({name})") + (f", within {within}" if within else "")

    return {
        "group": [named(row.name, row.within) for row in facts.groups],
        "units": [row.size for row in facts.groups],
        "may be": [CLASSES.get(row.kind, CLASSES["permutation"]) for row in facts.groups],
        "written by": [sides(row.written, ranks) for row in facts.groups],
        "read by": [sides(row.read, ranks) for row in facts.groups],
        "orderings": [f"10{raised(round(row.orderings))}" for row in facts.groups],
    }


def form(facts: SymmetryFacts) -> dict[str, list[object]]:
    """Every step to the canonical forms."""
    return {
        "tensor or group": [row.tensor for row in facts.form],
        "part": [row.part for row in facts.form],
        "what became of it": [row.said for row in facts.form],
        "in": [row.of for row in facts.form],
    }


def pinned(facts: SymmetryFacts) -> dict[str, list[object]]:
    """The pinned axes as columns."""
    shapes = {row.name: row.shape for row in facts.tensors}
    ranks = {name: len(shape) for name, shape in shapes.items()}
    reasons: dict[tuple[str, int], list[str]] = {}
    for axis in facts.pinned:
        whys = reasons.setdefault((axis.tensor, axis.axis), [])
        if axis.why not in whys:
            whys.append(axis.why)
    sizes = [shapes[name][axis] if name in shapes else 0 for name, axis in reasons]
    return {
        "axis": [side(f"{name}[{axis}]", ranks) for name, axis in reasons],
        "size": list(sizes),
        "why": ["; ".join(whys) for whys in reasons.values()],
    }


def tensors(facts: SymmetryFacts) -> dict[str, list[object]]:
    """Every tensor as columns."""
    return {
        "tensor": [row.name for row in facts.tensors],
        "shape": [" × ".join(map(str, row.shape)) or "one number" for row in facts.tensors],
        "axes": [" | ".join(row.axes) for row in facts.tensors],
    }


def sides(places: Sequence[str], ranks: Mapping[str, int]) -> str:
    """Several of them, with the module named once."""
    said: list[str] = []
    module = ""
    for place in places:
        text, before = side(place, ranks), module
        module = tensor_of(place).rpartition(".")[0]
        said.append(text.removeprefix(f"{module}.") if module == before else text)
    return ", ".join(said)


def side(place: str, ranks: Mapping[str, int]) -> str:
    """fc1.weight[0] as people say it: fc1.weight rows; a vector has only one axis to speak of, a whole tensor none."""
    found = re.fullmatch(r"(.*)\[(\d+)\]", place)
    if found is None:
        return place
    name, axis = found.groups()
    rank = ranks.get(name, 0)
    if rank == 1:
        return str(name)
    return f"{name} {('rows', 'columns')[int(axis)]}" if rank == 2 else f"{name} axis {axis}"
