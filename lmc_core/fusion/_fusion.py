"""What a fusion method says about itself, so that forms and commands can be made from it without importing torch."""

from __future__ import annotations

from dataclasses import dataclass

from lmc_core.alignment.method import Method
from lmc_core.options import Option


@dataclass(frozen=True)
class Fusion(Method):
    """A way to make one network of several: its face, as of an alignment method, and its function.

    solve(problem, **settings) returns a Result with a state
    equal_widths   all networks and the fused one must have the same widths
    """

    equal_widths: bool = False


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

START = (
    Option(
        "start",
        str,
        "auto",
        "First template: a copy of the base model, or its units chosen and distilled to the new widths.",
        choices=("auto", "identity", "distill"),
    ),
    Option("base", int, 0, "Number of the model the template starts from.", low=0),
    Option("iterations", int, 100, "Most couplings and barycentres per layer.", low=1, high=10_000),
)
"""The settings of methods that alternate between couplings and a barycentre."""
