"""What the commands share that measure models and show a result as its page does."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from lmc_core.commands.arguments import Answer, add_reading, opening, table
from lmc_core.commands.files import add_files
from lmc_core.commands.spelling import add_request, asked
from lmc_core.figures.report import number
from lmc_core.report import Report
from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.summary import Summary, Table, summary
from lmc_core.runs.values.record import Record

if TYPE_CHECKING:
    from lmc_core.runs.values.record import Result

ROWS = 40  # of a table in a terminal: longer ones are for files


def command(kind: Kind, data: str | None = None) -> tuple[Callable[..., None], Callable[..., Answer]]:
    """`configure` and `run` of the command that measures models as the work of this kind does.

    data   what is measured on, where that is no option
    """

    def configure(parser: argparse.ArgumentParser) -> None:
        add_request(parser, kind, taken=("arch", "normalize"))
        add_reading(parser)
        add_files(parser)

    def run(args: argparse.Namespace, report: Report) -> Answer:
        request = asked(args, kind)
        report("reading the networks", 0, 0)
        from lmc_core.runs.work.device import pick_device

        work = import_module(f"lmc_core.runs.work.{kind.name}")
        device = pick_device(request["device"])
        opened = opening(args, data or request["data"], device, request.options.get("task", "auto"))
        result = work.measure(request, opened, report, device)
        return Answer(result.json, text(kind.name, result), partial(summary, kind.name, result))

    return configure, run


def text(kind: str, result: Result) -> str:
    """A result in a terminal: finding, numbers, its table, how it came about."""
    said = summary(kind, result)
    notes = (*said.notes, *said.assumed)
    facts = [*_made(result), *(("note", note) for note in notes)] if isinstance(result, Record) else []
    tables = [_cells(one) for one in said.tables[:1]]
    parts = [
        result.title,
        str(said.finding),
        str(said.about),
        _numbers(said),
        *(table(rows) for rows in tables if 1 < len(rows) <= ROWS),
        table(facts, ""),
    ]
    return "\n\n".join(filter(None, parts))


def _numbers(said: Summary) -> str:
    return table([(card.label, str(card.value), card.note) for card in said.cards])


def _cells(one: Table) -> list[tuple[str, ...]]:
    """Names of the columns, then the rows."""
    columns = one.columns()
    cells = (["—" if value is None else number(value) for value in column] for column in columns.values())
    return [tuple(columns), *zip(*cells, strict=True)]


def _made(result: Record) -> list[tuple[str, str]]:
    seconds = ", ".join(f"{stage} {spent:.2f}" for stage, spent in result.seconds.items())
    seed = [f"seed {result.request['seed']}"] if "seed" in result.request else []
    return [("seconds", seconds), ("device", ", ".join([result.device, *seed]))]
