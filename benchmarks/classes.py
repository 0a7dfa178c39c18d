"""Classes of symmetry: what inferring them adds to inferring groups, and the time to match a vision transformer."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from benchmarks.row import Goal, Key, Row, Value
from benchmarks.timing import best, table
from lmc_core.methods.align import align
from lmc_core.networks.families import architecture, build, example_inputs
from lmc_core.networks.network import Network, network
from lmc_core.symmetry.infer import symmetry, verified

LARGE = {"width": 256, "depth": 6, "heads": 8}
SMALL = {"width": 64, "depth": 2, "heads": 4}
TURNS = 3

ROWS: dict[Key, Row] = {
    "classes": Row("Inferring groups with their classes, ViT 6 × 256", "over groups alone", "–", Goal("≤", 1.2)),
    "full-symmetry-vit": Row(
        "Full-symmetry matching by weights, ViT 6 × 256, initialised", "s on the clock", "22.9 (CPU s)", Goal("≤", 15)
    ),
}


def measured(keys: Sequence[Key]) -> dict[Key, Value]:
    found: dict[Key, Value] = {}
    if "classes" in keys:
        found["classes"] = Value(inferring(pair(LARGE)[0]))
    if "full-symmetry-vit" in keys:
        seconds, passes, error = matching(*pair(LARGE))
        found["full-symmetry-vit"] = Value(seconds, f"{passes} passes; function kept to {error:.0e}")
    return found


def main() -> None:
    rows: list[tuple[object, ...]] = [("network", "classes over groups", "matching, s", "passes", "function kept to")]
    for name, options in {"ViT 2 × 64": SMALL, "ViT 6 × 256": LARGE}.items():
        a, b = pair(options)
        seconds, passes, error = matching(a, b)
        rows.append((name, f"{inferring(a):.2f}", f"{seconds:.1f}", passes, f"{error:.0e}"))
    print(f"classes of symmetry, {torch.get_num_threads()} threads\n\n{table(rows)}")


def pair(options: dict[str, int]) -> tuple[Network, Network]:
    """Two vision transformers as the seeds 0 and 1 initialise them, which needs the most passes."""
    made = architecture("transformer", **options)
    nets = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        nets.append(network(build(made), example_inputs(made), architecture=made))
    return nets[0], nets[1]


def inferring(net: Network) -> float:
    """Seconds with the classes of groups over seconds without, the trace known."""
    ways = {"with": lambda: symmetry(net), "without": lambda: verified(net, symmetry(net, verify=False))}
    seconds = best(ways, TURNS)
    return seconds["with"] / seconds["without"]


def matching(a: Network, b: Network) -> tuple[float, int, float]:
    """Seconds on the clock, passes that improved the objective, and the largest relative change of B's outputs."""
    found = symmetry(a)
    began = time.perf_counter()
    alignment = align(a, b, "full-symmetry-matching", symmetry=found, compare="weights")
    assert alignment.function_error is not None
    return time.perf_counter() - began, len(alignment.history) - 1, alignment.function_error
