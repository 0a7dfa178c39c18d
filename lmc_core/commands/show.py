"""`show RUN`: a kept run: what it found, and its numbers."""

from __future__ import annotations

import argparse

from lmc_core.commands.arguments import Answer
from lmc_core.commands.measured import text
from lmc_core.errors import InputError, RunError
from lmc_core.report import Report
from lmc_core.runs.kinds.projection import RUN


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="RUN", help="the id of a finished run, as `list` and its link say it")


def run(args: argparse.Namespace, report: Report) -> Answer:
    from lmc_core import runs

    try:
        result = runs.result(RUN.check(args.id))
    except RunError as error:
        raise InputError(str(error)) from None
    return Answer(result.json, text(runs.request(args.id).kind, result))
