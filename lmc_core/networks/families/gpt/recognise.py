"""Causal transformers: blocks of attention between a table of tokens and a head that tells as many of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lmc_core.networks.families._parts import Match, NotThis, Part, Shape, assumed_activation, of_kind, parts, same_bias
from lmc_core.networks.families._stack import Stack, other_heads, stack, usual_heads
from lmc_core.networks.values import Assumption


def recognise(shapes: Mapping[str, Shape], given: Mapping[str, Any]) -> Match:
    """Tokens and positions, then equal blocks, then logits of every token. Raises NotThis.

    A classifier of whole sequences with as many classes as tokens has the same tensors.
    """
    found = stack(parts(shapes))
    table, positions, norm, head = _surroundings(found)
    options = found.options | {
        "vocabulary": table.out,
        "input_shape": [positions.shape[-2]],
        "flat_positions": len(positions.shape) == 2,
        "bias": same_bias(found.linear, "linear layers"),
        "head_bias": "bias" in head.names,
        "norm_first": norm is not None,
        "final_norm": norm is not None,
        "activation": "gelu",
        "heads": usual_heads(found.width),
    }
    renames = found.renames | table.renamed("embed") | head.renamed("head")
    renames[positions.names["weight"]] = "pos_embed"
    if norm is not None:
        renames |= norm.renamed("norm")
    return Match(options | dict(given), renames, tuple(_assumed(options)))


def likeness(shapes: Mapping[str, Shape]) -> int:
    """Names of attention, and of the tables and the head of language models."""
    words = " ".join(shapes).lower()
    return 10 if re.search("attn|attention", words) and re.search("wte|wpe|lm_head", words) else 0


def _surroundings(found: Stack) -> tuple[Part, Part, Part | None, Part]:
    """Table of tokens, positions, final norm and head, of the layers outside the blocks. Raises NotThis."""
    d, outside = found.width, found.outside
    norms = of_kind(outside, "norm")
    if len(norms) > 1 or any(norm.shape != (d,) or set(norm.names) != {"weight", "bias"} for norm in norms):
        raise NotThis(f"outside its blocks it has {len(norms)} norms that do not fit a stream of {d}")
    rest = [part for part in outside if part not in norms]
    if len(rest) != 3 or any(part.shape[-1:] != (d,) for part in rest):
        raise NotThis("outside its blocks it has not just a table of tokens, positions and a head")
    places = [part for part in rest if len(part.shape) == 3 and part.shape[0] == 1]
    places = places or sorted((part for part in rest if "bias" not in part.names), key=_called(r"pos|wpe"))
    for place in places:
        table, head = sorted((part for part in rest if part is not place), key=_called(r"emb|wte|tok"))
        if "bias" in table.names:
            table, head = head, table
        if table.kind == head.kind == "linear" and table.shape == head.shape and "bias" not in table.names:
            return table, place, norms[0] if norms else None, head
    raise NotThis("no head tells as many tokens as its table holds")


def _called(pattern: str) -> Callable[[Part], bool]:
    """Key that puts those first whose names say so, and leaves the others in their order."""
    return lambda part: re.search(pattern, part.key, re.IGNORECASE) is None


def _assumed(options: Mapping[str, Any]) -> Iterator[Assumption]:
    yield Assumption("heads", options["heads"], "the number of heads has no tensors", other_heads(options))
    yield assumed_activation(options["activation"])
    has = "a final norm usually goes" if options["final_norm"] else "no final norm usually goes"
    where = "norms before attention" if options["norm_first"] else "norms after the sums"
    yield Assumption("norm_first", options["norm_first"], f"{has} with {where}")
    yield Assumption("eps", 1e-5, "the number added to the variance has no tensor")
    why = "a table of tokens and a head of the same shape: every position tells the next token, and sees none after it"
    yield Assumption("family", "gpt", why)
