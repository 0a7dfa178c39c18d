"""A finished run as one HTML file: everything the page shows, and nothing to load."""

import json

from lmc_core.figures import report as page
from pages._frame.url import link
from pages._show.view import Shown


def report(shown: Shown) -> bytes:
    """The file."""
    result = shown.result
    tables = (page.Table(table.title, table.columns()) for table in shown.tables if table.title)
    seed = {"seed": str(result.request["seed"])} if "seed" in result.request else {}
    content = page.Report(
        title=result.title,
        finding=str(shown.finding),
        about=str(shown.about),
        numbers=tuple((card.label, str(card.value), card.note) for card in shown.cards),
        pictures=tuple(shown.pictures()),
        tables=tuple(table for table in tables if table.rows),
        listings=(*((title, make()) for title, make in shown.listings.items()), ("Request", as_text(shown))),
        notes=shown.notes,
        link=link("run", id=shown.run),
        facts={**result.versions, "device": result.device, **seed},
    )
    return page.report_html(content).encode()


def as_text(shown: Shown) -> str:
    """What was asked for, as JSON."""
    return json.dumps(dict(shown.result.request), indent=1, default=list)
