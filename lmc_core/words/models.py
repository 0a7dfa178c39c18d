"""The line under a finding: which networks and data it is about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lmc_core.words import numbers
from lmc_core.words.fuse import letter
from lmc_core.words.marks import Role, Text, joined, marked

_ROLES: tuple[Role, ...] = ("a", "b")


def models_line(
    models: Sequence[Any],
    data: str,
    examples: Mapping[str, int] | None = None,
    *,
    details: Sequence[str] = (),
) -> Text:
    """A, B and more with a dot of their colour, what they are, and the data.

    models     cards of the networks: `title`, `name`, `seed`
    data       its title;  examples   split → how many of them were used
    details    what is said of each network beside its name
    """
    alike = len({card.title for card in models}) == 1
    parts: list[Text | str] = []
    for number, card in enumerate(models):
        name = f"seed {card.seed}" if alike and card.seed is not None else card.name
        detail = f", {details[number]}" if number < len(details) else ""
        role = _ROLES[number] if number < len(_ROLES) else "grey"
        parts.append(marked(role, "●") + f" {letter(number)} {name}{detail}")
    used = " / ".join(
        f"{numbers.count(examples[split])} {split}" for split in ("train", "test") if examples and split in examples
    )
    parts += [models[0].title] if alike and models[0].seed is not None else []
    parts.append(data + (f", {used} examples" if used else ""))
    return joined(parts, " · ")


def assumed(models: Sequence[Any]) -> list[tuple[str, str]]:
    """What was assumed of networks whose files do not say it, as rows of a table: ("assumed", "A and B: …")."""
    found: dict[str, list[str]] = {}
    for number, card in enumerate(models):
        for option, value, why in card.assumptions:
            found.setdefault(f"{option}={assumption(option, value)}: {why}", []).append(letter(number))
    return [("assumed", f"of {numbers.listed(letters)}, {said}") for said, letters in found.items()]


def assumption(option: str, value: Any) -> str:
    """The value of an assumption, as a person would type it."""
    if value is None:
        return "none"
    if option == "normalize":
        return "/".join(",".join(f"{number:g}" for number in part) for part in value)
    return json.dumps(value) if isinstance(value, (list, tuple)) else str(value)
