"""The same work on the CPU and on a device, as ratios measured in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.func import functional_call, vmap

import lmc_core as lmc
from benchmarks.gpu.record import Budget, Record
from benchmarks.gpu.subjects import SHAPES, Shape, noise, pair
from lmc_core.data.dataset import Dataset
from lmc_core.errors import Cancelled
from lmc_core.networks.network import Network
from lmc_core.networks.precision import full_float32
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.path import LinearPath
from lmc_core.report import Report

POINTS = 9
ENOUGH = 4.0  # seconds of calls, after which there is no third one
STACKED, BATCHES = 8, (32, 1024)
"""Positions whose states are stacked for one call, and rows of the batch they are evaluated on."""
LIMITS = {"cpu": 15.0, "device": 15.0}
"""Seconds one piece of work may take; what takes longer is told as "more than"."""

METHODS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "weight matching": ("weight-matching", {"restarts": 1}),
    "activation statistics": ("activation-matching", {"examples": 512}),
    "covariance of inputs": ("covariance-weight-matching", {"examples": 512, "passes": 1}),
    "Sinkhorn re-basin, 20 steps": ("sinkhorn-rebasin", {"steps": 20}),
    "straight-through, 5 steps": ("straight-through", {"steps": 5, "examples": 1024}),
    "Frank–Wolfe, 10 steps": ("frank-wolfe", {"restarts": 1, "iterations": 10, "sweeps": 1}),
}


@dataclass(frozen=True)
class Case:
    """One shape on one device."""

    shape: str
    nets: tuple[Network, ...]
    data: Dataset
    device: str

    @staticmethod
    def of(name: str, shape: Shape, device: str) -> Case:
        a, b = (net.to(device=device) for net in pair(shape.architecture))
        return Case(name, (a, b.with_state(b.state)), noise(shape.architecture, shape.examples), device)


def main(record: Record, budget: Budget, device: str, only: Sequence[str] | None) -> None:
    """Every work of every shape, first on the device, small shapes first; both devices take turns work by work."""
    for name in only or SHAPES:
        shape = SHAPES[name]
        if budget.left < 5:
            record.add("speed", {"shape": name, "work": "all", "left_out": True})
            continue
        cases = {where: Case.of(name, shape, where) for where in dict.fromkeys((device, "cpu"))}
        for work in works(cases[device]):
            if budget.left < 5:
                record.add("speed", {"shape": name, "work": work, "left_out": True})
                continue
            row: dict[str, Any] = {"shape": name, "work": work, "examples": shape.examples}
            for where, case in cases.items():
                limit = min(LIMITS["cpu" if where == "cpu" else "device"], budget.left)
                row["cpu" if where == "cpu" else "gpu"] = timed(dict(works(case).items())[work], case, budget, limit)
            record.add("speed", row)


def works(case: Case) -> dict[str, Callable[[Report], object]]:
    """Name → what is timed."""
    found: dict[str, Callable[[Report], object]] = {
        f"path, {POINTS} points": partial(_path, case, POINTS),
        f"plain loop, {POINTS} points": partial(_plain, case),
    }
    for name, (method, settings) in METHODS.items():
        found[name] = partial(_align, case, method, settings)
    for rows in BATCHES:
        found[f"{STACKED} t one by one, up to {rows} rows"] = partial(_one_by_one, case, rows)
        found[f"{STACKED} t in one call, up to {rows} rows"] = partial(_at_once, case, rows)
    return found


def timed(work: Callable[[Report], object], case: Case, budget: Budget, limit: float) -> dict[str, Any]:
    """Seconds of the fastest of up to three calls after a first one, which traces; of that one if time ends."""
    spent: list[float] = []
    began = time.perf_counter()
    try:
        while len(spent) < 2 or (len(spent) < 4 and time.perf_counter() - began + spent[-1] < ENOUGH):
            start = time.perf_counter()
            work(budget.report(limit))
            if case.device.startswith("cuda"):
                torch.cuda.synchronize()
            spent.append(time.perf_counter() - start)
    except Cancelled:
        if not spent:
            return {"more_than": round(time.perf_counter() - began, 3)}
    except Exception as error:  # noqa: BLE001 - one failure does not end the table
        return {"error": f"{type(error).__name__}: {str(error)[:200]}"}
    return {"seconds": float(f"{min(spent[1:] or spent):.4g}"), "calls": len(spent)}


def _path(case: Case, points: int, report: Report) -> object:
    return evaluate(LinearPath(*case.nets), case.data, points=points, report=report)


def _align(case: Case, method: str, settings: Mapping[str, Any], report: Report) -> object:
    a, b = case.nets
    return lmc.align(a, b, method=method, data=case.data, report=report, **settings)


@torch.no_grad()
@full_float32()
def _plain(case: Case, report: Report, batch: int = 500) -> float:
    """The loop that one would write by hand: every t a state of its own, every batch a call of the module."""
    a, b = case.nets
    total = torch.zeros((), device=a.device)
    for k in range(POINTS):
        state = {
            n: torch.lerp(x, b.state[n], k / (POINTS - 1)) if x.is_floating_point() else x for n, x in a.state.items()
        }
        for x, y in ((case.data.x_train, case.data.y_train), (case.data.x_test, case.data.y_test)):
            for start in range(0, len(x), batch):
                report("plain loop", k, POINTS)
                inputs = a.prepare(torch.from_numpy(x[start : start + batch]).to(a.device))
                targets = torch.from_numpy(y[start : start + batch]).to(a.device)
                logits = functional_call(a.module, state, (inputs,))
                total += torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
    return float(total)


def _states(case: Case) -> list[dict[str, torch.Tensor]]:
    """The floating-point part of the state at every position."""
    a, b = (net.state for net in case.nets)
    return [
        {n: torch.lerp(x, b[n], k / STACKED) for n, x in a.items() if x.is_floating_point()} for k in range(STACKED)
    ]


def _rows(case: Case, rows: int) -> torch.Tensor:
    net = case.nets[0]
    return net.prepare(torch.from_numpy(case.data.x_train[:rows]).to(net.device))


@torch.no_grad()
@full_float32()
def _one_by_one(case: Case, rows: int, report: Report) -> float:
    net, x = case.nets[0], _rows(case, rows)
    outputs = [functional_call(net.module, {**net.state, **state}, (x,)) for state in _states(case)]
    return float(torch.stack(outputs).sum())


@torch.no_grad()
@full_float32()
def _at_once(case: Case, rows: int, report: Report) -> float:
    net, x, states = case.nets[0], _rows(case, rows), _states(case)
    together = {name: torch.stack([state[name] for state in states]) for name in states[0]}
    still = {name: tensor for name, tensor in net.state.items() if name not in together}
    return float(vmap(lambda state: functional_call(net.module, {**still, **state}, (x,)))(together).sum())
