"""How inputs are scaled where a file does not say: the usual normalisations of a data set, tried on some of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from lmc_core.data.dataset import Dataset
from lmc_core.networks.families.recognise import IMAGENET
from lmc_core.networks.network import Network
from lmc_core.networks.race import CLOSE, Score, raced
from lmc_core.networks.values import Assumption, Normalize, spoken

EXAMPLES = 1_000
FAR = 0.02
"""A network is read wrongly, it seems, where another usual normalisation gives so much more accuracy."""


@dataclass(frozen=True)
class Trial:
    """What a network scores under one normalisation; the loss at the temperature that suits it, as larger inputs make
    larger logits, which only look surer."""

    normalize: Normalize | None
    score: Score


def usual(data: Dataset) -> tuple[Normalize | None, ...]:
    """None, mean and deviation of the training examples per channel, 0.5/0.5, and ImageNet's for colour images."""
    x = data.x_train
    axes = (0, *range(2, x.ndim)) if len(data.shape) == 3 else None
    mean, std = (tuple(np.round(np.atleast_1d(f(x, axis=axes, dtype=np.float64)), 4)) for f in (np.mean, np.std))
    own = Normalize(tuple(map(float, mean)), tuple(max(float(s), 1e-4) for s in std))
    more = (IMAGENET,) if len(data.shape) == 3 and data.shape[0] == 3 else ()
    return (None, own, Normalize((0.5,), (0.5,)), *more)


def tried(network: Network, data: Dataset) -> tuple[Trial, ...]:
    """The network under its own normalisation and under the usual ones; nothing where examples and
    answers are not those of a classifier of numbers."""
    example = network.example_inputs[0]
    if not np.issubdtype(data.x_train.dtype, np.floating):
        return ()
    ways = [
        normalize
        for normalize in dict.fromkeys((network.normalize, *usual(data)))
        if not normalize or len(normalize.mean) == 1 or (example.ndim >= 3 and example.shape[1] == len(normalize.mean))
    ]
    scores = raced([[replace(network, normalize=normalize)] for normalize in ways], data, EXAMPLES)
    return tuple(Trial(way, only) for way, (only,) in zip(ways, scores, strict=True)) if scores else ()


def fitted(networks: Sequence[Network], data: Dataset) -> list[Network]:
    """The networks with the usual normalisation under which the sum of their losses is least, as an assumption that
    says what else was tried; as they are where file or owner says the normalisation, or where nothing can be tried."""
    guessed = [any(a.option == "normalize" for a in network.assumptions) for network in networks]
    trials = [tried(network, data) if guess else () for network, guess in zip(networks, guessed, strict=True)]
    common = [each for each in trials if each]
    if not common:
        return list(networks)
    sums = {t.normalize: sum(_loss(each, t.normalize) for each in common) for t in common[0]}
    best = min(sums, key=lambda normalize: sums[normalize])
    return [_assuming(net, best, each, data.name) if each else net for net, each in zip(networks, trials, strict=True)]


def _loss(trials: Sequence[Trial], normalize: Normalize | None) -> float:
    return next((trial.score.loss for trial in trials if trial.normalize == normalize), inf)


def _assuming(network: Network, best: Normalize | None, trials: Sequence[Trial], data: str) -> Network:
    ordered = sorted(trials, key=lambda trial: (trial.normalize != best, trial.score.loss))
    most = ordered[0].score.examples
    measured = ", ".join(f"{spoken(trial.normalize)} {trial.score.spoken(most)}" for trial in ordered)
    why = f"no tensor tells it; loss (accuracy) on {most} training examples of {data}: {measured}"
    limit = _loss(trials, best) * (1 + CLOSE)
    if close := [spoken(t.normalize) for t in trials if t.normalize != best and t.score.loss <= limit]:
        why += f"; {' and '.join(close)} within {CLOSE:.0%}: not told apart"
    why += "; otherwise say --normalize mean/std"
    value = None if best is None else [list(best.mean), list(best.std)]
    kept = tuple(a for a in network.assumptions if a.option != "normalize")
    return replace(network, normalize=best, assumptions=(*kept, Assumption("normalize", value, why)))


def doubted(networks: Sequence[Network], data: Dataset) -> tuple[str, ...]:
    """A sentence for every network from somebody's file that does far better under another usual normalisation."""
    found = (_doubt(network, data, chr(ord("A") + number)) for number, network in enumerate(networks))
    return tuple(filter(None, found))


def _doubt(network: Network, data: Dataset, name: str) -> str:
    trials = tried(network, data) if network.metadata.get("names") else ()
    own = next((trial for trial in trials if trial.normalize == network.normalize), None)
    best = min(trials, key=lambda trial: trial.score.loss, default=None)
    if own is None or best is None or best.score.accuracy < own.score.accuracy + FAR:
        return ""
    reached = own.score.accuracy, best.score.accuracy
    return (
        f"{name} is read with inputs {spoken(own.normalize)} and reaches {reached[0]:.1%} of training examples; with "
        f"{spoken(best.normalize)} it reaches {reached[1]:.1%}: what is found here may be of a network that is read "
        "wrongly."
    )
