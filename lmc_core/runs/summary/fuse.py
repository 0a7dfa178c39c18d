"""One network made of several."""

from __future__ import annotations

from functools import partial

from lmc_core.figures.fuse.figure import fuse_figure
from lmc_core.figures.fuse.history import history_figure
from lmc_core.figures.palette import ThemeName
from lmc_core.figures.report import Picture
from lmc_core.runs.kinds.fuse import FuseResult
from lmc_core.runs.library import data as datasets
from lmc_core.runs.summary._summary import Columns, Summary, Table
from lmc_core.words.fuse import (
    fuse_alt,
    fuse_caption,
    fuse_cards,
    fuse_finding,
    fuse_groups,
    fuse_paths,
    fuse_scores,
    history_alt,
)
from lmc_core.words.measures import measures
from lmc_core.words.models import models_line


def summary(result: FuseResult) -> Summary:
    """What is said of it."""
    outcome, data = result.outcome, result.data
    used = {"train": data.train, "test": data.test}
    shares = [f"λ {weight:.2f}" for weight in result.weights]
    score, note = "Loss and accuracy of every network", "Loss is the mean cross-entropy in nats."
    return Summary(
        result=result,
        finding=fuse_finding(outcome, result.method, max(len(data.classes), 2)).sentence,
        about=models_line(result.models, datasets.title(data.name), used, details=shares),
        cards=fuse_cards(outcome, result.seconds, result.device),
        caption=fuse_caption(outcome, result.method),
        notes=result.notes,
        tables=(
            Table(partial(fuse_scores, outcome), "Scores", score, score, note),
            Table(partial(fuse_paths, outcome), "Paths"),
            Table(partial(groups_table, result), title="Groups of hidden units, before and after"),
        ),
        pictures=partial(pictures, result),
    ).named(measures(outcome.paths))


def pictures(result: FuseResult, look: ThemeName = "light") -> list[Picture]:
    """The figures of a report."""
    outcome = result.outcome
    caption, alt = str(fuse_caption(outcome, result.method)), fuse_alt(outcome)
    drawn = [Picture("The networks and the paths", fuse_figure(outcome, theme=look, standalone=True), caption, alt)]
    if result.history or outcome.curve:
        made = history_figure(result.history, outcome.curve, theme=look, standalone=True)
        drawn.append(Picture("How it went", made, "", history_alt(result.history, outcome.curve)))
    return drawn


def groups_table(result: FuseResult) -> Columns:
    """Widths before and after, and of how many units a fused one is made."""
    return fuse_groups(result.groups, result.parent_groups, result.sources)
