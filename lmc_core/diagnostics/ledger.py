"""Which layer to blame for a barrier: the loss above the chord as a sum over the layers of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmc_core.diagnostics.labels import places
from lmc_core.report import Report, silent

if TYPE_CHECKING:
    from lmc_core.data.dataset import Dataset
    from lmc_core.graph.trace import Override, Trace
    from lmc_core.networks.network import Network
    from lmc_core.symmetry.symmetry import Symmetry

EXAMPLES = 1_000


@dataclass(frozen=True)
class Entry:
    """One layer: a product with weights, and everything up to the next one.

    layer               module of the weights
    linear, activation  loss that each of the two adds at t
    linear_defect       E ‖W_t φ_mix − z_mix‖² / E ‖z_mix‖², where W_t φ_mix − z_mix = −t(1−t) (W_A − W_B)(φ_A − φ_B)
    activation_defect   E ‖σ(z_mix) − φ_mix‖² / E ‖φ_mix‖² of what later layers read, σ all that lies between
    """

    layer: str
    linear: float
    activation: float
    linear_defect: float
    activation_defect: float


@dataclass(frozen=True)
class Ledger:
    """The loss above the chord at one t: the sum of the entries and of what mixing the outputs saves.

    saved      L((1−t) f_A + t f_B) − (1−t) L(f_A) − t L(f_B): not positive for a convex loss
    """

    t: float
    entries: tuple[Entry, ...]
    saved: float
    examples: int

    @property
    def worst(self) -> Entry:
        """The layer that adds most."""
        return max(self.entries, key=lambda entry: entry.linear + entry.activation)

    @property
    def layers(self) -> float:
        """What all layers add, above the loss of mixed outputs."""
        return sum(entry.linear + entry.activation for entry in self.entries)

    @property
    def total(self) -> float:
        """L(θ_t) − (1−t) L(θ_A) − t L(θ_B)."""
        return self.layers + self.saved


def ledger(
    a: Network,
    b: Network,
    symmetry: Symmetry,
    data: Dataset,
    t: float,
    *,
    recalibrate: Any = None,
    train_examples: int | None = EXAMPLES,
    test_examples: int | None = EXAMPLES,
    seed: int = 0,
    report: Report = silent,
) -> Ledger:
    """The loss above the chord between a and b at t, layer by layer, on test examples.

    Let N_k hold the mixed values (1−t) v_A + t v_B of the first k layers, and go on with the weights θ_t. N_0 is the
    network on the path, the last one the mixture of the outputs, and L(N_k−1) − L(N_k) is what layer k adds; between
    its product with W and what follows lies one more such network. The sum telescopes, so nothing is left over.

    symmetry         knows where products with weights are
    recalibrate      as for `evaluate`, from training examples
    train_examples   how many are drawn by `seed`; None = all. test_examples likewise, the same as for `function_gap`

    Raises TraceError if the network cannot be traced.
    """
    import numpy as np

    from lmc_core.data.dataset import subset
    from lmc_core.graph.trace import trace, working_batch
    from lmc_core.paths.batches import batches, score
    from lmc_core.paths.line import Correction, scaled
    from lmc_core.paths.path import LinearPath
    from lmc_core.paths.recalibrate import calibration_batches, corrected_lines

    rows = subset(len(data.x_test), test_examples, seed)
    traced = trace(a, working_batch(a, min(256, len(rows))))
    split = batches(a, data.x_test[rows], data.y_test[rows], traced.batch, asked=data.task)
    path, correction = LinearPath(a, b), Correction()
    if recalibrate is not None:
        train = np.random.default_rng(seed).permutation(subset(len(data.x_train), train_examples, seed))
        calibration = calibration_batches(a, data, train, traced.batch)
        points = np.array([0.0, t, 1.0])
        correction = corrected_lines([path], traced, calibration, points, recalibrate, split.layout, report)[1][0][1]
    state = {**path(t), **correction.statistics}
    altered = {name: scaled(*affine) for name, affine in correction.affine.items()}
    names, cuts = _cuts(traced, symmetry)
    losses, ends = np.zeros(len(cuts)), np.zeros(2)
    defects, sizes = np.zeros(len(cuts)), np.full(len(cuts), 1e-30)
    targets = 0
    for number in range(len(split)):
        report("the ledger of the barrier", number, len(split))
        batch = split[number]
        watch = {name for cut in cuts for name in cut.read}
        (first, at_a), (last, at_b) = (traced.run(end, (batch.inputs,), watch=watch) for end in (a.state, b.state))
        mixed = {name: _mix(at_a[name], at_b[name], t) for name in watch}
        for k, cut in enumerate(cuts):
            following = cuts[k + 1].read - cut.read if k + 1 < len(cuts) else frozenset()
            override = {**altered, **cut.override(mixed)}
            output, seen = traced.run(state, (batch.inputs,), watch=following, override=override)
            losses[k] += float(score(output, batch)[0])
            for name, value in seen.items():
                if name not in cut.left_out:
                    defects[k] += _square(value, mixed[name], split.size, batch.count)
                    sizes[k] += _square(mixed[name], None, split.size, batch.count)
        ends += [float(score(output, batch)[0]) for output in (first, last)]
        targets += batch.targets.numel()
    losses, ends = losses / max(targets, 1), ends / max(targets, 1)
    steps, relative = (losses[:-1] - losses[1:]).tolist(), (defects / sizes).tolist()
    entries = tuple(
        Entry(name, steps[2 * k], steps[2 * k + 1], relative[2 * k], relative[2 * k + 1])
        for k, name in enumerate(names)
    )
    return Ledger(t, entries, float(losses[-1] - (1 - t) * ends[0] - t * ends[1]), len(rows))


@dataclass(frozen=True)
class _Cut:
    """A place in the order of a graph: what stands before it is mixed, what follows is computed.

    left_out   all values before it
    read       those that something after it reads
    """

    left_out: frozenset[str]
    read: frozenset[str]

    def override(self, mixed: Mapping[str, Any]) -> dict[str, Override]:
        """What computes each value before the cut."""
        return {name: _known(mixed[name] if name in self.read else None) for name in self.left_out}


def _cuts(traced: Trace, symmetry: Symmetry) -> tuple[list[str], list[_Cut]]:
    """Names of the layers, and the cuts: before all, around every product with weights but the first, after all."""
    calls = [node for node in traced.graph.nodes if node.op == "call_function"]
    place = {node.name: number for number, node in enumerate(calls, 1)}
    weights: dict[int, str] = {}
    for contraction in symmetry.contractions:
        if contraction.output in place:
            weights.setdefault(place[contraction.output], contraction.weight)
    products = sorted(weights)
    stops = [0, *(stop for product in products for stop in (product - 1, product)), len(calls)]
    modules = [weights[product].rpartition(".")[0] for product in products]
    names = [m if m and modules.count(m) == 1 else weights[p] for m, p in zip(modules, products, strict=True)]
    return [*places(dict.fromkeys(names)).values()], [_cut(calls, stop) for stop in _without_second(stops)]


def _without_second(stops: Sequence[int]) -> list[int]:
    """What stands before the first product counts with it."""
    return [stop for number, stop in enumerate(stops) if number != 1]


def _cut(calls: Sequence[Any], stop: int) -> _Cut:
    before = {node.name for node in calls[:stop]}
    read = {node.name for node in calls[:stop] if any(user.name not in before for user in node.users)}
    return _Cut(frozenset(before), frozenset(read))


def _known(value: Any) -> Override:
    return lambda op, args, kwargs: value


def _mix(a: Any, b: Any, t: float) -> Any:
    """(1−t) a + t b of what moves; shapes, masks and indices are those of a."""
    if isinstance(a, tuple | list):
        return type(a)(_mix(x, y, t) for x, y in zip(a, b, strict=True))
    if hasattr(a, "is_floating_point") and (a.is_floating_point() or a.is_complex()):
        return a.lerp(b, t)
    return a


def _square(value: Any, other: Any, size: int, count: int) -> float:
    """Σ |value − other|² over the examples that count, of a batch of `size` rows."""
    if isinstance(value, tuple | list):
        others = other if other is not None else [None] * len(value)
        return sum(_square(x, y, size, count) for x, y in zip(value, others, strict=True))
    if not hasattr(value, "is_floating_point") or not (value.is_floating_point() or value.is_complex()):
        return 0.0
    apart = value if other is None else value - other
    rows = apart[:count] if apart.ndim and len(apart) == size else apart
    return float((rows.abs().double() ** 2).sum())
