"""Whether the units that came in a bundle are those of its run: their number, their weights, finite and laid out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.diagnostics.inspector import NUMBERS, Block, Units
from lmc_core.errors import InputError
from lmc_core.figures.path.units import units_figure
from lmc_core.networks.safety.limits import parse_json
from lmc_core.runs.keep.pack import unpack
from lmc_core.runs.keep.schema import check
from lmc_core.runs.keep.units import ABOUT
from lmc_core.runs.kinds.path import PathResult

NAMES = re.compile(rf"(a\d{{1,6}}|{ABOUT})\.npy")
BYTES, COUNT = 64 * 2**20, 4_000
METRICS = ("weights", "data")
DIMENSIONS = {"image": (2, 3), "taps": (3,), "rows": (2,), "profile": (1,)}

Kept = Mapping[tuple[str, str], Units]


def checked_units(arrays: Mapping[str, NDArray[Any]], result: PathResult, name: str) -> Kept:
    """(group, metric) → units, as `units.write` left them. Raises InputError if they are not those of the result."""
    about = arrays.get(ABOUT)
    if about is None or about.dtype.kind != "U" or about.shape != ():
        raise InputError(f"the units in {name!r} do not say what they are")
    packed = parse_json(str(about).encode(), f"the list of units in {name}")
    try:
        found = {(g, m): unpack(one, arrays, {"Block": Block, "Units": Units}) for g, m, one in packed}
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"the units in {name!r} are damaged ({str(error)[:80]}); export the run again") from None
    for one in found.values():
        check(one, Units, "the units")
    layers = {group: (cloud.units, cloud.label) for (group, _), cloud in result.clouds.items()}
    for (group, metric), one in found.items():
        plain = found.get((group, METRICS[0]))
        named = metric in METRICS and (one.group, one.metric) == (group, metric)
        if not named or layers.get(group) != (one.total, one.label) or plain is None:
            raise InputError(f"{name!r} holds units that belong to no layer of its run")
        if one.blocks != plain.blocks or not np.array_equal(one.numbers, plain.numbers) or not _whole(one):
            raise InputError(f"the units of {one.label} in {name!r} are not weights of units that were matched")
    try:
        for one in found.values():
            for block in {block.kind: block for block in one.blocks}.values():
                units_figure(one, int(one.numbers[-1]), block).to_json()
    except Exception as error:  # drawing is the test: whatever cannot be drawn is not kept
        raise InputError(f"the units in {name!r} cannot be drawn ({type(error).__name__})") from error
    return found


def _whole(units: Units) -> bool:
    """True if every number is there and can be one, and blocks divide each row without a gap."""
    sizes = [block.size for block in units.blocks]
    if not sizes or any(min(x.shape, default=0) < 1 for x in units.blocks):
        return False
    starts = [block.start for block in units.blocks] == [0, *accumulate(sizes)][:-1]
    known = all(len(block.shape) in DIMENSIONS[block.kind] for block in units.blocks)
    count, weights = units.numbers.size, (units.a, units.b, units.match)
    shapes = {rows.shape for rows in weights} == {(count, sum(sizes))}
    shapes &= units.numbers.shape == units.partner.shape == (count,) and count > 0
    shapes &= units.cosine.shape == units.distance.shape == (count, 2)
    if not (starts and known and shapes) or sum(sizes) > NUMBERS:
        return False
    floats = all(x.dtype.kind == "f" and bool(np.isfinite(x).all()) for x in (*weights, units.cosine, units.distance))
    rising = bool((np.diff(units.numbers.astype(np.int64)) > 0).all())
    inside = units.numbers.min() >= 0 and units.numbers.max() < units.total
    met = units.partner.min() >= -1 and units.partner.max() < units.total
    return floats and rising and inside and met and np.abs(units.cosine).max() < 1.01 and units.distance.min() >= 0
