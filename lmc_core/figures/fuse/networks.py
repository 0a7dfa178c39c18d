"""The networks of a fusion as they are drawn: name, colour and symbol of each."""

from __future__ import annotations

from dataclasses import dataclass

from lmc_core.figures.palette import Ink, Theme
from lmc_core.fusion.outcome import Outcome, Scores
from lmc_core.words.fuse import letter

_SYMBOLS = ("circle", "square", "triangle-up", "cross", "triangle-down", "pentagon", "hourglass", "hexagon")
CROWD = {"wide": 7, "narrow": 6}
"""From so many networks on, labels are short."""


@dataclass(frozen=True)
class Standing:
    """One network among them: its short and its full name, its colour and symbol, what it scores."""

    short: str
    name: str
    ink: Ink
    symbol: str
    scores: Scores


def standings(outcome: Outcome, theme: Theme, layout: str = "narrow") -> tuple[Standing, ...]:
    """The parents, their ensemble, their plain average, the fused network and what fine-tuning made of it."""
    rows = [
        Standing(letter(k), f"{letter(k)}, {name}", parent_ink(k, theme), _SYMBOLS[k % len(_SYMBOLS)], scores)
        for k, (name, scores) in enumerate(zip(outcome.names, outcome.parents, strict=True))
    ]
    more = (outcome.ensemble is not None, outcome.average is not None, bool(outcome.curve))
    short = len(rows) + 1 + sum(more) >= CROWD[layout]
    if outcome.ensemble is not None:
        name = "ens." if short else "ensemble"
        rows.append(Standing(name, "ensemble of the parents", theme.grey, "x", outcome.ensemble))
    if outcome.average is not None:
        name = "avg." if short else "average"
        rows.append(Standing(name, "plain average", theme.naive, "diamond", outcome.average))
    rows.append(Standing("fused", "fused", theme.fused, "circle", outcome.fused))
    if outcome.curve:
        name = "tuned" if short else "fine-tuned"
        rows.append(Standing(name, "fused and fine-tuned", theme.fused, "star", outcome.final))
    return tuple(rows)


def parent_ink(number: int, theme: Theme) -> Ink:
    """A and B keep their colours; all others are grey and told apart by symbol and letter."""
    return (theme.a, theme.b)[number] if number < 2 else theme.grey
