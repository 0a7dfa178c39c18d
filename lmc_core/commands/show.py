"""`show RUN`: a kept run: what it found, and its numbers."""

from __future__ import annotations

import argparse
from functools import partial

from lmc_core.commands.arguments import Answer
from lmc_core.commands.files import add_files
from lmc_core.commands.measured import text
from lmc_core.errors import InputError, RunError
from lmc_core.report import Report
from lmc_core.runs.kinds.projection import RUN
from lmc_core.runs.summary import summary


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="RUN", help="the id of a finished run, as `list` and its link say it")
    add_files(parser)


def run(args: argparse.Namespace, report: Report) -> Answer:
    from lmc_core import runs

    try:
        result = runs.result(RUN.check(args.id))
    except RunError as error:
        raise InputError(str(error)) from None
    kind = runs.request(args.id).kind
    return Answer(result.json, text(kind, result), partial(summary, kind, result))
