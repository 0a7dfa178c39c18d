"""What a file does not say and examples can: readings that the same tensors allow, tried on some training examples."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from lmc_core.data.dataset import Dataset
from lmc_core.networks.checkpoint import read_with
from lmc_core.networks.network import Network
from lmc_core.networks.scale import CLOSE, Score, fitted, scored
from lmc_core.networks.values import Assumption

EXAMPLES = 250
SECONDS = 10.0
"""After which no further reading is tried: networks whose every trial is long are left as they are assumed."""


def decided(networks: Sequence[Network], data: Dataset) -> list[Network]:
    """The networks as examples say that they are to be read, each guess with what else was tried.

    Normalisation first, then one option after the other: another value than the usual one is taken where the sum of
    the losses is less by more than `CLOSE`; then the normalisation again, if an option has changed. What a file or its
    owner says is never changed.
    """
    found, limit, changed = fitted(networks, data), time.monotonic() + SECONDS, False
    for option in dict.fromkeys(a.option for network in found for a in network.assumptions if a.others):
        tried = list(_by_value(found, option, data, limit))
        if tried:
            usual, best = tried[0], min(tried, key=lambda trial: trial[2])
            chosen = best if best[2] < usual[2] * (1 - CLOSE) else usual
            changed = changed or chosen is not usual
            found = [_said(network, option, chosen[0], tried, data.name) for network in chosen[1]]
    return fitted(found, data) if changed else found


Trial = tuple[object, list[Network], float, list[Score | None]]
"""A value, the networks read with it, the sum of their losses, and their scores."""


def _by_value(networks: Sequence[Network], option: str, data: Dataset, limit: float) -> Iterator[Trial]:
    """The networks under each value that an option could have, the assumed one first, while there is time."""
    open_ = [next((a for a in network.assumptions if a.option == option and a.others), None) for network in networks]
    first = next(a for a in open_ if a)
    for value in (first.value, *first.others):
        if time.monotonic() > limit:
            return
        read = [
            network if a is None or a.value == value else read_with(network, option, value)
            for network, a in zip(networks, open_, strict=True)
        ]
        scores = [scored(network, data, EXAMPLES) if a else None for network, a in zip(read, open_, strict=True)]
        known = [score for score in scores if score]
        if not known:
            return
        yield value, read, sum(score.loss for score in known), scores


def _said(network: Network, option: str, value: object, tried: Sequence[Trial], data: str) -> Network:
    """The network with what was tried written beside its guess."""
    guess = next((a for a in network.assumptions if a.option == option and a.others), None)
    if guess is None:
        return network
    losses = ((spoken, sum(s.loss for s in scores if s), [s for s in scores if s]) for spoken, _, _, scores in tried)
    ordered = sorted(losses, key=lambda each: (each[0] != value, each[1]))
    measured = ", ".join(
        f"{spoken} {loss / len(known):.3g} ({sum(s.accuracy for s in known) / len(known):.1%})"
        for spoken, loss, known in ordered
    )
    why = f"{guess.why}; loss (accuracy) on {EXAMPLES} training examples of {data}: {measured}"
    missing = [other for other in guess.others if all(other != spoken for spoken, *_ in tried)]
    if missing:
        why += f"; not tried, as each takes long: {', '.join(map(str, missing))}"
    kept = (Assumption(option, value, why) if a is guess else a for a in network.assumptions)
    return replace(network, assumptions=tuple(kept))
