"""What the theory speaks of, measured on one pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from lmc_core.figures.measurements import dimension_figure, law_figure, ledger_figure, removed_figure, split_figure
from lmc_core.figures.palette import ThemeName
from lmc_core.figures.path.layers import layers_figure
from lmc_core.figures.report import Picture
from lmc_core.figures.theory import theory_figure
from lmc_core.runs.kinds.theory import TheoryResult, ledger_rows, theory_rows
from lmc_core.runs.library import data as datasets
from lmc_core.runs.summary._summary import Columns, Summary, Table
from lmc_core.words.layers import layers_alt, layers_caption
from lmc_core.words.marks import Text, joined
from lmc_core.words.measurements import (
    dimension_alt,
    dimension_words,
    law_alt,
    law_words,
    ledger_alt,
    ledger_words,
    removed_alt,
    removed_words,
    split_alt,
    split_words,
)
from lmc_core.words.models import models_line
from lmc_core.words.theory import NOT_COMPUTABLE, theory_alt, theory_caption, theory_cards, theory_finding


def summary(result: TheoryResult) -> Summary:
    """What is said of it."""
    naive, aligned, found = result.naive, result.aligned, result.layers
    return Summary(
        result=result,
        finding=theory_finding(naive, aligned, found, result.method).sentence,
        about=models_line(result.models, datasets.title(result.data)),
        cards=theory_cards(naive, aligned, result.matching, found),
        caption=joined([theory_caption(naive), NOT_COMPUTABLE], "\n\n"),
        notes=result.notes,
        tables=tables(result),
        pictures=partial(pictures, result),
    )


@dataclass(frozen=True)
class Measurement:
    """One measurement of the theory: its figure of so many rows, its sentence, and what the figure shows."""

    name: str
    title: str
    make: Callable[..., Any]
    rows: int
    words: Text
    alt: str


def measured(result: TheoryResult) -> list[Measurement]:
    """The measurements of a run, as far as it has them."""
    found = []
    if laws := result.laws:
        of = (
            ("law", "One law", law_figure, law_words, law_alt),
            ("dimension", "Dimension", dimension_figure, dimension_words, dimension_alt),
            ("split", "Parts of W₂²", split_figure, split_words, split_alt),
        )
        found = [Measurement(n, title, partial(f, laws), len(laws), w(laws), alt(laws)) for n, title, f, w, alt in of]
    if result.ledgers is not None:
        naive, aligned = result.ledgers
        make, words = partial(ledger_figure, aligned), ledger_words(naive, aligned)
        rows = len(aligned.entries) + 1
        found.append(Measurement("ledger", "Ledger of the barrier", make, rows, words, ledger_alt(aligned)))
    if shares := result.removed:
        make, words, alt = partial(removed_figure, shares), removed_words(shares), removed_alt(shares)
        found.append(Measurement("removed", "What each class removes", make, len(shares), words, alt))
    return found


def tables(result: TheoryResult) -> tuple[Table, ...]:
    """Layers, and the ledger."""
    found = []
    if result.layers:
        alt = "Every number of the figures, per layer"
        found.append(Table(partial(table, result), "Layers", "Layers", alt))
    if result.ledgers is not None:
        alt = "What every layer adds to the loss above the chord, on both paths"
        found.append(Table(partial(ledger_table, result), "Ledger", "Ledger of the barrier", alt))
    return tuple(found)


def ledger_table(result: TheoryResult) -> Columns:
    """One row per layer, in the order in which they compute."""
    rows = ledger_rows(result)
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def table(result: TheoryResult) -> Columns:
    """One row per layer."""
    found = theory_rows(result)
    return {name: [row.get(name) for row in found] for name in found[0]}


def pictures(result: TheoryResult, look: ThemeName = "light") -> list[Picture]:
    """The figures of a report."""
    make, found = theory_figure(*drawn_from(result), theme=look, standalone=True), result.layers
    caption = f"{theory_caption(result.naive)} {NOT_COMPUTABLE}"
    alt = theory_alt(result.naive, result.aligned, result.matching)
    drawn = [Picture("Gap, distances, dimensions", make, caption, alt)]
    if found:
        below = layers_figure(found, theme=look, standalone=True)
        drawn.append(Picture("Features and spectra", below, str(layers_caption(found)), layers_alt(found)))
    more = [
        Picture(one.title, one.make(theme=look, standalone=True), str(one.words), one.alt) for one in measured(result)
    ]
    return drawn + more


def drawn_from(result: TheoryResult) -> tuple[Any, ...]:
    """What both figures are drawn from."""
    return result.naive, result.aligned, result.matching, result.layers
