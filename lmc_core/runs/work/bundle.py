"""What becomes of an uploaded bundle: checked, and its result kept as that of this run."""

from __future__ import annotations

from pathlib import Path

from lmc_core.errors import InputError
from lmc_core.report import Report
from lmc_core.runs.keep import opened, units
from lmc_core.runs.kinds.bundle import STAGES
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library.bundle import Bundled, read, read_units


def work(request: Request, report: Report, folder: Path, device: str) -> Bundled:
    """The result in an uploaded bundle, checked. Raises InputError with a sentence."""
    options, store = request.options, opened().store
    report(STAGES[0], 0, 1)
    if not store.exists("uploads", options["upload"]):
        raise InputError(f"the uploaded file {options['filename']!r} is no longer here; upload it again")
    try:
        with store.local("uploads", options["upload"]) as path:
            result = read(path, options["filename"])
            if kept := read_units(path, options["filename"], result):
                units.write(folder, kept)
            return result
    finally:
        store.remove("uploads", options["upload"])
