"""A finished run as somebody looks at it."""

from dataclasses import dataclass

from lmc_core.diagnostics.cloud import Cloud
from lmc_core.figures.explore import alt_text
from lmc_core.methods import METHODS
from lmc_core.runs.library import data as datasets
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.result import PathResult
from lmc_core.words.captions import Card, cards, figure_caption
from lmc_core.words.numbers import count, percent
from lmc_core.words.path import Finding, finding
from pages._frame.text import escaped


@dataclass(frozen=True, eq=False)
class Shown:
    """A run, the finding, and the layer that is looked at: None where the network has no interchangeable units."""

    run_id: str
    result: PathResult
    found: Finding
    cloud: Cloud | None

    @property
    def title(self) -> str:
        """The method's title."""
        return self.result.alignment.title

    @property
    def cards(self) -> tuple[Card, ...]:
        spent = self.result.seconds
        return cards(
            self.result.naive,
            self.result.aligned,
            self.cloud,
            align_seconds=spent.get("align"),
            evaluate_seconds=spent.get("evaluate"),
            device=self.result.device,
        )

    @property
    def caption(self) -> str:
        """What to look at in the figure."""
        if self.cloud is None:
            return (
                "**Nothing to align.** This network has no group of interchangeable units, so there is no cloud to "
                "draw; *Symmetry* says which axes are pinned, and why."
            )
        layer = self.result.layers.get(self.cloud.group)
        signal = None if layer is None else layer.signal
        return figure_caption(self.result.naive, self.result.aligned, self.cloud, self.found, signal=signal)

    @property
    def alt(self) -> str:
        assert self.cloud is not None
        return alt_text(self.result.naive, self.result.aligned, self.cloud, self.title)


def sentence(result: PathResult) -> Finding:
    """The finding, with the next method of the list as a remedy."""
    tried = ("identity", result.alignment.method)
    others = [method.title for name, method in METHODS.items() if name not in tried]
    return finding(
        result.naive,
        result.aligned,
        method_title=result.alignment.title,
        next_method=others[0] if others else None,
        recalibrated=result.aligned.recalibrate,
        classes=max(len(result.data.classes), 2),
    )


def who(result: PathResult) -> str:
    """A, B, their architecture and the data, in one line."""
    a, b = result.models
    ends = [percent(float(result.naive.accuracy()[end])) for end in (0, -1)]
    kinds = escaped(a.title if a.title == b.title else f"{a.title} and {b.title}")
    data = escaped(datasets.title(result.data.name))
    examples = result.naive.examples
    used = " / ".join(f"{count(examples[split])} {split}" for split in ("train", "test") if split in examples)
    first = f":blue[●] A {_short(a)}, test accuracy {ends[0]}"
    return f"{first} · :violet[●] B {_short(b)}, {ends[1]} · {kinds} · {data}, {used} examples"


def _short(card: ModelCard) -> str:
    return f"seed {card.seed}" if card.seed is not None else escaped(card.title)
