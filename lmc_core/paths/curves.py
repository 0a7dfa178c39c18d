"""Curves between two networks: Bézier and polygonal chains, trained to stay low in loss (Garipov 2018)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from lmc_core.data.dataset import Dataset
from lmc_core.errors import SettingError
from lmc_core.networks.network import Network, State
from lmc_core.paths.loss import TaskLoss
from lmc_core.paths.path import LinearPath
from lmc_core.report import Report, silent

Kind = Literal["bezier", "chain"]


@dataclass(frozen=True, eq=False)
class Curve:
    """φ(t) = Σ_k c_k(t) θ_k over control points θ_0 = A, …, θ_n = B; the ends are the very states of A and B.

    kind       "bezier": c_k(t) = C(n, k) (1 − t)^(n−k) t^k; "chain": straight from each point to the next, the points
               at t = k / n
    points     two or more networks of one computation, all on one device
    history    mean training loss of every epoch; empty if nothing was trained
    """

    kind: Kind
    points: tuple[Network, ...]
    history: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in ("bezier", "chain"):
            raise SettingError(f"a curve is a bezier or a chain, not {self.kind!r}")
        if len(self.points) < 2:
            raise SettingError("a curve needs its two ends")
        for point in self.points[1:]:
            LinearPath(self.points[0], point)  # raises MismatchError where they do not fit

    @property
    def network(self) -> Network:
        """The network at t = 0."""
        return self.points[0]

    def __call__(self, t: float) -> State:
        if not 0 <= t <= 1:
            raise SettingError(f"t={t} is outside 0…1")
        shares = coefficients(self.kind, len(self.points), t)
        for point, share in zip(self.points, shares, strict=True):
            if share == 1:  # the ends, and the corners of a chain
                return point.state
        return Mixed(tuple(p.state for p in self.points), shares)


@dataclass(frozen=True, eq=False)
class Mixed(Mapping[str, Tensor]):
    """Σ_k share_k · state_k; a tensor is made each time it is read. Whole numbers are those of the largest share."""

    states: tuple[State, ...]
    shares: tuple[float, ...]

    def __getitem__(self, name: str) -> Tensor:
        tensors = [(state[name], share) for state, share in zip(self.states, self.shares, strict=True) if share]
        if not tensors[0][0].is_floating_point():
            return max(tensors, key=lambda pair: pair[1])[0]
        total = tensors[0][0] * tensors[0][1]
        for tensor, share in tensors[1:]:
            total = torch.add(total, tensor, alpha=share)
        return total

    def __iter__(self) -> Iterator[str]:
        return iter(self.states[0])

    def __len__(self) -> int:
        return len(self.states[0])


def coefficients(kind: Kind, points: int, t: float) -> tuple[float, ...]:
    """c_k(t) of every control point; they sum to 1."""
    n = points - 1
    if kind == "bezier":
        return tuple(comb(n, k) * (1 - t) ** (n - k) * t**k for k in range(points))
    return tuple(max(0.0, 1 - abs(t * n - k)) for k in range(points))


def through(*networks: Network) -> Curve:
    """The piecewise straight path that passes through given networks, such as A → fused → B."""
    return Curve("chain", networks)


def train_curve(
    a: Network,
    b: Network,
    data: Dataset,
    *,
    kind: Kind = "bezier",
    bends: int = 1,
    epochs: int = 20,
    rate: float = 0.05,
    momentum: float = 0.9,
    batch: int = 128,
    examples: int = 10_000,
    seed: int = 0,
    report: Report = silent,
) -> Curve:
    """A curve from A to B of which the bends minimise E over t ~ U(0, 1) of the training loss (Garipov 2018, eq. 2).

    bends      free points between the ends, which start on the straight line; 1 for a quadratic Bézier
    rate       of gradient steps with momentum, falling to 0 by a half cosine
    examples   training examples, drawn by `seed`; 0 = all

    Statistics of BatchNorm are blended, not trained: evaluate such a curve with recalibrate="bn-reset".
    Raises MismatchError if the networks do not fit, SettingError for settings out of range, Cancelled.
    """
    line = LinearPath(a, b)
    for name, number in (("bends", bends), ("epochs", epochs), ("rate", rate), ("batch", batch)):
        if not number > 0:
            raise SettingError(f"{name}={number} is not positive")
    loss, rng = TaskLoss(a, data, examples=examples, batch=batch, seed=seed), np.random.default_rng([seed, 11])
    learned = {name for name, _ in a.module.named_parameters(remove_duplicate=False)}
    starts = [dict(line(k / (bends + 1))) for k in range(1, bends + 1)]
    free = [{n: x.clone() for n, x in s.items() if n in learned and x.is_floating_point()} for s in starts]
    speed = [{n: torch.zeros_like(x) for n, x in bend.items()} for bend in free]
    steps, step, history = epochs * max(1, loss.batches_per_epoch), 0, []
    for _ in range(epochs):
        losses = []
        for examples_now in loss.epoch():
            report("training the curve", step, steps)
            shares = coefficients(kind, bends + 2, float(rng.uniform()))
            leaves = [{n: x.requires_grad_() for n, x in bend.items()} for bend in free]
            bent = [{**start, **bend} for start, bend in zip(starts, leaves, strict=True)]
            value = loss(dict(Mixed((a.state, *bent, b.state), shares)), examples_now)
            pull = 0.5 * rate * (1 + np.cos(np.pi * step / steps))
            free = _stepped(value, leaves, speed, momentum, pull)
            losses.append(float(value.detach()))
            step += 1
        history.append(float(np.mean(losses)))
    middle = [a.with_state({**start, **bend}) for start, bend in zip(starts, free, strict=True)]
    return Curve(kind, (a, *middle, replace(b, module=a.module)), tuple(history))


def _stepped(
    value: Tensor, bends: Sequence[dict[str, Tensor]], speed: list[dict[str, Tensor]], momentum: float, rate: float
) -> list[dict[str, Tensor]]:
    """The bends after one gradient step; `speed` is brought up to date."""
    flat = [x for bend in bends for x in bend.values()]
    found = iter(torch.autograd.grad(value, flat, allow_unused=True))
    moved = []
    for number, bend in enumerate(bends):
        after = {}
        for name, x in bend.items():
            g = next(found)
            speed[number][name] = momentum * speed[number][name] + (0 if g is None else g)
            after[name] = (x - rate * speed[number][name]).detach()
        moved.append(after)
    return moved
