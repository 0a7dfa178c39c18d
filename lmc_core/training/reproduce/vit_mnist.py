"""Barriers between vision transformers on MNIST patches, by what of their symmetry is matched.

Patches of 7 × 7, two pre-norm blocks of width 64 with four heads, five epochs of AdamW: the shipped networks. Theus
2025 reports barriers near zero for larger ones after learning, along paths of products of query and key matrices with
wider heads; here every path stays in the architecture of the ends.
"""

from __future__ import annotations

from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.recipes import RECIPES
from lmc_core.training.reproduce._experiment import Experiment
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._transformers import STEPS, compared

RECIPE = "mnist-vit"
PARAMETERS = (
    Option("recipe", str, RECIPE, "The recipe of the networks.", choices=tuple(RECIPES)),
    Option("networks", int, 3, "Networks, by their seeds from 0; all their pairs are aligned.", low=2, high=20),
    STEPS,
    KEEP,
)
QUICK = {"recipe": "digits-vit", "networks": 2, "steps": 50}


def reproduce(
    *,
    recipe: str = RECIPE,
    networks: int = 3,
    steps: int = 300,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test-loss barrier over all pairs, of every way to align them."""
    return compared(recipe, networks, {"steps": steps}, keep=keep, seed=seed, device=device, report=report)
