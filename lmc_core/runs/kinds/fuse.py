"""Runs that make one network of several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmc_core.data.registry import DATASETS
from lmc_core.errors import InputError, MismatchError, SettingError
from lmc_core.fusion import FUSIONS
from lmc_core.fusion.outcome import Outcome
from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.fused import ARTIFACTS, FuseResult, fusion_title
from lmc_core.runs.values.request import POINTS, RECALIBRATIONS, SEEDS, TRAIN_EXAMPLES, checked_device, integer, one_of

if TYPE_CHECKING:
    from lmc_core.networks.network import Network
    from lmc_core.report import Report
    from lmc_core.runs.values.request import Request

READ, FUSE, MEASURE, PATHS = STAGES = (
    "Reading the networks",
    "Fusing the networks",
    "Measuring them",
    "Following the paths",
)
METHOD = "wasserstein-barycenter"
MODELS = (2, 8)
WIDTH = (1, 65_536)
EPOCHS = (0, 100)
EXAMPLE: Mapping[str, Any] = {"models": [f"digits-mlp-128/seed{seed}" for seed in (0, 1, 2)]}


def options(
    models: Sequence[str],
    data: str = "digits",
    method: str = METHOD,
    settings: Mapping[str, Any] | None = None,
    weights: Sequence[float] | None = None,
    widths: int | Mapping[str, int] | None = None,
    recalibrate: str | None = "auto",
    temperature: bool = False,
    finetune: int = 0,
    rate: float = 0.01,
    points: int = 11,
    seed: int = 0,
    train_examples: int = 10_000,
    device: str = "auto",
) -> dict[str, Any]:
    """Networks of the library, how they are fused, and what is done afterwards.

    models    2..8 ids
    weights   λ of each, ≥ 0, brought to the sum 1; None: equal
    widths    of the fused network: one number for all hidden layers, or group → size; None: as the first network
    """
    from lmc_core.runs.library import data as datasets
    from lmc_core.runs.library import models as library

    one_of("method", method, FUSIONS)
    cards = [library.card(str(model)) for model in models]
    if why := unfit(cards, method):
        raise MismatchError(why)
    if why := unread(cards, datasets.checked(data)):
        raise MismatchError(why)
    if finetune and not 0 < float(rate) <= 10:
        raise SettingError(f"rate={rate!r} is no learning rate; give a number above 0, such as 0.01")
    asked = checked_widths(widths, cards[0].groups)
    if asked is not None and FUSIONS[method].equal_widths:
        raise SettingError(f"{FUSIONS[method].title} keeps the widths of the networks; leave the widths as they are")
    return {
        "models": [card.id for card in cards],
        "fingerprints": [card.fingerprint for card in cards],
        "data": datasets.checked(data),
        "method": method,
        "settings": FUSIONS[method].settings(settings or {}),
        "weights": shares(weights, len(cards)),
        "widths": asked,
        "recalibrate": one_of("recalibrate", recalibrate or None, RECALIBRATIONS),
        "temperature": bool(temperature),
        "finetune": integer("finetune", finetune, *EPOCHS),
        "rate": float(rate) if finetune else 0.01,
        "points": integer("points", points, *POINTS),
        "seed": integer("seed", seed, *SEEDS),
        "train_examples": integer("train_examples", train_examples, *TRAIN_EXAMPLES),
        "device": checked_device(device),
    }


def unfit(cards: Sequence[ModelCard], method: str = METHOD) -> str | None:
    """Why these networks cannot be fused, as far as their cards tell; None if nothing speaks against it."""
    low, high = MODELS
    if not low <= len(cards) <= high:
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


def unread(cards: Sequence[ModelCard], data: str) -> str | None:
    """Why one of these networks cannot read the data, as far as cards tell; None if nothing speaks against it."""
    from lmc_core.runs.library import data as datasets

    own = datasets.card(data)
    shape = own.shape if own is not None else DATASETS[data].shape
    odd = next((card for card in cards if card.input_shape and math.prod(card.input_shape) != math.prod(shape)), None)
    if odd is None:
        return None
    one, other = (" × ".join(map(str, sides)) for sides in (shape, odd.input_shape))
    return f"Examples of {datasets.title(data)} are {one}, and {odd.name} reads {other}: choose other data."


def shares(weights: Sequence[float] | None, count: int) -> list[float]:
    """λ of each network, of sum 1. Raises SettingError."""
    if weights is None:
        return [round(1 / count, 9)] * count
    try:
        given = [float(weight) for weight in weights]
    except (TypeError, ValueError):
        raise SettingError(f"weights={str(weights)[:80]!r} is not a list of numbers") from None
    if len(given) != count or not all(0 <= weight < float("inf") for weight in given) or not sum(given) > 0:
        raise SettingError(f"weights={given} is not one number ≥ 0 for each of {count} networks, at least one above 0")
    total = sum(given)
    scale = 1.0 if abs(total - 1) < 1e-7 else total  # shares stay as they are, so that a request survives its own text
    return [round(weight / scale, 9) for weight in given]


def checked_widths(widths: Any, groups: Mapping[str, int]) -> int | dict[str, int] | None:
    """widths, None where they are those of the first network. `groups`: its own, where they are known."""
    if widths is None:
        return None
    if not isinstance(widths, Mapping):
        return integer("widths", widths, *WIDTH)
    for name in widths:
        if groups and name not in groups:
            raise SettingError(f"widths names a group {str(name)[:40]!r}; the networks have {', '.join(groups)}")
    asked = {str(name): integer(f"width of {name}", size, *WIDTH) for name, size in widths.items()}
    return {name: size for name, size in asked.items() if groups.get(name) != size} or None


def title(options: Mapping[str, Any]) -> str:
    from lmc_core.runs.library import models as library

    cards = []
    for model in options["models"]:
        try:
            cards.append(library.card(model))
        except InputError:  # deleted since: the run can still be listed by its link
            cards.append(ModelCard(model, model, listed=False))
    return fusion_title(cards)


def work(request: Request, report: Report, folder: Path, device: str) -> FuseResult:
    """Open the networks, fuse them, and keep the fused one."""
    from lmc_core.runs.library import data as datasets
    from lmc_core.runs.work.fuse import fuse_run

    asked = dict(request.options)
    networks, cards, notes = _opened(asked, report)
    done = {name: asked[name] for name in asked if name not in ("models", "fingerprints", "data", "device")}
    if len(set(asked["weights"])) == 1:  # exactly equal, as anybody gets who does not name them
        done["weights"] = None
    result, network = fuse_run(
        networks,
        datasets.read(asked["data"]),
        **done,
        device=device,
        models=cards,
        request={"kind": "fuse", **asked},
        notes=notes,
        report=report,
    )
    if network.architecture is not None:
        network.save(str(folder / ARTIFACTS[0]))
    else:
        network.export(str(folder / ARTIFACTS[1]))
    return result


def _opened(asked: Mapping[str, Any], report: Report) -> tuple[list[Network], list[ModelCard], tuple[str, ...]]:
    """The networks of a request, each computed as the first where its file does not say how."""
    from lmc_core.runs.library import models as library
    from lmc_core.runs.work import bench

    cards = [library.card(model) for model in asked["models"]]
    for card, fingerprint in zip(cards, asked["fingerprints"], strict=True):
        if card.fingerprint != fingerprint:
            raise InputError(f"model {card.id!r} was replaced after this run was asked for; ask again")
    networks, notes = [bench.open_model(cards[0])], []
    for done, card in enumerate(cards[1:], 1):
        report(READ, done, len(cards))
        networks[0], other, taken = bench.open_pair(cards[0], card)
        networks.append(other)
        if taken:
            notes.append(f"{cards[0].name} and {card.name} are computed alike: the file of one does not say how.")
    return networks, cards, tuple(notes)


KIND = Kind("fuse", "Fusing the networks", STAGES, options, work, (FuseResult, Outcome), title=title, example=EXAMPLE)
