"""What a fusion method says about itself, so that forms and commands can be made from it without importing torch."""

from __future__ import annotations

from dataclasses import dataclass

from lmc_core.methods._method import Method, Paper
from lmc_core.options import Option

__all__ = ["Fusion", "Paper"]


@dataclass(frozen=True)
class Fusion(Method):
    """A way to make one network of several: its face, as of an alignment method, and its function.

    solve(problem, **settings) returns a fusion.merge.Fused
    equal_widths   all networks and the fused one must have the same widths
    """

    equal_widths: bool = False


AKASH = Paper(
    "Akash 2022",
    "Wasserstein Barycenter-based Model Fusion and Linear Mode Connectivity of Neural Networks",
    "https://arxiv.org/abs/2210.06671",
)

SOLVER = (
    Option("solver", str, "emd", "Exact plans, or entropic ones by Sinkhorn.", choices=("emd", "sinkhorn")),
    Option("epsilon", float, 0.005, "Regularisation of Sinkhorn, relative to the largest cost.", low=1e-5, high=10),
)
"""The settings of methods that solve transport problems."""

COMPARE = (
    Option(
        "compare",
        str,
        "weights",
        "What of two units is compared: incoming weights, or responses to examples.",
        choices=("weights", "activations"),
    ),
    Option("examples", int, 200, "Training examples whose responses are compared.", low=1),
)
"""The settings of methods that compare weights or activations."""
