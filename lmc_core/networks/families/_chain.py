"""Layers in a row: each reads what the one before it writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from lmc_core.networks.families._parts import NotThis, Part, orders

_LONGEST = 200  # layers that are put in order if the file has them in none
_STEPS = 20_000  # of the search for an order; a chain of distinct widths needs one per layer


def chain(layers: Sequence[Part]) -> tuple[list[Part], bool]:
    """The layers so that each reads what the one before writes, and whether file or names say so.

    Raises NotThis when there is no such order.
    """
    for order in orders(layers):
        if all(a.out == b.reads for a, b in pairwise(order)):
            return order, True
    found = next(_chains(orders(layers)[-1]), None) if len(layers) <= _LONGEST else None
    if found is None:
        sizes = ", ".join(f"{layer.key} {layer.reads}→{layer.out}" for layer in layers[:6])
        raise NotThis(f"its linear layers do not form a chain ({sizes}{', …' if len(layers) > 6 else ''})")
    return found, len({layer.shape for layer in layers}) == len(layers)


def _chains(layers: Sequence[Part]) -> Iterator[list[Part]]:
    """All chains, those that keep the given order first."""
    steps = 0

    def grow(done: list[Part], rest: list[Part]) -> Iterator[list[Part]]:
        nonlocal steps
        steps += 1
        if steps > _STEPS:
            return
        if not rest:
            yield done
        for i, layer in enumerate(rest):
            if not done or done[-1].out == layer.reads:
                yield from grow([*done, layer], rest[:i] + rest[i + 1 :])

    return grow([], list(layers))


def ordered_norms(norms: Sequence[Part], channels: Sequence[int]) -> list[Part]:
    """One norm for each of these layers, or none at all. Raises NotThis."""
    if not norms:
        return []
    for order in orders(norms):
        if [norm.shape[0] for norm in order] == list(channels):
            return order
    sizes = [norm.shape[0] for norm in norms]
    raise NotThis(f"its {len(norms)} norms over {sizes} channels do not follow its layers of {list(channels)}")
