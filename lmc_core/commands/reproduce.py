"""`reproduce NAME`: one experiment of the papers or of their users, as a table."""

from __future__ import annotations

import argparse
from importlib import import_module
from types import ModuleType

from lmc_core.commands.arguments import Answer, pairs, table
from lmc_core.errors import SettingError
from lmc_core.report import Report
from lmc_core.training.reproduce import EXPERIMENTS


def configure(parser: argparse.ArgumentParser) -> None:
    known = "; ".join(f"{name}: {summary}" for name, summary in EXPERIMENTS.items())
    parser.add_argument("name", metavar="NAME", help=known)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the experiment")


def run(args: argparse.Namespace, report: Report) -> Answer:
    from lmc_core.runs.bench import pick_device

    experiment = _experiment(args.name)
    known = {parameter.name: parameter for parameter in experiment.PARAMETERS}
    settings = {}
    for key, value in pairs(args.set, "--set").items():
        if key not in known:
            raise SettingError(f"{args.name} has no setting {key!r}; it has {', '.join(known) or 'none'}")
        settings[key] = known[key].check(value)
    found = experiment.reproduce(seed=args.seed, device=pick_device(args.device), report=report, **settings)
    rows = [found.columns, *(tuple(_cell(value) for value in row) for row in found.rows)]
    text = "\n\n".join([found.title, table(rows), *found.notes])
    return Answer({"experiment": args.name, **found.json}, text)


def _experiment(name: str) -> ModuleType:
    if name not in EXPERIMENTS:
        raise SettingError(f"there is no experiment {name!r}; there are {', '.join(EXPERIMENTS)}")
    return import_module(f"lmc_core.training.reproduce.{name.replace('-', '_')}")


def _cell(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
