"""Values of this package as JSON plus arrays, and back. Nothing is pickled; only classes that are named can return."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.alignment.coupling import Coupling
from lmc_core.errors import InputError

HALVED_FROM = 4096
"""float64 arrays of at least this many numbers are kept as float32: they are drawn, not computed with. Couplings are
kept as they are: a network is moved by them again when its layers are compared later."""


def pack(value: Any, arrays: dict[str, NDArray[Any]], exact: bool = False) -> Any:
    """`value` as JSON; its arrays are added to `arrays` under the names the JSON mentions.

    Frozen dataclasses, mappings (with any packable keys), tuples, lists, NumPy arrays, text, numbers, None.
    Sequences come back as tuples.

    exact   no array is kept in fewer digits than it has
    """
    if is_dataclass(value) and not isinstance(value, type):
        whole = exact or isinstance(value, Coupling)
        content = {f.name: pack(getattr(value, f.name), arrays, whole) for f in fields(value) if f.init}
        return {"is": type(value).__name__, "of": content}
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biufU":
            raise TypeError(f"an array of type {value.dtype} cannot be stored")
        name = f"a{len(arrays)}"
        large = value.dtype == np.float64 and value.size >= HALVED_FROM and not exact
        arrays[name] = value.astype(np.float32) if large else value
        return {"is": "array", "of": name}
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value) and "is" not in value:
            return {key: pack(item, arrays, exact) for key, item in value.items()}
        return {"is": "map", "of": [[pack(key, arrays), pack(item, arrays, exact)] for key, item in value.items()]}
    if isinstance(value, (tuple, list)):
        return [pack(item, arrays, exact) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"is": "float", "of": str(value)}
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise TypeError(f"a {type(value).__name__} cannot be stored")


def unpack(node: Any, arrays: Mapping[str, NDArray[Any]], classes: Mapping[str, type]) -> Any:
    """The value that `pack` described. Raises InputError if the JSON names a class or an array that is not there."""
    if isinstance(node, list):
        return tuple(unpack(item, arrays, classes) for item in node)
    if not isinstance(node, dict):
        return node
    if "is" not in node:
        return {key: unpack(item, arrays, classes) for key, item in node.items()}
    kind: str = node["is"]
    content: Any = node.get("of")
    if kind == "array":
        if content not in arrays:
            raise InputError(f"the stored result mentions array {content!r}, which is missing from its folder")
        return arrays[content]
    if kind == "map":
        return {unpack(key, arrays, classes): unpack(item, arrays, classes) for key, item in content}
    if kind == "float":
        return float(content)
    if kind not in classes:
        raise InputError(f"the stored result holds a {kind!r}, which this program does not know")
    wanted = {f.name for f in fields(classes[kind]) if f.init}
    given = {name: unpack(item, arrays, classes) for name, item in content.items() if name in wanted}
    try:
        return classes[kind](**given)
    except TypeError:
        said = f"the stored result holds a {kind!r} that is damaged or of another version; run it again"
        raise InputError(said) from None
