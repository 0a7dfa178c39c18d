"""What came of a fusion, as numbers that are drawn and told without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lmc_core.paths.profile import Profile

Scores = Mapping[str, Mapping[str, float]]
"""split ("train", "test") → {"loss", "accuracy"}"""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the networks score before and after, and the paths from each of them to the fused one.

    names            of the parents
    parents, fused   what each scores, the parents in order; fused before fine-tuning
    ensemble         what the mean of their predictions, weighted by λ, scores: all of them kept, at all of their cost
    average          what the mean of the weights as they are scores; None where widths differ, or if that was asked for
    curve            scores before fine-tuning and after every epoch; empty without it
    paths            from each parent, carried to the fused frame, to the network at the end; None where carrying it
                     there changes its function; empty where no path was followed
    average_paths    from each parent as it is to the plain average
    """

    names: tuple[str, ...]
    parents: tuple[Scores, ...]
    fused: Scores
    average: Scores | None = None
    ensemble: Scores | None = None
    curve: tuple[Scores, ...] = ()
    paths: tuple[Profile | None, ...] = ()
    average_paths: tuple[Profile, ...] = ()

    @property
    def final(self) -> Scores:
        """What the network at the end scores, after fine-tuning if there was any."""
        return self.curve[-1] if self.curve else self.fused

    @property
    def epochs(self) -> int:
        """Of fine-tuning."""
        return max(len(self.curve) - 1, 0)

    @property
    def barrier(self) -> float | None:
        """The largest test-loss barrier on the way from a parent; None if there is no path."""
        return max((path.barrier() for path in self.paths if path is not None), default=None)

    def accuracies(self, split: str = "test") -> tuple[float, ...]:
        """Of the parents."""
        return tuple(scores[split]["accuracy"] for scores in self.parents)
