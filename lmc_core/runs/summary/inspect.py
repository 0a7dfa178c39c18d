"""A file that was read."""

from __future__ import annotations

from functools import partial

from lmc_core.figures.inspect import groups_figure
from lmc_core.figures.palette import ThemeName
from lmc_core.figures.report import Picture
from lmc_core.runs.kinds.inspect import InspectResult
from lmc_core.runs.summary._summary import Summary
from lmc_core.words.inspect import groups_alt
from lmc_core.words.marks import as_text


def summary(result: InspectResult) -> Summary:
    """What is said of it."""
    return Summary(
        result=result,
        finding=as_text(result.title) + " was read.",
        about=as_text(result.finding),
        notes=result.notes,
        pictures=partial(pictures, result),
    )


def pictures(result: InspectResult, look: ThemeName = "light") -> list[Picture]:
    """The groups, where there are any."""
    facts = result.symmetry
    if not facts.groups:
        return []
    return [
        Picture("Groups along the network", groups_figure(facts, theme=look, standalone=True), alt=groups_alt(facts))
    ]
