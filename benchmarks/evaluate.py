"""Evaluation along a path: ours beside plain forwards of the module, and beside the loops that others write.

The limit is as many plain forwards as the path has points, without gradients, at the batch size and in the memory
layout that suit the module best; ours can be below it, as points share what is linear in t. The loop is that of
git-re-basin-pytorch, written plainly: for every point a state dict is blended and loaded, and a DataLoader makes every
example from its image anew.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as Examples

from benchmarks.row import Goal, Key, Row, Value
from benchmarks.timing import best, table
from lmc_core.data.dataset import Dataset
from lmc_core.networks.families import architecture, build, example_inputs
from lmc_core.networks.network import network
from lmc_core.networks.values import Architecture
from lmc_core.paths.evaluate import evaluate_many
from lmc_core.paths.path import LinearPath

SIZES = (32, 64, 128, 256, 512, 1024)
"""Batch sizes of which the best counts for the plain forwards."""
CALIBRATION = 512
"""Training examples of which statistics are estimated."""


@dataclass(frozen=True)
class Case:
    """A network as it is initialised, on random images.

    goal   of our seconds over those of the plain forwards; None: not said
    loop   whether the loop of git-re-basin-pytorch is timed too
    """

    made: Architecture
    shape: tuple[int, ...]
    examples: int
    points: int = 9
    goal: float | None = 1.05
    loop: bool = False


CASES = {
    "MLP 784-512-512-512-10": Case(
        architecture("mlp", widths=(784, 512, 512, 512, 10)), (784,), 10_000, points=25, goal=0.65, loop=True
    ),
    "MLP 64-128-128-128-10": Case(
        architecture("mlp", widths=(64, 128, 128, 128, 10)), (64,), 10_000, points=25, goal=None
    ),
    "CNN 32-64, 8 × 8": Case(
        architecture("cnn", stages=((32,), (64,)), hidden=(128,), input_shape=(1, 8, 8)), (1, 8, 8), 2000
    ),
    "CNN 32-64, 28 × 28": Case(
        architecture("cnn", stages=((32,), (64,)), hidden=(128,), input_shape=(1, 28, 28)), (1, 28, 28), 1000
    ),
    "LSTM 28 × 28, 128": Case(architecture("recurrent", features=28, steps=28, hidden=128), (28, 28), 2000),
    "ResNet-20": Case(architecture("resnet", blocks=(3, 3, 3), widths=(16, 32, 64)), (3, 32, 32), 512),
}

PLAIN, SMALLER, WIDER, LSTM, RESNET = (
    "MLP 784-512-512-512-10",
    "CNN 32-64, 8 × 8",
    "CNN 32-64, 28 × 28",
    "LSTM 28 × 28, 128",
    "ResNet-20",
)
OVER = "ours / plain forwards"
ROWS: dict[Key, Row] = {
    "path-mlp": Row("Path of 25 points, MLP-512, 10 000 examples", OVER, "0.71", Goal("≤", 0.65)),
    "path-loop": Row(
        "The same beside a loop of blended states", "loop of git-re-basin-pytorch / ours", "3.85", Goal("≥", 6)
    ),
    "path-resnet": Row("Path of 9 points, ResNet-20", OVER, "1.10", Goal("≤", 1.05)),
    "path-cnn-8": Row("Path of 9 points, CNN, 8 × 8 images", OVER, "1.27–1.34", Goal("≤", 1.05)),
    "path-cnn-28": Row("Path of 9 points, CNN, 28 × 28 images", OVER, "1.27–1.34", Goal("≤", 1.05)),
    "path-lstm": Row("Path of 9 points, LSTM", OVER, "1.44", Goal("≤", 1.05)),
    "reset": Row("BatchNorm reset on a ResNet-20", "ours / plain forwards, of calibration too", "2.04", Goal("≤", 1.5)),
}
CASE = {
    "path-mlp": PLAIN,
    "path-loop": PLAIN,
    "path-resnet": RESNET,
    "path-cnn-8": SMALLER,
    "path-cnn-28": WIDER,
    "path-lstm": LSTM,
    "reset": RESNET,
}


def measured(keys: Sequence[Key]) -> dict[Key, Value]:
    found: dict[Key, Value] = {}
    for name in dict.fromkeys(CASE[key] for key in keys):
        seconds = timed(CASES[name], ("ours", "forwards", "loop", "reset"))
        values = {
            "path-loop": seconds.get("loop", 0.0) / seconds["ours"],
            "reset": seconds.get("reset", 0.0) / seconds.get("limit of reset", 1.0),
        }
        for key in keys:
            if CASE[key] == name:
                found[key] = Value(values.get(key, seconds["ours"] / seconds["limit"]))
    return found


def main() -> None:
    about = ("points", "ours, s", "ours / plain forwards", "goal", "reset / forwards", "loop / ours")
    rows: list[tuple[object, ...]] = [("evaluation", *about, "functional_call / ours", "two paths, per path")]
    for name, case in CASES.items():
        rows.append((name, *row(case)))
        print(table([rows[0], rows[-1]]) if len(rows) == 2 else table(rows).splitlines()[-1], flush=True)
    print("\n" + table(rows))


def row(case: Case) -> tuple[str, ...]:
    """One row of the table of this benchmark."""
    seconds = timed(case)
    ours = seconds["ours"]
    return (
        str(case.points),
        f"{ours:.2f}",
        f"{ours / seconds['limit']:.2f}",
        "–" if case.goal is None else f"{case.goal:.2f}",
        f"{seconds['reset'] / seconds['limit of reset']:.2f}" if "reset" in seconds else "–",
        f"{seconds['loop'] / ours:.2f} ×" if "loop" in seconds else "–",
        f"{seconds['functional'] / ours:.2f} ×",
        f"{seconds['two'] / 2 / ours:.2f} ×",
    )


def timed(case: Case, chosen: Sequence[str] = ()) -> dict[str, float]:
    """Way → seconds, and of the plain forwards that are the limits. All ways must find the same curve.

    chosen   of ours, forwards, functional, two, loop and reset; all that the case knows if none is named
    """
    path, other, data = _problem(case)
    curves: dict[str, np.ndarray] = {}
    size, laid = _suited(path.a.module, torch.from_numpy(data.x_test[: max(SIZES)]))
    how: dict[str, Any] = {"recalibrate": "bn-reset", "calibration": CALIBRATION}

    def ours(paths: list[LinearPath], **how: Any) -> None:
        curves["ours"] = evaluate_many(paths, data, points=case.points, splits=("test",), **how)[0].loss()

    def looped() -> None:
        curves["loop"] = _loop(path, data, case.points)

    def functional() -> None:
        curves["functional"] = _functional(path, data, case.points)

    def only(ways: dict[str, Callable[[], object]]) -> dict[str, Callable[[], object]]:
        return {name: way for name, way in ways.items() if not chosen or name in chosen}

    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: ours([path]),
        "forwards": lambda: _forwards(laid(path.a.module), laid(torch.from_numpy(data.x_test)), size),
        "functional": functional,
        "two": lambda: ours([path, other]),
    }
    if case.loop:
        ways["loop"] = looped
    seconds = best(only(ways))
    for way in ("functional", "loop"):
        if way in curves:
            np.testing.assert_allclose(curves[way], curves["ours"], rtol=1e-3)
    seconds["limit"] = seconds["forwards"] * case.points
    if any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in path.a.module.modules()):
        seconds |= best(only({"reset": lambda: ours([path], **how)}))
        more = seconds["forwards"] * (case.points - 2) * CALIBRATION / case.examples
        seconds["limit of reset"] = seconds["limit"] + more
    return seconds


def _problem(case: Case) -> tuple[LinearPath, LinearPath, Dataset]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, case.examples, *case.shape), dtype=np.uint8)
    x = images.astype(np.float32) / 255
    y = rng.integers(0, 10, (2, case.examples))
    data = Dataset("random", x[0], y[0], x[1], y[1], tuple("0123456789"))
    nets = []
    for seed in range(3):
        torch.manual_seed(seed)
        nets.append(network(build(case.made), example_inputs(case.made), architecture=case.made))
    a, b, c = (replace(net, module=nets[0].module) for net in nets)
    return LinearPath(a, b), LinearPath(a, c), data


Laid = Callable[[Any], Any]


def _suited(module: nn.Module, x: Tensor) -> tuple[int, Laid]:
    """Batch size and layout in which the module takes the least time for an example."""
    layouts: tuple[Laid, ...] = (lambda given: given,)
    if x.ndim == 4:
        layouts += (_last,)
    found = {}
    for laid in layouts:
        for size in SIZES:
            inner, rows = laid(copy.deepcopy(module)), laid(x[:size].contiguous())
            found[size, laid] = best({"": lambda inner=inner, rows=rows: _forwards(inner, rows, len(rows))})[""] / len(
                rows
            )
    return min(found, key=lambda way: found[way])


def _last(given: Any) -> Any:
    made = copy.deepcopy(given) if isinstance(given, nn.Module) else given
    return made.to(memory_format=torch.channels_last)


@torch.no_grad()
def _forwards(module: nn.Module, x: Tensor, size: int) -> None:
    for start in range(0, len(x), size):
        module(x[start : start + size])


def _blended(path: LinearPath, t: float) -> dict[str, Tensor]:
    a, b = path.a.state, path.b.state
    return {name: torch.lerp(x, b[name], t) if x.is_floating_point() else x for name, x in a.items()}


@torch.no_grad()
def _functional(path: LinearPath, data: Dataset, points: int, size: int = 500) -> np.ndarray:
    """Test losses by `functional_call` on a blended state, at the usual batch size."""
    losses = []
    x, y = torch.from_numpy(data.x_test), torch.from_numpy(data.y_test)
    for t in np.linspace(0, 1, points):
        state, loss = _blended(path, float(t)), 0.0
        for start in range(0, len(x), size):
            logits = functional_call(path.network.module, state, (x[start : start + size],))
            loss += cross_entropy(logits, y[start : start + size], reduction="sum").item()
        losses.append(loss / len(x))
    return np.asarray(losses)


class _Images(Examples):
    """Examples as torchvision gives them: an image is made from bytes, then a tensor, then normalised."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        side = int(np.sqrt(x[0].size))
        self.x, self.y = torch.from_numpy((x * 255).round().astype(np.uint8)).reshape(len(x), side, side), y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.x[number].numpy(), mode="L")
        tensor = torch.from_numpy(np.array(image, np.uint8, copy=True)).view(1, *image.size).to(torch.float32).div(255)
        mean, deviation = torch.as_tensor([0.0]), torch.as_tensor([1.0])
        return tensor.clone().sub_(mean.view(-1, 1, 1)).div_(deviation.view(-1, 1, 1)), int(self.y[number])


def _loop(path: LinearPath, data: Dataset, points: int) -> np.ndarray:
    """Test losses as git-re-basin-pytorch measures them."""
    module = copy.deepcopy(path.network.module)
    loader = DataLoader(_Images(data.x_test, data.y_test), batch_size=1000)
    losses = []
    for t in np.linspace(0, 1, points):
        module.load_state_dict(_blended(path, float(t)))
        module.eval()
        loss, right = 0.0, 0
        with torch.no_grad():
            for x, y in loader:
                output = module(x.reshape(len(x), -1))
                loss += cross_entropy(output, y, reduction="sum").item()
                right += output.argmax(dim=1, keepdim=True).eq(y.view(-1, 1)).sum().item()
        losses.append(loss / len(data.x_test))
    return np.asarray(losses)


if __name__ == "__main__":
    main()
