"""What the theory speaks of, measured on one pair."""

from __future__ import annotations

from functools import partial
from typing import Any

from lmc_core.figures.path.layers import layers_figure
from lmc_core.figures.report import Picture
from lmc_core.figures.theory import theory_figure
from lmc_core.runs.kinds.theory import TheoryResult, theory_rows
from lmc_core.runs.library import data as datasets
from lmc_core.runs.summary._summary import Columns, Summary, Table
from lmc_core.words.layers import layers_alt, layers_caption
from lmc_core.words.marks import joined
from lmc_core.words.models import models_line
from lmc_core.words.theory import NOT_COMPUTABLE, theory_alt, theory_caption, theory_cards, theory_finding


def summary(result: TheoryResult) -> Summary:
    """What is said of it."""
    naive, aligned, found = result.naive, result.aligned, result.layers
    alt = "Every number of the figures, per layer"
    return Summary(
        result=result,
        finding=theory_finding(naive, aligned, found, result.method).sentence,
        about=models_line(result.models, datasets.title(result.data)),
        cards=theory_cards(naive, aligned, result.matching, found),
        caption=joined([theory_caption(naive), NOT_COMPUTABLE], "\n\n"),
        notes=result.notes,
        tables=(Table(partial(table, result), "Layers", "Layers", alt),) if found else (),
        pictures=partial(pictures, result),
    )


def table(result: TheoryResult) -> Columns:
    """One row per layer."""
    found = theory_rows(result)
    return {name: [row.get(name) for row in found] for name in found[0]}


def pictures(result: TheoryResult) -> list[Picture]:
    """Both figures of a report."""
    make, found = theory_figure(*drawn_from(result), standalone=True), result.layers
    caption = f"{theory_caption(result.naive)} {NOT_COMPUTABLE}"
    alt = theory_alt(result.naive, result.aligned, result.matching)
    drawn = [Picture("Gap, distances, dimensions", make, caption, alt)]
    if found:
        below = layers_figure(found, standalone=True)
        drawn.append(Picture("Features and spectra", below, str(layers_caption(found)), layers_alt(found)))
    return drawn


def drawn_from(result: TheoryResult) -> tuple[Any, ...]:
    """What both figures are drawn from."""
    return result.naive, result.aligned, result.matching, result.layers
