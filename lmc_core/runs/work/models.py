"""Networks of the library, which stay open for the next run."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from lmc_core.errors import CheckpointError
from lmc_core.networks.checkpoint import load
from lmc_core.networks.fit import mismatch
from lmc_core.networks.network import Network
from lmc_core.runs.library import models as library
from lmc_core.runs.values.card import ModelCard

KEPT = 8  # opened models that a worker remembers


def open_model(known: ModelCard) -> Network:
    """The network behind a card, checked to be the one that the card describes."""
    return replace(_open(_Key(known)), source=known.name)  # the same weights may go by another name elsewhere


def open_pair(a: ModelCard, b: ModelCard) -> tuple[Network, Network, tuple[str, ...]]:
    """Two networks as one computation, and notes on what had to be taken over for that.

    Where a file did not say how its tensors compute, the other network of the pair, which has the same tensors, does.
    """
    first, second = open_model(a), open_model(b)
    if mismatch(first, second) is None:
        return first, second, ()
    if taken := _taken_over(first, second):
        return first, taken, (f"B is computed as A is: {b.title!r} does not say how, and has the same tensors.",)
    if taken := _taken_over(second, first):
        return taken, second, (f"A is computed as B is: {a.title!r} does not say how, and has the same tensors.",)
    return first, second, ()


def _taken_over(known: Network, guessed: Network) -> Network | None:
    """The guessed network's numbers in the known one's computation; None if it was not guessed or does not fit."""
    assumed = {assumption.option for assumption in guessed.assumptions}
    if not assumed or {n: x.shape for n, x in known.state.items()} != {n: x.shape for n, x in guessed.state.items()}:
        return None
    normalize = known.normalize if "normalize" in assumed else guessed.normalize
    moved = known.with_state(guessed.state)
    taken = replace(moved, normalize=normalize, source=guessed.source, metadata=guessed.metadata)
    return taken if mismatch(known, taken) is None else None


class _Key:
    """A card, equal to another if both describe the same weights."""

    def __init__(self, known: ModelCard):
        self.card = known

    def __hash__(self) -> int:
        return hash(self.card.fingerprint)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.card.fingerprint == self.card.fingerprint


@lru_cache(maxsize=KEPT)
def _open(key: _Key) -> Network:
    with library.weights(key.card) as path:
        network = load(path)
    if network.fingerprint != key.card.fingerprint:
        raise CheckpointError(f"the file of model {key.card.id!r} does not hold the weights its card describes")
    return network
