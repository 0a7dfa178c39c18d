"""A finished run as one HTML file: everything its page shows, and nothing to load."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from lmc_core.figures import report as page
from lmc_core.figures.palette import ThemeName
from lmc_core.runs.summary._summary import Summary

NOTHING: Mapping[str, Callable[[], str]] = MappingProxyType({})


def report(
    said: Summary,
    *,
    look: ThemeName = "light",
    listings: Mapping[str, Callable[[], str]] = NOTHING,
    link: str = "",
) -> str:
    """The page of a result.

    look       its theme and that of its figures
    listings   title → a text to copy, such as the command line
    link       where the run is shown, if anywhere
    """
    result = said.result
    tables = (page.Table(table.title, table.columns()) for table in said.tables if table.title)
    content = page.Report(
        title=result.title,
        finding=str(said.finding),
        about=str(said.about),
        numbers=tuple((card.label, str(card.value), card.note) for card in said.cards),
        pictures=tuple(said.pictures(look)),
        tables=tuple(table for table in tables if table.rows),
        listings=(*((title, make()) for title, make in listings.items()), ("Request", request_text(result))),
        notes=(*said.notes, *said.assumed),
        link=link,
        facts={**result.versions, "device": result.device, **_seed(result.request)},
    )
    return page.report_html(content, look=look)


def request_text(result: Any) -> str:
    """What was asked for, as JSON."""
    return json.dumps(dict(result.request), indent=1, default=list)


def _seed(request: Mapping[str, Any]) -> dict[str, str]:
    return {"seed": str(request["seed"])} if "seed" in request else {}
