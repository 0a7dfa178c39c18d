"""Loss and accuracy along paths, computing once what the points share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.data.dataset import Dataset, subset
from lmc_core.errors import SettingError
from lmc_core.graph.trace import Trace
from lmc_core.graph.untraced import Untraced, trace_or_whole
from lmc_core.networks.network import Network
from lmc_core.paths.batches import CACHE, Batch, Batches, batch_size, batches, scores
from lmc_core.paths.layers import Recalibration
from lmc_core.paths.layout import laid_out
from lmc_core.paths.line import Correction, Ends, Line, at_ends, line
from lmc_core.paths.path import Path
from lmc_core.paths.profile import Profile, Split
from lmc_core.paths.recalibrate import EXAMPLES, calibration_batches, corrected_lines
from lmc_core.paths.tally import Tally, precise
from lmc_core.report import Report, silent

Partial = Callable[[tuple[Profile, ...]], None]

STACK = 256 << 20
"""Bytes of stacked states that are always allowed on a GPU, however small the networks are."""


def evaluate(
    path: Path,
    data: Dataset,
    *,
    points: int = 25,
    recalibrate: Recalibration | None = None,
    train_examples: int | None = 10_000,
    test_examples: int | None = None,
    batch: int | None = None,
    precision: float | None = None,
    seed: int = 0,
    report: Report = silent,
    partial: Partial | None = None,
) -> Profile:
    """Mean loss and score along a path, on training and test examples: cross-entropy and accuracy of classes.

    points           equally spaced in [0, 1], ends included; ≥ 2
    recalibrate      "bn-reset" or "repair" for the points between the ends, from training examples; the ends stay as
                     they are
    train_examples   how many are drawn by `seed`; None = all. test_examples likewise
    batch            rows computed at once; by default what the device's cache holds
    precision        stop when the test barriers in loss are known so well, relative to themselves, with 95 %: examples
                     then come in an order drawn by `seed`; None = all that were asked for
    partial          called with the profiles so far, estimated from the examples seen: after every batch, or with
                     `precision` whenever the margins are looked at

    Raises SettingError for settings out of range, DataError if the network cannot read the data, Cancelled if
    `report` does.
    """
    return evaluate_many(
        [path],
        data,
        points=points,
        recalibrate=recalibrate,
        train_examples=train_examples,
        test_examples=test_examples,
        batch=batch,
        precision=precision,
        seed=seed,
        report=report,
        partial=partial,
    )[0]


def evaluate_many(
    paths: Sequence[Path],
    data: Dataset,
    *,
    points: int = 25,
    recalibrate: Recalibration | None = None,
    train_examples: int | None = 10_000,
    test_examples: int | None = None,
    batch: int | None = None,
    precision: float | None = None,
    splits: Sequence[Split] = ("test", "train"),
    calibration: int = EXAMPLES,
    at: Sequence[float] | NDArray[np.float64] | None = None,
    seed: int = 0,
    report: Report = silent,
    partial: Partial | None = None,
) -> tuple[Profile, ...]:
    """The profiles of several paths on the same examples; end points that paths have in common are computed once.

    splits        what is measured, of "test" and "train"; the precision is that of the first
    calibration   training examples that statistics are estimated from, where a path is recalibrated
    at            increasing positions from 0 to 1, instead of equally spaced ones

    The paths must be of one computation: the same module object, as a network and its transported or blended copies
    have. See `evaluate` for the settings.
    """
    t = np.linspace(0.0, 1.0, points) if at is None else np.array(at, dtype=np.float64)
    points = len(t)
    if points < 2:
        raise SettingError(f"points={points}: a path needs its two ends, so at least 2 points")
    for name, number in (("batch", batch), ("train_examples", train_examples), ("test_examples", test_examples)):
        if number is not None and number < 1:
            raise SettingError(f"{name}={number} is less than one; leave it out for the default")
    if precision is not None and not 0 < precision < 1:
        raise SettingError(f"precision={precision}: a share of the barrier lies between 0 and 1; leave it out for all")
    if any(path.network.module is not paths[0].network.module for path in paths):
        raise SettingError("paths evaluated together must share one module; evaluate them one by one")
    began = time.perf_counter()
    network = paths[0].network
    every = {"test": (data.x_test, data.y_test, test_examples), "train": (data.x_train, data.y_train, train_examples)}
    rows = {split: subset(len(x), wanted, seed) for split, (x, _, wanted) in every.items()}
    traced = _trace(network, batch, [len(chosen) for chosen in rows.values()])
    paths, layout = laid_out(paths, traced)
    examples: dict[Split, Batches] = {}
    tallies: dict[Split, Tally] = {}
    for split in splits:
        (x, y, _), chosen, early = every[split], rows[split], precision is not None
        if early:
            chosen = np.random.default_rng([seed, 12]).permutation(chosen)
        task = examples[splits[0]].task if examples else None
        examples[split] = batches(network, x[chosen], y[chosen], traced.batch, layout, task, data.task)
        tallies[split] = Tally(len(paths), points, len(chosen), len(x), early=early, device=network.device)
    notes: tuple[str, ...] = examples[splits[0]].task.notes
    if recalibrate is None:
        corrections = [[Correction()] * points for _ in paths]
        lines = [line(path, traced, layout=layout) for path in paths]
    else:
        drawn = np.random.default_rng(seed).permutation(rows["train"])
        seen = calibration_batches(network, data, drawn, traced.batch, calibration, layout)
        lines, corrections, said = corrected_lines(paths, traced, seen, t, recalibrate, layout, report)
        notes += said

    def profiles() -> tuple[Profile, ...]:
        seconds, sampled = time.perf_counter() - began, [split for split in splits if tallies[split].sampled]
        spreads = [{split: tallies[split].spread(i, t) for split in sampled} for i in range(len(paths))]
        return tuple(
            Profile(
                t,
                {split: tallies[split].means(i) for split in splits},
                {split: tallies[split].seen for split in splits},
                seconds,
                recalibrate,
                notes,
                {split: tallies[split].population for split in sampled},
                {split: errors for split, (errors, _) in spread.items()},
                {split: margins for split, (_, margins) in spread.items()},
                examples[splits[0]].task.kind,
            )
            for i, spread in enumerate(spreads)
        )

    total = sum(len(split) for split in examples.values()) * len(paths) * points
    done = 0
    report("evaluate", done, total)
    for split, part in _in_turn(examples):
        for i, ends in enumerate(at_ends(lines, part.inputs)):
            for k, output in _points(lines[i], t, part, ends, corrections[i]):
                tallies[split].add(i, k, part, *scores(output, part))
                done += 1
                report("evaluate", done, total)
        look = tallies[split].end(part)
        if precision is not None and split == splits[0] and look:
            found = profiles()
            if partial is not None:
                partial(found)
            if precise([p.barrier(split) for p in found], [p.uncertainty(split) for p in found], precision):
                return found
        elif precision is None and partial is not None:
            partial(profiles())
    return profiles()


def _trace(network: Network, batch: int | None, counts: Sequence[int]) -> Trace | Untraced:
    """The trace at the wanted number of rows, or at the number that suits the device."""
    if batch is None:
        small = trace_or_whole(network, 2)
        batch = batch_size(widest(small, network), counts, network.device)
    return trace_or_whole(network, batch)


def widest(traced: Trace | Untraced, network: Network) -> int:
    """Bytes per example of the largest value that holds one row per example."""
    if isinstance(traced, Untraced):
        return max(x.nbytes // max(len(x), 1) for x in network.example_inputs) * 16
    values = [node.meta.get("val") for node in traced.graph.nodes if node.op == "call_function"]
    sizes = [v.numel() * v.element_size() for v in values if isinstance(v, Tensor)]
    return max(sizes, default=1) // traced.batch


def _in_turn(splits: dict[Split, Batches]) -> Iterator[tuple[Split, Batch]]:
    """Batches of all splits alternately, so that every split is estimated early."""
    for turn in zip_longest(*(range(len(split)) for split in splits.values())):
        for name, index in zip(splits, turn, strict=True):
            if index is not None:
                yield name, splits[name][index]


def _points(
    each: Line, t: np.ndarray, examples: Batch, ends: Ends, corrections: Sequence[Correction]
) -> Iterator[tuple[int, Tensor]]:
    """(number of the point, output there) for one batch; the ends first."""
    last = len(t) - 1
    yield 0, ends.outputs[0]
    yield last, ends.outputs[1]
    together = _together(each, t)
    for start in range(1, last, together):
        chosen = range(start, min(start + together, last))
        yield from zip(chosen, _outputs(each, t, chosen, examples, ends, corrections), strict=True)


def _outputs(
    each: Line, t: np.ndarray, chosen: range, examples: Batch, ends: Ends, corrections: Sequence[Correction]
) -> Iterable[Tensor]:
    """Outputs at the chosen points for one batch."""
    if len(chosen) > 1:
        try:
            return each.stacked(
                [float(t[k]) for k in chosen], examples.inputs, ends, [corrections[k] for k in chosen]
            ).unbind()
        except (RuntimeError, AttributeError):  # not batched by torch, too little memory, or several tensors
            pass
    return (each.corrected(float(t[k]), examples.inputs, ends, corrections[k]) for k in chosen)


def _together(each: Line, t: np.ndarray) -> int:
    """How many t are computed as one batched call: on a GPU what memory allows where that is faster, else one."""
    network = each.path.network
    if network.device.type != "cuda" or not each.faster_stacked:
        return 1
    whole = sum(x.nbytes for x in network.state.values())
    state = sum(network.state[name].nbytes for name in each.shared.tensors)
    values = widest(each.trace, network) * each.trace.batch
    return max(1, min(len(t), max(STACK, 4 * whole) // max(state, 1), 4 * CACHE["cuda"] // max(values, 1)))
