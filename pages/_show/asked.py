"""What a stored analysis was asked for, and the way back to the controls that ask for something else."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lmc_core.methods import METHODS
from lmc_core.runs.library import data as datasets
from pages._frame.text import escaped

PAGES = {
    "plane": ("landscape.py", "Landscape"),
    "theory": ("theory.py", "Theory"),
    "width": ("theory.py", "Theory"),
    "compare": ("compare.py", "Compare"),
}
"""Kind of run → its page, and what that is called."""

SAME = {"a": "a", "b": "b", "third": "third", "grid": "grid", "points": "points", "train_examples": "examples"}
SAME |= {"seed": "seed", "device": "device"}
"""Option of a request → the control with its value."""


def draw(kind: str, options: Mapping[str, Any]) -> None:
    """Method, data and numbers, and the link."""
    page, name = PAGES[kind]
    if methods := options.get("methods", ()):
        st.markdown(f"**{len(methods)} method{'s' * (len(methods) > 1)}**")
        st.caption(escaped(", ".join(METHODS[method].title for method in methods)))
    elif options.get("method"):
        settings = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in options["settings"].items())
        st.markdown(f"**{METHODS[options['method']].title}**")
        st.caption(escaped(settings) or "nothing to set")
    st.markdown(f"**{escaped(datasets.title(options['data']))}**")
    numbers = {"grid": "{} cells", "points": "{} points", "train_examples": "{} examples", "seed": "seed {}"}
    st.caption(escaped(", ".join(text.format(options[key]) for key, text in numbers.items() if key in options)))
    where, query = f"Change something in {name}", controls(kind, options)
    st.page_link(page, label=where, icon=":material/tune:", query_params=query)


def controls(kind: str, options: Mapping[str, Any]) -> dict[str, str]:
    """The query of the page of this kind whose controls ask for these options."""
    query = {control: str(options[option]) for option, control in SAME.items() if options.get(option) is not None}
    if kind == "width":
        query["part"] = "width"
    else:
        query["data"] = options["data"]
    if kind == "compare":
        query |= {"networks": ",".join(options["models"]), "methods": ",".join(options["methods"])}
    if method := options.get("method"):
        usual = METHODS[method].settings({})
        changed = {name: value for name, value in options["settings"].items() if usual.get(name) != value}
        query |= {"method": method} | {f"{method}.{name}": str(value) for name, value in changed.items()}
    return query
