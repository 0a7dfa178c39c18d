"""Every way in which this program was attacked or broken on purpose, done again: a table of what holds.

    python -m benchmarks faults
    python -m benchmarks faults --only "private" "queue"
    python -m benchmarks faults --record docs/faults.md

Each row runs the tests that carry the fault out, on real stores, databases, servers and worker processes.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]

FAULTS = {
    "a stranger searches public routes and pages for private work": "tests/runs/share/test_leaks.py",
    "somebody asks again for another's private run": "tests/runs/keep/test_index.py -k belongs_to_who_asked_first",
    "the index is locked, the store is read-only, no worker starts": "tests/runs/engine/test_trouble.py",
    "uploads are refused, cancelled, too many, too large": "tests/runs/library/test_limits.py",
    "files are sent past the pages, too large, or without login": "tests/pages/_jobs/test_door.py",
    "results pass the limit of a visitor or of all, or grow old": "tests/runs/keep/test_retention.py",
    "results were removed, on every page and address": "tests/pages/test_removed.py",
    "a small file of arrays unpacks to gigabytes": "tests/data/test_data.py -k 'headers or bomb'",
    "models of two precisions, no hidden layer, one unit, weights × 1e30": "tests/methods/test_odd_numbers.py",
    "the same fused": "tests/fusion/test_odd_numbers.py",
    "model files that harm, lie, waste or run code": "tests/networks/test_attacks.py",
    "bundles that lie, and requests in them that would run in a shell": "tests/runs/share/test_bundle.py",
    "hostile addresses, and every walk from page to page": "tests/pages/test_links.py",
    "stored runs are damaged in every way": "tests/runs/keep/test_damage.py",
    "the index is deleted, damaged or overwritten": "tests/runs/keep/test_lost_index.py",
    "many servers start at once on a database of an earlier or a later version": "tests/runs/keep/test_migrations.py",
    "many servers and visitors at one queue; one of them is gone": "tests/runs/keep/test_index.py -k 'many or gone'",
    "settings, folders, databases and stores are wrong at the start": "tests/runs/test_starting.py",
    "the disk is full or read-only; a worker is killed or hangs": "tests/runs/engine/test_engine.py",
    "workers on a Ray cluster die, hang, run out of time": "tests/runs/engine/test_ray.py",
    "a machine of a Ray cluster is killed while it computes": "tests/runs/engine/test_ray_nodes.py",
    "the clock is set back or forward while a run computes": "tests/runs/engine/test_engine.py -k clock",
    "cookies that are forged": "tests/pages/_jobs/test_visitor.py",
    "who has not logged in asks for runs past the missing button": "tests/pages/_jobs/test_login.py",
    "damaged input for every reader": "tests/test_fuzz.py",
    "a page that stands in another site, or loads from one": "tests/pages/test_server.py -k 'trust or closed'",
    "a package is replaced by another of its name": "tests/test_locked.py",
}
"""What is done → the tests that do it."""
NOTHING = 5
"""Pytest's status where every test was left out."""


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks faults", description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--only", nargs="+", default=[""], metavar="TEXT", help="faults with one of these in them")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the table as Markdown")
    parser.add_argument("--at-once", type=int, default=1, metavar="N", help="rows that are tried side by side")
    asked = parser.parse_args(words)
    width, rows = max(map(len, FAULTS)), []
    chosen = {fault: tests for fault, tests in FAULTS.items() if any(text in fault for text in asked.only)}
    with ThreadPoolExecutor(asked.at_once) as several:
        for (fault, tests), found in zip(chosen.items(), several.map(tried, chosen.values()), strict=True):
            rows.append(row := Row(fault, tests, *found))
            print(f"{fault:{width}}  {row.holds:6}  {row.said:24}  {row.seconds:6.1f} s", flush=True)
    if asked.record:
        asked.record.write_text(recorded(rows))
    sys.exit(1 if any(row.holds == "BROKEN" for row in rows) else 0)


class Row(NamedTuple):
    """What became of one fault.

    code     of pytest: 0 if it holds
    said     how many tests passed, failed or were left out
    """

    fault: str
    tests: str
    code: int
    said: str
    seconds: float

    @property
    def holds(self) -> str:
        """The verdict; "not run" where what the tests need is not installed."""
        if "passed" not in self.said and self.code in (0, NOTHING):
            return "not run"
        return "BROKEN" if self.code else "holds"


def tried(tests: str) -> tuple[int, str, float]:
    """Run tests: pytest's status, its counts, and the seconds it took."""
    start = time.perf_counter()
    everything = {**os.environ, "CLUSTERS": "1"}  # also tests that need a machine to themselves
    done = subprocess.run(
        command(tests), cwd=ROOT, shell=True, capture_output=True, text=True, check=False, env=everything
    )
    said = re.findall(r"\d+ (?:passed|failed|errors?|skipped)", done.stdout.strip().rpartition("\n")[2])
    return done.returncode, ", ".join(said), time.perf_counter() - start


def recorded(rows: Sequence[Row]) -> str:
    """The table as a page."""
    held = sum(row.holds == "holds" for row in rows)
    lines = [f"| {row.fault} | {row.holds} | {row.said} | `{row.tests}` |" for row in rows]
    minutes, day = sum(row.seconds for row in rows) / 60, f"{date.today():%-d %B %Y}"
    about = (
        "Every way in which this program was attacked or broken on purpose, done again by "
        f"`python -m benchmarks faults` in {minutes:.0f} minutes of tests on {day}: {held} of {len(rows)} hold."
    )
    return "\n".join(["# Faults", "", about, "", "| what is done | | tests | in |", "|---|---|---|---|", *lines, ""])


def command(tests: str) -> str:
    """The line that runs them."""
    return f"{sys.executable} -m pytest -q -p no:cacheprovider {tests}"
