"""Multilayer perceptrons, from the shapes of their linear layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmc_core.networks.families._chain import chain, ordered_norms
from lmc_core.networks.families._parts import Match, NotThis, Shape, assumed_activation, norm_kind, of_kind, parts
from lmc_core.networks.values import Assumption


def recognise(shapes: Mapping[str, Shape], given: Mapping[str, Any]) -> Match:
    """Linear layers that form one chain, with at most one norm after each hidden one. Raises NotThis."""
    layers = parts(shapes)
    if any(layer.kind not in ("linear", "norm") for layer in layers) or not of_kind(layers, "linear"):
        raise NotThis("it holds more than linear layers and norms")
    linear, sure = chain(of_kind(layers, "linear"))
    norms = ordered_norms(of_kind(layers, "norm"), [layer.out for layer in linear[:-1]])
    options: dict[str, Any] = {
        "widths": [linear[0].reads, *(layer.out for layer in linear)],
        "bias": ["bias" in layer.names for layer in linear],
    }
    if len(set(options["bias"])) == 1:
        options["bias"] = options["bias"][:1]
    assumptions = [assumed_activation()]
    if norms:
        options["norm"] = norm_kind(norms).replace("gn", "ln")
    if not sure:
        keys = ", ".join(layer.key for layer in linear)
        assumptions.append(Assumption("order", keys, "layers of one shape could be exchanged; they are taken by name"))
    renames: dict[str, str] = {}
    for i, layer in enumerate(linear, 1):
        renames |= layer.renamed(f"fc{i}")
    for i, norm in enumerate(norms, 1):
        renames |= norm.renamed(f"norm{i}")
    return Match(options | dict(given), renames, tuple(assumptions))


def likeness(shapes: Mapping[str, Shape]) -> int:
    """What is left when nothing more particular shows."""
    return 2
