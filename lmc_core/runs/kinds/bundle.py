"""Runs that check the results in a visitor's bundle and keep them as their own.

A run's id comes from the file: what a stranger's bundle says never answers for a computed run.
"""

from __future__ import annotations

from lmc_core.options import Options
from lmc_core.runs.kinds._file import FILENAME, HERE, UPLOAD, named
from lmc_core.runs.kinds._kind import Kind

STAGES = ("Checking the bundle",)

BUNDLE = Kind(
    "bundle",
    "Checking the bundle",
    STAGES,
    Options("bundle", (UPLOAD, FILENAME, HERE)),
    (),
    settle=named,
    facts=(),
    reads_file=True,
)
