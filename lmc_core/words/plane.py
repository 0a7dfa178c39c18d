"""The words around the plane through A, B and a third network: aligned B, or another model, C."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lmc_core.paths.profile import Profile
from lmc_core.paths.surface import Surface
from lmc_core.words import numbers as words
from lmc_core.words.captions import Card
from lmc_core.words.path import THRESHOLDS, Case, Finding, Thresholds

_A, _B, _C = ":blue[A]", ":violet[B]", "aligned :violet[B]"


def plane_finding(
    surface: Surface,
    naive: Profile,
    aligned: Profile,
    method_title: str,
    thresholds: Thresholds = THRESHOLDS,
    across: Profile | None = None,
) -> Finding:
    """What lies between the three networks, in one sentence."""
    b0, b1, small = naive.barrier(), aligned.barrier(), thresholds.none(naive)
    third = _C if _own(surface) else "C"
    for end, profile in ((_B, naive), (third, aligned)):
        if not np.isfinite(profile.loss()).all():
            return Finding("broken", f"Between {_A} and {end} the loss is not a number: check the weights of both.")
    if not _own(surface):
        found = _three(b0, b1, small)
        return found if across is None else replace(found, markdown=f"{found.markdown} {_side(across)}")
    before, after = f":orange[{words.loss(b0)}]", f":green[{words.loss(b1)}]"
    method = words.inside(method_title)
    if b0 <= small:
        return Finding("none", f"{_A}, {_B} and {_C} lie in one valley: even unaligned, the barrier is {before}.")
    if b1 <= small:
        rest = "nothing" if words.loss(b1) == words.loss(0) else f"only {after}"
        return Finding(
            "removes",
            f"{_A} and {_B} are two valleys with a ridge of {before} between them; {method} carries {_B} into the "
            f"valley of {_A}, where {rest} is left.",
        )
    if b1 <= thresholds.reduces * b0:
        case: Case = "strongly" if b1 <= thresholds.strongly * b0 else "reduces"
        return Finding(
            case,
            f"The ridge between {_A} and {_B} rises {before} above its ends; on the way to {_C} only {after} is left "
            f"after {method}.",
        )
    return Finding(
        "fails" if b1 <= thresholds.same * b0 else "worse",
        f"{_A}, {_B} and {_C} are three separate valleys: the ridge towards {_B} is {before} high, after {method} "
        f"{after}.",
    )


def _three(b0: float, b1: float, small: float) -> Finding:
    """The sentence for three models of which none was aligned."""
    to_b, to_c = f":orange[{words.loss(b0)}]", f":orange[{words.loss(b1)}]"
    if max(b0, b1) <= small:
        return Finding("none", f"{_A}, {_B} and C lie in one valley: loss rises by {to_b} towards {_B}, {to_c} to C.")
    if min(b0, b1) > small:
        return Finding(
            "fails",
            f"{_A} is parted from both others: a ridge of {to_b} lies on the way to {_B}, one of {to_c} on the way "
            "to C.",
        )
    near, far, ridge, left = (_B, "C", to_c, to_b) if b0 <= small else ("C", _B, to_b, to_c)
    return Finding(
        "strongly", f"{_A} and {near} lie in one valley, {far} beyond a ridge of {ridge}; towards {near} it is {left}."
    )


def _side(across: Profile) -> str:
    """The sentence about the third side."""
    if not np.isfinite(across.loss()).all():
        return f"Between {_B} and C the loss is not a number."
    return f"Between {_B} and C the ridge is :orange[{words.loss(across.barrier())}] high."


def plane_cards(
    surface: Surface,
    naive: Profile,
    aligned: Profile,
    seconds: float | None = None,
    across: Profile | None = None,
) -> tuple[Card, ...]:
    """The metric row: barrier, accuracy half-way, distances, grid; `across` is the third side."""
    own = _own(surface)
    far, near = surface.distance("a", "b"), surface.distance("a", "aligned" if own else "c")
    rows, columns = surface.loss().shape
    barrier, middle, apart = ["to B, to aligned B" if own else "to B, to C"] * 3
    if across is not None:
        barrier += f"; B–C {words.loss(across.barrier())}"
        middle += f"; B–C {100 * across.midpoint('test', 'accuracy'):.1f}"
        apart += f"; B–C {surface.distance('b', 'c'):.1f}"
    return (
        Card(
            "Barrier, test loss",
            _two(own, words.loss(naive.barrier()), words.loss(aligned.barrier())),
            barrier,
            "How far each straight path rises above the line between its ends.",
        ),
        Card(
            "Accuracy half-way",
            _two(own, *(f"{100 * p.midpoint('test', 'accuracy'):.1f}" for p in (naive, aligned))) + " %",
            middle,
            "Test accuracy in the middle of each path.",
        ),
        Card(
            "Distance from A",
            _two(own, f"{far:.1f}", f"{near:.1f}"),
            _share(far, near) if own else apart,
            "Euclidean distance in weight space.",
        ),
        Card(
            "Networks measured",
            words.count(rows * columns),
            f"{columns} × {rows} cells" + ("" if seconds is None else f" in {seconds:.1f} s"),
            "Each cell of the pictures is one network of this plane, evaluated.",
        ),
    )


def plane_caption(surface: Surface, across: Profile | None = None) -> str:
    """What to look at in both maps, as Streamlit markdown."""
    used = " and ".join(f"{words.count(n)} {split}" for split, n in surface.examples.items())
    if _own(surface):
        third = "aligned B"
        told = (
            "The :orange[dashed path] leads to B as it was trained, the :green[solid path] to the same function with "
            "its units re-ordered; a good alignment ends inside the valley around A."
        )
    else:
        third = "C"
        side = ", the :orange[dash-dotted one] from B to C" if across else ""
        told = f"The :orange[dashed path] leads to B, the :orange[dotted path] to C{side}, each as it was trained."
    parts = [
        "**What to look at.** Every point is a network: A plus a step towards B (right) plus a step in the direction "
        f"that only {third} adds (up). Where the map fades into the page, networks are good. {told} Axes are "
        "orthonormal, so distances and angles are those of weight space.",
        f"Measured on {used} examples.",
    ]
    if surface.recalibrate:
        parts.append("The statistics of BatchNorm are recomputed at every point, the corners included.")
    return " ".join(parts)


def plane_alt(
    surface: Surface, naive: Profile, aligned: Profile, relief: str = "", *, across: Profile | None = None
) -> str:
    """What the maps show, or a relief of loss or accuracy, for who does not see them."""
    key, third = ("aligned", "aligned B") if _own(surface) else ("c", "C")
    shown = f"Relief of the {relief} over" if relief else "Maps of loss and accuracy on"
    side = f", on the side from B to C {words.loss(float(across.loss().max()))}" if across else ""
    return (
        f"{shown} the plane through A, B and {third}. On the straight path to B the test loss "
        f"reaches {words.loss(float(naive.loss().max()))}, on the path to {third} "
        f"{words.loss(float(aligned.loss().max()))}{side}; {third} is {surface.distance('a', key):.1f} away from A, "
        f"B {surface.distance('a', 'b'):.1f}."
    )


def _own(surface: Surface) -> bool:
    """True if the third network is B aligned."""
    return "aligned" in surface.corners


def _two(own: bool, one: str, other: str) -> str:
    """A number of the path to B and of the path to the third network."""
    return f":orange[{one}] :gray[→] :green[{other}]" if own else f":orange[{one}] :gray[·] :orange[{other}]"


def _share(before: float, after: float) -> str:
    change = 1 - after / before if before else 0.0
    return f"{abs(100 * change):.0f}% {'closer' if change >= 0 else 'farther'}"
