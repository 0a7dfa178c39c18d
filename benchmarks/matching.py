"""Weight matching: ours, ours solving every group in every sweep, and a plain sweep over all tensors."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from benchmarks.timing import best, table
from lmc_core.alignment.objective import Objective
from lmc_core.alignment.sweeps import sweep
from lmc_core.alignment.terms import weight_terms
from lmc_core.networks.families import architecture, build, example_inputs
from lmc_core.networks.network import Network, network
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.symmetry import Symmetry

CASES = {
    "MLP 64-128-128-128-10": architecture("mlp", widths=(64, 128, 128, 128, 10)),
    "MLP 784-512-512-512-10": architecture("mlp", widths=(784, 512, 512, 512, 10)),
    "MLP, 10 × 256": architecture("mlp", widths=(64, *(256,) * 10, 10)),
    "ResNet-20": architecture("resnet", blocks=(3, 3, 3), widths=(16, 32, 64)),
}


def main() -> None:
    rows: list[tuple[object, ...]] = [("weight matching, one start", "ours, s", "every group", "plain sweep")]
    for name, arch in CASES.items():
        nets = []
        for seed in range(2):
            torch.manual_seed(seed)
            nets.append(network(build(arch), example_inputs(arch), architecture=arch))
        a, b = nets
        found = symmetry(a)
        objective = Objective(b, found, weight_terms(a, found))
        ways = {
            "ours": lambda objective=objective: sweep(objective, np.random.default_rng(0)),
            "all": lambda objective=objective: sweep(objective, np.random.default_rng(0), skip=False),
        }
        if arch.family == "mlp":
            ways["plain"] = lambda a=a, b=b, found=found: _plain(a, b, found)
        seconds = best(ways)
        ratios = [f"{seconds[way] / seconds['ours']:.2f} ×" if way in seconds else "–" for way in ("all", "plain")]
        rows.append((name, f"{seconds['ours']:.3f}", *ratios))
    print(table(rows))


def _plain(a: Network, b: Network, found: Symmetry) -> dict[str, np.ndarray]:
    """The sweep as first published: every group re-permutes every tensor it touches, on all axes, in NumPy."""
    states = [{name: x.numpy() for name, x in net.state.items()} for net in (a, b)]
    perms = {name: np.arange(group.size) for name, group in found.groups.items()}
    rng = np.random.default_rng(0)

    def moved(name: str, without: int) -> np.ndarray:
        w = states[1][name]
        for axis, expression in enumerate(found.axes[name]):
            if axis != without and str(expression) in perms:
                w = np.take(w, perms[str(expression)], axis)
        return w

    progress = True
    while progress:
        progress = False
        for group in rng.permutation(list(perms)):
            gain = np.zeros((found.groups[group].size,) * 2)
            for name, axis in found.slots(group):
                w, v = (np.moveaxis(x, axis, 0).reshape(len(gain), -1) for x in (states[0][name], moved(name, axis)))
                gain += w @ v.T
            new = linear_sum_assignment(gain, maximize=True)[1]
            index = np.arange(len(gain))
            if gain[index, new].sum() > gain[index, perms[group]].sum() + 1e-6 * np.abs(gain).max():
                perms[group], progress = new, True
    return perms


if __name__ == "__main__":
    main()
