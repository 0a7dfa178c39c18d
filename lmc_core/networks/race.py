"""Several readings of one file raced on training examples: which is surely behind is not followed further."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, prod

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from lmc_core.data.dataset import Dataset
from lmc_core.networks.network import Network

ROUNDS = (100, 300)
"""Examples after which it is looked who is behind."""
CLOSE = 0.05
"""Two readings cannot be told apart where the loss of one is within this share of the other's."""
SURE = 4.0
"""Standard errors that a reading must be behind to be given up, beside twice `CLOSE`."""
LEAST = 1e-3
"""Losses below this are alike: every training example is known by heart, and the first reading is taken."""
TEMPERATURES = np.logspace(-1, 1, 41)


@dataclass(frozen=True)
class Score:
    """What a network scores on so many training examples.

    loss   in nats, at the temperature that suits it; at least `LEAST`
    """

    loss: float
    accuracy: float
    examples: int

    def spoken(self, most: int) -> str:
        """Loss and accuracy, and of how many examples where the winner has `most` and this was given up earlier."""
        return f"{self.loss:.3g} ({self.accuracy:.1%}{f' of {self.examples}' if self.examples < most else ''})"


def together(scores: Sequence[Score]) -> Score:
    """The mean over networks that were raced as one."""
    loss, accuracy = (sum(each) / len(scores) for each in zip(*((s.loss, s.accuracy) for s in scores), strict=True))
    return Score(loss, accuracy, scores[0].examples)


def raced(readings: Sequence[Sequence[Network]], data: Dataset, most: int, limit: float = inf) -> list[list[Score]]:
    """The scores of the networks of every reading, on up to `most` training examples, the same for all.

    After each of `ROUNDS` a reading is given up whose loss, summed over its networks, is behind that of the best by
    more than `SURE` standard errors of the difference per example and by 2 · `CLOSE`; the race ends when one is left.
    The loss of who was given up is that of the one it was behind, on all examples, plus the difference that was seen:
    what is easy in the first examples is easy for both.

    limit   time.monotonic() after which no further reading is begun: it has no scores

    Nothing where a network does not give one row of logits for each target: of an example, or of each of its positions.
    """
    if not all(fits(net, data) for reading in readings for net in reading):
        return []
    order = np.random.default_rng(0).permutation(len(data.y_train))[:most]
    logits: list[list[Tensor]] = [[] for _ in readings]
    gaps: list[tuple[int, int, list[float]]] = []
    alive, start = list(range(len(readings))), 0
    for stop in (*(each for each in ROUNDS if each < len(order)), len(order)):
        for k in alive:
            if start == 0 and k > 0 and time.monotonic() > limit:
                continue
            new = [_logits(network, data, order[start:stop]) for network in readings[k]]
            if any(each is None for each in new):
                return []
            logits[k] = [torch.cat(parts) for parts in zip(*filter(None, (logits[k], new)), strict=True)]
        alive = [k for k in alive if logits[k]]
        y = torch.from_numpy(data.y_train[order[:stop]]).long()
        losses = {k: torch.stack([_losses(each, y) for each in logits[k]]) for k in alive}
        best = min(alive, key=lambda k: _mean(losses[k].sum(0)))
        given_up = [k for k in alive if k != best and _behind(losses[k].sum(0), losses[best].sum(0))]
        gaps += [(k, best, (losses[k] - losses[best]).mean(1).tolist()) for k in given_up]
        alive = [k for k in alive if k not in given_up]
        start = stop
        if len(alive) == 1:
            break
    y = torch.from_numpy(data.y_train[order]).long()
    found = [[_score(each, y[: len(each)]) for each in reading] for reading in logits]
    for k, other, gap in reversed(gaps):
        found[k] = [replace(own, loss=that.loss + d) for own, that, d in zip(found[k], found[other], gap, strict=True)]
    return found


def fits(network: Network, data: Dataset) -> bool:
    """Whether a network reads examples of the data, and their targets are classes."""
    example = network.example_inputs[0]
    alike = example.is_floating_point() == np.issubdtype(data.x_train.dtype, np.floating)
    classes = np.issubdtype(data.y_train.dtype, np.integer)
    return alike and classes and len(network.example_inputs) == 1 and prod(example.shape[1:]) == prod(data.shape)


def _logits(network: Network, data: Dataset, rows: np.ndarray) -> Tensor | None:
    """(examples, …, classes) in float64 on the CPU; None if the network gives something else."""
    example = network.example_inputs[0]
    x = torch.from_numpy(data.x_train[rows]).to(example.device, example.dtype)
    outputs = [network(network.prepare(part)) for part in x.split(250)]
    if not isinstance(outputs[0], Tensor) or outputs[0].shape[1:-1] != data.y_train.shape[1:]:
        return None
    if outputs[0].ndim < 2 or outputs[0].shape[-1] <= int(data.y_train.max()):
        return None
    return torch.cat(outputs).double().cpu()


def _losses(logits: Tensor, y: Tensor) -> Tensor:
    """The loss of every example at the temperature where their mean is least."""
    rows, targets = logits.flatten(0, -2), y.flatten()
    each = (cross_entropy(rows / t, targets, reduction="none") for t in TEMPERATURES)
    return min((losses.reshape(len(y), -1).mean(1) for losses in each), key=_mean)


def _mean(losses: Tensor) -> float:
    mean = float(losses.mean())
    return mean if mean == mean else inf


def _behind(losses: Tensor, best: Tensor) -> bool:
    gap = losses - best
    if not torch.isfinite(gap).all():
        return not torch.isfinite(losses).all()
    error = float(gap.std()) / len(gap) ** 0.5
    return float(gap.mean()) > max(SURE * error, 2 * CLOSE * max(_mean(best), LEAST))


def _score(logits: Tensor, y: Tensor) -> Score:
    return Score(max(_mean(_losses(logits, y)), LEAST), float((logits.argmax(-1) == y).double().mean()), len(y))
