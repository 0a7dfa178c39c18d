"""What the theory speaks of, measured on one pair."""

from functools import partial
from typing import Any

from lmc_core.figures.path.layers import layers_figure
from lmc_core.figures.report import Picture
from lmc_core.figures.theory import theory_figure, theory_height
from lmc_core.runs.kinds.theory import TheoryResult, theory_rows
from lmc_core.runs.library import data as datasets
from lmc_core.words.layers import layers_alt, layers_caption
from lmc_core.words.marks import joined
from lmc_core.words.models import models_line
from lmc_core.words.theory import (
    NOT_COMPUTABLE,
    theory_alt,
    theory_caption,
    theory_cards,
    theory_finding,
)
from pages._show import layers
from pages._show.chart import chart
from pages._show.view import Columns, Shown, Table, View


def shown(result: TheoryResult, run_id: str, look: None) -> Shown:
    naive, aligned, found = result.naive, result.aligned, result.layers
    alt = "Every number of the figures, per layer"
    return Shown(
        run_id,
        result,
        look,
        theory_finding(naive, aligned, found, result.method).sentence,
        about=models_line(result.models, datasets.title(result.data)),
        cards=theory_cards(naive, aligned, result.matching, found),
        caption=joined([theory_caption(naive), NOT_COMPUTABLE], "\n\n"),
        notes=result.notes,
        tables=(Table(partial(table, result), "Layers", "Layers", alt),) if found else (),
        pictures=partial(pictures, result),
    )


def figure(shown: Shown) -> None:
    result = shown.result
    make = partial(theory_figure, *_parts(result))
    alt = theory_alt(result.naive, result.aligned, result.matching)
    chart("theory", shown.run, make, alt, height=partial(theory_height, len(result.layers)))


def table(result: TheoryResult) -> Columns:
    """One row per layer."""
    found = theory_rows(result)
    return {name: [row.get(name) for row in found] for name in found[0]}


def pictures(result: TheoryResult) -> list[Picture]:
    """Both figures of a report."""
    make, found = theory_figure(*_parts(result), standalone=True), result.layers
    caption = f"{theory_caption(result.naive)} {NOT_COMPUTABLE}"
    alt = theory_alt(result.naive, result.aligned, result.matching)
    drawn = [Picture("Gap, distances, dimensions", make, caption, alt)]
    if found:
        below = layers_figure(found, standalone=True)
        drawn.append(Picture("Features and spectra", below, str(layers_caption(found)), layers_alt(found)))
    return drawn


def _parts(result: TheoryResult) -> tuple[Any, ...]:
    return result.naive, result.aligned, result.matching, result.layers


VIEW = View(shown, figure=figure, tabs={"Layers": layers.body}, height=460, title="Theory", page="theory")
