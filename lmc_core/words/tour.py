"""The tour of Explore: what each part of the page is for, in the order in which to look at them."""

from __future__ import annotations

from dataclasses import dataclass

from lmc_core.words.marks import Text, say


@dataclass(frozen=True)
class Stop:
    """One part of the page: what it is called, and what to see there."""

    title: str
    words: Text


TOUR = {
    "finding": Stop(
        "The finding",
        say(
            "One sentence says what was found: how far the loss rises on the straight line between {A} and {B}, "
            "{naive:before} and {aligned:after} the units of {B} were re-ordered. Colours mean the same everywhere."
        ),
    ),
    "numbers": Stop(
        "The numbers behind it",
        say("Each card is one number of the sentence, with its unit. The question mark says how it was measured."),
    ),
    "figure": Stop(
        "The path and the units",
        say(
            "Left: loss and accuracy at every *t* between {A} (t = 0) and {B} (t = 1). Right: the units of one layer, "
            "each a dot, joined to its partner. Drag *t* under the curves and both sides move together."
        ),
    ),
    "unit": Stop(
        "One unit",
        say("Click a dot, or choose one here, to see the weights of a unit in {A}, in {B} and in its match."),
    ),
    "tabs": Stop(
        "More of the same run",
        say(
            "How well units match, what happens in each layer, which units may be exchanged and how that was checked, "
            "the data as tables and files, and the command that gives the same digits."
        ),
    ),
    "controls": Stop(
        "Your own networks",
        say(
            "Here two networks, the data and a method are chosen; *Add a checkpoint* takes your own files. Everything "
            "that is chosen stands in the address: send it to somebody, and they see the same."
        ),
    ),
}
"""Part of the page → what is said of it."""
