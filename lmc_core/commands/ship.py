"""`ship`: compute the analyses that the pages open on, and keep them beside the shipped networks."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from lmc_core.commands.arguments import Answer, table
from lmc_core.report import Report


def configure(parser: argparse.ArgumentParser) -> None:
    pass


def run(args: argparse.Namespace, report: Report) -> Answer:
    from lmc_core.runs.keep import SHIPPED, pictures
    from lmc_core.runs.keep.store import Store
    from lmc_core.runs.settings import settings
    from lmc_core.runs.share.default import examples
    from lmc_core.runs.work.run import run as carry_out

    folder, rows = settings().checkpoints / SHIPPED, []
    store = Store(str(folder))
    for request in examples():
        with tempfile.TemporaryDirectory() as name:
            result = carry_out(request, report, Path(name), args.device)
            pictures.leave(result, Path(name))
            store.save(request.id, result, {path.name: path for path in Path(name).iterdir()})
        rows.append({"run": request.id, "kind": request.kind, "finding": result.finding})
    for left in store.names("runs") - {row["run"] for row in rows}:
        store.remove("runs", left)
    shutil.rmtree(folder / "unfinished", ignore_errors=True)
    return Answer({"runs": rows}, table([("run", "kind", "finding"), *(tuple(row.values()) for row in rows)], ""))
