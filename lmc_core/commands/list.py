"""`list`: the runs that this host keeps, the newest first."""

from __future__ import annotations

import argparse

from lmc_core.commands.arguments import Answer, table
from lmc_core.commands.spelling import add_options, given_options
from lmc_core.options import Option
from lmc_core.report import Report
from lmc_core.runs.kinds import KINDS

KIND_OF = Option("kind", str, None, "Only runs of this kind.", choices=tuple(KINDS), optional=True)
LIMIT = Option("limit", int, 20, "How many at most.", low=1, high=100_000)


def configure(parser: argparse.ArgumentParser) -> None:
    add_options(parser, (KIND_OF, LIMIT))


def run(args: argparse.Namespace, report: Report) -> Answer:
    from lmc_core import runs

    given = given_options(args, (KIND_OF, LIMIT))
    kept = runs.recent(given["limit"], kind=given["kind"])
    rows = [
        {"run": one.id, "state": one.state, "kind": one.kind, "title": one.title, "finding": one.finding}
        for one in kept
    ]
    lines = [("run", "state", "kind", "title", "finding"), *(tuple(row.values()) for row in rows)]
    return Answer({"runs": rows}, table(lines, "") if rows else "No runs are listed here.")
