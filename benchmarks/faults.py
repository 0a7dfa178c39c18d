"""Every way in which this program was attacked or broken on purpose, done again: a table of what holds.

    python -m benchmarks faults
    python -m benchmarks faults --only "private" "queue"

Each row runs the tests that carry the fault out, on real stores, databases, servers and worker processes.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

FAULTS = {
    "a stranger searches public routes and pages for private work": "tests/runs/share/test_leaks.py",
    "somebody asks again for another's private run": "tests/runs/keep/test_index.py -k belongs_to_who_asked_first",
    "the index is locked, the store is read-only, no worker starts": "tests/runs/engine/test_trouble.py",
    "uploads are refused, cancelled, too many, too large": "tests/runs/library/test_limits.py",
    "a small file of arrays unpacks to gigabytes": "tests/data/test_data.py -k 'headers or bomb'",
    "model files that harm, lie, waste or run code": "tests/networks/test_attacks.py",
    "bundles that lie, and requests in them that would run in a shell": "tests/runs/share/test_bundle.py",
    "hostile addresses, and every walk from page to page": "tests/pages/test_links.py",
    "stored runs are damaged in every way": "tests/runs/keep/test_damage.py",
    "the index is deleted, damaged or overwritten": "tests/runs/keep/test_lost_index.py",
    "settings, folders, databases and stores are wrong at the start": "tests/runs/test_starting.py",
    "the disk is full or read-only; a worker is killed or hangs": "tests/runs/engine/test_engine.py",
    "damaged input for every reader": "tests/test_fuzz.py",
    "a page that stands in another site, or loads from one": "tests/pages/test_server.py -k trust",
}
"""What is done → the tests that do it."""


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks faults", description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--only", nargs="+", default=[""], metavar="TEXT", help="faults with one of these in them")
    asked = parser.parse_args(words)
    width, bad = max(map(len, FAULTS)), 0
    for fault, tests in FAULTS.items():
        if not any(text in fault for text in asked.only):
            continue
        start = time.perf_counter()
        done = subprocess.run(command(tests), cwd=ROOT, shell=True, capture_output=True, text=True, check=False)
        said = re.findall(r"\d+ (?:passed|failed|errors?|skipped)", done.stdout.strip().rpartition("\n")[2])
        bad += done.returncode != 0
        holds = "holds" if done.returncode == 0 else "BROKEN"
        print(f"{fault:{width}}  {holds:6}  {', '.join(said):24}  {time.perf_counter() - start:6.1f} s", flush=True)
    sys.exit(1 if bad else 0)


def command(tests: str) -> str:
    """The line that runs them."""
    return f"{sys.executable} -m pytest -q -p no:cacheprovider {tests}"
