"""What a run found, in one sentence: chosen from measured cases, coloured by path and network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lmc_core.paths.profile import Profile
from lmc_core.words import numbers as words

Case = Literal["unaligned", "none", "removes", "strongly", "reduces", "fails", "worse", "broken"]


@dataclass(frozen=True)
class Thresholds:
    """Where one case ends and the next begins; b₀, b₁ are the naive and the aligned test-loss barrier.

    small      a barrier is none below this, or below `relative` × the mean loss of the ends
    strongly   b₁ ≤ strongly·b₀;  reduces, same   likewise
    ends       difference of the ends' accuracies worth a sentence (2 points)
    chance     an end is barely trained below 1/classes + chance·(1 − 1/classes)
    """

    small: float = 0.02
    relative: float = 0.05
    strongly: float = 0.5
    reduces: float = 0.9
    same: float = 1.05
    ends: float = 0.02
    chance: float = 0.1

    def none(self, naive: Profile) -> float:
        """The barrier below which there is none."""
        losses = naive.loss()
        return max(self.small, self.relative * float(losses[0] + losses[-1]) / 2)


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Finding:
    """A sentence (or a few), and the case it was chosen by.

    markdown   with Streamlit's colour directives: A blue, B violet, naive orange, aligned green
    """

    case: Case
    markdown: str

    @property
    def text(self) -> str:
        """Without colours, for titles, alt text and the command line."""
        return words.plain(self.markdown)

    @property
    def remains(self) -> bool:
        """Whether the barrier is still there after alignment."""
        return self.case in ("fails", "worse", "unaligned", "broken")


def finding(
    naive: Profile,
    aligned: Profile,
    *,
    method_title: str,
    next_method: str | None = None,
    recalibrated: str | None = None,
    classes: int = 10,
    thresholds: Thresholds = THRESHOLDS,
) -> Finding:
    """The finding of a pair of paths.

    next_method    title of a method to try where this one does not help
    recalibrated   how statistics were recomputed along the path, if they were: then it is no longer a remedy
    classes        of the data, for the accuracy of guessing
    """
    case = _case(naive, aligned, thresholds)
    sentence = _sentence(case, naive, aligned, words.inside(method_title), next_method, recalibrated)
    return Finding(case, " ".join([sentence, *_remarks(case, naive, aligned, classes, thresholds)]))


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


def _sentence(
    case: Case, naive: Profile, aligned: Profile, method: str, next_method: str | None, recalibrated: str | None
) -> str:
    b0, b1 = _orange(words.loss(naive.barrier())), _green(words.loss(aligned.barrier()))
    a0, a1 = (
        paint(words.percent(profile.midpoint("test", "accuracy")))
        for paint, profile in ((_orange, naive), (_green, aligned))
    )
    opening = words.opening(method)
    match case:
        case "none":
            return (
                f"{_A} and {_B} are already joined by a straight line: "
                f"the test-loss barrier is {b0} without any alignment."
            )
        case "unaligned":
            return (
                f"Without alignment the test-loss barrier between {_A} and {_B} is {b0}; half-way, accuracy is {a0}, "
                f"the ends reach {_ends(naive)}."
            )
        case "removes":
            return (
                f"After {method} the barrier is gone: test loss rises by {b1} instead of {b0}; "
                f"half-way between {_A} and {_B}, accuracy is {a1} instead of {a0}."
            )
        case "strongly":
            return (
                f"After {method} the test-loss barrier falls from {b0} to {b1}; "
                f"half-way between {_A} and {_B}, accuracy is {a1} instead of {a0}."
            )
        case "reduces":
            return (
                f"{opening} lowers the test-loss barrier from {b0} to {b1}; a hill remains: "
                f"half-way, accuracy is {a1}, the ends reach {_ends(naive)}."
            )
        case "fails":
            remedies = [words.inside(next_method)] if next_method else []
            remedies += [] if recalibrated else ["recalibrate (REPAIR)"]
            advice = f" Try {', or '.join(remedies)}." if remedies else ""
            return f"{opening} does not help here: the barrier stays at {b1} (naive {b0}).{advice}"
        case "worse":
            return (
                f"{opening} makes it worse: the barrier rises from {b0} to {b1}. "
                "Check that both models read the same data in the same format."
            )
        case "broken":
            return (
                f"After {method} the loss is not a number somewhere between {_A} and {_B}: the path leaves the range "
                "of numbers the network can handle. Check the weights of both models."
            )


def _remarks(case: Case, naive: Profile, aligned: Profile, classes: int, thresholds: Thresholds) -> list[str]:
    """Sentences that keep the reader from a wrong conclusion."""
    remarks = []
    accuracy_a, accuracy_b = (float(naive.accuracy()[end]) for end in (0, -1))
    guess = 1 / classes
    barely = guess + thresholds.chance * (1 - guess)
    weak = [(n, x) for n, x in ((_A, accuracy_a), (_B, accuracy_b)) if x < barely]
    if len(weak) == 2:
        both = f"{words.percent(accuracy_a)} and {words.percent(accuracy_b)}"
        remarks.append(f"{_A} and {_B} are barely trained ({both}); a low barrier means little.")
    elif weak:
        name, accuracy = weak[0]
        remarks.append(f"{name} is barely trained ({words.percent(accuracy)}); a low barrier means little.")
    elif abs(accuracy_a - accuracy_b) > thresholds.ends:
        ends = sorted([(accuracy_a, _A), (accuracy_b, _B)], reverse=True, key=lambda end: end[0])
        (high, better), (low, worse) = ends
        remarks.append(
            f"{better} scores {words.percent(high)}, {worse} only {words.percent(low)}: "
            "the barrier is measured against the sloping line between them."
        )
    if case in ("none", "removes") and float(aligned.excess().min()) < -thresholds.none(naive):
        remarks.append("The middle is better than both ends predict.")
    return remarks


def _ends(profile: Profile) -> str:
    ends = sorted(words.percent(float(profile.accuracy()[end])) for end in (0, -1))
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} and {ends[1]}"


_A, _B = ":blue[A]", ":violet[B]"


def _orange(text: str) -> str:
    return f":orange[{text}]"


def _green(text: str) -> str:
    return f":green[{text}]"
