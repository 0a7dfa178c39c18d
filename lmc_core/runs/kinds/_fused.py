"""What a fusion of networks found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmc_core.fusion import FUSIONS
from lmc_core.fusion.outcome import Outcome
from lmc_core.runs.values.card import ModelCard, models_json
from lmc_core.runs.values.facts import DataFacts, profile_json
from lmc_core.runs.values.record import Record
from lmc_core.words.numbers import in_words, listed

ARTIFACTS = ("fused.safetensors", "fused.pt2")
"""The fused network as the worker keeps it: the second for networks whose code is a program of their own."""

NAMED = 3  # networks of several recipes that a title names


@dataclass(frozen=True, eq=False, kw_only=True)
class FuseResult(Record):
    """One network made of several, and everything a page or a command shows of it.

    weights          λ of each network, of sum 1
    outcome          what they score, alone and fused, and the paths between
    groups           name → units in the fused network
    parent_groups    the same, of each parent, in the names of the first
    sources          per parent, name → of how many of its units a fused unit is made, in the mean
    function_errors  per parent: how much of its function the couplings lose, relative
    history          the method's own objective
    """

    models: tuple[ModelCard, ...]
    data: DataFacts
    method: str
    settings: Mapping[str, Any]
    weights: tuple[float, ...]
    outcome: Outcome
    groups: Mapping[str, int]
    parent_groups: tuple[Mapping[str, int], ...]
    sources: tuple[Mapping[str, float], ...]
    function_errors: tuple[float, ...]
    history: tuple[float, ...]
    converged: bool
    recalibrate: str | None
    temperature: float | None
    fingerprint: str
    seed: int

    @property
    def title(self) -> str:
        """All networks by name."""
        return fusion_title(self.models)

    @property
    def method_title(self) -> str:
        """The method as people call it."""
        return FUSIONS[self.method].title

    @property
    def json(self) -> dict[str, Any]:
        """The object that `fuse --json` prints."""
        outcome = self.outcome
        scores = ("parents", "ensemble", "average", "fused", "curve")
        found = ("method", "settings", "weights", "groups", "parent_groups", "sources", "function_errors", "history")
        facts = ("converged", "recalibrate", "temperature", "fingerprint", "seed")
        return {
            "models": models_json(self.models),
            "data": self.data.name,
            **{name: plain(getattr(outcome, name)) for name in scores},
            "accuracy": outcome.final["test"]["accuracy"],
            "paths": [None if path is None else profile_json(path) for path in outcome.paths],
            "average_paths": [profile_json(path) for path in outcome.average_paths],
            **{name: plain(getattr(self, name)) for name in (*found, *facts)},
            **self.made,
        }


def fusion_title(models: Sequence[ModelCard]) -> str:
    """Several models by name, briefly: "Fusion of Digits MLP, seeds 0, 1 and 2"."""
    titles, seeds = {card.title for card in models}, [card.seed for card in models]
    if len(titles) == 1 and all(seed is not None for seed in seeds):
        return f"Fusion of {models[0].title}, seeds {listed([str(seed) for seed in seeds])}"
    if len(models) > NAMED:
        return f"Fusion of {models[0].name} and {in_words(len(models) - 1)} others"
    return f"Fusion of {listed([card.name for card in models])}"


def plain(value: Any) -> Any:
    """Mappings and tuples as JSON has them."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value
