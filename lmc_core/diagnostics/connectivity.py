"""Whether features of averaged weights are averaged features, and how much of the signal survives half-way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.report import Report, silent
from lmc_core.symmetry.axis import Axis, groups_in
from lmc_core.symmetry.symmetry import Symmetry

if TYPE_CHECKING:
    from torch import Tensor

    from lmc_core.networks.network import Network

EXAMPLES = 512
POINTS = 13


@dataclass(frozen=True, eq=False)
class Connectivity:
    """Features of one group along one path.

    t         (T,) positions
    cosine    (T,) mean over examples of cos(f(θ_t), (1−t) f(θ_A) + t f(θ_B)), f the activations later weights read:
              layer-wise linear feature connectivity (Zhou 2023); 1 = averaging weights averages features
    signal    variance of pre-activations half-way over the mean of that at both ends; None where no weight makes them
    """

    t: NDArray[np.float32]
    cosine: NDArray[np.float32]
    signal: float | None


@dataclass(frozen=True)
class _Watched:
    """What is looked at for one group: its features, and the pre-activations of its units."""

    feature: str | None
    outputs: tuple[tuple[str, int], ...]


def connectivity(
    a: Network,
    ends: Sequence[Network],
    symmetry: Symmetry,
    x: NDArray[np.generic],
    *,
    points: int = POINTS,
    examples: int = EXAMPLES,
    report: Report = silent,
) -> tuple[dict[str, Connectivity], ...]:
    """Feature connectivity along the straight lines from `a` to each of `ends`: for each line, group → Connectivity.

    x          raw data (examples, …), of which the first `examples` are used
    points     positions on the path; an odd number has the middle among them
    """
    from lmc_core.alignment.responses import batch_size
    from lmc_core.graph.trace import trace
    from lmc_core.paths.path import LinearPath

    t = np.linspace(0, 1, points)
    half = int(np.abs(t - 0.5).argmin())
    batch = batch_size(a, min(examples, len(x)))
    traced = trace(a, batch)
    watched = {group: _watched(symmetry, group) for group in symmetry.groups}
    names = {w.feature for w in watched.values() if w.feature} | {n for w in watched.values() for n, _ in w.outputs}
    sums = [{group: _Sums(points) for group in watched} for _ in ends]
    total = max(1, min(examples, len(x)) // batch) * len(ends) * points
    done = 0
    for inputs in _batches(a, x[:examples], batch):
        first = traced.run(a.state, inputs, watch=names)[1]
        for end, groups in zip(ends, sums, strict=True):
            path, last = LinearPath(a, end), traced.run(end.state, inputs, watch=names)[1]
            for k, s in enumerate(t):
                report("comparing features", done, total)
                done += 1
                inner = 0 < k < points - 1
                here = traced.run(path(float(s)), inputs, watch=names)[1] if inner else (last if k else first)
                for group, what in watched.items():
                    if what.feature:
                        groups[group].compare(k, here[what.feature], first, last, what.feature, float(s), batch)
                    if k in (0, half, points - 1):
                        for place, (name, axis) in enumerate(what.outputs):
                            groups[group].measure(k, place, here[name], axis)
    return tuple(
        {group: found for group, sum_ in groups.items() if (found := sum_.result(t, half)) is not None}
        for groups in sums
    )


class _Sums:
    """Running sums over batches for one group on one path."""

    def __init__(self, points: int) -> None:
        self.cosine = np.zeros(points)
        self.compared = 0
        self.moments: dict[tuple[int, int], list[Any]] = {}

    def compare(
        self, k: int, here: Tensor, first: Mapping[str, Tensor], last: Mapping[str, Tensor], name: str, t: float, b: int
    ) -> None:
        mixed = (1 - t) * _examples(first[name], b) + t * _examples(last[name], b)
        rows = _examples(here, b)
        norms = rows.norm(dim=1) * mixed.norm(dim=1)
        cosine = (rows * mixed).sum(1) / norms.clamp(min=1e-30)
        # two features that are both nothing agree
        self.cosine[k] += float(cosine.where(norms > 0, cosine.new_ones(())).double().sum())
        self.compared += len(rows) if k == 0 else 0

    def measure(self, k: int, place: int, value: Tensor, axis: int) -> None:
        units = value.movedim(axis, -1).flatten(0, -2).double()
        new = [units.shape[0], units.sum(0), (units * units).sum(0)]
        old = self.moments.get((k, place))
        self.moments[k, place] = new if old is None else [x + y for x, y in zip(old, new, strict=True)]

    def result(self, t: NDArray[np.float64], half: int) -> Connectivity | None:
        if not self.compared:
            return None
        variance = {
            key: float((squares / n - (first / n) ** 2).clamp(min=0).mean())
            for key, (n, first, squares) in self.moments.items()
        }
        middle, start, end = (sum(v for (k, _), v in variance.items() if k == at) for at in (half, 0, len(t) - 1))
        signal = 2 * middle / (start + end) if start + end > 0 else None
        cosine = (self.cosine / self.compared).astype(np.float32)
        return Connectivity(t.astype(np.float32), cosine, signal)


def _watched(symmetry: Symmetry, group: str) -> _Watched:
    reads = symmetry.reads.get(group, ())
    outputs = []
    for contraction in symmetry.contractions:
        axes = symmetry.values.get(contraction.output, ())
        written = symmetry.axes[contraction.weight][contraction.write]
        places = [number for number, axis in enumerate(axes) if _has(axis, group)]
        if _has(written, group) and places and contraction.kind != "recurrent-hidden":
            outputs.append((contraction.output, places[0]))
    return _Watched(reads[-1][0] if reads else None, tuple(outputs))


def _has(axis: Axis, group: str) -> bool:
    return any(g.name == group for g in groups_in(axis))


def _batches(network: Network, x: NDArray[np.generic], batch: int) -> Iterator[tuple[Tensor, ...]]:
    """Full batches of prepared inputs."""
    import torch

    example = network.example_inputs[0]
    for start in range(0, len(x) - batch + 1, batch):
        rows = torch.as_tensor(np.ascontiguousarray(x[start : start + batch])).to(example.device, example.dtype)
        yield (network.prepare(rows),)


def _examples(value: Tensor, batch: int) -> Tensor:
    """One row per example: (batch, …) flattened; a value without an axis of that length is one row."""
    for axis, size in enumerate(value.shape):
        if size == batch:
            return value.movedim(axis, 0).flatten(1) if value.ndim > 1 else value[:, None]
    return value.reshape(1, -1)
