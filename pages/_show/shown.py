"""A finished run as somebody looks at it."""

from dataclasses import dataclass

from lmc_core.diagnostics.cloud import Cloud
from lmc_core.runs.library import data as datasets
from lmc_core.runs.values.result import PathResult
from lmc_core.words.finding import Card, Finding
from lmc_core.words.marks import Text
from lmc_core.words.models import models_line
from lmc_core.words.numbers import percent
from lmc_core.words.path import NOTHING_TO_ALIGN, path_alt, path_caption, path_cards, path_finding


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
        return path_cards(
            self.result.naive,
            self.result.aligned,
            self.cloud,
            align_seconds=spent.get("align"),
            evaluate_seconds=spent.get("evaluate"),
            device=self.result.device,
        )

    @property
    def caption(self) -> Text:
        """What to look at in the figure."""
        if self.cloud is None:
            return NOTHING_TO_ALIGN
        layer = self.result.layers.get(self.cloud.group)
        signal = None if layer is None else layer.signal
        return path_caption(self.result.naive, self.result.aligned, self.cloud, self.found.case, signal=signal)

    @property
    def alt(self) -> str:
        assert self.cloud is not None
        return path_alt(self.result.naive, self.result.aligned, self.cloud, self.title)


def sentence(result: PathResult) -> Finding:
    """The finding."""
    return path_finding(result.naive, result.aligned, result.alignment.method, max(len(result.data.classes), 2))


def who(result: PathResult) -> Text:
    """A, B, their architecture and the data, in one line."""
    ends = [percent(float(result.naive.accuracy()[end])) for end in (0, -1)]
    details = [f"test accuracy {ends[0]}", ends[1]]
    return models_line(result.models, datasets.title(result.data.name), result.naive.examples, details=details)
