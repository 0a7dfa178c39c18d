"""Pairs of increasing width, aligned and measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lmc_core.alignment.moments import input_moments
from lmc_core.data.dataset import subset
from lmc_core.diagnostics.cost import transport_cost
from lmc_core.diagnostics.exponent import Exponent, exponent
from lmc_core.diagnostics.gap import function_gap
from lmc_core.diagnostics.labels import labels
from lmc_core.diagnostics.units import units_of
from lmc_core.diagnostics.width import scaling
from lmc_core.methods import METHODS
from lmc_core.paths.evaluate import evaluate_many
from lmc_core.paths.path import LinearPath
from lmc_core.report import Report
from lmc_core.runs.kinds._options import counted
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.kinds.width import DATA, IDS, STAGES, WidthResult, WidthRow
from lmc_core.runs.library import models as library
from lmc_core.runs.work.device import device_name
from lmc_core.runs.work.facts import versions
from lmc_core.runs.work.pair import Opening, opening
from lmc_core.runs.work.stages import Clock, within
from lmc_core.runs.work.symmetry import verified_symmetry
from lmc_core.words.width import width_finding


def work(request: Request, report: Report, folder: Path, device: str) -> WidthResult:
    """The measurements of a request from the queue."""
    return measure(request, opening(request, device), report, device)


def measure(request: Request, opened: Opening, report: Report, device: str) -> WidthResult:
    """Align and evaluate every pair, and measure how far its layers are apart."""
    clock = Clock()
    rows: list[WidthRow] = []
    plain: dict[str, list[float]] = {}
    seen: dict[str, list[float]] = {}
    for number, stage in enumerate(STAGES):
        with clock(stage):
            row, near, far = _one(request, number, opened, report, stage)
        rows.append(row)
        for found, kept in ((near, plain), (far, seen)):
            for label, cost in found.items():
                kept.setdefault(label, []).append(cost)
    widths = [row.width for row in rows]
    lines = [
        {label: scaling(label, widths, costs) for label, costs in kept.items() if len(costs) == len(widths)}
        for kept in (plain, seen)
    ]
    name = METHODS[request["method"]].title
    return WidthResult(
        request={"kind": "width", **request.options},
        models=tuple(library.card(model) for model in IDS),
        data=DATA,
        method=name,
        rows=tuple(rows),
        plain=lines[0],
        seen=lines[1],
        exponents=_exponents(rows, request["seed"]),
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        finding=width_finding(
            widths, [r.naive.barrier() for r in rows], [r.aligned.barrier() for r in rows], lines[1] or lines[0], name
        ).text,
    )


def _exponents(rows: Sequence[WidthRow], seed: int) -> dict[str, Exponent]:
    """How barrier and function gap of the aligned pairs fall, as far as they are positive at every width."""
    widths = [row.width for row in rows]
    measured = {"barrier": [row.aligned.barrier() for row in rows], "gap": [row.gap or 0.0 for row in rows]}
    return {
        name: exponent(widths, values, rng=np.random.default_rng([seed, 29]))
        for name, values in measured.items()
        if min(values) > 0
    }


def _one(
    request: Request, number: int, opened: Opening, report: Report, stage: str
) -> tuple[WidthRow, dict[str, float], dict[str, float]]:
    """One pair: its paths, and layer → W₂² over the mean squared norm, plain and as the data sees it."""
    first, second = IDS[2 * number : 2 * number + 2]
    pair, inner = opened(first, second, report, stage), within(report, stage)
    a, b, data, seed = pair.a, pair.b, pair.data, request["seed"]
    train, test = counted(request["train_examples"]), counted(request["test_examples"])
    symmetry, _ = verified_symmetry(a, inner)
    found = pair.aligned(request["method"], request["settings"], seed, inner)
    lines = [LinearPath(a, b), LinearPath(found.a, found.moved)]
    used: dict[str, Any] = {"train_examples": train, "test_examples": test, "seed": seed}
    naive, after = evaluate_many(lines, data, **used, report=inner)
    moments = input_moments(found.a, symmetry, data.x_train[subset(len(data.y_train), train, seed)], report=inner)
    costs: tuple[dict[str, float], dict[str, float]] = ({}, {})
    for group, label in labels(symmetry).items():
        for kept, weighted in zip(costs, (None, moments), strict=True):
            rows_a, _, rows_b = units_of((found.a, found.b, found.moved), symmetry, group, weighted)
            size = float((rows_a**2).sum() + (rows_b**2).sum()) / (2 * len(rows_a))
            kept[label] = transport_cost(np.asarray(rows_a), np.asarray(rows_b)) / size if size else 0.0
    width = max(group.size for group in symmetry.groups.values())
    gap = function_gap(found.a, found.moved, data, points=11, **used, report=inner)
    return WidthRow(width, naive, after, float(gap.gap.max())), costs[0], costs[1]
