"""Barriers between character language models, by what of their symmetry is matched.

Two pre-norm blocks of width 64 with four heads read 64 characters of the help texts of Python, and tell the next at
every position: the shipped networks. Theus 2025 reports barriers near zero for larger ones after learning, along paths
of products of query and key matrices with wider heads; here every path stays in the architecture of the ends.
"""

from __future__ import annotations

from dataclasses import replace

from lmc_core.options import Option
from lmc_core.report import Report, silent
from lmc_core.training.recipes import RECIPES
from lmc_core.training.reproduce._experiment import Experiment
from lmc_core.training.reproduce._trained import KEEP
from lmc_core.training.reproduce._transformers import STEPS, compared

RECIPE, BATCH, STEPS_TAKEN = "char-gpt", 32, 800
PARAMETERS = (
    Option("recipe", str, RECIPE, "The recipe of the networks.", choices=tuple(RECIPES)),
    Option("networks", int, 3, "Networks, by their seeds from 0; all their pairs are aligned.", low=2, high=20),
    replace(STEPS, default=STEPS_TAKEN),
    Option("batch", int, BATCH, "Examples per step of learned matching.", low=1, high=10_000),
    Option("examples", int, 0, "Examples for training and for testing, drawn by the seed; 0 = all.", low=0),
    KEEP,
)
QUICK = {"networks": 2, "steps": 100, "examples": 300}


def reproduce(
    *,
    recipe: str = RECIPE,
    networks: int = 3,
    steps: int = STEPS_TAKEN,
    batch: int = BATCH,
    examples: int = 0,
    keep: str = "",
    seed: int = 0,
    device: str = "cpu",
    report: Report = silent,
) -> Experiment:
    """Mean test-loss barrier over all pairs, of every way to align them."""
    learning = {"steps": steps, "batch": batch}
    return compared(
        recipe, networks, learning, examples=examples or None, keep=keep, seed=seed, device=device, report=report
    )
