"""What TF32, which a card's convolutions use unless told not to, does to outputs, symmetry and time."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch.func import functional_call

import lmc_core as lmc
from benchmarks.gpu.record import Budget, Record
from benchmarks.gpu.subjects import placed, some
from lmc_core.networks.network import Network
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.path import LinearPath
from lmc_core.symmetry.verify import verify

SUBJECTS = (
    ("digits-mlp-128", "digits"),
    ("digits-lstm", "digits"),
    ("digits-cnn", "digits"),
    ("cifar10-resnet8", "cifar10"),
)


def main(record: Record, budget: Budget, device: str, keep: Path | None) -> None:
    """Relative errors against float64 on the CPU, with TF32 allowed and not, outside the library and through it."""
    for folder, dataset in SUBJECTS:
        if budget.left < 5:
            record.add("precision", {"subject": folder, "left_out": True})
            continue
        data = some(dataset, keep, 1000, 500)
        exact, net, other = placed(folder, "cpu", "float64")[0], *placed(folder, device, "float32")[:2]
        found = lmc.symmetry(placed(folder, "cpu", "float32")[0])
        x = torch.from_numpy(data.x_test)
        truth = exact(exact.prepare(x.double()))
        row: dict[str, object] = {"subject": folder}
        for name, allowed in (("tf32", True), ("float32", False)):
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=allowed):
                evaluate(LinearPath(net, other), data, points=9)
                began = time.perf_counter()
                evaluate(LinearPath(net, other), data, points=9)
                row[name] = {
                    "outputs": _error(_plain(net, x), truth),
                    "through_library": _error(net(net.prepare(x.to(net.device))), truth),
                    "verified": float(f"{verify(net, found, groups=False).error:.2g}"),
                    "groups_kept": [len(lmc.symmetry(net).groups), len(found.groups)],
                    "path_seconds": round(time.perf_counter() - began, 4),
                }
        record.add("precision", row)


@torch.no_grad()
def _plain(net: Network, x: torch.Tensor) -> torch.Tensor:
    return functional_call(net.module, dict(net.state), (net.prepare(x.to(net.device)),))


def _error(y: torch.Tensor, truth: torch.Tensor) -> float:
    return float(f"{float((y.double().cpu() - truth).abs().max() / truth.abs().max()):.2g}")
