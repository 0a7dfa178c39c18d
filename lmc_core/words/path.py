"""What a run of the path says: its finding, its numbers, and what to look at in its figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from lmc_core.diagnostics.cloud import Cloud
from lmc_core.diagnostics.null import NullTest
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Profile
from lmc_core.words import numbers
from lmc_core.words.finding import THRESHOLDS, Card, Case, Finding, Thresholds
from lmc_core.words.marks import A, B, Text, joined, marked, say
from lmc_core.words.measures import measures

_FADES = 0.75
"""The signal fades if the variance of pre-activations half-way is below this share of the ends'."""
_APART = 0.02
"""Accuracy that changes by more than this says something."""
_KEEPS, _STAYS = 0.75, 0.1
"""The cloud keeps its shape from this spread on; the loss stays low up to this share of the naive barrier."""

_PATHS: tuple[Literal["naive", "aligned"], ...] = ("naive", "aligned")

_SENTENCES: Mapping[Case, str] = {
    "none": "{A} and {B} are already joined by a straight line: the test-loss barrier is {b0} without any alignment.",
    "unaligned": "Without alignment the test-loss barrier between {A} and {B} is {b0}; half-way, accuracy is {a0}, "
    "the ends reach {ends}.",
    "removes": "After {method} the barrier is gone: test loss rises by {b1} instead of {b0}; "
    "half-way between {A} and {B}, accuracy is {a1} instead of {a0}.",
    "strongly": "After {method} the test-loss barrier falls from {b0} to {b1}; "
    "half-way between {A} and {B}, accuracy is {a1} instead of {a0}.",
    "reduces": "{Method} lowers the test-loss barrier from {b0} to {b1}; a hill remains: half-way, accuracy is {a1}, "
    "the ends reach {ends}.",
    "fails": "{Method} does not help here: the barrier stays at {b1} (naive {b0}).{advice}",
    "worse": "{Method} makes it worse: the barrier rises from {b0} to {b1}.{advice}",
    "broken": "After {method} the loss is not a number somewhere between {A} and {B}: the path leaves the range "
    "of numbers the network can handle. Check the weights of both models.",
}


def path_finding(
    naive: Profile,
    aligned: Profile,
    method: str,
    classes: int = 10,
    thresholds: Thresholds = THRESHOLDS,
    *,
    null: NullTest | None = None,
) -> Finding:
    """The finding of a pair of paths.

    method    by its name; where it does not help, one that looks at what it does not is a remedy, and recalibration if
              the path has none
    classes   of the data, for the accuracy of guessing
    null      of a method that learns: only where it passes is the path said to join A and B
    """
    case, title = _case(naive, aligned, thresholds), numbers.inside(METHODS[method].title)
    sentence = say(
        _SENTENCES[case],
        method=title,
        Method=numbers.opening(title),
        b0=marked("naive", height(naive)),
        b1=marked("aligned", height(aligned)),
        a0=marked("naive", numbers.percent(naive.midpoint("test", "accuracy"))),
        a1=marked("aligned", numbers.percent(aligned.midpoint("test", "accuracy"))),
        ends=_ends(naive),
        advice="" if _disagree(naive, aligned) or _weak(naive) else f" Try {', or '.join(_remedies(method, aligned))}.",
    )
    learned: list[Text | str] = [] if null is None else [null_sentence(null)]
    whole = joined([sentence, *learned, *_remarks(case, naive, aligned, classes, thresholds)])
    return Finding(case, measures([naive]).said(whole))


def null_sentence(null: NullTest) -> Text:
    """Whether a learned path says more than what the same learning makes of a shuffled B."""
    shuffled, own = numbers.loss(null.shuffled.loss), numbers.loss(null.real.loss)
    said = (
        "The null test agrees: with a shuffled {B} the same learning leaves a loss of {shuffled} half-way, not {own}."
        if null.passed
        else "This does not show that {A} and {B} are connected: with a shuffled {B} the same learning leaves a loss "
        "of {shuffled} half-way, here {own}."
    )
    return say(said, shuffled=shuffled, own=own)


def null_note(null: NullTest) -> Text:
    """Which of the two networks the one half-way sides with, and how that is measured."""
    return say(
        "Null test: half-way, on the {count} test examples where {A} and {B} disagree, the network says what {A} says "
        "on {a} and what {B} says on {b}; with the numbers of every tensor of {B} shuffled, {c} and {d}. "
        "A path that sides with {A} alone, or that a shuffled {B} has as well, is made by the learning.",
        count=f"{null.real.disagreeing:,}",
        a=f"{null.real.as_a:,}",
        b=f"{null.real.as_b:,}",
        c=f"{null.shuffled.as_a:,}",
        d=f"{null.shuffled.as_b:,}",
    )


def height(profile: Profile) -> str:
    """The test-loss barrier as it is said, with how far off it may be where only some examples were measured."""
    return numbers.within(profile.barrier(), profile.uncertainty())


def drawn_from(profile: Profile) -> str:
    """What ± means, where only some test examples were measured."""
    seen, every = numbers.count(profile.examples["test"]), numbers.count(profile.population["test"])
    return f"± is how far all {every} test examples may be, with 95%, from the {seen} that were measured."


def _case(naive: Profile, aligned: Profile, thresholds: Thresholds) -> Case:
    before, after, small = naive.barrier(), aligned.barrier(), thresholds.none(naive)
    if not np.isfinite(aligned.loss()).all():
        return "broken"
    if before <= small:
        return "none"
    if naive is aligned or np.array_equal(naive.loss(), aligned.loss()):
        return "unaligned"
    if after <= small:
        return "removes"
    if not np.isfinite(before) or after <= thresholds.strongly * before:
        return "strongly"
    if after <= thresholds.reduces * before:
        return "reduces"
    return "fails" if after <= thresholds.same * before else "worse"


def _remedies(method: str, aligned: Profile) -> list[str]:
    """What else can be done: a method that looks at the data where this one does not, and recalibration where none
    was; after a reset of BatchNorm there is nothing left that REPAIR would do."""
    other = "weight-matching" if METHODS[method].needs_data else "activation-matching"
    return [numbers.inside(METHODS[other].title), *([] if aligned.recalibrate else ["recalibrate (REPAIR)"])]


def _disagree(naive: Profile, aligned: Profile) -> bool:
    """Whether alignment changes accuracy half-way for the better and loss for the worse, or the other way round."""
    gained = aligned.midpoint("test", "accuracy") - naive.midpoint("test", "accuracy")
    lost = aligned.barrier() - naive.barrier()
    return abs(gained) > _APART and gained * lost > 0


def _weak(naive: Profile) -> bool:
    """Whether the network half-way, not aligned, is better than both ends, by loss and by accuracy."""
    loss, accuracy = naive.loss(), naive.accuracy()
    better = naive.midpoint("test", "accuracy") > max(float(accuracy[0]), float(accuracy[-1]))
    return better and naive.midpoint() < min(float(loss[0]), float(loss[-1]))


def _remarks(case: Case, naive: Profile, aligned: Profile, classes: int, thresholds: Thresholds) -> list[Text | str]:
    """Sentences that keep the reader from a wrong conclusion."""
    remarks: list[Text | str] = [drawn_from(naive)] if naive.sampled() else []
    ends = [(float(naive.accuracy()[end]), name) for end, name in ((0, A), (-1, B))]
    guessing = thresholds.barely(classes)
    if naive.task == "regression":  # a loss of 1 is what the mean of the targets gives
        poor = {name for name, end in ((A, 0), (B, -1)) if float(naive.loss()[end]) > 1 - thresholds.chance}
    else:
        poor = {name for accuracy, name in ends if accuracy < guessing}
    weak = [(name, numbers.percent(accuracy)) for accuracy, name in ends if name in poor]
    if len(weak) == 2:
        both = numbers.listed([accuracy for _, accuracy in weak])
        remarks.append(say("{A} and {B} are barely trained ({both}); a low barrier means little.", both=both))
    elif weak:
        name, accuracy = weak[0]
        remarks.append(name + f" is barely trained ({accuracy}); a low barrier means little.")
    elif abs(ends[0][0] - ends[1][0]) > thresholds.ends:
        (high, better), (low, worse) = sorted(ends, reverse=True, key=lambda end: end[0])
        remarks.append(
            say(
                "{better} scores {high}, {worse} only {low}: the barrier is measured against the sloping line between "
                "them.",
                better=better,
                high=numbers.percent(high),
                worse=worse,
                low=numbers.percent(low),
            )
        )
    if _weak(naive):
        middle, best = naive.midpoint("test", "accuracy"), max(score for score, _ in ends)
        said = f"({numbers.percent(middle)} half-way without alignment, {numbers.percent(best)} at the better end)"
        remarks.append(f"Both networks are weak: their plain mean is better than either {said}; train them longer.")
    elif _disagree(naive, aligned):
        scores = [numbers.percent(profile.midpoint("test", "accuracy")) for profile in (naive, aligned)]
        way = "while the barrier in loss " + ("rises" if aligned.barrier() > naive.barrier() else "falls")
        remarks.append(f"Loss and accuracy disagree: half-way, accuracy goes from {scores[0]} to {scores[1]}, {way}.")
    if case in ("none", "removes") and float(aligned.excess().min()) < -thresholds.none(naive):
        remarks.append("The middle is better than both ends predict.")
    return remarks


def _ends(profile: Profile) -> str:
    """Accuracy of both ends, once where it is the same."""
    return numbers.listed(sorted({numbers.percent(float(profile.accuracy()[end])) for end in (0, -1)}))


def other_paths(own: tuple[str, Profile], others: Mapping[str, Profile], curve: Profile | None = None) -> Text:
    """Which of several paths is the lowest; nothing where there is only one.

    own      title of the run's method, and its path;  others: title → path
    curve    one more path of the same pair, trained or through another model
    """
    parts: list[Text | str] = []
    if others:
        every = {own[0]: own[1], **others}
        heights = {title: path.barrier() for title, path in every.items()}
        best = min(heights, key=lambda title: heights[title] if np.isfinite(heights[title]) else np.inf)
        height = numbers.loss(heights[best])
        parts.append(
            say(
                "Of the {count} methods drawn, {best} stays lowest: its barrier is {barrier}.",
                count=str(len(every)),
                best=numbers.inside(best),
                barrier=marked("aligned", height) if best == own[0] else height,
            )
        )
    if curve is not None:
        parts.append(f"The curve rises by {numbers.loss(curve.barrier())}.")
    return joined(parts)


def path_cards(
    naive: Profile,
    aligned: Profile,
    cloud: Cloud | None = None,
    *,
    align_seconds: float | None = None,
    evaluate_seconds: float | None = None,
    device: str = "cpu",
) -> tuple[Card, ...]:
    """The numbers, most important first: barrier in loss, in accuracy, accuracy half-way, spread half-way, time."""
    b0, b1 = naive.barrier(), aligned.barrier()
    row = [
        Card(
            "Barrier, test loss",
            numbers.change(height(naive), height(aligned)),
            _lower(b0, b1),
            "How far the path rises above the straight line between its ends.",
        ),
        Card(
            "Barrier, test accuracy",
            numbers.change(*(f"{100 * p.barrier('test', 'accuracy'):.1f}" for p in (naive, aligned))) + " pt",
            "points below the line",
            "How far accuracy falls below the straight line between its ends.",
        ),
        Card(
            "Accuracy half-way",
            numbers.change(*(f"{100 * p.midpoint('test', 'accuracy'):.1f}" for p in (naive, aligned))) + " %",
            f"ends: {_ends(naive)}",
            "Test accuracy of the network whose weights are the mean of A's and B's.",
        ),
    ]
    if cloud is not None:
        row.append(
            Card(
                f"Spread half-way, {cloud.label}",
                numbers.change(*map(numbers.whole, cloud.halfway)) + " %",
                "50% if unrelated",
                "Share of the spread of the units' weights that their averages keep, over all directions.",
            )
        )
    if align_seconds is not None and evaluate_seconds is not None:
        value = f"{align_seconds:.1f} + {evaluate_seconds:.1f} s"
        note = f"align + evaluate, {device.upper()}"
        row.append(Card("Time", value, note, "Wall-clock seconds when this run was computed."))
    return tuple(row)


def _lower(before: float, after: float) -> str:
    if not before > 0 or before == after or not math.isfinite(before):
        return "no change"
    share = 1 - after / before
    return f"{numbers.most(share)} lower" if share >= 0 else f"{numbers.most(-share)} higher"


NOTHING_TO_ALIGN = say(
    "**Nothing to align.** This network has no group of interchangeable units, so there is no cloud to draw; "
    "*Symmetry* says which axes are pinned, and why."
)


LATER = (
    "Only the first layer is drawn: these networks are large, and comparing all layers takes longer than the path. "
    "Ask for it in the tab Layers of this run, by the command layers with the id of the run, or by path --thorough."
)
"""Said of a run that does not hold its layers."""


def path_caption(
    naive: Profile,
    aligned: Profile,
    cloud: Cloud,
    case: Case,
    *,
    signal: tuple[float, float] | None = None,
    fades: float = _FADES,
) -> Text:
    """What to look at in the figure of the path.

    signal   variance of the layer's pre-activations half-way over that at the ends, before and after: the clause about
             the fading signal is printed only when these numbers say so
    """
    parts: list[Text | str] = [say("**What to look at.** Drag *t*, or press ▶.")]
    if case == "unaligned":
        parts.append("B stays in its trained order, so both panels show the same partners.")
    elif cloud.moved_inputs:
        parts.append(
            "After alignment B is drawn with its inputs re-ordered too, so its cloud differs between the panels."
        )
    else:
        parts.append("Both panels hold the same dots; only the partners differ.")
    before, after = cloud.halfway
    if case in ("removes", "strongly") and before < after and cloud.linear:
        faded = signal is not None and signal[0] < fades and signal[0] < signal[1]
        parts.append(
            say(
                "{naive:Before}, a unit is averaged with a stranger: the cloud shrinks towards its centre{faded}, and "
                "the loss rises by {barrier}. {aligned:After}, a unit is averaged with its counterpart: the cloud "
                "{shape} and the loss {stays}.",
                faded=", the signal fades" if faded else "",
                barrier=numbers.loss(naive.barrier()),
                shape="keeps its shape" if after >= _KEEPS else "keeps more of its shape",
                stays="stays low" if aligned.barrier() <= _STAYS * naive.barrier() else "rises less",
            )
        )
    else:
        parts.append(
            say(
                "Half-way the cloud keeps {before}% of its spread {naive:before} and {after}% {aligned:after}; "
                "unrelated partners keep 50%.",
                before=numbers.whole(before),
                after=numbers.whole(after),
            )
        )
    parts += [_links(cloud), _plane(cloud), "Percentages count all directions, not only the two drawn."]
    if cloud.units > len(cloud.drawn):
        sample = f"A sample of {numbers.count(len(cloud.drawn))} of {numbers.count(cloud.units)} units is drawn"
        parts.append(f"{sample}; {'densities, ellipses and ' if cloud.linear else ''}percentages use all.")
    return joined(parts)


def _links(cloud: Cloud) -> str:
    linked = len(cloud.links)
    if linked == cloud.units:
        lines = f"Lines join all {linked} pairs"
    else:
        lines = f"Lines join {linked} of {numbers.count(cloud.units)} pairs, the same units of A in both panels"
    return f"{lines}; dark lines are longer than nine tenths of the aligned pairs."


def _plane(cloud: Cloud) -> str:
    """What the drawn plane is, where it is not the principal one."""
    if cloud.projection == "random":
        return "The plane is a random one: most of the cloud's shape lies outside of it."
    if cloud.projection == "sliced" and cloud.apart is not None:
        one, other = (numbers.loss(float(value)) for value in cloud.apart)
        return (
            "The two directions are those along which the clouds of A and of aligned B differ most (max-sliced "
            f"Wasserstein): there W₂ is {one} and {other}."
        )
    if cloud.projection == "tsne":
        stops = ", ".join(f"{float(t):g}" for t in cloud.t)
        return (
            "t-SNE keeps neighbours, not distances: sizes and gaps mean nothing here. A, B, aligned B and the averages "
            f"were placed in one fit at t = {stops}, which is where the slider stops."
        )
    return ""


def path_alt(naive: Profile, aligned: Profile, cloud: Cloud, method_title: str) -> str:
    """What the figure shows, for who does not see it."""
    before, after = cloud.halfway
    middle = [numbers.loss(profile.midpoint()) for profile in (naive, aligned)]
    ends = f"{numbers.loss(float(naive.loss()[0]))} at A and {numbers.loss(float(naive.loss()[-1]))} at B"
    return (
        f"Left: test loss from A to B is {middle[0]} half-way without alignment and {middle[1]} after "
        f"{numbers.inside(method_title)}, with {ends}. Right: the interpolated units of {cloud.label} keep "
        f"{numbers.whole(before)} percent of their spread before and {numbers.whole(after)} percent after."
    )


def progress_words(band: Mapping[str, Any]) -> Text:
    """What is known of the barriers of a run under way.

    band   as a run's status has it: what was measured on random examples, and how far it may be from all of them
    """
    return say(
        "The test-loss barrier is {naive} without alignment and {aligned} after it so far, from {seen} of {every} test "
        "examples at {points} values of *t*; ± holds with 95%.",
        **{name: marked(name, numbers.within(band[name]["barrier"], band[name]["within"])) for name in _PATHS},
        seen=numbers.count(band["examples"]),
        every=numbers.count(band["of"]),
        points=str(len(band["t"])),
    )


def progress_alt(naive: Sequence[float | None], aligned: Sequence[float | None]) -> str:
    """What the figure of a run under way shows, for who does not see it."""
    parts = []
    for name, values in (("naive", naive), ("aligned", aligned)):
        known = [value for value in values if value is not None]
        if known:
            parts.append(f"the {name} path reaches a test loss of {max(known):.2f}")
    return f"So far {' and '.join(parts)}." if parts else "Nothing is measured yet."
