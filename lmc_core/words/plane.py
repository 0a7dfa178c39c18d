"""What the plane through A, B and a third network says: the third is aligned B, or another model, C."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.paths.profile import Profile
from lmc_core.paths.surface import Surface
from lmc_core.words import numbers
from lmc_core.words.finding import THRESHOLDS, Card, Case, Finding, Thresholds
from lmc_core.words.marks import B, Text, as_text, joined, marked, say

_ALIGNED_B = "aligned " + B
_SENTENCES: Mapping[Case, str] = {
    "none": "{A}, {B} and {C} lie in one valley: even unaligned, the barrier is {before}.",
    "removes": "{A} and {B} are two valleys with a ridge of {before} between them; {method} carries {B} into the "
    "valley of {A}{rest}.",
    "strongly": "The ridge between {A} and {B} rises {before} above its ends; on the way to {C} only {after} is left "
    "after {method}.",
    "fails": "{A}, {B} and {C} are three separate valleys: the ridge towards {B} is {before} high, after {method} "
    "{after}.",
}


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
    third = _ALIGNED_B if own(surface) else as_text("C")
    for end, profile in ((B, naive), (third, aligned)):
        if not np.isfinite(profile.loss()).all():
            return Finding(
                "broken", say("Between {A} and {C} the loss is not a number: check the weights of both.", C=end)
            )
    if not own(surface):
        case, sentence = _three(b0, b1, small)
        return Finding(case, sentence if across is None else joined([sentence, _side(across)]))
    case = "none" if b0 <= small else "removes" if b1 <= small else _case(b0, b1, thresholds)
    template = _SENTENCES[{"reduces": "strongly", "worse": "fails"}.get(case, case)]  # type: ignore[index]
    left = marked("aligned", numbers.loss(b1))
    gone = numbers.loss(b1) == numbers.loss(0)
    sentence = say(
        template,
        C=_ALIGNED_B,
        method=numbers.inside(method_title),
        before=marked("naive", numbers.loss(b0)),
        after=left,
        rest="; no ridge remains between them" if gone else ", where only " + left + " is left",
    )
    return Finding(case, sentence)


def _case(b0: float, b1: float, thresholds: Thresholds) -> Case:
    if b1 <= thresholds.reduces * b0:
        return "strongly" if b1 <= thresholds.strongly * b0 else "reduces"
    return "fails" if b1 <= thresholds.same * b0 else "worse"


def _three(b0: float, b1: float, small: float) -> tuple[Case, Text]:
    """Case and sentence for three models of which none was aligned."""
    ridges = {"b": marked("naive", numbers.loss(b0)), "c": marked("naive", numbers.loss(b1))}
    if max(b0, b1) <= small:
        return "none", say("{A}, {B} and C lie in one valley: loss rises by {b} towards {B}, {c} to C.", **ridges)
    if min(b0, b1) > small:
        sentence = (
            "{A} is separated from both other networks: a ridge of {b} lies on the way to {B}, one of {c} on the "
        )
        return "fails", say(sentence + "way to C.", **ridges)
    near, far = ("b", "c") if b0 <= small else ("c", "b")
    names = {"b": B, "c": as_text("C")}
    sentence = "{A} and {near} lie in one valley, {far} beyond a ridge of {ridge}; towards {near} it is {low}."
    return "strongly", say(sentence, near=names[near], far=names[far], ridge=ridges[far], low=ridges[near])


def _side(across: Profile) -> Text:
    """The sentence about the third side."""
    if not np.isfinite(across.loss()).all():
        return say("Between {B} and C the loss is not a number.")
    return say("Between {B} and C the ridge is {ridge} high.", ridge=marked("naive", numbers.loss(across.barrier())))


def plane_cards(
    surface: Surface,
    naive: Profile,
    aligned: Profile,
    seconds: float | None = None,
    across: Profile | None = None,
) -> tuple[Card, ...]:
    """The numbers: barrier, accuracy half-way, distances, grid; `across` is the third side."""
    far, near = surface.distance("a", "b"), surface.distance("a", third_key(surface))
    rows, columns = surface.loss().shape
    barrier, middle, apart = ["to B, to aligned B" if own(surface) else "to B, to C"] * 3
    if across is not None:
        barrier += f"; B–C {numbers.loss(across.barrier())}"
        middle += f"; B–C {100 * across.midpoint('test', 'accuracy'):.1f}"
        apart += f"; B–C {surface.distance('b', 'c'):.1f}"
    closer = 1 - near / far if far else 0.0

    def two(one: str, other: str) -> Text:
        """A number of the path to B and of the path to the third network."""
        if own(surface):
            return numbers.change(one, other)
        return say("{b} {grey:·} {c}", b=marked("naive", one), c=marked("naive", other))

    return (
        Card(
            "Barrier, test loss",
            two(numbers.loss(naive.barrier()), numbers.loss(aligned.barrier())),
            barrier,
            "How far each straight path rises above the line between its ends.",
        ),
        Card(
            "Accuracy half-way",
            two(*(f"{100 * p.midpoint('test', 'accuracy'):.1f}" for p in (naive, aligned))) + " %",
            middle,
            "Test accuracy in the middle of each path.",
        ),
        Card(
            "Distance from A",
            two(f"{far:.1f}", f"{near:.1f}"),
            f"{abs(100 * closer):.0f}% {'closer' if closer >= 0 else 'farther'}" if own(surface) else apart,
            "Euclidean distance in weight space.",
        ),
        Card(
            "Networks measured",
            numbers.count(rows * columns),
            f"{columns} × {rows} cells" + ("" if seconds is None else f" in {seconds:.1f} s"),
            "Each cell of the pictures is one network of this plane, evaluated.",
        ),
    )


def plane_caption(surface: Surface, across: Profile | None = None) -> Text:
    """What to look at in both maps."""
    used = " and ".join(f"{numbers.count(n)} {split}" for split, n in surface.examples.items())
    if own(surface):
        paths = say(
            "The {naive:dashed path} leads to B as it was trained, the {aligned:solid path} to the same function with "
            "its units re-ordered; a good alignment ends inside the valley around A."
        )
    else:
        side = say(", the {naive:dash-dotted one} from B to C") if across else ""
        paths = say(
            "The {naive:dashed path} leads to B, the {naive:dotted path} to C{side}, each as it was trained.", side=side
        )
    return joined(
        [
            say(
                "**What to look at.** Every point is a network: A plus a step towards B (right) plus a step in the "
                "direction that only {third} adds (up). Where the map fades into the page, networks are good. {paths} "
                "Axes are orthonormal, so distances and angles are those of weight space.",
                third=third_name(surface),
                paths=paths,
            ),
            _walked(surface),
            f"Measured on {used} examples.",
            "The statistics of BatchNorm are recomputed at every point, the corners included."
            if surface.recalibrate
            else "",
        ]
    )


def _walked(surface: Surface) -> str:
    """What the line of a training run is, and how far its checkpoints are from the plane."""
    walked = surface.trajectory
    if walked is None:
        return ""
    return (
        f"The grey line is a training run of {len(walked.x)} checkpoints, the later the larger: each at the closest "
        f"point of the plane, from {walked.off.min():.1f} to {walked.off.max():.1f} away from it; its own loss goes "
        f"from {numbers.loss(float(walked.values['test']['loss'][0]))} to "
        f"{numbers.loss(float(walked.values['test']['loss'][-1]))}."
    )


def surface_so_far(grid: Mapping[str, Any]) -> tuple[Surface, dict[str, Profile]]:
    """The first grid of a run under way and the paths on it, from its status; what is no number is not drawn."""

    def numbered(values: Any) -> NDArray[np.float64]:
        return np.array(values, dtype=np.float64)

    values = {"test": {metric: numbered(grid[metric]) for metric in ("loss", "accuracy")}}
    corners = {name: (float(x), float(y)) for name, (x, y) in grid["corners"].items()}
    seen = {"test": int(grid["examples"])}
    lines = {
        name: Profile(numbered(line["t"]), {"test": {m: numbered(line[m]) for m in ("loss", "accuracy")}}, seen)
        for name, line in grid["lines"].items()
    }
    return Surface(numbered(grid["x"]), numbered(grid["y"]), values, corners, seen), lines


def plane_alt(
    surface: Surface, naive: Profile, aligned: Profile, relief: str = "", *, across: Profile | None = None
) -> str:
    """What the maps show, or a relief of loss or accuracy, for who does not see them."""
    third = third_name(surface)
    start = f"Relief of the {relief} over" if relief else "Maps of loss and accuracy on"
    side = f", on the side from B to C {numbers.loss(float(across.loss().max()))}" if across else ""
    walked = f" {_walked(surface)}" if surface.trajectory is not None else ""
    return (
        f"{start} the plane through A, B and {third}. On the straight path to B the test loss "
        f"reaches {numbers.loss(float(naive.loss().max()))}, on the path to {third} "
        f"{numbers.loss(float(aligned.loss().max()))}{side}; {third} is "
        f"{surface.distance('a', third_key(surface)):.1f} away from A, B {surface.distance('a', 'b'):.1f}.{walked}"
    )


def own(surface: Surface) -> bool:
    """True if the third network is B aligned."""
    return "aligned" in surface.corners


def third_key(surface: Surface) -> str:
    """The name of the third corner."""
    return "aligned" if own(surface) else "c"


def third_name(surface: Surface) -> str:
    """What the third network is called."""
    return "aligned B" if own(surface) else "C"
