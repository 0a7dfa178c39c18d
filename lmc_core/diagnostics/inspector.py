"""The incoming weights of single units, in A, in B and in A's match, laid out so that they can be looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lmc_core.diagnostics.units import positions
from lmc_core.errors import InputError
from lmc_core.symmetry.axis import groups_in, joint
from lmc_core.symmetry.symmetry import Symmetry

Array = NDArray[np.float64]
Kind = Literal["image", "taps", "rows", "profile"]

NUMBERS = 2**19
"""Weights kept of each network in one group: 512 units that read 1 024 inputs. Wider groups keep fewer units."""
ALL_GROUPS = 2**21
"""The same for all groups together."""
HALF_FROM = 2**16
"""From so many weights on they are kept as float16, a thousandth of their size apart: they are looked at."""


@dataclass(frozen=True)
class Block:
    """The part of a unit's weights that one tensor holds.

    tensor   its name
    kind     "image": one weight per pixel of the input, shape (rows, columns) or (channels, rows, columns);
             "taps": of a convolution (channels, rows, columns); "rows": gates, or taps of one dimension, by what they
             read; "profile": (features,)
    start    where it begins in a row of `Units`
    """

    tensor: str
    kind: Kind
    shape: tuple[int, ...]
    start: int

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class Units:
    """Units of one group of A, those of B with the same numbers, and the match of each in aligned B.

    metric      "weights": W; "data": W Σ^½ with the symmetric root, so that inputs which vary more count more
    total       units in the group; `numbers` (k,) are those kept
    partner     (k,) number of B's unit that is the match; −1 where that is not one unit
    moved       True if what the units read is re-ordered too: then a match is drawn with its inputs in A's order
    a, b, match (k, d) incoming weights, d the sizes of all blocks
    cosine      (k, 2) between A's weights and those of B's unit of that number, and of the match
    distance    (k, 2) likewise
    """

    group: str
    label: str
    total: int
    moved: bool
    blocks: tuple[Block, ...]
    numbers: NDArray[np.int32]
    partner: NDArray[np.int32]
    a: NDArray[np.floating]
    b: NDArray[np.floating]
    match: NDArray[np.floating]
    cosine: NDArray[np.float32]
    distance: NDArray[np.float32]
    metric: str = "weights"

    def place(self, number: int) -> int:
        """Where a unit stands among those kept. Raises InputError if it is not."""
        found = np.flatnonzero(self.numbers == number)
        if not len(found):
            raise InputError(
                f"unit {number} of {self.label} was not kept; kept are {len(self.numbers)} of {self.total}"
            )
        return int(found[0])

    def weights(self, number: int, block: Block) -> tuple[Array, Array, Array]:
        """One block of a unit: in A, in B, in the match; each of the block's shape. Raises InputError."""
        place, part = self.place(number), slice(block.start, block.start + block.size)
        of = (
            np.asarray(rows[place, part], dtype=np.float64).reshape(block.shape)
            for rows in (self.a, self.b, self.match)
        )
        return next(of), next(of), next(of)


def inspect(
    rows: Sequence[Array],
    symmetry: Symmetry,
    group: str,
    *,
    label: str | None = None,
    metric: str = "weights",
    moved: bool = False,
    partner: NDArray[Any] | None = None,
    image: tuple[int, ...] = (),
    first: Sequence[int] = (),
    numbers: int = NUMBERS,
) -> Units:
    """The units of one group.

    rows      weights (units, d) of A, B and aligned B, as `units_of` gives them in that metric
    image     shape of one example, by which the weights of a first layer are laid out
    first     units to keep rather than others, where not all are kept
    numbers   weights kept of each network at most

    Raises InputError if the weights are not those of the group.
    """
    a, b, match = rows
    blocks = _blocks(symmetry, group, image)
    if sum(block.size for block in blocks) != a.shape[1]:
        raise InputError(f"the units of {group!r} have {a.shape[1]} weights, not {sum(x.size for x in blocks)}")
    keep = max(1, min(len(a), numbers // max(a.shape[1], 1)))
    order = list(dict.fromkeys([*map(int, first), *range(len(a))]))[:keep]
    kept = np.sort(np.array(order))
    kind = np.float16 if keep * a.shape[1] >= HALF_FROM and max(np.abs(x).max() for x in rows) < 6e4 else np.float32
    pairs = [(a[kept], other[kept]) for other in (b, match)]
    return Units(
        group=group,
        label=label or group,
        total=len(a),
        moved=moved,
        blocks=blocks,
        numbers=kept.astype(np.int32),
        partner=np.full(keep, -1, np.int32) if partner is None else np.asarray(partner)[kept].astype(np.int32),
        a=a[kept].astype(kind),
        b=b[kept].astype(kind),
        match=match[kept].astype(kind),
        cosine=np.stack([_cosine(*pair) for pair in pairs], axis=1).astype(np.float32),
        distance=np.stack([np.linalg.norm(x - y, axis=1) for x, y in pairs], axis=1).astype(np.float32),
        metric=metric,
    )


def budget(groups: int) -> int:
    """Weights that each group of a network may keep."""
    return min(NUMBERS, ALL_GROUPS // max(groups, 1))


def _blocks(symmetry: Symmetry, group: str, image: tuple[int, ...]) -> tuple[Block, ...]:
    """What `units_of` puts side by side, in its order."""
    written = [(c.weight, c.write, c.read) for c in symmetry.contractions]
    written = [w for w in written if any(g.name == group for g in groups_in(symmetry.axes[w[0]][w[1]]))]
    if not written:
        slots = [slot for slot in symmetry.slots(group) if symmetry.roles.get(slot) in ("write", "both")]
        written = [(name, number, -1) for name, number in slots]
    blocks, start = [], 0
    for name, number, read in written:
        axes = symmetry.axes[name]
        own, axis = joint(axes, number)
        times = positions(axis, symmetry.groups, group).shape[1]
        rest = tuple(axis.size for k, axis in enumerate(axes) if k not in own)
        pixels = read >= 0 and not any(groups_in(axes[read]))
        kind, shape = _layout(times, rest, image if pixels else ())
        blocks.append(Block(name, kind, shape, start))
        start += blocks[-1].size
    return tuple(blocks)


def _layout(times: int, rest: tuple[int, ...], image: tuple[int, ...]) -> tuple[Kind, tuple[int, ...]]:
    """How the weights (times, *rest) of a unit are drawn."""
    size = math.prod(rest)
    if times > 1:
        return "rows", (times, size)
    picture = image[1:] if len(image) == 3 and image[0] == 1 else image
    if len(rest) == 1 and len(picture) in (2, 3) and math.prod(picture) == size:
        return "image", picture
    if len(rest) == 3 and rest[1] * rest[2] > 1:
        return "taps", rest
    if len(rest) == 2 and min(rest) > 1:
        return "rows", rest
    return "profile", (size,)


def _cosine(a: Array, b: Array) -> Array:
    one, other = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    alike = np.where((one == 0) & (other == 0), 1.0, 0.0)  # two units that read nothing
    return np.divide((a * b).sum(1), one * other, out=alike, where=one * other > 0)
