"""`reindex`: bring what the store keeps, and the index of runs does not know, back into the index."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from lmc_core.commands.arguments import Answer
from lmc_core.report import Report
from lmc_core.runs.keep import opened


def configure(parser: argparse.ArgumentParser) -> None:
    """It has no options: the environment names store and database."""


def run(args: argparse.Namespace, report: Report) -> Answer:
    archive = opened()
    archive.mend()
    found = archive.rebuild()
    said = (
        f"{found.restored} runs are in the index again with their owners, {found.ownerless} without, "
        f"{found.known} were there, {found.unread} cannot be read; {found.measured} results were measured"
    )
    return Answer({**asdict(found), "store": archive.store.address}, said)
