"""What a command draws into files beside what it prints: `--figure FILE` and `--report FILE.html`."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lmc_core.errors import InputError, SettingError

if TYPE_CHECKING:
    from lmc_core.commands.arguments import Answer

PROGRAM = "python -m lmc_core"
FILES = ("figure", "report")
"""Names of the options."""


def add_files(parser: argparse.ArgumentParser) -> None:
    """The options that name the files."""
    parser.add_argument("--figure", metavar="FILE", type=Path, help="draw the figure: .html, .svg, .png or .pdf")
    parser.add_argument("--report", metavar="FILE", type=Path, help="write everything that its page shows: .html")


def wanted(args: argparse.Namespace) -> bool:
    """Whether something is drawn, for which more may have to be measured than is printed."""
    return any(getattr(args, name, None) is not None for name in FILES)


def check_files(args: argparse.Namespace) -> None:
    """Find out before the work whether its figures can be written. Raises SettingError."""
    if not wanted(args):
        return
    from lmc_core.figures.files import PAGE, check_figure

    if args.figure is not None:
        check_figure(args.figure)
    if args.report is not None and args.report.suffix != PAGE:
        raise SettingError(f"--report {str(args.report)!r} must end in {PAGE}")
    for path in filter(None, (args.figure, args.report)):
        if not path.absolute().parent.is_dir():
            raise SettingError(f"{str(path)!r}: there is no folder {str(path.absolute().parent)!r}")


def write_files(args: argparse.Namespace, answer: Answer, argv: Sequence[str]) -> None:
    """The figure and the report of what was found. Raises InputError where there is nothing to draw."""
    if not wanted(args):
        return
    from lmc_core.figures.files import write_figure
    from lmc_core.runs.summary.report import report

    assert answer.said is not None
    said = answer.said()
    if args.figure is not None:
        pictures = said.pictures()
        if not pictures:
            raise InputError("this result has no figure")
        write_figure(pictures[0], args.figure)
    if args.report is not None:
        command = shlex.join([*PROGRAM.split(), *argv])
        args.report.write_text(report(said, listings={"Command line": lambda: command}), encoding="utf-8")
