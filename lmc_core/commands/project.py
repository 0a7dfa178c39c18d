"""`project RUN GROUP`: the units of one layer of a kept run, placed by t-SNE."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from lmc_core.commands.arguments import Answer
from lmc_core.commands.measured import text
from lmc_core.commands.spelling import add_request, asked
from lmc_core.report import Report
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.summary import summary

KIND = KINDS["projection"]


def configure(parser: argparse.ArgumentParser) -> None:
    add_request(parser, KIND)


def run(args: argparse.Namespace, report: Report) -> Answer:
    request = asked(args, KIND)
    from lmc_core.runs.work.device import pick_device
    from lmc_core.runs.work.projection import work

    result = work(request, report, Path(), pick_device(request["device"]))
    return Answer(result.json, text(KIND.name, result), partial(summary, KIND.name, result))
