"""What the theory speaks of, over several widths."""

from __future__ import annotations

from functools import partial
from typing import Any

from lmc_core.figures.measurements import exponent_figure
from lmc_core.figures.palette import ThemeName
from lmc_core.figures.report import Picture
from lmc_core.figures.width import width_figure
from lmc_core.runs.kinds.width import WidthResult
from lmc_core.runs.summary._summary import Columns, Summary, Table
from lmc_core.words.marks import as_text, joined
from lmc_core.words.measurements import exponent_alt, exponent_words
from lmc_core.words.theory import NOT_COMPUTABLE
from lmc_core.words.width import width_alt, width_caption, width_cards, width_finding


def summary(result: WidthResult) -> Summary:
    """What is said of it."""
    parts, seen = barriers(result), result.seen or result.plain
    return Summary(
        result=result,
        finding=width_finding(*parts, seen, result.method).sentence,
        about=as_text(f"{result.title} · seeds 0 and 1 of each · Digits"),
        cards=width_cards(*parts, seen),
        caption=joined([width_caption(), NOT_COMPUTABLE], "\n\n"),
        notes=result.notes,
        tables=(Table(partial(table, result), "Widths", "Widths", "Barriers and distances of every width"),),
        pictures=partial(pictures, result),
    )


def barriers(result: WidthResult) -> tuple[list[int], list[float], list[float]]:
    """Widths, and the barriers of the test loss without and with alignment."""
    naive, aligned = ([getattr(row, name).barrier() for row in result.rows] for name in ("naive", "aligned"))
    return [row.width for row in result.rows], naive, aligned


def table(result: WidthResult) -> Columns:
    """One row per width: barriers, and the distance of every layer in both metrics."""
    widths, naive, aligned = barriers(result)
    columns: dict[str, list[Any]] = {"width": widths, "barrier, naive": naive, "barrier, aligned": aligned}
    for name, scalings in (("W", result.plain), ("W Σ½", result.seen)):
        columns |= {f"W₂² of {name}, {label}": line.costs.tolist() for label, line in scalings.items()}
    return columns


def pictures(result: WidthResult, look: ThemeName = "light") -> list[Picture]:
    """The figures of a report."""
    parts = barriers(result)
    drawn = width_figure(*parts, result.seen or result.plain, theme=look, standalone=True)
    caption = f"{width_caption()} {NOT_COMPUTABLE}"
    found = [Picture("Barrier and distance against width", drawn, caption, width_alt(*parts))]
    if result.exponents:
        of = result.exponents, result.seen or result.plain
        below = exponent_figure(*of, theme=look, standalone=True)
        found.append(Picture("Exponents", below, str(exponent_words(*of)), exponent_alt(result.exponents)))
    return found
