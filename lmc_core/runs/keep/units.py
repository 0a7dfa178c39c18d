"""The units of a run one by one: a file beside its result, of which a page reads the one layer it shows."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lmc_core.data.steady import steady
from lmc_core.diagnostics.inspector import Block, Units
from lmc_core.errors import DamagedError, LMCError
from lmc_core.runs.keep import opened
from lmc_core.runs.keep.pack import pack, unpack

FILE = "units.npz"
ABOUT = "about"
_KEPT = 4  # layers that this process remembers


def write(folder: Path, units: Mapping[tuple[str, str], Units]) -> None:
    """Leave the units of every (group, metric) in the folder of a run."""
    arrays: dict[str, Any] = {}
    packed = [[*key, pack(one, arrays)] for key, one in units.items()]
    np.savez(folder / FILE, allow_pickle=False, **arrays, **{ABOUT: np.asarray(json.dumps(packed))})


def read(content: bytes, group: str) -> dict[str, Units]:
    """Metric → the units of one group, the only ones whose arrays are read. Raises DamagedError."""

    def once() -> dict[str, Units]:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            packed = json.loads(str(arrays[ABOUT]))
            return {m: unpack(one, arrays, {"Block": Block, "Units": Units}) for g, m, one in packed if g == group}

    try:
        found = steady(once)
        assert all(isinstance(one, Units) for one in found.values())
    except Exception as error:  # whatever JSON, zip and NumPy make of bytes that are not theirs
        raise DamagedError(f"the units of this run are damaged ({str(error)[:160]}). Run it again.") from error
    return found


@lru_cache(maxsize=_KEPT)
def units(run: str, group: str) -> Mapping[str, Units]:
    """Metric → the units of one group of a finished run; nothing where they were not kept."""
    try:
        return read(opened().artifact(run, FILE), group)
    except LMCError:
        return {}
