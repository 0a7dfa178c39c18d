"""OT fusion of the MNIST pair: seconds, memory and distances beside the loop of otfusion, written plainly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import ot
import torch
from torch import Tensor

from benchmarks.matching import pair
from benchmarks.peak import Watch, apart
from benchmarks.row import Goal, Key, Row, Value
from benchmarks.timing import best, table
from lmc_core.fusion.fuse import fuse
from lmc_core.networks.network import Network

NAME = "MLP-512, MNIST"

ROWS: dict[Key, Row] = {
    "fusion": Row("OT fusion, MLP-512", "ours / loop of otfusion", "1.13", Goal("≤", 1)),
    "fusion-memory": Row("OT fusion, MLP-512: rise of memory", "GB", "–", Goal("≤", 0.5)),
}


def measured(keys: Sequence[Key]) -> dict[Key, Value]:
    found = compared()
    said = Value(found["ours"] / found["loop"], f"results differ by {found['difference']:.0e}")
    values = {"fusion": said, "fusion-memory": Value(found["memory"] / 1e9)}
    return {key: values[key] for key in keys}


def main() -> None:
    found = compared()
    ratio = found["ours"] / found["loop"]
    rows = [("OT fusion", "loop, s", "ours, s", "ours / loop", "rise of memory, MB", "largest difference")]
    cells = f"{found['loop']:.3f}", f"{found['ours']:.3f}", f"{ratio:.2f}"
    print(table([*rows, (NAME, *cells, f"{found['memory'] / 1e6:.0f}", f"{found['difference']:.1e}")]))


def compared() -> dict[str, float]:
    """Seconds of both ways, bytes by which memory rises for ours, and how far the two results lie apart."""
    nets = pair(NAME)
    made: dict[str, Any] = {}

    def ours() -> None:
        made["ours"] = fuse(list(nets), method="ot-fusion")

    def loop() -> None:
        made["loop"] = plain(*nets)

    seconds = best({"ours": ours, "loop": loop}, 5)
    state = made["ours"].state
    difference = max(float((state[name] - x).abs().max()) for name, x in made["loop"].items())
    _, peaks, _ = apart(prepare)
    return {**seconds, "memory": float(max(peaks.values())), "difference": difference}


def prepare() -> Callable[[Watch], Any]:
    """The fusion, ready to go."""
    nets = pair(NAME)
    return lambda watch: fuse(list(nets), method="ot-fusion", report=watch)


@torch.no_grad()
def plain(a: Network, b: Network) -> dict[str, Tensor]:
    """The loop of otfusion on weights, with biases as one more column: for every layer the incoming weights of B are
    carried by the plan of the layer before, units are compared by squared distances, and POT's network simplex gives
    the plan of this layer."""
    weights = [name for name in a.state if name.endswith(".weight")]
    made: dict[str, Tensor] = {}
    plan: Tensor | None = None
    for number, name in enumerate(weights):
        bias = name.removesuffix("weight") + "bias"
        w, v = a.state[name], b.state[name]
        if plan is not None:
            v = v @ plan.T * len(plan)
        mine, other = (torch.cat([x, y[:, None]], 1) for x, y in ((w, a.state[bias]), (v, b.state[bias])))
        if number < len(weights) - 1:
            n = len(w)
            cost = torch.cdist(mine, other).square().double().numpy()
            uniform = np.full(n, 1 / n)
            plan = torch.from_numpy(ot.emd(uniform, uniform, cost, numItermax=1_000_000)).float()
            other = plan @ other * n
        mean = (mine + other) / 2
        made[name], made[bias] = mean[:, :-1], mean[:, -1]
    return made


if __name__ == "__main__":
    main()
