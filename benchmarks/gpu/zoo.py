"""ResNet-20 of three widths, with BatchNorm and with LayerNorm, two seeds each: trained, aligned, and the barriers."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import lmc_core as lmc
from benchmarks.gpu.record import Budget, Record
from benchmarks.gpu.subjects import some
from benchmarks.gpu.workers import spread, tell
from lmc_core.data.dataset import Dataset
from lmc_core.errors import Cancelled
from lmc_core.networks.families import architecture
from lmc_core.networks.network import Network
from lmc_core.networks.values import Normalize
from lmc_core.paths.evaluate import evaluate_many
from lmc_core.paths.path import LinearPath
from lmc_core.report import Report
from lmc_core.training.train import Recipe, train

WIDTHS, NORMS, SEEDS = (1, 2, 4), ("ln", "bn"), (0, 1)
METHODS = ("weight-matching", "activation-matching")
MOST = 100  # epochs
TRAINING = 0.6  # of the time, the rest is for paths and for what the estimate misses
POINTS = 11


def recipe(width: int, norm: str, epochs: int) -> Recipe:
    """Jordan 2022 in short: SGD with momentum, mirrored and shifted images, cosine decay."""
    return Recipe(
        title=f"CIFAR-10 ResNet-20 ×{width}, {norm.upper()}",
        architecture=architecture(
            "resnet", blocks=(3, 3, 3), widths=tuple(width * n for n in (16, 32, 64)), norm=norm, shortcut="B"
        ),
        data="cifar10",
        optimiser="sgd",
        rate=0.1 if norm == "bn" else 0.05,
        epochs=epochs,
        batch=128,
        weight_decay=5e-4,
        warmup=100,
        augment="flip-crop",
        normalize=Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    )


def main(record: Record, budget: Budget, device: str, keep: Path | None, networks: Path, quick: bool) -> None:
    """All pairs at once, wide ones first; each chooses the epochs that fit.

    networks   where trained networks are kept; those that are there already are not trained again
    """
    kinds = list(product(WIDTHS[:1] if quick else reversed(WIDTHS), NORMS))
    shared = ["--device", device, "--networks", str(networks), *(["--data", str(keep)] if keep else [])]
    shared += ["--quick"] if quick else []
    spread(record, "zoo", budget, "benchmarks.gpu.zoo", [[str(width), norm, *shared] for width, norm in kinds])


def worker() -> None:
    """One pair; one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("width", type=int)
    parser.add_argument("norm", choices=NORMS)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--networks", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--end", type=float, required=True)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    budget = Budget(asked.end)
    title = {"pair": f"ResNet-20 ×{asked.width} {asked.norm.upper()}"}
    data = some("cifar10", asked.data, 512 if asked.quick else 50_000, 512 if asked.quick else 10_000)
    epochs = _epochs(recipe(asked.width, asked.norm, 1), data, asked.device, budget)
    if asked.quick:
        epochs = max(1, min(epochs, 2))
    if epochs < 1:
        tell(title | {"left_out": f"no epoch fits in {budget.left:.0f} s"})
        return
    try:
        tell(title | _pair(asked.width, asked.norm, epochs, data, asked.device, asked.networks, budget))
    except Cancelled as stop:
        tell(title | {"left_out": str(stop)})


def _epochs(one: Recipe, data: Dataset, device: str, budget: Budget) -> int:
    """How many fit in the training's share of the time, by a short one that is thrown away."""
    short = replace(one, train_examples=min(len(data.y_train), 4096))
    spent = 0.0
    for _ in range(2):  # the first one loads kernels
        began = time.monotonic()
        train(short, 0, data=data, device=device, report=budget.report())
        spent = (time.monotonic() - began) * len(data.y_train) / min(len(data.y_train), 4096)
    return min(MOST, int(TRAINING * budget.left / (2 * spent)))


def _pair(
    width: int, norm: str, epochs: int, data: Dataset, device: str, networks: Path, budget: Budget
) -> dict[str, Any]:
    """Two seeds, their scores, and the barriers of the straight lines between them."""
    began = time.monotonic()
    nets = [_trained(width, norm, epochs, seed, data, device, networks, budget.report()) for seed in SEEDS]
    trained = time.monotonic() - began
    a, b = (net.to(device=device) for net in nets)
    b = a.with_state(b.state)
    lines = {"naive": LinearPath(a, b)}
    for method in METHODS:
        found = lmc.align(a, b, method=method, data=data, report=budget.report())
        lines[method] = LinearPath(a, found.transport(b))
    put_right = "bn-reset" if norm == "bn" else "repair"
    barriers: dict[str, dict[str, float]] = {}
    for recalibration in (None, put_right):
        profiles = evaluate_many(
            list(lines.values()),
            data,
            points=POINTS,
            train_examples=2000,
            recalibrate=recalibration,
            batch=500 if recalibration else None,
            report=budget.report(),
        )
        for way, profile in zip(lines, profiles, strict=True):
            title = f"{way}, {recalibration}" if recalibration else way
            barriers[title] = {
                "loss": round(profile.barrier("test", "loss"), 4),
                "accuracy": round(profile.barrier("test", "accuracy"), 4),
                "midpoint_accuracy": round(profile.midpoint("test", "accuracy"), 4),
            }
    return {
        "epochs": [net.metadata["recipe"]["epochs"] for net in nets],
        "examples": {"train": len(data.y_train), "test": len(data.y_test)},
        "accuracy": [net.metadata["accuracy"]["test"] for net in nets],
        "loss": [net.metadata["loss"]["test"] for net in nets],
        "barriers": barriers,
        "seconds": {"train": round(trained, 1), "all": round(time.monotonic() - began, 1)},
    }


def _trained(
    width: int, norm: str, epochs: int, seed: int, data: Dataset, device: str, networks: Path, report: Report
) -> Network:
    """A kept network, or a new one that is kept."""
    file = networks / f"resnet20-x{width}-{norm}-seed{seed}.safetensors"
    if not file.exists():
        networks.mkdir(parents=True, exist_ok=True)
        made = train(recipe(width, norm, epochs), seed, name=file.stem, data=data, device=device, report=report)
        made.save(str(file))
    return lmc.load(str(file))


if __name__ == "__main__":
    worker()
