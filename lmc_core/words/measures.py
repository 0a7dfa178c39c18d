"""What loss and score are called in a task: cross-entropy and accuracy of classes, elsewhere something else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import overload

from lmc_core.paths.profile import Profile
from lmc_core.words.marks import Text


@dataclass(frozen=True)
class Measures:
    """Names for sentences and axes.

    score   what is counted as right, between 0 and 1
    loss    the loss in full
    """

    score: str = "accuracy"
    loss: str = "the mean cross-entropy in nats"

    @property
    def title(self) -> str:
        """The score as a heading."""
        return self.heading("accuracy")

    def name(self, metric: str) -> str:
        """Of either metric."""
        return self.score if metric == "accuracy" else metric

    def heading(self, metric: str) -> str:
        """The name of either metric as a heading."""
        name = self.name(metric)
        return name[0].upper() + name[1:]

    @overload
    def said(self, words: str) -> str: ...
    @overload
    def said(self, words: Text) -> Text: ...
    def said(self, words: Text | str) -> Text | str:
        """Words that were written for classes, in the names of this task; those that have them already stay."""
        if isinstance(words, Text):
            return Text(tuple(replace(span, text=self.said(span.text)) for span in words.spans))
        usual = MEASURES["classification"]
        pairs = ((usual.score, self.score), (usual.title, self.title), (usual.loss, self.loss))
        becomes = {own: own for _, own in pairs} | dict(pairs)
        known = "|".join(re.escape(name) for name in sorted(becomes, key=len, reverse=True))
        return re.sub(known, lambda found: becomes[found[0]], words)


MEASURES: Mapping[str, Measures] = {
    "classification": Measures(),
    "positions": Measures("accuracy per position", "the mean cross-entropy per position in nats"),
    "tokens": Measures("next-token accuracy", "the mean cross-entropy per token in nats"),
    "labels": Measures("accuracy per label", "the mean binary cross-entropy per label in nats"),
    "regression": Measures(
        "share within half a deviation", "the squared error over the variance of the targets (1: their mean)"
    ),
}
"""Kind of task (`paths/task.Task.kind`) → its names."""


def measures(profiles: Iterable[Profile | None]) -> Measures:
    """Of the first path there is."""
    return MEASURES[next((profile.task for profile in profiles if profile is not None), "classification")]
