"""What the steps to a canonical form say of what they did and did not do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["gain", "shift", "key bias", "value bias", "mean direction", "common part of gates", "frame", "scales"]
"""Of a tensor: what multiplies units one by one, what is added behind that, what attention does not see of its keys,
what it hands on of its values, what a LayerNorm takes out, what all rows of a router share; of a group: the basis its
units are written in, their sizes."""

_IGNORED: dict[str, str] = {
    "key bias": "softmax ignores it",
    "mean direction": "LayerNorm ignores it",
    "common part of gates": "softmax ignores it",
}
"""Why a part may be taken out."""


@dataclass(frozen=True)
class Folded:
    """A part of a tensor that was moved into others, or taken out where `into` is empty; of a group, balanced between
    the tensors that make its units and those that use them."""

    part: Part
    tensor: str
    into: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """What became of the part."""
        if self.part in ("frame", "scales"):
            return f"balanced between {', '.join(self.into)}"
        if self.part in _IGNORED:
            return f"taken out, as {_IGNORED[self.part]}"
        return f"folded into {', '.join(self.into)}"

    def __str__(self) -> str:
        return f"{self.tensor}: {self.part} {self.said}"


@dataclass(frozen=True)
class Refused:
    """A part of a tensor, or of a group, that stays as it is, and why."""

    part: Part
    tensor: str
    why: str

    @property
    def said(self) -> str:
        """What became of the part."""
        return f"stays, as {self.why}"

    def __str__(self) -> str:
        return f"{self.tensor}: {self.part} {self.said}"


Record = Folded | Refused
