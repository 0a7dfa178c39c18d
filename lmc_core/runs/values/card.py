"""What is known of a model without opening its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from lmc_core.networks.families import FAMILIES, brief
from lmc_core.words.numbers import listed


@dataclass(frozen=True)
class ModelCard:
    """One model of the library.

    id            "digits-mlp-128/seed0" of a shipped model; 16 hex digits that name the fingerprint of an uploaded one
    family        architecture family, "" if the file carries its own program
    data          name of the data it was trained (or, uploaded, measured) on; "" if unknown
    accuracy      split → fraction; loss likewise in nats; empty if not measured
    fingerprint   sha256 of architecture and weights
    parameters    how many numbers
    input_shape   of one example
    path          address of its .safetensors or .pt2 file
    filename      as it was uploaded, with its ending; "" if it was not, or where nobody knows any more
    listed        False: only its owner and those who know its id see it
    assumptions   (option, value, why): what the file did not say
    groups        group name → size, of an uploaded model; error = its measured symmetry error
    """

    id: str
    title: str
    family: str = ""
    data: str = ""
    accuracy: Mapping[str, float] = field(default_factory=dict)
    loss: Mapping[str, float] = field(default_factory=dict)
    fingerprint: str = ""
    parameters: int = 0
    input_shape: tuple[int, ...] = ()
    path: str = ""
    listed: bool = True
    uploaded: bool = False
    assumptions: tuple[tuple[str, Any, str], ...] = ()
    groups: Mapping[str, int] = field(default_factory=dict)
    error: float | None = None
    seed: int | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    filename: str = ""

    @property
    def name(self) -> str:
        """The title, with the seed where there is one."""
        return self.title if self.seed is None else f"{self.title}, seed {self.seed}"

    @property
    def assumed(self) -> list[dict[str, Any]]:
        """The assumptions as JSON."""
        return [{"option": option, "value": value, "why": why} for option, value, why in self.assumptions]

    @property
    def kind(self) -> str:
        """The family, as people call it."""
        return brief(self.family)

    @property
    def attends(self) -> bool:
        """Whether it is of a family whose units attend to each other."""
        return self.family in FAMILIES and FAMILIES[self.family].attends

    @staticmethod
    def of(content: Mapping[str, Any]) -> ModelCard:
        """The card that JSON describes; keys that are not fields are ignored."""
        known = {f.name for f in fields(ModelCard)}
        values = {name: value for name, value in content.items() if name in known and value is not None}
        for name in ("accuracy", "loss"):
            if isinstance(values.get(name), (int, float)):
                values[name] = {"test": values[name]}
        values["input_shape"] = tuple(values.get("input_shape", ()))
        values["assumptions"] = tuple((a[0], a[1], a[2]) for a in values.get("assumptions", ()))
        if isinstance(values.get("recipe"), str):
            values["recipe"] = {"command": values["recipe"]}
        return ModelCard(**values)


@dataclass(frozen=True)
class DataCard:
    """A visitor's own data, as it is known without opening it.

    id        "npz-" and 16 hex digits that name the digest of its contents: whoever knows it may use the data
    title     the file's name, of arrays without its ending
    shape     of one example
    """

    id: str
    title: str
    train: int
    test: int
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    digest: str


def pair_title(a: ModelCard, b: ModelCard) -> str:
    """Two models by name."""
    return models_title(a, b)


def models_title(*cards: ModelCard) -> str:
    """Models by name, briefly: "Digits MLP, seeds 0, 1 and 2"."""
    if len({card.title for card in cards}) == 1 and all(card.seed is not None for card in cards):
        named = [str(card.seed) for card in cards]
        return f"{cards[0].title}, seed{'s' * (len(cards) > 1)} {listed(named)}"
    if len(cards) == 2:
        return f"{cards[0].name} → {cards[1].name}"
    return listed([card.name for card in cards])


def models_json(cards: Sequence[ModelCard]) -> list[dict[str, Any]]:
    """Which models a result is of, and what their files did not say."""
    return [
        {"id": card.id, "title": card.name, "fingerprint": card.fingerprint, "assumptions": card.assumed}
        for card in cards
    ]
