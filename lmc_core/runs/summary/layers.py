"""All layers of another run, compared."""

from __future__ import annotations

from functools import partial

from lmc_core.figures.palette import ThemeName
from lmc_core.figures.path.layers import layers_figure
from lmc_core.figures.path.matching import matching_figure
from lmc_core.figures.report import Picture
from lmc_core.runs.kinds.layers import LayersResult
from lmc_core.runs.summary._summary import Columns, Summary, Table
from lmc_core.words.layers import layers_alt, layers_caption
from lmc_core.words.marks import as_text
from lmc_core.words.matching import MATCHING_CAPTION, matching_alt, matching_rows


def summary(result: LayersResult) -> Summary:
    """What is said of them."""
    return Summary(
        result=result,
        finding=as_text(result.finding),
        notes=result.notes,
        tables=(Table(partial(fits, result), "Layers", "Layers", "How well the units of every layer fit"),),
        pictures=partial(pictures, result),
    )


def fits(result: LayersResult) -> Columns:
    """One row per group: its units, how many moved, their cost before and after."""
    rows = matching_rows(result.matching)
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def pictures(result: LayersResult, look: ThemeName = "light") -> list[Picture]:
    """All layers, and how well the units of the first fit."""
    if not result.layers:
        return []
    layers, first = layers_figure(result.layers, theme=look, standalone=True), next(iter(result.matching))
    alt, caption = layers_alt(result.layers), str(layers_caption(result.layers))
    fit = matching_figure(result.matching, first, theme=look, standalone=True)
    return [
        Picture("Layer by layer", layers, caption, alt),
        Picture("How well the units fit", fit, str(MATCHING_CAPTION), matching_alt(result.matching, first)),
    ]
