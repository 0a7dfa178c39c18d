"""What the kinds of run that read a visitor's file have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lmc_core.options import REQUIRED, Option
from lmc_core.runs.kinds._kind import Chosen
from lmc_core.runs.kinds._options import DEVICE
from lmc_core.runs.values.names import plain_filename

UPLOAD = Option(
    "upload",
    str,
    REQUIRED,
    "What the library calls the file.",
    pattern="[0-9a-f]{64}",
    wording="64 hex digits",
)
FILENAME = Option("filename", str, REQUIRED, "The file's name as its owner knows it.", high=10_000)
HERE = replace(DEVICE, default="cpu")


def named(options: Chosen) -> dict[str, Any]:
    """The options of a file with its name as we keep it."""
    return {**options, "filename": plain_filename(options["filename"])}
