"""Evaluation along a path: ours, `functional_call` per t, and a module rebuilt per t, each at its usual batch size."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from benchmarks.timing import best, table
from lmc_core.data.dataset import Dataset
from lmc_core.networks.families import architecture, build, example_inputs
from lmc_core.networks.network import network
from lmc_core.networks.values import Architecture
from lmc_core.paths.evaluate import evaluate, evaluate_many
from lmc_core.paths.path import LinearPath

POINTS = 25
CASES = {
    "MLP 784-512-512-512-10": (architecture("mlp", widths=(784, 512, 512, 512, 10)), (784,), 2000),
    "MLP 64-128-128-128-10": (architecture("mlp", widths=(64, 128, 128, 128, 10)), (64,), 2000),
    "wide first layer 3072-256-10": (architecture("mlp", widths=(3072, 256, 10)), (3072,), 2000),
    "CNN 32-64, 8 × 8": (
        architecture("cnn", stages=((32,), (64,)), hidden=(128,), input_shape=(1, 8, 8)),
        (1, 8, 8),
        500,
    ),
    "LSTM 28 × 28, 128": (architecture("recurrent", features=28, steps=28, hidden=128), (28, 28), 300),
    "ResNet-8 with BatchNorm": (architecture("resnet", blocks=(1, 1, 1), widths=(16, 32, 64)), (3, 32, 32), 100),
}
"""Name → architecture, shape of an example, examples per split."""


def main() -> None:
    rows: list[tuple[object, ...]] = [("evaluation", "ours, s", "functional_call", "rebuilt", "two paths, per path")]
    rows += [_measured(name) for name in CASES]
    print(table(rows))


def _measured(name: str) -> tuple[str, ...]:
    """One row: seconds of ours, and how many times that the other ways take. All must find the same curve."""
    path, other, data = _problem(*CASES[name])
    curves: dict[str, np.ndarray] = {}

    def keep(way: str, losses: np.ndarray) -> None:
        curves[way] = losses

    seconds = best(
        {
            "ours": lambda: keep("ours", evaluate(path, data, points=POINTS).loss()),
            "functional": lambda: keep("functional", _plain(path, data, _functional)),
            "rebuilt": lambda: keep("rebuilt", _plain(path, data, _rebuilt)),
            "two": lambda: evaluate_many([path, other], data, points=POINTS),
        }
    )
    for way in ("functional", "rebuilt"):
        np.testing.assert_allclose(curves[way], curves["ours"], rtol=1e-3)
    ratio = {way: f"{spent / seconds['ours']:.2f} ×" for way, spent in seconds.items()}
    per_path = f"{seconds['two'] / 2 / seconds['ours']:.2f} ×"
    return name, f"{seconds['ours']:.2f}", ratio["functional"], ratio["rebuilt"], per_path


def _problem(arch: Architecture, shape: tuple[int, ...], examples: int) -> tuple[LinearPath, LinearPath, Dataset]:
    rng = np.random.default_rng(0)
    x = rng.random((2 * examples, *shape)).astype(np.float32)
    y = rng.integers(0, 10, 2 * examples)
    data = Dataset("random", x[:examples], y[:examples], x[examples:], y[examples:], tuple("0123456789"))
    nets = []
    for seed in range(3):
        torch.manual_seed(seed)
        nets.append(network(build(arch), example_inputs(arch), architecture=arch))
    a, b, c = nets
    return LinearPath(a, b), LinearPath(a, c), data


def _functional(path: LinearPath, t: float) -> Callable[[torch.Tensor], torch.Tensor]:
    a, b = path.a.state, path.b.state
    state = {name: torch.lerp(x, b[name], t) if x.is_floating_point() else x for name, x in a.items()}
    return lambda x: functional_call(path.network.module, state, (x,))


def _rebuilt(path: LinearPath, t: float) -> nn.Module:
    module = copy.deepcopy(path.network.module)
    module.load_state_dict(dict(path(t)))
    return module.eval()


@torch.no_grad()
def _plain(path: LinearPath, data: Dataset, make: Callable[..., Callable], batch: int = 500) -> np.ndarray:
    """Test losses; both splits are computed, a number read after every batch, as a plain loop does."""
    losses = []
    for t in np.linspace(0, 1, POINTS):
        f = make(path, float(t))
        for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
            loss = right = 0.0
            for start in range(0, len(x), batch):
                inputs = path.network.prepare(torch.from_numpy(x[start : start + batch]))
                targets = torch.from_numpy(y[start : start + batch])
                logits = f(inputs)
                loss += cross_entropy(logits, targets, reduction="sum").item()
                right += (logits.argmax(1) == targets).sum().item()
        losses.append(loss / len(x))
    return np.asarray(losses)


if __name__ == "__main__":
    main()
