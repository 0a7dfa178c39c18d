"""Runs that make one network of several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lmc_core.errors import MismatchError, SettingError
from lmc_core.fusion import FUSIONS
from lmc_core.fusion.outcome import Outcome
from lmc_core.options import Nested, Option, Options
from lmc_core.runs.kinds._fused import ARTIFACTS, FuseResult, fusion_title
from lmc_core.runs.kinds._kind import Chosen, Kind, Known
from lmc_core.runs.kinds._options import (
    DATA,
    DEVICE,
    FUSION,
    FUSION_SETTINGS,
    MODELS,
    POINTS,
    RECALIBRATE,
    SEED,
    TASK,
    TEST_EXAMPLES,
    TRAIN_EXAMPLES,
)
from lmc_core.runs.values.card import ModelCard

__all__ = ["ARTIFACTS", "FUSE", "FuseResult", "fusion_title", "shares", "unfit", "unread"]

STAGES = ("Reading the networks", "Fusing the networks", "Measuring them", "Following the paths")
FEWEST, MOST = 2, 8
WIDTH = Option("width", int, 1, "Units of a hidden layer.", low=1, high=65_536, unit="units")


@dataclass(frozen=True)
class Widths(Nested):
    """The widths of the fused network: one number for all hidden layers, or group → size."""

    def check(self, value: Any) -> int | dict[str, int] | None:
        if value is None:
            return None
        if not isinstance(value, Mapping):
            return int(replace(WIDTH, name=self.name).check(value))
        return {str(name): replace(WIDTH, name=f"width of {name}").check(size) for name, size in value.items()}

    @property
    def allowed(self) -> str:
        return f"{WIDTH.allowed}, or a mapping from groups to such numbers, or none"

    @property
    def schema(self) -> dict[str, Any]:
        one = {name: part for name, part in WIDTH.schema.items() if name in ("type", "minimum", "maximum")}
        about = {"title": self.title, "description": self.help, "default": None}
        return {**about, "anyOf": [{"type": "null"}, one, {"type": "object", "additionalProperties": one}]}


WEIGHTS = Option(
    "weights",
    float,
    None,
    "λ of each network, brought to the sum 1; none: equal.",
    low=0,
    high=1e9,
    optional=True,
    many=True,
    wording="one number ≥ 0 for each network, at least one above 0",
)
WIDTHS = Widths("widths", dict, None, "Of the fused network; none: those of the first.", optional=True)
CANONICAL = Option(
    "canonical",
    bool,
    False,
    "Fuse the same functions in canonical form: gains folded, scales balanced, transformers turned into one frame.",
    label="Canonical form",
    left_out=True,
)
TEMPERATURE = Option("temperature", bool, False, "Scale the logits as training examples want it; accuracy stays.")
FINETUNE = Option(
    "finetune",
    int,
    0,
    "Train the fused network on, and show what it scores before and after.",
    low=0,
    high=100,
    label="Epochs of fine-tuning",
    unit="epochs",
)
RATE = Option(
    "rate",
    float,
    0.01,
    "Learning rate of fine-tuning.",
    low=1e-6,
    high=10,
    label="Learning rate",
    wording="a learning rate from 0.000001 to 10",
)
PATHS = Option(
    "paths",
    bool,
    True,
    "Follow the straight lines from the networks to the fused one and to their plain average: most of the time.",
    left_out=True,
)
LINE_POINTS = replace(POINTS, default=11)
USED_EXAMPLES = replace(
    TRAIN_EXAMPLES,
    help="How many training examples are used to compare, to measure and to fine-tune, drawn by the seed; 0 = all.",
)


def unfit(cards: Sequence[ModelCard], method: str = FUSION.default) -> str | None:
    """Why these networks cannot be fused, as far as their cards tell; None if nothing speaks against it."""
    if not FEWEST <= len(cards) <= MOST:
        return f"Choose two to eight networks; {'there is one' if len(cards) == 1 else f'there are {len(cards)}'}."
    first = cards[0]
    for other in cards[1:]:
        pair = f"{other.name} cannot be fused with {first.name}"
        if first.family != other.family:
            kinds = " and ".join(card.family or "a program of its own" for card in (first, other))
            return f"{pair}: they are of two architectures, {kinds}."
        if first.groups and other.groups and list(first.groups) != list(other.groups):
            counts = " and ".join(str(len(card.groups)) for card in (first, other))
            return f"{pair}: they have {counts} groups of hidden units; only their numbers of units may differ."
        if not FUSIONS[method].equal_widths or not (first.groups and other.groups):
            continue
        group = next((name for name, size in first.groups.items() if other.groups[name] != size), None)
        if group is not None:
            able = next(known.title for known in FUSIONS.values() if not known.equal_widths)
            return (
                f"{FUSIONS[method].title} needs equal widths, and {group} has {first.groups[group]} units in "
                f"{first.name} and {other.groups[group]} in {other.name}: {able} fuses them."
            )
    return None


def unread(cards: Sequence[ModelCard], title: str, shape: Sequence[int]) -> str | None:
    """Why one of these networks cannot read data of this title and shape; None if nothing speaks against it."""
    odd = next((card for card in cards if card.input_shape and math.prod(card.input_shape) != math.prod(shape)), None)
    if odd is None:
        return None
    one, other = (" × ".join(map(str, sides)) for sides in (shape, odd.input_shape))
    return f"Examples of {title} are {one}, and {odd.name} reads {other}: choose other data."


def shares(weights: Sequence[float] | None, count: int) -> list[float]:
    """λ of each network, of sum 1. Raises SettingError."""
    if weights is None:
        return [round(1 / count, 9)] * count if count else []
    total = sum(weights)
    if len(weights) != count or not total > 0:
        raise SettingError(f"weights={list(weights)} is not {WEIGHTS.wording}; there are {count} networks")
    scale = 1.0 if abs(total - 1) < 1e-7 else total  # shares stay as they are, so that a request survives its own text
    return [round(weight / scale, 9) for weight in weights]


def _settle(options: Chosen) -> dict[str, Any]:
    """Settings filled in, weights of sum 1, a learning rate only where something is learnt, points only on paths, and
    canonical form only where the method does not see to it."""
    if options["widths"] is not None and FUSIONS[options["method"]].equal_widths:
        title = FUSIONS[options["method"]].title
        raise SettingError(f"{title} keeps the widths of the networks; leave the widths as they are")
    return {
        **options,
        "settings": FUSION_SETTINGS.filled(options),
        "weights": shares(options["weights"], len(options["models"])),
        "canonical": options["canonical"] and not FUSIONS[options["method"]].canonical,
        "rate": options["rate"] if options["finetune"] else RATE.default,
        "points": options["points"] if options["paths"] else LINE_POINTS.default,
    }


def _bound(options: Chosen, known: Known) -> dict[str, Any]:
    """The options with fingerprints, and of the widths only those that are not the first network's."""
    cards = [known.card(model) for model in options["models"]]
    if why := unfit(cards, options["method"]) or unread(cards, *known.example(options["data"])):
        raise MismatchError(why)
    widths, groups = options["widths"], cards[0].groups
    if isinstance(widths, Mapping):
        for name in widths:
            if groups and name not in groups:
                raise SettingError(f"widths names a group {str(name)[:40]!r}; the networks have {', '.join(groups)}")
        widths = {name: size for name, size in widths.items() if groups.get(name) != size} or None
    return {**options, "widths": widths, "fingerprints": [card.fingerprint for card in cards]}


FUSE = Kind(
    "fuse",
    "Fusing the networks",
    STAGES,
    Options(
        "fuse",
        (
            *(MODELS, DATA, TASK, FUSION, FUSION_SETTINGS, WEIGHTS, WIDTHS, CANONICAL),
            *(RECALIBRATE, TEMPERATURE, FINETUNE, RATE),
            *(PATHS, LINE_POINTS, USED_EXAMPLES, TEST_EXAMPLES, SEED, DEVICE),
        ),
    ),
    (FuseResult, Outcome),
    models=lambda options: list(options["models"]),
    settle=_settle,
    bind=_bound,
    title=lambda options, cards: fusion_title(cards),
    example={"models": [f"digits-mlp-128/seed{seed}" for seed in (0, 1, 2)]},
    version=3,
)
