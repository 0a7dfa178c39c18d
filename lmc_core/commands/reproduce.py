"""`reproduce NAME`: one experiment of the papers or of their users, as a table and a figure."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lmc_core.commands.arguments import Answer, check_output, pairs, table
from lmc_core.errors import SettingError
from lmc_core.report import Report
from lmc_core.training.reproduce import EXPERIMENTS

if TYPE_CHECKING:
    from lmc_core.training.reproduce._experiment import Experiment

FILES = ("table.csv", "result.json", "figure.html")


def configure(parser: argparse.ArgumentParser) -> None:
    known = "; ".join(f"{name}: {summary}" for name, summary in EXPERIMENTS.items())
    parser.add_argument("name", metavar="NAME", help=known)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the experiment")
    parser.add_argument("--quick", action="store_true", help="smaller settings, for a first look within minutes")
    parser.add_argument(
        "--out", metavar="FOLDER|FILE", help=f"a folder for {', '.join(FILES)}, or one of them: FILE.csv, .json, .html"
    )


def run(args: argparse.Namespace, report: Report) -> Answer:
    from lmc_core.runs.work.device import pick_device

    experiment = _experiment(args.name)
    known = {parameter.name: parameter for parameter in experiment.PARAMETERS}
    settings: dict[str, Any] = dict(experiment.QUICK) if args.quick else {}
    for key, value in pairs(args.set, "--set").items():
        if key not in known:
            raise SettingError(f"{args.name} has no setting {key!r}; it has {', '.join(known) or 'none'}")
        settings[key] = known[key].parse(value)
    _check_out(args.out)
    found = experiment.reproduce(seed=args.seed, device=pick_device(args.device), report=report, **settings)
    answer = {"experiment": args.name, "command": _command(args), **found.json}
    if args.out:
        _write(args.out, found, answer)
    rows = [found.columns, *(tuple(_cell(value) for value in row) for row in found.rows)]
    text = "\n\n".join([found.title, table(rows), *found.notes])
    return Answer(answer, text)


def _experiment(name: str) -> ModuleType:
    if name not in EXPERIMENTS:
        raise SettingError(f"there is no experiment {name!r}; there are {', '.join(EXPERIMENTS)}")
    return import_module(f"lmc_core.training.reproduce.{name.replace('-', '_')}")


def _command(args: argparse.Namespace) -> str:
    """What gives the same table anywhere: without the folders of this machine."""
    words = ["python -m lmc_core reproduce", args.name]
    words += ["--quick"] if args.quick else []
    words += [f"--set {word}" for word in args.set if not word.startswith(("keep=", "file="))]
    return " ".join(words + ([f"--seed {args.seed}"] if args.seed else []))


def _check_out(out: str | None) -> None:
    """Find out before the work whether its result can be written. Raises SettingError."""
    if out is None:
        return
    if Path(out).suffix:
        check_output(out, ".csv", ".json", ".html")
        return
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise SettingError(
            f"--out {out!r} is a file; give a folder, or a file that ends in .csv, .json or .html"
        ) from None


def _write(out: str, found: Experiment, answer: Mapping[str, Any]) -> None:
    """One file, or all of them into a folder."""
    wanted = [Path(out)] if Path(out).suffix else [Path(out) / name for name in FILES]
    for file in wanted:
        if file.suffix == ".csv":
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows([found.columns, *found.rows])
            file.write_text(text.getvalue(), encoding="utf-8")
        elif file.suffix == ".json":
            file.write_text(json.dumps(answer, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        else:
            file.write_text(_page(found, answer), encoding="utf-8")


def _page(found: Experiment, answer: Mapping[str, Any]) -> str:
    from lmc_core.figures.experiment import experiment_figure
    from lmc_core.figures.report import figure_html

    if not found.chart:
        raise SettingError(f"{answer['experiment']} has no figure; choose --out FILE.csv or FILE.json")
    figure = experiment_figure(answer["rows"], found.chart, standalone=True)
    said = f"{found.title}: {found.chart.y} by {found.chart.x}"
    notes = " ".join(found.notes)
    return figure_html(figure, title=found.title, caption=notes, alt=said, filename=str(answer["experiment"]))


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
