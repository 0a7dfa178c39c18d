"""Frank–Wolfe on the MNIST pair from one start: seconds and objective beside the loop of C²M³, written plainly."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.optimize import fminbound, linear_sum_assignment
from torch import Tensor

from benchmarks.matching import pair
from benchmarks.row import Goal, Key, Row, Value
from benchmarks.timing import best, table
from lmc_core.alignment.coupling import Perms
from lmc_core.alignment.problem import Problem, learned
from lmc_core.methods.frank_wolfe import METHOD
from lmc_core.networks.network import Network
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.permute import permute
from lmc_core.symmetry.symmetry import Symmetry

NAME = "MLP-512, MNIST"
Plans = dict[str, Tensor]
ROWS: dict[Key, Row] = {
    "frank-wolfe": Row("Frank–Wolfe, MLP-512, one start", "loop of C²M³ / ours", "8.5 (three starts)", Goal("≥", 20))
}


def main(words: Sequence[str] = ()) -> None:
    seconds, values = compared(int(words[0]) if words else 1)
    rows = [("Frank–Wolfe, one start", "s", "objective")]
    print(table([*rows, *((way, f"{seconds[way]:.2f}", f"{values[way]:.4f}") for way in seconds)]))


def measured(keys: Sequence[Key]) -> dict[Key, Value]:
    seconds, values = compared(1)
    said = f"objective {values['ours']:.2f}, of the loop {values['loop']:.2f}"
    return dict.fromkeys(keys, Value(seconds["loop"] / seconds["ours"], said))


def compared(turns: int) -> tuple[dict[str, float], dict[str, float]]:
    """Way → seconds, and way → objective reached."""
    a, b = pair(NAME)
    found = symmetry(a)
    names = [name for name in learned(a, found) if name not in found.held]
    problem = Problem.pair(a, b, found)
    reached: dict[str, Perms] = {}

    def loop() -> None:
        reached["loop"] = plain(a, b, found, names)

    def ours() -> None:
        reached["ours"] = METHOD.solve(problem, restarts=1, iterations=200, sweeps=100).perms

    ways: dict[str, Callable[[], object]] = {"loop": loop, "ours": ours}
    seconds = best(ways, turns, warm=False)
    values = {}
    for way, perms in reached.items():
        moved = permute(b.state, found, perms)
        values[way] = sum(float((a.state[name].double() * moved[name].double()).sum()) for name in names)
    return seconds, values


@torch.no_grad()
def plain(a: Network, b: Network, found: Symmetry, names: Sequence[str]) -> Perms:
    """Two models as C²M³ matches them (Crisostomi 2024, alg. 1): the gradient of every layer's agreement in the
    permutations of both its sides, an assignment per group, one step size for all of them by a bounded search of at
    most 20 evaluations of the objective, until five steps gain less than 1e-6, at most 200; then an assignment.

    For networks whose axes are groups and nothing else.
    """
    sizes = {name: group.size for name, group in found.groups.items()}
    plans = {name: torch.eye(size) for name, size in sizes.items()}
    axes = {name: [str(axis) for axis in found.axes[name]] for name in names}

    def moved(name: str, plans: dict[str, Tensor], without: int = -1) -> Tensor:
        w = b.state[name]
        for number, axis in enumerate(axes[name]):
            if number != without and axis in plans:
                w = torch.moveaxis(torch.tensordot(plans[axis], w, dims=([1], [number])), 0, number)
        return w

    def objective(plans: dict[str, Tensor]) -> float:
        return sum(float((a.state[name] * moved(name, plans)).sum()) for name in names)

    def assigned(gains: dict[str, Tensor]) -> dict[str, np.ndarray]:
        return {name: linear_sum_assignment(gain.numpy(), maximize=True)[1] for name, gain in gains.items()}

    value, small = objective(plans), 0
    for _ in range(200):
        gradient = {name: torch.zeros(size, size) for name, size in sizes.items()}
        for name in names:
            for number, axis in enumerate(axes[name]):
                if axis in plans:
                    w, v = (
                        torch.moveaxis(x, number, 0).flatten(1) if x.ndim > 1 else x[:, None]
                        for x in (a.state[name], moved(name, plans, number))
                    )
                    gradient[axis] += w @ v.T
        corners = {name: torch.eye(len(perm))[torch.from_numpy(perm)] for name, perm in assigned(gradient).items()}

        def between(step: float, here: Plans = plans, there: Plans = corners) -> Plans:
            return {name: (1 - step) * here[name] + step * there[name] for name in here}

        step = fminbound(lambda step, between=between: -objective(between(step)), 0, 1, xtol=1e-3, maxfun=20)
        plans = between(step)
        before, value = value, objective(plans)
        small = small + 1 if value - before < 1e-6 else 0
        if small == 5:
            break
    return assigned(plans)


if __name__ == "__main__":
    main()
