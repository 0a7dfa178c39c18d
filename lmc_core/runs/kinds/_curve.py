"""A curved path as an option: which curve from A to aligned B is measured beside the straight lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lmc_core.options import Nested, Option, Options

CURVES = {
    "none": "Straight line only",
    "bezier": "And a Bézier curve",
    "chain": "And a polygonal chain",
    "through": "And through a model",
}
TRAINED = ("bezier", "chain")
KIND = Option("kind", str, "none", "What is measured beside the straight lines.", choices=tuple(CURVES), label="Path")
BENDS = Option("bends", int, 1, "Free points between the ends.", low=1, high=5, label="Free points")
EPOCHS = Option(
    "epochs",
    int,
    20,
    "Passes over the training examples; a few dozen are usual. Training takes most of the time.",
    low=1,
    high=200,
    unit="epochs",
)
THROUGH = Option("model", str, None, "The model that the path leads through.", low=1, high=200, optional=True)
FINGERPRINT = Option("fingerprint", str, None, "Of its weights.", high=200, optional=True)
PARTS: Mapping[str, Options] = {
    "none": Options("a curve of kind none", (KIND,)),
    **{kind: Options(f"a curve of kind {kind}", (KIND, BENDS, EPOCHS)) for kind in TRAINED},
    "through": Options("a curve of kind through", (KIND, THROUGH, FINGERPRINT)),
}
"""Kind of curve → its options."""


@dataclass(frozen=True)
class Curve(Nested):
    """{"kind": "bezier" or "chain", "bends": 1, "epochs": 20} or {"kind": "through", "model": id}; None for none."""

    def check(self, value: Any) -> dict[str, Any] | None:
        if value is None or value == "none":
            return None
        if not isinstance(value, Mapping):
            raise self.refused(value)
        kind = KIND.check(value.get("kind", "none") or "none")
        found = PARTS[kind].check({**value, "kind": kind})
        if kind == "through" and found["model"] is None:
            raise self.refused(dict(value))
        return None if kind == "none" else {name: part for name, part in found.items() if part is not None}

    @property
    def allowed(self) -> str:
        return 'none, {"kind": "bezier" or "chain", "bends": 1, "epochs": 20} or {"kind": "through", "model": an id}'

    @property
    def schema(self) -> dict[str, Any]:
        forms = [parts.schema | {"required": ["kind"]} for kind, parts in PARTS.items() if kind != "none"]
        for kind, form in zip((kind for kind in PARTS if kind != "none"), forms, strict=True):
            form["properties"]["kind"] = {"const": kind}
        about = {"title": self.title, "description": self.help, "default": None}
        return {**about, "anyOf": [{"type": "null"}, *forms]}


CURVE = Curve(
    "curve",
    dict,
    None,
    "A curve between A and aligned B whose bends are trained on the training examples to stay low in loss, or two "
    "straight lines by way of another model, such as a fused one.",
    optional=True,
    label="Path",
    left_out=True,
)


def curve_title(curve: Mapping[str, Any], model: str = "") -> str:
    """What a curve is called; `model` is the name of the one it leads through."""
    if curve["kind"] == "through":
        return f"Through {model or curve['model']}"
    named = {"bezier": "Bézier curve", "chain": "Polygonal chain"}[curve["kind"]]
    points = "1 free point" if curve["bends"] == 1 else f"{curve['bends']} free points"
    return f"{named}, {points}, {curve['epochs']} epochs"
