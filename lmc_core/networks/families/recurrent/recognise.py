"""Recurrent classifiers: the ratio of rows to columns of a hidden-to-hidden matrix tells RNN, GRU and LSTM apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmc_core.networks.families._chain import chain
from lmc_core.networks.families._parts import (
    Match,
    NotThis,
    Shape,
    assumed_activation,
    natural,
    of_kind,
    parts,
    same_bias,
)
from lmc_core.networks.values import Assumption

_CELLS = {1: "rnn", 3: "gru", 4: "lstm"}
_ROLE = re.compile(r"(?<![a-z])(ih|hh|i2h|h2h|xh|x2h|input_hidden|hidden_hidden)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class _Cell:
    """One layer in one direction: names of its matrices, and of its biases if it has any.

    rows   gates × hidden
    """

    key: str
    ih: str
    hh: str
    biases: tuple[str, ...]
    rows: int
    reads: int
    hidden: int


def recognise(shapes: Mapping[str, Shape], given: Mapping[str, Any]) -> Match:
    """An embedding or none, recurrent layers in one or both directions, a chain of linear layers. Raises NotThis.

    A plain RNN has the shapes of an MLP: it is told by names with "ih" and "hh" in them. So is which of two equal
    matrices is which; without such names the input matrix comes first, as torch writes it.
    """
    named = any(_ROLE.search(name) for name in shapes)
    cells = _named(shapes) if named else _listed(shapes)
    if not cells:
        raise NotThis("no matrix has as many rows per column as an RNN, GRU or LSTM has gates")
    taken = {name for cell in cells for name in (cell.ih, cell.hh, *cell.biases)}
    gates = {cell.rows // cell.hidden for cell in cells}
    if len(gates) > 1 or len({cell.hidden for cell in cells}) > 1:
        raise NotThis("its recurrent layers are of different kinds or sizes, which one RNN, LSTM or GRU cannot hold")
    if len({len(cell.biases) for cell in cells}) > 1:
        raise NotThis("some recurrent layers have biases and some have not")
    rest = parts({name: shape for name, shape in shapes.items() if name not in taken})
    if any(part.kind != "linear" for part in rest):
        raise NotThis("beside recurrent and linear layers it holds other tensors")
    hidden, features = cells[0].hidden, cells[0].reads
    tables = [part for part in rest if part.reads == features and "bias" not in part.names]
    directions, layers = _arranged(cells, {part.reads for part in rest})
    table = next((t for t in tables if len(rest) > 1 and _reads_on(rest, t, hidden * directions)), None)
    linear, _ = chain([part for part in of_kind(rest, "linear") if part is not table])
    if linear[0].reads != hidden * directions:
        raise NotThis(f"its linear layer reads {linear[0].reads} numbers; a step of it has {hidden * directions}")
    cell = _CELLS[gates.pop()]
    options: dict[str, Any] = {
        "features": features,
        "hidden": hidden,
        "classes": linear[-1].out,
        "cell": cell,
        "layers": layers,
        "bidirectional": directions == 2,
        "bias": bool(cells[0].biases),
        "steps": features if not table else 32,
        "vocabulary": table.out if table else 0,
        "fc": [part.out for part in linear[:-1]],
        "fc_bias": same_bias(linear, "linear layers"),
    }
    renames: dict[str, str] = {}
    for i, one in enumerate(cells):
        end = f"l{i // directions}" + ("_reverse" if i % directions else "")
        renames |= {one.ih: f"rnn.weight_ih_{end}", one.hh: f"rnn.weight_hh_{end}"}
        renames |= {name: f"rnn.bias_{which}_{end}" for name, which in zip(one.biases, ("ih", "hh"), strict=False)}
    for i, part in enumerate(linear, 1):
        renames |= part.renamed(f"fc{i}")
    if table:
        renames |= table.renamed("embedding")
    return Match(options | dict(given), renames, tuple(_assumed(options, named)))


def likeness(shapes: Mapping[str, Shape]) -> int:
    """Names of cells or of their matrices."""
    words = " ".join(shapes).lower()
    return 4 if any(word in words for word in ("hh", "lstm", "gru", "rnn")) else 0


def _named(shapes: Mapping[str, Shape]) -> list[_Cell]:
    """Cells of tensors whose names say "ih" and "hh", in the order of layer and direction."""
    groups: dict[str, dict[str, str]] = {}
    for name, shape in shapes.items():
        if found := _ROLE.search(name):
            role = "hh" if found.group(1).lower() in ("hh", "h2h", "hidden_hidden") else "ih"
            kind = "bias" if len(shape) == 1 else "weight"
            key = (name[: found.start()] + name[found.end() :]).replace("weight", "").replace("bias", "")
            groups.setdefault(key, {})[f"{kind}_{role}"] = name
    cells = []
    for key in sorted(groups, key=natural):
        tensors = groups[key]
        if not {"weight_ih", "weight_hh"} <= set(tensors):
            raise NotThis(f"of the recurrent layer {key!r} a matrix is missing")
        biases = [tensors[b] for b in ("bias_ih", "bias_hh") if b in tensors]
        cells.append(_cell(key, tensors["weight_ih"], tensors["weight_hh"], biases, shapes))
    return cells


def _listed(shapes: Mapping[str, Shape]) -> list[_Cell]:
    """Cells found by shape alone: two matrices of equal height, the second (3h, h) or (4h, h), then their biases."""
    names = list(shapes)
    matrices = [name for name in names if len(shapes[name]) == 2]
    cells: list[_Cell] = []
    i = 0
    while i + 1 < len(matrices):
        first, second = matrices[i : i + 2]
        pair = (first, second) if _gates(shapes[second]) in (3, 4) else (second, first)
        if shapes[first][0] != shapes[second][0] or _gates(shapes[pair[1]]) not in (3, 4):
            i += 1
            continue
        last = names.index(second)
        biases = [n for n in names[last + 1 : last + 3] if shapes[n] == (shapes[first][0],)]
        cells.append(_cell(first, *pair, biases, shapes))
        i += 2
    return cells


def _gates(shape: Shape) -> int:
    """Rows per column; 0 when that is not a whole number."""
    return shape[0] // shape[1] if shape[1] and shape[0] % shape[1] == 0 else 0


def _cell(key: str, ih: str, hh: str, biases: Sequence[str], shapes: Mapping[str, Shape]) -> _Cell:
    rows = shapes[hh][0]
    fits = len(shapes[ih]) == len(shapes[hh]) == 2 and shapes[ih][0] == rows and _gates(shapes[hh]) in _CELLS
    if not fits or len(biases) not in (0, 2) or any(shapes[b] != (rows,) for b in biases):
        raise NotThis(f"{hh!r} {shapes[hh]} and {ih!r} {shapes[ih]} are no pair of an RNN, GRU or LSTM")
    return _Cell(key, ih, hh, tuple(biases), rows, shapes[ih][1], shapes[hh][1])


def _arranged(cells: Sequence[_Cell], read: set[int]) -> tuple[int, int]:
    """Directions and layers: every layer above the first reads all directions of the one below. Raises NotThis."""
    hidden = cells[0].hidden
    for directions in (1, 2):
        layers, left = divmod(len(cells), directions)
        below = [cells[0].reads] * directions + [hidden * directions] * (len(cells) - directions)
        if not left and [cell.reads for cell in cells] == below and hidden * directions in read:
            return directions, layers
    raise NotThis(f"its {len(cells)} recurrent layers read {[c.reads for c in cells]} numbers, which is no stack")


def _reads_on(rest: Sequence[Any], table: Any, wanted: int) -> bool:
    """Whether the other linear layers form the classifier without this one."""
    try:
        linear, _ = chain([part for part in rest if part is not table])
    except NotThis:
        return False
    return linear[0].reads == wanted


def _assumed(options: Mapping[str, Any], named: bool) -> Iterator[Assumption]:
    others = ("mean", "final") if options["bidirectional"] else ("mean",)
    yield Assumption(
        "read", "last", "whether the last step, both final states or the mean is read has no tensors", others
    )
    yield Assumption("steps", options["steps"], "a recurrence reads sequences of any length")
    if options["cell"] == "rnn":
        yield Assumption("nonlinearity", "tanh", "an activation has no tensors", ("relu",))
    if options["fc"]:
        yield assumed_activation()
    if not named and options["features"] == options["hidden"]:
        yield Assumption("order", "input, hidden", "two matrices of one shape; the one listed first reads the input")
