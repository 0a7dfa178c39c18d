"""`sweep SPEC.json`: many runs at once, those that are stored already not computed again."""

from __future__ import annotations

import argparse
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmc_core.commands.arguments import Answer, table
from lmc_core.errors import InputError
from lmc_core.report import Report

if TYPE_CHECKING:
    from lmc_core.runs import Request, RunStatus

AHEAD = 4  # runs that wait at a time, or two per worker, so that a sweep that is stopped leaves no queue behind
LISTEN = 0.2  # seconds between two looks at them


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC.json", help="pairs, methods with settings, data and seeds to combine")
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        help="what computes: worker processes here, or a Ray cluster (default: what LMC_ENGINE says, else local)",
    )


def run(args: argparse.Namespace, report: Report) -> Answer:
    from lmc_core import runs
    from lmc_core.runs.kinds.grid import requests

    if args.engine is not None:
        os.environ["LMC_ENGINE"] = args.engine
    asked = [runs.bind(made) for made in requests(Path(args.spec).read_text(), seed=args.seed, device=args.device)]
    started = time.monotonic()
    rows = [_row(request, status, old) for request, status, old in _carried_out(asked, report)]
    found = {
        "runs": rows,
        "computed": sum(not row["stored"] for row in rows),
        "failed": sum(row["state"] != "done" for row in rows),
        "seconds": round(time.monotonic() - started, 3),
    }
    return Answer(found, _text(found))


def _carried_out(asked: Sequence[Request], report: Report) -> list[tuple[Request, RunStatus, bool]]:
    """Every request with how it ended, and whether it had been done before."""
    from lmc_core import runs
    from lmc_core.runs.settings import settings

    owner, host = f"sweep-{uuid.uuid4().hex}", settings()
    ahead = min(max(AHEAD, 2 * len(host.devices)), host.queue_per_owner)
    ended: dict[str, RunStatus] = {}
    old: set[str] = set()
    waiting: list[str] = []
    left = list(asked)
    try:
        while left or waiting:
            while left and len(waiting) < ahead:
                run = runs.submit(left.pop(0), owner)
                status = runs.status(run)
                if status.state == "done":
                    old.add(run)
                else:
                    runs.start()
                waiting.append(run)
            for run in list(waiting):
                status = runs.status(run)
                if status.finished:
                    ended[run] = status
                    waiting.remove(run)
                elif status.state == "running":
                    report(status.title, len(ended), len(asked), part=status.progress.text)
            report("sweep", len(ended), len(asked))
            if waiting:
                time.sleep(LISTEN)
    finally:
        for run in waiting:
            runs.cancel(run, owner)
        runs.stop()
    return [(request, ended[request.id], request.id in old) for request in asked]


def _row(request: Request, status: RunStatus, old: bool) -> dict[str, Any]:
    """One run: what was asked, how it ended, and its numbers if it was done."""
    from lmc_core import runs

    options = request.options
    names = ("a", "b", "data", "method", "settings", "seed", "points", "recalibrate", "train_examples")
    row: dict[str, Any] = {"run": request.id, **{name: options[name] for name in names}}
    row |= {"state": status.state, "reason": status.reason or None, "stored": old, "seconds": round(status.elapsed, 3)}
    if status.state != "done":
        return row
    try:
        found = runs.result(request.id).json
    except InputError as error:
        return row | {"state": "failed", "reason": str(error)}
    naive = {key: found["naive"][key] for key in ("barrier", "midpoint")}
    return row | {"barrier": found["barrier"], "midpoint": found["midpoint"], "naive": naive}


def _text(found: dict[str, Any]) -> str:
    rows = sorted(found["runs"], key=lambda row: row["barrier"]["test"]["loss"] if "barrier" in row else float("inf"))
    heading = ("A", "B", "data", "method", "seed", "barrier", "midpoint", "accuracy", "seconds", "run", "")
    lines = [heading, *(_cells(row, found["runs"]) for row in rows)]
    count = len(rows)
    said = f"{count} runs, {found['computed']} computed now, {found['failed']} failed, {found['seconds']:.1f} s"
    about = "barrier of the test loss, before → after alignment; midpoint: test loss and accuracy at t = ½"
    return "\n\n".join([table(lines), f"{said}\n{about}"])


def _cells(row: dict[str, Any], every: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Of the settings only those that another run of the same method has otherwise."""
    others = [other["settings"] for other in every if other["method"] == row["method"]]
    tried = [f"{k}={v}" for k, v in row["settings"].items() if any(other[k] != v for other in others)]
    method = " ".join([row["method"], *tried])
    known = (row["a"], row["b"], row["data"], method, str(row["seed"]))
    if "barrier" not in row:
        return (*known, "—", "—", "—", "—", row["run"], f"{row['state']}: {row['reason'] or ''}".rstrip(": "))
    naive, aligned = row["naive"]["barrier"]["test"]["loss"], row["barrier"]["test"]["loss"]
    middle = row["midpoint"]["test"]
    return (
        *known,
        f"{naive:.4f} → {aligned:.4f}",
        f"{middle['loss']:.4f}",
        f"{middle['accuracy']:.4f}",
        f"{row['seconds']:.1f}",
        row["run"],
        "stored" if row["stored"] else "",
    )
