"""Whether a device gives the answers of the CPU: every alignment method, fusion, path, recalibration, diagnostics."""

from __future__ import annotations

import argparse
import math
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import lmc_core as lmc
from benchmarks.gpu.difference import difference
from benchmarks.gpu.record import Budget, Record
from benchmarks.gpu.subjects import placed, some
from benchmarks.gpu.workers import spread, tell
from lmc_core.data.dataset import Dataset
from lmc_core.diagnostics.diagnose import diagnose
from lmc_core.errors import Cancelled, InputError
from lmc_core.fusion.fuse import fusion
from lmc_core.networks.network import Network
from lmc_core.paths.curves import train_curve
from lmc_core.paths.evaluate import evaluate, evaluate_many
from lmc_core.paths.path import LinearPath
from lmc_core.paths.plane import Plane, evaluate_plane
from lmc_core.paths.recalibrate import recalibrate
from lmc_core.report import Report
from lmc_core.symmetry.verify import verify
from lmc_core.training.finetune import finetune, measure

Quantities = Mapping[str, Any]

TOLERANCES = {
    "float64": {"accuracy": 0.0, "layers": 1e-6, "trained": 1e-6, "repaired": 1e-6, "": 1e-9},
    "float32": {"accuracy": 5e-3, "layers": 1e-2, "trained": 1e-2, "repaired": 1e-2, "": 1e-4},
}
"""Type → quantity → largest relative difference; "" is for all others."""

REASONS = (
    "float64: 1e-9, far above what another order of summation changes (1e-16 times the number of terms) and far below "
    "any wrong answer; what gradient steps or decompositions pass through may grow that to 1e-6",
    "float32: 1e-4, between what another order of summation changes (1e-7, some 1e-5 through deep layers) and what "
    "TF32 would (1e-3); accuracies may differ by single examples whose two best classes tie (5e-3); gradient steps, "
    "histograms, and REPAIR of units that hardly vary, by whose deviation it divides, enlarge rounding (1e-2)",
    "couplings may differ where two permutations are equally good to rounding; then the objectives must agree",
)

LIMIT = 20.0  # seconds one check may take on one device

SETTINGS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "weight-matching": ({"restarts": 2},),
    "covariance-weight-matching": ({"examples": 500}, {"examples": 500, "bias": True}),
    "activation-matching": ({"examples": 500}, {"examples": 500, "compare": "correlation"}),
    "frank-wolfe": ({"restarts": 1, "iterations": 20},),
    "ot-alignment": (
        {},
        {"features": "activations", "solver": "sinkhorn", "epsilon": 0.05, "examples": 200},
        {"solver": "sinkhorn", "epsilon": 0.05, "round": True},
    ),
    "gromov-wasserstein": ({"restarts": 1, "iterations": 20},),
    "sinkhorn-rebasin": (
        {"steps": 20},
        {"steps": 10, "loss": "midpoint", "examples": 500},
        {"steps": 10, "gradient": "unrolled"},
    ),
    "straight-through": ({"steps": 5, "examples": 500},),
    "head-matching": ({}, {"residual": "identity"}),
}
"""Method → settings that are tried; those of the others are the defaults."""

FUSING: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "wasserstein-barycenter": ({"iterations": 10}, {"solver": "sinkhorn", "epsilon": 0.05, "iterations": 2}),
    "gromov-wasserstein-barycenter": ({"iterations": 5, "inner": 10},),
    "ot-fusion": ({}, {"compare": "activations"}),
    "c2m3": ({"iterations": 20},),
    "zipit": ({"examples": 200}, {"examples": 200, "heads": "apart"}),
}


@dataclass(frozen=True)
class Subject:
    """Networks of one recipe, in one floating-point type."""

    folder: str
    dataset: str
    kind: str
    keep: Path | None

    @cached_property
    def data(self) -> Dataset:
        return some(self.dataset, self.keep, 1000, 500)

    def on(self, device: str) -> tuple[Network, ...]:
        """On a device, all with one module, which is traced once."""
        return placed(self.folder, device, self.kind)

    @cached_property
    def alignment(self) -> lmc.Alignment:
        """Found on the CPU, so that later checks compare the same networks."""
        a, b, *_ = self.on("cpu")
        return lmc.align(a, b, method="weight-matching", restarts=1)


@dataclass(frozen=True)
class Check:
    """What is computed on a device; `free` names quantities that are told but not judged."""

    part: str
    name: str
    subject: Subject
    run: Callable[[str, Report], Quantities]
    free: tuple[str, ...] = ()


PLAN = (
    ("digits-vit", "digits"),
    ("attention", "digits"),
    ("digits-lstm", "digits"),
    ("digits-cnn", "digits"),
    ("digits-mlp-128", "digits"),
    ("cifar10-resnet8", "cifar10"),
    ("mnist-lstm", "mnist"),
    ("mnist-mlp-512", "mnist"),
)
"""Networks and the data they read; the first six, which are small, in float64 too."""


def main(record: Record, budget: Budget, device: str, keep: Path | None, only: Sequence[str] | None) -> None:
    """Every check of every subject, failures included."""
    chosen = [(*one, kind) for kind, part in (("float32", PLAN), ("float64", PLAN[:6])) for one in part]
    shared = ["--device", device, *(["--data", str(keep)] if keep else [])]
    tasks = [[*one, *shared] for one in chosen if one[0] in (only or one)]
    record.add("equality_about", {"tolerances": TOLERANCES, "reasons": REASONS})
    spread(record, "equality", budget, "benchmarks.gpu.equality", tasks)


def worker() -> None:
    """One subject; a line of JSON for every check."""
    parser = argparse.ArgumentParser()
    for name in ("folder", "dataset", "kind"):
        parser.add_argument(name)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--end", type=float, required=True)
    asked = parser.parse_args()
    budget = Budget(asked.end)
    subject = Subject(asked.folder, asked.dataset, asked.kind, asked.data)
    left_out = 0
    for check in checks(subject):
        if budget.left < 2:
            left_out += 1
        else:
            tell(compared(check, budget, asked.device))
    if left_out:
        tell({"subject": asked.folder, "type": asked.kind, "left_out": left_out})


def compared(check: Check, budget: Budget, device: str) -> dict[str, Any]:
    """One row: how far the device's answer is from the CPU's, and what that means."""
    subject = check.subject
    row: dict[str, Any] = {"part": check.part, "name": check.name, "subject": subject.folder, "type": subject.kind}
    found, seconds = [], []
    for where in ("cpu", device):
        began = time.monotonic()
        found.append(_tried(partial(check.run, where), budget.report(LIMIT)))
        seconds.append(round(time.monotonic() - began, 2))
    row["seconds"] = seconds
    mine, other = found
    if isinstance(mine, Cancelled) or isinstance(other, Cancelled):
        return row | {"verdict": "out of time"}
    if isinstance(mine, Exception):
        alike = type(mine) is type(other) and isinstance(mine, InputError)
        return row | {"verdict": "does not apply" if alike else "failed", "error": _said(mine)}
    if isinstance(other, Exception):
        return row | {"verdict": "failed", "error": _said(other)}
    apart = {name: difference(mine[name], other.get(name)) for name in mine}
    limits = TOLERANCES[subject.kind]
    over = {name for name, (size, _) in apart.items() if not size <= limits.get(name, limits[""])}
    verdict = "differs" if over - set(check.free) else "as good" if over else "same"
    return row | {"verdict": verdict, "differences": {n: [sized(d), at] for n, (d, at) in apart.items()}}


def sized(apart: float) -> float | str:
    """A difference in three digits, or that the structures differ."""
    return float(f"{apart:.3g}") if math.isfinite(apart) else "structure"


def _tried(run: Callable[[Report], Quantities], report: Report) -> Quantities | Exception:
    try:
        return run(report)
    except Exception as error:  # noqa: BLE001 - all failures are collected
        return error


def _said(error: Exception) -> str:
    """The message and the last places in our files that it came through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "lmc_core" in f.filename][-3:]
    places = " < ".join(f"{f.filename.split('lmc_core/')[-1]}:{f.lineno}" for f in reversed(frames))
    return f"{type(error).__name__}: {str(error)[:300]} ({places})"


def checks(subject: Subject) -> Iterator[Check]:
    """Symmetry, paths, diagnostics and training first, then every method, then every fusion."""
    for name, run in {
        "inferred": _inferred,
        "verified": _verified,
        "path": partial(_path, None),
        "path, BatchNorm reset": partial(_path, "bn-reset"),
        "path, REPAIR": partial(_path, "repair"),
        "recalibrated midpoint": _midpoint,
        "diagnostics": _diagnosed,
        "plane": _plane,
        "curve": _curve,
        "fine-tuning": _tuned,
    }.items():
        yield Check(
            "symmetry" if name in ("inferred", "verified") else "analysis", name, subject, partial(run, subject)
        )
    for method in lmc.METHODS:
        for settings in SETTINGS.get(method, ({},)):
            run = partial(_aligned, subject, method, settings)
            yield Check("alignment", _titled(method, settings), subject, run, free=("couplings",))
    for method in lmc.FUSIONS:
        for settings in FUSING.get(method, ({},)):
            run = partial(_fused, subject, method, settings)
            yield Check("fusion", _titled(method, settings), subject, run, free=("couplings",))
    yield Check("fusion", "wider, REPAIR, temperature", subject, partial(_finished, subject), free=("couplings",))


def _titled(method: str, settings: Mapping[str, Any]) -> str:
    words = [f"{name} {value}" for name, value in settings.items() if isinstance(value, str | bool)]
    return ", ".join([method, *words])


def _inferred(subject: Subject, device: str, report: Report) -> Quantities:
    found = lmc.symmetry(subject.on(device)[0])
    return {
        "axes": {name: [str(axis) for axis in axes] for name, axes in found.axes.items()},
        "groups": {name: group.size for name, group in found.groups.items()},
    }


def _verified(subject: Subject, device: str, report: Report) -> Quantities:
    net = subject.on(device)[0]
    found = verify(net, lmc.symmetry(net, verify=False))
    assert found.moved
    if not found.holds:
        raise AssertionError(f"re-ordering units changes the output by {found.error:.1e}, of {found.tolerance:.0e}")
    return {"holds": found.holds}


def _lines(subject: Subject, device: str) -> list[LinearPath]:
    a, b, *_ = subject.on(device)
    return [LinearPath(a, b), LinearPath(a, subject.alignment.transport(b))]


def _path(recalibration: Any, subject: Subject, device: str, report: Report) -> Quantities:
    batch = None if recalibration is None else 125  # statistics are means over batches
    how = {"points": 5, "recalibrate": recalibration, "batch": batch, "report": report}
    found = evaluate_many(_lines(subject, device), subject.data, **how)
    return {metric: [p.values[s][metric] for p in found for s in p.values] for metric in ("loss", "accuracy")}


def _midpoint(subject: Subject, device: str, report: Report) -> Quantities:
    found = recalibrate(_lines(subject, device)[1], subject.data, method="repair", batch=125, report=report)
    net = found.network
    x = torch.from_numpy(subject.data.x_test).to(net.example_inputs[0])
    return {"outputs": found(net.prepare(x)), "affine": found.affine}


def _diagnosed(subject: Subject, device: str, report: Report) -> Quantities:
    a, b, *_ = subject.on(device)
    aligned = subject.alignment.transport(b)
    found = diagnose(
        a, b, aligned, subject.alignment, data=subject.data, t=np.linspace(0, 1, 5), thorough=True, report=report
    )
    return {"layers": found.layers, "matching": {n: (m.plain, m.seen) for n, m in found.matching.items()}}


def _plane(subject: Subject, device: str, report: Report) -> Quantities:
    a, b, *_ = subject.on(device)
    plane = Plane.through(a, b, subject.alignment.transport(b))
    found = evaluate_plane(plane, subject.data, points=3, train_examples=200, test_examples=200, report=report)
    return {metric: found.values["test"][metric] for metric in ("loss", "accuracy")} | {"x": found.x}


def _curve(subject: Subject, device: str, report: Report) -> Quantities:
    a, b, *_ = subject.on(device)
    found = train_curve(a, b, subject.data, epochs=1, examples=500, report=report)
    profile = evaluate(found, subject.data, points=3, train_examples=200, report=report)
    return {"trained": [found.history, profile.loss()]}


def _tuned(subject: Subject, device: str, report: Report) -> Quantities:
    found = finetune(subject.on(device)[0], subject.data, 1, report=report)
    return {"trained": [score["test"]["loss"] for score in found.curve]}


def _aligned(subject: Subject, method: str, settings: Mapping[str, Any], device: str, report: Report) -> Quantities:
    a, b, *_ = subject.on(device)
    found = lmc.align(a, b, method, subject.data, symmetry=subject.alignment.symmetry, report=report, **settings)
    soft = any(not coupling.is_hard for coupling in found.couplings.values())
    if not soft and not (found.function_error or 0.0) <= 1e-4:
        raise AssertionError(f"the transported network's outputs differ by {found.function_error:.1e}")
    return {"couplings": found.couplings, "objective": [found.history[0], found.history[-1]]}


def _fused(subject: Subject, method: str, settings: Mapping[str, Any], device: str, report: Report) -> Quantities:
    found = fusion(subject.on(device), method, data=subject.data, report=report, **settings)
    loss = measure(found.network, subject.data, ("test",))["test"]["loss"]
    return {"couplings": found.couplings, "objective": found.history[-1:], "loss": loss}


def _finished(subject: Subject, device: str, report: Report) -> Quantities:
    widths = {name: size + 2 for name, size in _sizes(subject).items()}
    found = fusion(
        subject.on(device),
        "ot-fusion",
        widths=widths,
        data=subject.data,
        recalibrate="repair",
        temperature=True,
        report=report,
    )
    scores = measure(found.network, subject.data, ("test",))["test"]
    return {
        "couplings": found.couplings,
        "accuracy": scores["accuracy"],
        "repaired": (scores["loss"], found.temperature),
    }


def _sizes(subject: Subject) -> dict[str, int]:
    return {name: group.size for name, group in subject.alignment.symmetry.groups.items() if group.within is None}


if __name__ == "__main__":
    worker()
