"""Runs that align pairs of networks by several methods."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from lmc_core.errors import SettingError
from lmc_core.methods import METHODS
from lmc_core.options import Nested, Options
from lmc_core.runs.kinds._comparison import CompareResult, ComparisonResult, MethodRow, method_means
from lmc_core.runs.kinds._kind import Chosen, Kind, Known
from lmc_core.runs.kinds._options import (
    DATA,
    DEVICE,
    FEWER_EXAMPLES,
    METHOD,
    MODELS,
    POINTS,
    RECALIBRATE,
    SEED,
    TASK,
    TEST_EXAMPLES,
)
from lmc_core.runs.values.card import ModelCard

__all__ = ["COMPARE", "CompareResult", "ComparisonResult", "MethodRow", "expected", "method_means", "pairs_of"]

STAGES = ("Reading the networks", "Aligning and evaluating")
PAIRS = 12
Cards = tuple[ModelCard, ModelCard]
QUICK = (
    "identity",
    "weight-matching",
    "layerwise-weight-matching",
    "covariance-weight-matching",
    "activation-matching",
    "ot-alignment",
)
"""Methods that take seconds where the others take minutes."""


@dataclass(frozen=True)
class SettingsOfMethods(Nested):
    """Method → its settings, of those that are not at their defaults."""

    def check(self, value: Any) -> dict[str, dict[str, Any]]:
        if not isinstance(value, Mapping) or not all(isinstance(given, Mapping) for given in value.values()):
            raise self.refused(value)
        return {METHOD.check(name): METHODS[METHOD.check(name)].said(given) for name, given in value.items()}

    @property
    def allowed(self) -> str:
        return "a mapping from names of methods to their settings"

    @property
    def schema(self) -> dict[str, Any]:
        parts = {name: method.options.schema for name, method in METHODS.items()}
        about = {"title": self.title, "description": self.help, "default": self.default}
        return {**about, "type": "object", "properties": parts, "additionalProperties": False}


SETTINGS = SettingsOfMethods("settings", dict, {}, "Of the methods, by their names.", left_out=True)
CHOSEN = replace(METHOD, name="methods", default=[], many=True, help="How B is aligned to A; none named: all.")


def pairs_of(cards: Sequence[ModelCard]) -> list[Cards]:
    """Every two models that may fit, the earlier one as A; two that were chosen alone are a pair in any case."""
    pairs = list(combinations(cards, 2))
    return pairs if len(pairs) == 1 else [(a, b) for a, b in pairs if a.parameters == b.parameters]


def _settle(options: Chosen) -> dict[str, Any]:
    """Models each once; methods in the order of METHODS, all of them if none are named."""
    wanted = options["methods"] or METHODS
    methods = [name for name in METHODS if name in wanted]
    return {**options, "models": list(dict.fromkeys(options["models"])), "methods": methods}


def _bound(options: Chosen, known: Known) -> dict[str, Any]:
    """The options with fingerprints. Raises SettingError if the models make no pair, or too many."""
    cards = [known.card(model) for model in options["models"]]
    number = len(pairs_of(cards))
    if not 1 <= number <= PAIRS:
        counted = f"{len(cards)} model{'' if len(cards) == 1 else 's'} of which {number} pairs are of one shape"
        raise SettingError(f"{counted}: choose models that make 1 to {PAIRS} pairs")
    return {**options, "fingerprints": [card.fingerprint for card in cards]}


COMPARE = Kind(
    "compare",
    "Aligning pairs by every method",
    STAGES,
    Options(
        "compare",
        (
            *(replace(MODELS, url="networks"), DATA, TASK, CHOSEN, SETTINGS),
            *(POINTS, replace(RECALIBRATE, left_out=True), FEWER_EXAMPLES, TEST_EXAMPLES, SEED, DEVICE),
        ),
    ),
    (ComparisonResult, CompareResult, MethodRow),
    models=lambda options: list(options["models"]),
    settle=_settle,
    bind=_bound,
    example={"models": [f"digits-mlp-128/seed{seed}" for seed in (0, 1, 2)], "methods": list(QUICK)},
)

SLOWER = 10
"""Methods never run here are taken to be so many times slower than weight matching: measured are 5 to 15."""
GROWTH = 1.2
"""Seconds grow with this power of the number of parameters, roughly."""


def expected(methods: Sequence[str], sizes: Sequence[int], earlier: Sequence[CompareResult]) -> dict[str, float]:
    """Seconds that every method should take, evaluating its path included; empty if nothing was compared before.

    sizes     parameters of a network, for each pair
    earlier   comparisons made here, the newest first; those of the most similar size count
    """
    if not earlier:
        return {}

    def one(method: str, size: int) -> float:
        known = [
            (abs(math.log(size / pair.models[0].parameters)), row.seconds, pair)
            for pair in earlier
            for row in pair.rows
            if row.method == method and row.seconds is not None and pair.models[0].parameters
        ]
        if not known:
            return SLOWER * one("weight-matching", size) if method != "weight-matching" else 0.0
        _, seconds, pair = min(known, key=lambda found: found[0])
        paths = pair.seconds.get("evaluate", 0.0) / max(1, len(pair.profiles))
        return (seconds + paths) * float((size / pair.models[0].parameters) ** GROWTH)

    return {method: sum(one(method, max(size, 1)) for size in sizes) for method in methods}
