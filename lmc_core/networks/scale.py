"""How inputs are scaled where a file does not say: the usual normalisations of a data set, tried on some of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, prod

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from lmc_core.data.dataset import Dataset, subset
from lmc_core.networks.families.recognise import IMAGENET
from lmc_core.networks.network import Network
from lmc_core.networks.values import Assumption, Normalize, spoken

EXAMPLES = 1_000
CLOSE = 0.05
"""Two normalisations cannot be told apart where the loss of one is within this share of the other's."""
LEAST = 1e-3
"""Losses below this are alike: every training example is known by heart, and the first of the usual ones is taken."""
TEMPERATURES = np.logspace(-1, 1, 41)
FAR = 0.02
"""A network is read wrongly, it seems, where another usual normalisation gives so much more accuracy."""


@dataclass(frozen=True)
class Trial:
    """What a network scores under one normalisation, on `EXAMPLES` training examples.

    loss   in nats, at the temperature that suits it: larger inputs make larger logits, which only look surer
    """

    normalize: Normalize | None
    loss: float
    accuracy: float


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
    found = []
    for normalize in dict.fromkeys((network.normalize, *usual(data))):
        if normalize and len(normalize.mean) > 1 and (example.ndim < 3 or example.shape[1] != len(normalize.mean)):
            continue
        score = scored(replace(network, normalize=normalize), data, EXAMPLES)
        if score is None:
            return ()
        found.append(Trial(normalize, score.loss, score.accuracy))
    return tuple(found)


@dataclass(frozen=True)
class Score:
    """What a network scores on some training examples.

    loss   in nats, at the temperature that suits it; at least `LEAST`
    """

    loss: float
    accuracy: float


def scored(network: Network, data: Dataset, examples: int) -> Score | None:
    """On the first training examples that seed 0 draws; None where the network does not give one row of logits for
    each target: of an example, or of each of its positions."""
    example = network.example_inputs[0]
    if len(network.example_inputs) != 1 or prod(example.shape[1:]) != prod(data.shape):
        return None
    if example.is_floating_point() != np.issubdtype(data.x_train.dtype, np.floating):
        return None
    rows = subset(len(data.y_train), examples, 0)
    x, y = (torch.from_numpy(part[rows]).to(example.device) for part in (data.x_train, data.y_train))
    outputs = [network(network.prepare(part.to(example.dtype))) for part in x.split(250)]
    if not isinstance(outputs[0], torch.Tensor) or outputs[0].shape[-1] <= int(y.max()):
        return None
    logits = torch.cat(outputs).double()
    if logits.shape[:-1] != y.shape:
        return None
    logits, y = logits.flatten(0, -2), y.flatten()
    losses = [float(cross_entropy(logits / temperature, y)) for temperature in TEMPERATURES]
    loss = max(min((x for x in losses if x == x), default=inf), LEAST)
    return Score(loss, float((logits.argmax(1) == y).double().mean()))


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
    return next((trial.loss for trial in trials if trial.normalize == normalize), inf)


def _assuming(network: Network, best: Normalize | None, trials: Sequence[Trial], data: str) -> Network:
    ordered = sorted(trials, key=lambda trial: (trial.normalize != best, trial.loss))
    measured = ", ".join(f"{spoken(t.normalize)} {t.loss:.3g} ({t.accuracy:.1%})" for t in ordered)
    why = f"no tensor tells it; loss (accuracy) on {EXAMPLES} training examples of {data}: {measured}"
    limit = _loss(trials, best) * (1 + CLOSE)
    if close := [spoken(t.normalize) for t in trials if t.normalize != best and t.loss <= limit]:
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
    best = min(trials, key=lambda trial: trial.loss, default=None)
    if own is None or best is None or best.accuracy < own.accuracy + FAR:
        return ""
    return (
        f"{name} is read with inputs {spoken(own.normalize)} and reaches {own.accuracy:.1%} of training examples; with "
        f"{spoken(best.normalize)} it reaches {best.accuracy:.1%}: what is found here may be of a network "
        "that is read wrongly."
    )
