"""A fusion as words and tables."""

from typing import Any

from lmc_core.runs.library import data as datasets
from lmc_core.runs.values.fused import FuseResult
from lmc_core.words.fuse import letter
from lmc_core.words.numbers import count, counted
from pages._frame.text import escaped

DOTS = (":blue[●]", ":violet[●]")
OTHERS = ":gray[●]"


def dot(number: int) -> str:
    """The mark of a parent in its colour."""
    return DOTS[number] if number < len(DOTS) else OTHERS


def about(result: FuseResult) -> str:
    """The parents with their weights and the data, in one line."""
    models, alike = result.models, len({card.title for card in result.models}) == 1
    parents = []
    for number, (card, weight) in enumerate(zip(models, result.weights, strict=True)):
        name = f"seed {card.seed}" if alike and card.seed is not None else escaped(card.name)
        parents.append(f"{dot(number)} {letter(number)} {name}, λ {weight:.2f}")
    kind = [escaped(models[0].title)] if alike else []
    examples = f"{count(result.data.train)} train / {count(result.data.test)} test examples"
    return " · ".join([*parents, *kind, f"{escaped(datasets.title(result.data.name))}, {examples}"])


def scores(result: FuseResult) -> dict[str, list[Any]]:
    """One row per network."""
    outcome = result.outcome
    rows: list[tuple[str, Any]] = [
        (f"{letter(k)}, {name}", found)
        for k, (name, found) in enumerate(zip(outcome.names, outcome.parents, strict=True))
    ]
    if outcome.ensemble is not None:
        rows.append(("ensemble", outcome.ensemble))
    if outcome.average is not None:
        rows.append(("plain average", outcome.average))
    rows.append(("fused", outcome.fused))
    rows += [(f"fused, {counted(epoch, 'epoch')}", found) for epoch, found in enumerate(outcome.curve) if epoch]
    return {
        "network": [name for name, _ in rows],
        "test acc.": [100 * found["test"]["accuracy"] for _, found in rows],
        "test loss": [found["test"]["loss"] for _, found in rows],
        "train acc.": [100 * found["train"]["accuracy"] for _, found in rows],
        "train loss": [found["train"]["loss"] for _, found in rows],
    }


def paths(result: FuseResult) -> dict[str, list[Any]]:
    """One row per path and point."""
    outcome = result.outcome
    columns: dict[str, list[Any]] = {"from": [], "to": [], "t": []}
    lines = [(k, "fused", path) for k, path in enumerate(outcome.paths) if path is not None]
    lines += [(k, "plain average", path) for k, path in enumerate(outcome.average_paths)]
    for k, end, path in lines:
        columns["from"] += [letter(k)] * len(path.t)
        columns["to"] += [end] * len(path.t)
        columns["t"] += path.t.tolist()
        for split, metrics in path.values.items():
            for metric, values in metrics.items():
                columns.setdefault(f"{split} {metric}", []).extend(values.tolist())
    return columns


def groups(result: FuseResult) -> dict[str, list[Any]]:
    """Widths before and after, and of how many units each fused unit is made, one row per group."""
    columns: dict[str, list[Any]] = {"group": list(result.groups)}
    for k, sizes in enumerate(result.parent_groups):
        columns[letter(k)] = [sizes.get(name) for name in result.groups]
    columns["fused"] = list(result.groups.values())
    for k, sources in enumerate(result.sources):
        columns[f"units of {letter(k)} in one"] = [sources.get(name) for name in result.groups]
    return columns
