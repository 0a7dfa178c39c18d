"""What the steps to a canonical form say of what they did and did not do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["gain", "shift", "key bias", "value bias", "mean direction", "frame", "scales"]
"""Of a tensor: what multiplies units one by one, what is added behind that, what attention does not see of its keys,
what it hands on of its values, what a LayerNorm takes out; of a group: the basis its units are written in, their
sizes."""

_VERBS: dict[str, str] = {
    "gain": "its gain",
    "shift": "its shift",
    "key bias": "its bias of keys, which softmax ignores,",
    "value bias": "its bias of values",
    "mean direction": "its mean direction, which LayerNorm ignores,",
    "frame": "its frame",
    "scales": "its scales",
}


@dataclass(frozen=True)
class Folded:
    """A part of a tensor that was moved into others, or taken out where `into` is empty."""

    part: Part
    tensor: str
    into: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.part in ("frame", "scales"):
            return f"{self.tensor}: {_VERBS[self.part]} balanced between {', '.join(self.into)}"
        where = f"folded into {', '.join(self.into)}" if self.into else "taken out"
        return f"{self.tensor}: {_VERBS[self.part]} {where}"


@dataclass(frozen=True)
class Refused:
    """A part of a tensor that stays where it is, and why."""

    part: Part
    tensor: str
    why: str

    def __str__(self) -> str:
        return f"{self.tensor}: {_VERBS[self.part].removesuffix(',')} stays: {self.why}"


Record = Folded | Refused
