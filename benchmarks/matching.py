"""Weight matching, one start: seconds and objective beside the loop of git-re-basin-pytorch, written plainly."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from benchmarks.row import Goal, Key, Row, Value
from benchmarks.timing import best, table
from lmc_core.alignment.coupling import Perms
from lmc_core.alignment.problem import Problem, learned
from lmc_core.methods.weight_matching import METHOD
from lmc_core.networks.checkpoint import load
from lmc_core.networks.families import architecture, build, example_inputs
from lmc_core.networks.network import Network, network
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.permute import identity, permute
from lmc_core.symmetry.symmetry import Symmetry

TRAINED = {"MLP-128, digits": "digits-mlp-128", "MLP-512, MNIST": "mnist-mlp-512"}
"""Shipped pairs; the others are as they were initialised, which needs the most sweeps."""
VGG16 = [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]]
FRESH = {
    "ResNet-20": ("resnet", {"blocks": (3, 3, 3), "widths": (16, 32, 64)}),
    "ResNet-20 ×4": ("resnet", {"blocks": (3, 3, 3), "widths": (64, 128, 256)}),
    "VGG16": ("cnn", {"stages": VGG16, "norm": "bn"}),
    "MLP-2048": ("mlp", {"widths": (784, 2048, 2048, 2048, 10)}),
    "ResNet-50": (
        "resnet",
        {"blocks": (3, 4, 6, 3), "widths": (64, 128, 256, 512), "block": "bottleneck", "classes": 1000},
    ),
}

BEFORE = {
    "MLP-128, digits": "0.93",
    "MLP-512, MNIST": "1.21",
    "ResNet-20": "0.77",
    "ResNet-20 ×4": "1.41",
    "VGG16": "1.13",
    "MLP-2048": "1.20",
    "ResNet-50": "1.47",
}
HEAVY = {"ResNet-20 ×4": 1, "VGG16": 1, "MLP-2048": 1, "ResNet-50": 1}
"""Cases that take minutes, and with how many seeds and turns they are measured for the table."""


def _key(name: str) -> Key:
    return "matching-" + name.split(",")[0].lower().replace(" ×", "-x")


ROWS: dict[Key, Row] = {
    _key(name): Row(
        f"Weight matching, one start, {name}",
        "loop of git-re-basin-pytorch / ours",
        before,
        Goal("≥", 3),
        heavy=name in HEAVY,
    )
    for name, before in BEFORE.items()
}


def measured(keys: Sequence[Key]) -> dict[Key, Value]:
    found = {}
    for name in BEFORE:
        if (key := _key(name)) in keys:
            took, values = compared(*pair(name), HEAVY.get(name, 2), HEAVY.get(name, 3), warm=name not in HEAVY)
            said = f"objective {values['ours']:.2f}, of the loop {values['loop']:.2f}"
            found[key] = Value(took["loop"] / took["ours"], said)
    return found


def pair(name: str) -> tuple[Network, Network]:
    """Two networks of a case: shipped, or initialised from the seeds 0 and 1."""
    if name in TRAINED:
        folder = Path(__file__).parents[1] / "checkpoints" / TRAINED[name]
        return load(folder / "seed0.safetensors"), load(folder / "seed1.safetensors")
    family, options = FRESH[name]
    made = architecture(family, **options)
    nets = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        nets.append(network(build(made), example_inputs(made), architecture=made))
    return nets[0], nets[1]


def main(words: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks matching", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join((*TRAINED, *FRESH)))
    parser.add_argument("--seeds", type=int, default=3, help="random orders, whose seconds are added (3)")
    parser.add_argument("--turns", type=int, default=3, help="turns, of which the fastest counts (3)")
    given = parser.parse_args(words)
    print(f"weight matching, one start, {torch.get_num_threads()} threads; sums over {given.seeds} seeds\n")
    rows: list[tuple[object, ...]] = [("pair", "loop, s", "ours, s", "ratio", "objective of the loop", "ours")]
    for name in given.cases or (*TRAINED, *FRESH):
        rows.append((name, *_cells(*pair(name), given.seeds, given.turns)))
        print(table([rows[0], rows[-1]]) if len(rows) == 2 else table(rows).splitlines()[-1], flush=True)
    print("\n" + table(rows))


def _cells(a: Network, b: Network, seeds: int, turns: int) -> tuple[str, ...]:
    took, values = compared(a, b, seeds, turns)
    ratio = f"{took['loop'] / took['ours']:.2f} ×"
    return f"{took['loop']:.3f}", f"{took['ours']:.3f}", ratio, *(f"{value:.4f}" for value in values.values())


def compared(
    a: Network, b: Network, seeds: int, turns: int, warm: bool = True
) -> tuple[dict[str, float], dict[str, float]]:
    """Way → seconds of all seeds together, and way → mean objective reached.

    warm   whether each way goes once before it is timed
    """
    found = symmetry(a)
    names = [name for name in learned(a, found) if name not in found.held]
    took, values = {"loop": 0.0, "ours": 0.0}, {"loop": 0.0, "ours": 0.0}
    for seed in range(seeds):
        reached: dict[str, Perms] = {}
        problem = Problem.pair(a, b, found, seed=seed)

        def loop(reached: dict[str, Perms] = reached, seed: int = seed) -> None:
            reached["loop"] = plain(a, b, found, names, np.random.default_rng(seed))

        def ours(reached: dict[str, Perms] = reached, problem: Problem = problem) -> None:
            result = METHOD.solve(problem, restarts=1, sweeps=100, balanced="off", signed=False)
            reached["ours"] = result.perms

        for way, seconds in best({"loop": loop, "ours": ours}, turns, warm).items():
            took[way] += seconds
        for way, perms in reached.items():
            moved = permute(b.state, found, perms)
            reaches = sum(float((a.state[name].double() * moved[name].double()).sum()) for name in names)
            values[way] += reaches / seeds
    return took, values


def plain(a: Network, b: Network, found: Symmetry, names: Sequence[str], rng: np.random.Generator) -> Perms:
    """The sweep as git-re-basin-pytorch runs it: every visit re-orders every tensor of the group, on all other axes.

    Products in float32, and an assignment from nothing for every group of every sweep.
    """
    perms: Perms = identity(found)
    slots = {g: [(n, k) for n in names for k in found.places(n, g)] for g in perms}

    def re_ordered(name: str, without: int) -> Tensor:
        w = b.state[name]
        for axis, expression in enumerate(found.axes[name]):
            if axis != without and str(expression) in perms:
                w = torch.index_select(w, axis, torch.from_numpy(perms[str(expression)]))
        return w

    for _ in range(100):
        progress = False
        for group in rng.permutation(list(perms)):
            n = found.groups[group].size
            gain = torch.zeros(n, n)
            for name, axis in slots[group]:
                w, v = (torch.moveaxis(x, axis, 0).reshape(n, -1) for x in (a.state[name], re_ordered(name, axis)))
                gain += w @ v.T
            new = linear_sum_assignment(gain.numpy(), maximize=True)[1]
            rows = torch.arange(n)
            before, after = gain[rows, perms[group]].sum(), gain[rows, new].sum()
            perms[group] = new
            progress = progress or bool(after > before + 1e-12)
        if not progress:
            break
    return perms


if __name__ == "__main__":
    main()
