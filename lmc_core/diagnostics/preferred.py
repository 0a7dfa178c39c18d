"""Which class of examples each unit responds to most, in both networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.report import Report, silent

if TYPE_CHECKING:
    from torch import Tensor

    from lmc_core.alignment.meetings import Leaf
    from lmc_core.data.dataset import Dataset
    from lmc_core.networks.network import Network
    from lmc_core.symmetry.symmetry import Symmetry

EXAMPLES = 2_000
"""Training examples on which responses are averaged."""
COLOURED = 10
"""Classes told apart by colour; units of other classes share one."""
NONE = -1
"""In the place of a class: the unit answers every example alike."""


@dataclass(frozen=True, eq=False)
class Preferred:
    """Classes that the units of one group prefer: argmax over c of E[response | c].

    The columns are A's unit, B's unit of the same number, and the unit of aligned B in A's place.

    best      (units, 3) number of the class, or −1 for a unit that answers every example alike
    above     (units, 3) E[response | best] over E[response], in standard deviations of the response over examples
    """

    best: NDArray[np.int16]
    above: NDArray[np.float32]

    @property
    def agreement(self) -> tuple[float, float]:
        """Share of A's units whose partner prefers the same class, before and after alignment."""
        a, before, after = self.best.T
        return float((a == before).mean()), float((a == after).mean())

    @property
    def chance(self) -> float:
        """The agreement of partners drawn at random."""
        a, b, _ = self.best.T
        classes = np.union1d(a, b)
        return float(sum((a == c).mean() * (b == c).mean() for c in classes))


def preferred(
    a: Network,
    b: Network,
    aligned: Network,
    symmetry: Symmetry,
    data: Dataset,
    *,
    examples: int = EXAMPLES,
    seed: int = 0,
    report: Report = silent,
) -> dict[str, Preferred]:
    """Group → the classes its units prefer, from the activations that later weights read; a unit's response to an
    example is its mean over places and steps.

    Nothing where the data has no class per example, and for groups that nothing reads example by example.
    """
    if data.y_train.ndim != 1 or data.y_train.dtype.kind not in "iu" or len(data.classes) < 2:
        return {}
    from lmc_core.alignment.responses import activations, batch_size, readings, watched

    drawn = data.drawn(examples, 1, seed=seed)
    x, y = drawn.x_train, np.asarray(drawn.y_train, np.int64)
    batch, watch = batch_size(a, len(x)), watched(symmetry, symmetry.groups)
    if len(x) < batch or not watch:
        return {}
    networks = a, a.with_state(b.state), a.with_state(aligned.state)  # one graph, so that values have the same names
    sums: dict[Any, list[_Sums]] = {}
    runs = zip(*(activations(network, x, watch, batch) for network in networks), strict=True)
    for number, three in enumerate(runs):
        report("asking units for their classes", number * batch, len(x))
        labels = y[number * batch : (number + 1) * batch]
        for value in watch:
            found = [three_of[value] for three_of in three]
            for key, views, leaves, keep in readings(found, value, symmetry, symmetry.groups):
                rows = [_rows(view, leaves, keep, batch) for view in views]
                if any(one is None for one in rows):
                    continue
                own = sums.setdefault(key, [_Sums(len(data.classes)) for _ in networks])
                for total, one in zip(own, rows, strict=True):
                    total.add(one, labels)
    last = {group: own for (group, *_), own in sums.items()}
    return {group: _result(own) for group, own in last.items()}


def coloured(found: Iterable[Preferred]) -> tuple[int, ...]:
    """The classes that most units of these groups prefer, at most ten of them, in their order."""
    counts = Counter(int(c) for one in found for c in one.best.reshape(-1) if c != NONE)
    return tuple(sorted(c for c, _ in counts.most_common(COLOURED)))


class _Sums:
    """Sums of responses per class, and of their squares."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.sums: Any = 0.0
        self.squares: Any = 0.0
        self.counts = np.zeros(classes)

    def add(self, rows: NDArray[np.float64] | None, labels: NDArray[np.int64]) -> None:
        assert rows is not None
        member = np.eye(self.classes)[labels]
        self.sums = self.sums + member.T @ rows
        self.squares = self.squares + (rows * rows).sum(0)
        self.counts += member.sum(0)


def _rows(view: Tensor, leaves: tuple[Leaf, ...], keep: list[int], batch: int) -> NDArray[np.float64] | None:
    """(batch, units): everything but examples and units averaged; None where no axis holds the examples."""
    own = {leaves[dim].part for dim in keep}
    at = next(
        (d for d in range(view.ndim) if d not in keep and view.shape[d] == batch and leaves[d].part not in own), -1
    )
    if at < 0:
        return None
    rest = [dim for dim in range(view.ndim) if dim not in keep and dim != at]
    moved = view.permute(at, *rest, *keep).flatten(1 + len(rest)).double()
    averaged = moved.mean(list(range(1, 1 + len(rest)))) if rest else moved
    return np.asarray(averaged.detach().cpu().numpy())


def _result(three: list[_Sums]) -> Preferred:
    best, above = [], []
    for one in three:
        total = one.counts.sum()
        mean = one.sums.sum(0) / total
        spread = np.sqrt((one.squares / total - mean**2).clip(min=0))
        there = one.counts > 0
        of_class = np.where(there[:, None], one.sums / np.maximum(one.counts, 1)[:, None], -np.inf)
        most = of_class.argmax(0)
        alive = spread > 1e-6 * (np.abs(mean) + 1e-12)
        best.append(np.where(alive, most, NONE))
        rise = of_class.max(0) - mean
        above.append(np.divide(rise, spread, out=np.zeros_like(rise), where=alive))
    return Preferred(np.stack(best, 1).astype(np.int16), np.stack(above, 1).astype(np.float32))
