"""The command line: the same abilities headless.

Exit status: 0 done; 2 the input or the arguments are wrong, with one readable line on stderr; 1 a fault of ours.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from lmc_core import __version__
from lmc_core.commands.files import check_files, write_files
from lmc_core.commands.progress import Line
from lmc_core.commands.spelling import add_options, given_options
from lmc_core.errors import InputError
from lmc_core.runs.kinds._options import DEVICE, SEED

COMMANDS = {
    "compare": "every alignment method on one pair, or on every pair of several models, as a table",
    "fuse": "make one network of several, of any widths",
    "inspect": "the symmetry of a network: groups, axes, measured error",
    "layers": "the layers of a kept run on large networks, compared",
    "list": "the runs that this host keeps",
    "mergekit": "B aligned to A as a folder of the Hugging Face Hub, and a recipe that merges both",
    "path": "align B to A and evaluate the line between them, before and after",
    "plane": "loss and accuracy on the plane through A, B and aligned B, or a third network",
    "project": "the units of one layer of a kept run, placed by t-SNE",
    "reindex": "bring what the store keeps back into the index of runs",
    "reproduce": "repeat an experiment of the papers",
    "ship": "compute the analyses that the pages open on, and keep them beside the shipped networks",
    "show": "a kept run: what it found, and its numbers",
    "sweep": "many runs: pairs × data × methods × settings × seeds, as a table",
    "theory": "function gaps, distances and dimensions of a pair, before and after alignment",
    "train": "train a network by a recipe",
    "width": "how barrier and distance of the shipped networks fall with their width",
    "export": "write a module and its weights as a .pt2 program",
}
"""Name → summary; each is a module of `lmc_core.commands` with `configure(parser)` and `run(args, report)`, and with
the `KIND` of run that it computes if there is one."""


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        args = _parser(argv).parse_args(argv)
        vars(args).update(given_options(args, (SEED, DEVICE)))
    except SystemExit as stop:
        return int(stop.code or 0)
    except InputError as error:
        return _refuse(error)
    try:
        check_files(args)
        with contextlib.redirect_stdout(sys.stderr), Line(args.command) as report:
            answer = args.run(args, report)
            write_files(args, answer, argv)
    except InputError as error:
        return _refuse(error)
    except OSError as error:
        if error.filename is None:
            raise
        return _refuse(f"{error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        return _refuse("stopped", status=130)
    text = json.dumps(_finite(answer.json), ensure_ascii=False, allow_nan=False) if args.json else answer.text
    try:
        print(text, flush=True)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
    return 0


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Only the options of the command at hand are made: the others' modules need not be imported."""
    parser = _Parser(prog="python -m lmc_core", description="Align neural networks and see the path between them.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        command.allow_abbrev = False
        if name in argv[:1]:
            module = import_module(f"lmc_core.commands.{name}")
            module.configure(command)
            command.add_argument("--json", action="store_true", help="print one JSON object on stdout, nothing else")
            own = {option.name for option in module.KIND.options} if hasattr(module, "KIND") else set()
            add_options(command, [option for option in (SEED, DEVICE) if option.name not in own])
            command.set_defaults(run=module.run)
    return parser


def _refuse(reason: object, status: int = 2) -> int:
    print(f"python -m lmc_core: {' '.join(str(reason).split())}", file=sys.stderr)
    return status


def _finite(value: Any) -> Any:
    """JSON has no NaN: numbers that were not measured become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
