"""A fusion as one HTML file: everything the page shows, and nothing to load."""

import json

from lmc_core.figures.fuse.figure import fuse_figure
from lmc_core.figures.fuse.history import history_figure
from lmc_core.figures.report import Picture, Report, Table, report_html
from lmc_core.runs.values.fused import FuseResult
from lmc_core.words.fuse import fuse_alt, fuse_caption, fuse_cards, fuse_groups, fuse_scores, history_alt
from pages._show import fuse_share, fuse_tables, share


def report(result: FuseResult, run_id: str) -> bytes:
    """The file."""
    outcome = result.outcome
    caption, alt = str(fuse_caption(outcome, result.method)), fuse_alt(outcome)
    pictures = [Picture("The networks and the paths", fuse_figure(outcome, standalone=True), caption, alt)]
    if result.history or outcome.curve:
        figure = history_figure(result.history, outcome.curve, standalone=True)
        pictures.append(Picture("How it went", figure, "", history_alt(result.history, outcome.curve)))
    content = Report(
        title=result.title,
        finding=result.finding,
        about=str(fuse_tables.about(result)),
        numbers=tuple(
            (card.label, str(card.value), card.note) for card in fuse_cards(outcome, result.seconds, result.device)
        ),
        pictures=tuple(pictures),
        tables=(
            Table("Loss and accuracy of every network", fuse_scores(outcome)),
            Table(
                "Groups of hidden units, before and after",
                fuse_groups(result.groups, result.parent_groups, result.sources),
            ),
        ),
        listings=(
            ("Command line", fuse_share.command(result)),
            ("Python", fuse_share.python(result)),
            ("Request", json.dumps(dict(result.request), indent=1, default=list)),
        ),
        notes=result.notes,
        link=share.run_link(run_id),
        facts={**result.versions, "device": result.device, "seed": str(result.seed)},
    )
    return report_html(content).encode()
