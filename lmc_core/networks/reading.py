"""What a file does not say and examples can: readings that the same tensors allow, tried on some training examples."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lmc_core.data.dataset import Dataset
from lmc_core.errors import InputError
from lmc_core.networks.checkpoint import read_with
from lmc_core.networks.fit import image_of
from lmc_core.networks.network import Network
from lmc_core.networks.race import CLOSE, Score, raced, together
from lmc_core.networks.scale import fitted
from lmc_core.networks.values import Assumption

EXAMPLES = 250
SECONDS = 10.0
"""After which no further reading is tried: networks whose every trial is long are left as they are assumed."""


def sized(
    read: Callable[[Mapping[str, Any]], Network], arch: Mapping[str, Any], shape: Sequence[int], data: str
) -> Network:
    """The network that `read` makes of a file; where the file does not tell the size of its images and its tensors
    allow those of the data, it is read for them.

    read    architecture options → network
    arch    what is said of the architecture
    shape   of one example of the data
    data    its name
    """
    network = read(arch)
    image = image_of(network, shape)
    if image is None:
        return network
    try:
        found = read({**arch, "input_shape": list(image)})
    except InputError:  # tensors that allow no such images
        return network
    guess = Assumption("input_shape", list(image), f"its tensors allow several sizes, and {data} has this one")
    return replace(found, assumptions=(guess, *found.assumptions))


def decided(networks: Sequence[Network], data: Dataset) -> list[Network]:
    """The networks as examples say that they are to be read, each guess with what else was tried.

    Normalisation first, then one option after the other: another value than the usual one is taken where the sum of
    the losses is less by more than `CLOSE`; then the normalisation again, if an option has changed. What a file or its
    owner says is never changed.
    """
    found, limit, changed = fitted(networks, data), time.monotonic() + SECONDS, False
    for option in dict.fromkeys(a.option for network in found for a in network.assumptions if a.others):
        tried = _by_value(found, option, data, limit)
        if tried:
            usual, best = tried[0], min(tried, key=lambda trial: trial[2])
            chosen = best if best[2] < usual[2] * (1 - CLOSE) else usual
            changed = changed or chosen is not usual
            found = [_said(network, option, chosen[0], tried, data.name) for network in chosen[1]]
    return fitted(found, data) if changed else found


Trial = tuple[object, list[Network], float, list[Score | None]]
"""A value, the networks read with it, the sum of their losses, and their scores."""


def _by_value(networks: Sequence[Network], option: str, data: Dataset, limit: float) -> list[Trial]:
    """The networks under each value that an option could have, the assumed one first, while there is time."""
    if time.monotonic() > limit:
        return []
    open_ = [next((a for a in network.assumptions if a.option == option and a.others), None) for network in networks]
    first = next(a for a in open_ if a)
    values = (first.value, *first.others)
    read = [
        [
            network if a is None or a.value == value else read_with(network, option, value)
            for network, a in zip(networks, open_, strict=True)
        ]
        for value in values
    ]
    judged = [[network for network, a in zip(each, open_, strict=True) if a] for each in read]
    found: list[Trial] = []
    for value, each, scores in zip(
        values, read, raced(judged, data, EXAMPLES, limit) or [[]] * len(values), strict=True
    ):
        if scores:
            left = iter(scores)
            found.append((value, each, sum(s.loss for s in scores), [next(left) if a else None for a in open_]))
    return found


def _said(network: Network, option: str, value: object, tried: Sequence[Trial], data: str) -> Network:
    """The network with what was tried written beside its guess."""
    guess = next((a for a in network.assumptions if a.option == option and a.others), None)
    if guess is None:
        return network
    told = ((spoken, together([score for score in scores if score])) for spoken, _, _, scores in tried)
    ordered = sorted(told, key=lambda each: (each[0] != value, each[1].loss))
    most = ordered[0][1].examples
    measured = ", ".join(f"{spoken} {score.spoken(most)}" for spoken, score in ordered)
    why = f"{guess.why}; loss (accuracy) on {most} training examples of {data}: {measured}"
    missing = [other for other in guess.others if all(other != spoken for spoken, *_ in tried)]
    if missing:
        why += f"; not tried, as each takes long: {', '.join(map(str, missing))}"
    kept = (Assumption(option, value, why) if a is guess else a for a in network.assumptions)
    return replace(network, assumptions=tuple(kept))
