"""What is said of every kind of result: a finding, chosen from measured cases, and cards with the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lmc_core.paths.profile import Profile
from lmc_core.words.marks import Text

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

    def barely(self, classes: int) -> float:
        """The accuracy below which a network is barely trained; labels and numbers have two answers."""
        classes = max(classes, 2)
        return 1 / classes + self.chance * (1 - 1 / classes)


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class Finding:
    """A sentence (or a few) with the colours of the networks and paths it speaks of, and the case it was chosen by."""

    case: Case
    sentence: Text

    @property
    def text(self) -> str:
        """Without colours, for titles, files and the command line."""
        return str(self.sentence)

    @property
    def remains(self) -> bool:
        """Whether the barrier is still there after alignment."""
        return self.case in ("fails", "worse", "unaligned", "broken")


@dataclass(frozen=True)
class Card:
    """One number of the row under the finding: its label, the number, a note under it, and what it means."""

    label: str
    value: Text | str
    note: str
    help: str = ""
