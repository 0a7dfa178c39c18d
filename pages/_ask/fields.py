"""Controls made from declared options: one option is one control, whose value stands in the URL."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from lmc_core import runs
from lmc_core.options import Option
from lmc_core.runs.kinds import KINDS
from pages._frame.url import choice, number

STEPS = {"points": 2, "grid": 2}  # an odd number of them has one in the middle
WORD = 200  # characters of a setting that is text
LABELS: Mapping[str, Mapping[str, str]] = {
    "recalibrate": {"auto": "If BatchNorm needs it", "none": "No", "bn-reset": "BatchNorm reset", "repair": "REPAIR"},
    "device": {"auto": "auto", "cpu": "cpu", "cuda": "cuda"},
}
"""Option → value as a URL spells it → what people read; only these are offered."""


def field(option: Option, key: str, default: Any, **how: Any) -> Any:
    """The control that an option's type asks for, kept in the URL as `key`; returns the checked value."""
    how |= {"key": key, "help": option.help or None}
    if option.kind is bool:
        return st.toggle(option.title, default, bind="query-params", **how)
    words = LABELS.get(option.name) or {option.text(value): option.text(value) for value in option.choices}
    if words:
        return option.parse(choice(st.selectbox, option.title, words, option.text(default), **how))
    if option.kind is str:
        return st.text_input(option.title, default, max_chars=WORD, bind="query-params", **how)
    low, high = (None if bound is None else option.kind(bound) for bound in (option.low, option.high))
    if option.kind is float:
        how |= {"format": "%g"}  # as it is: 0.005 is not 0.01
    return number(
        option.title, low, high, option.kind(default), STEPS.get(option.name, step(default, option.kind)), **how
    )


def step(default: float, kind: type) -> Any:
    """What one click adds to a number: one of its first digit, or of its second where that is a single 1."""
    size = 10.0 ** math.floor(math.log10(0.999 * abs(default))) if default else 0.0
    return max(1, round(size)) if kind is int else round(size, 12) or 0.01


def section(title: str, default: runs.Request, names: Iterable[str]) -> dict[str, Any]:
    """Controls for these options of a kind, behind a line that opens them; what they say, as options of a request."""
    found: dict[str, Any] = {}
    options = KINDS[default.kind].options
    with st.expander(title):
        for name in names:
            option = options[name]
            idle = NEEDS.get(name) in options and not found.get(NEEDS[name])
            how = {"disabled": True} if idle else {}
            found[name] = field(option, option.url or name, default[name], **how)
    return found


NEEDS = {"rate": "finetune", "points": "paths"}
"""Option → the option without which it means nothing, where the kind has that."""
