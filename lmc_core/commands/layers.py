"""`layers RUN`: the layers of a kept run on large networks, compared."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from lmc_core.commands.arguments import Answer
from lmc_core.commands.files import add_files
from lmc_core.commands.measured import text
from lmc_core.commands.spelling import add_request, asked
from lmc_core.report import Report
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.summary import summary

KIND = KINDS["layers"]


def configure(parser: argparse.ArgumentParser) -> None:
    add_request(parser, KIND)
    add_files(parser)


def run(args: argparse.Namespace, report: Report) -> Answer:
    request = asked(args, KIND)
    from lmc_core.runs.work.device import pick_device
    from lmc_core.runs.work.layers import work

    with TemporaryDirectory() as folder:
        result = work(request, report, Path(folder), pick_device(request["device"]))
    return Answer(result.json, text(KIND.name, result), partial(summary, KIND.name, result))
