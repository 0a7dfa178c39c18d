"""What becomes of an uploaded file of examples: validated, and kept as data to choose."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from lmc_core.data.registry import READERS
from lmc_core.errors import DataError, InputError
from lmc_core.report import Report
from lmc_core.runs.keep import opened
from lmc_core.runs.kinds.data import STAGES, DataResult
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import data as datasets
from lmc_core.runs.work.facts import versions

UNPACKED = 4
"""How many times the largest upload its arrays may take in memory."""


def work(request: Request, report: Report, folder: Path, device: str) -> DataResult:
    """Validate the examples that a visitor uploaded, and keep them as data to choose. Nothing is unpickled."""
    options = request.options
    store = opened().store
    report(STAGES[0], 0, 1)
    if not store.exists("uploads", options["upload"]):
        raise InputError(f"the uploaded file {options['filename']!r} is no longer here; upload it again")
    try:
        with store.local("uploads", options["upload"]) as path, tempfile.TemporaryDirectory() as place:
            named = Path(place) / options["filename"]
            shutil.copyfile(path, named)
            read = READERS[named.suffix.lower()](named, UNPACKED * opened().host.upload_bytes)
            card = datasets.keep(read, named.stem if named.suffix.lower() == ".npz" else named.name, request.id)
    except DataError as error:
        raise DataError(str(error).replace(f"{named.parent}/", "")) from None
    finally:
        store.remove("uploads", options["upload"])
    shape = " × ".join(map(str, card.shape))
    found = f"{card.train:,} examples to train and {card.test:,} to test, {shape}, {len(card.classes)} classes."
    return DataResult(
        request={"kind": "data", **options}, model=card, versions=versions(), finding=f"{card.title} holds {found}"
    )
