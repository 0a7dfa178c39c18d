"""Methods on pairs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from lmc_core.figures.compare import compare_figure
from lmc_core.figures.palette import ThemeName
from lmc_core.figures.report import Picture
from lmc_core.paths.profile import Profile
from lmc_core.runs.kinds.compare import ComparisonResult
from lmc_core.runs.library import data as datasets
from lmc_core.runs.summary._summary import Columns, Summary, Table
from lmc_core.runs.values.card import models_title
from lmc_core.words.compare import compare_alt, compare_caption, compare_cards, compare_finding
from lmc_core.words.measures import measures
from lmc_core.words.models import models_line


def summary(result: ComparisonResult) -> Summary:
    """What is said of it."""
    every, one = profiles(result), len(result.pairs) == 1
    examples = next((dict(profile.examples) for pair in every for profile in pair.values()), {})
    line = models_line(result.pairs[0].models if one else (), datasets.title(result.data), examples)
    return Summary(
        result=result,
        finding=compare_finding(every).sentence,
        about=line if one else f"{result.title} · " + line,
        cards=compare_cards(every, result.seconds),
        caption=compare_caption(len(result.pairs)),
        notes=result.notes,
        tables=(
            Table(partial(table, result), "Methods", "Table", "Every method on every pair, its barrier", open=True),
        ),
        pictures=partial(pictures, result),
    ).named(measures(profile for pair in every for profile in pair.values()))


def pictures(result: ComparisonResult, look: ThemeName = "light") -> list[Picture]:
    """The figures of a report: losses, and of several pairs accuracies too."""
    pairs = named(result)
    every = list(pairs.values())
    if not any(every):
        return []
    caption, alt = str(compare_caption(len(pairs))), compare_alt(every)
    drawn = [Picture("The paths", compare_figure(pairs, theme=look, standalone=True), caption, alt)]
    if len(pairs) > 1:
        score = measures(profile for pair in every for profile in pair.values()).title
        drawn.append(Picture(score, compare_figure(pairs, metric="accuracy", theme=look, standalone=True), "", alt))
    return drawn


def profiles(result: ComparisonResult) -> list[Mapping[str, Profile]]:
    """Method → its path, of every pair."""
    return [pair.profiles for pair in result.pairs]


def named(result: ComparisonResult) -> dict[str, Mapping[str, Profile]]:
    """Pair in few words → method → its path."""
    return dict(zip(labels(result), profiles(result), strict=True))


def labels(result: ComparisonResult) -> list[str]:
    """The pairs in few words: their seeds, where all models share the title that the page says anyway."""
    named = [models_title(*pair.models) for pair in result.pairs]
    title = result.models[0].title
    alike = all(card.title == title and card.seed is not None for card in result.models)
    return [name.removeprefix(f"{title}, ") for name in named] if alike else named


def table(result: ComparisonResult) -> Columns:
    """One row per pair and method, the smallest barrier of each pair first; a failure is a row with its reason."""
    rows = [(name, row) for name, pair in zip(labels(result), result.pairs, strict=True) for row in pair.rows]
    paths = [row.profile for _, row in rows]
    pair = {"pair": [name for name, _ in rows]} if len(result.pairs) > 1 else {}
    columns: dict[str, list[Any]] = {
        "method": [row.title for _, row in rows],
        **pair,
        "barrier, test": [None if path is None else path.barrier() for path in paths],
        "barrier, train": [None if path is None else path.barrier("train") for path in paths],
        "half-way %": [None if path is None else 100 * path.midpoint("test", "accuracy") for path in paths],
        "objective": [row.objective for _, row in rows],
        "function error": [row.function_error for _, row in rows],
        "seconds": [row.seconds for _, row in rows],
        "remarks": ["; ".join([*([row.why] if row.why else []), *row.notes]) for _, row in rows],
    }
    return columns
