"""One table of what was before, is now and is to be: `python -m benchmarks`.

    python -m benchmarks                          all rows but those that take minutes each
    python -m benchmarks --only matching-vgg16    these rows
    python -m benchmarks --record docs/speed.md   keep what was measured, and write the table at the top of that page

Every benchmark runs in a process of its own, on one thread. Rows that were not measured show what was recorded last.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.row import Key, Row, Value, machine, number
from benchmarks.timing import table

MODULES = (
    "evaluate",
    "first",
    "matching",
    "classes",
    "frank_wolfe",
    "fusion",
    "memory",
    "comparison",
    "cold",
    "load",
    "paint",
)
KEPT = Path(__file__).parent / "results" / "speed.json"
BEGIN, END = "<!-- measured by `python -m benchmarks --record` -->", "<!-- end of what was measured -->"
ABOUT = ("work", "in", "before", "now", "goal", "met", "measured")


@dataclass(frozen=True)
class Known:
    """What a row came to, when and on what machine, and its load average before: how many others wanted its cores."""

    number: float
    note: str
    day: str
    machine: str
    load: float


def main(words: Sequence[str]) -> None:
    rows = all_rows()
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--only", nargs="+", choices=rows, metavar="ROW", help=", ".join(rows))
    parser.add_argument("--without", nargs="+", choices=rows, metavar="ROW", default=[])
    parser.add_argument("--record", type=Path, metavar="PAGE", help="keep the numbers and write the table there")
    given = parser.parse_args(words)
    chosen = given.only or [key for key, row in rows.items() if not row.heavy]
    found = dict(read(KEPT))
    for module in MODULES:
        keys = [key for key in import_module(f"benchmarks.{module}").ROWS if key in chosen and key not in given.without]
        if keys:
            found |= _run(module, keys)
    print("\n" + text(rows, found))
    if given.record is not None:
        KEPT.write_text(json.dumps({key: asdict(one) for key, one in found.items()}, indent=1, ensure_ascii=False))
        given.record.write_text(written(given.record.read_text(), rows, found))


def all_rows() -> dict[Key, Row]:
    """Of all benchmarks, in the order of the table."""
    return {key: row for module in MODULES for key, row in import_module(f"benchmarks.{module}").ROWS.items()}


def read(path: Path) -> dict[Key, Known]:
    """What was recorded."""
    return {key: Known(**one) for key, one in json.loads(path.read_text()).items()} if path.exists() else {}


def _run(module: str, keys: Sequence[Key]) -> dict[Key, Known]:
    """The rows of one benchmark, measured in a process of its own; none if it fails, which is said."""
    print(f"{module}: {', '.join(keys)} … ", end="", flush=True)
    start, load = time.perf_counter(), os.getloadavg()[0]
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_measure, args=(there, module, list(keys)))
    child.start()
    there.close()
    try:
        found: Mapping[Key, Value] | str = here.recv()
    except EOFError:
        found = "it ended without an answer"
    finally:
        child.join()
    if isinstance(found, str):
        print(f"left out: {found}", flush=True)
        return {}
    print(f"{time.perf_counter() - start:.0f} s", flush=True)
    day = date.today().isoformat()
    return {key: Known(one.number, one.note, day, machine(), round(load, 1)) for key, one in found.items()}


def _measure(pipe: Any, module: str, keys: Sequence[Key]) -> None:
    try:
        pipe.send(import_module(f"benchmarks.{module}").measured(keys))
    except Exception as error:  # noqa: BLE001 one benchmark's failure is no reason to lose the others
        pipe.send(f"{type(error).__name__}: {error}")


def cells(key: Key, row: Row, known: Known | None) -> tuple[str, ...]:
    """One line of the table; a row that was never measured says what measures it."""
    if known is None:
        return row.work, row.unit, row.before, "–", str(row.goal), "", f"--only {key}"
    met = "yes" if row.goal.met(known.number) else "no"
    return row.work, row.unit, row.before, number(known.number), str(row.goal), met, known.day


def text(rows: Mapping[Key, Row], found: Mapping[Key, Known]) -> str:
    """The table for a terminal."""
    lines = [cells(key, row, found.get(key)) for key, row in rows.items()]
    return "\n".join([*_machines(rows, found), "", table([ABOUT, *lines])])


def written(page: str, rows: Mapping[Key, Row], found: Mapping[Key, Known]) -> str:
    """A page with the table between its marks, or under its title if it has none; all else stays."""
    made = [BEGIN, "", *_machines(rows, found), "", f"| {' | '.join((*ABOUT, 'said'))} |", "| --- " * 8 + "|"]
    for key, row in rows.items():
        known = found.get(key)
        *line, day = cells(key, row, known)
        note = "" if known is None else "; ".join(filter(None, (known.note, f"load {known.load:.0f}")))
        made.append(f"| {' | '.join((*line, f'`{day}`' if known is None else day, note))} |")
    made += ["", END]
    if BEGIN in page:
        before, rest = page.split(BEGIN, 1)
        return before + "\n".join(made) + rest.split(END, 1)[1]
    title, rest = page.split("\n", 1)
    return f"{title}\n\n" + "\n".join(made) + f"\n{rest}"


def _machines(rows: Mapping[Key, Row], found: Mapping[Key, Known]) -> list[str]:
    """On what the rows were measured."""
    every = list(dict.fromkeys(found[key].machine for key in rows if key in found))
    return [f"Measured on {name}; one thread for each process. Load is that of the machine before." for name in every]
