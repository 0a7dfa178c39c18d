"""The graph of an exported program: read field by field, and written out afresh with only what is understood."""

from __future__ import annotations

import keyword
import math
import re
from typing import Any

from lmc_core.errors import CheckpointError
from lmc_core.networks.safety.expressions import check_expression
from lmc_core.networks.safety.limits import RANK, plain
from lmc_core.networks.safety.operators import check_operator, is_nested

NODES = 100_000
DTYPES = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    9: "complex32",
    10: "complex64",
    11: "complex128",
    12: "bool",
    13: "bfloat16",
}
"""The number types of torch's export schema."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}", re.ASCII)
_ARGUMENT = re.compile(r"[A-Za-z_0-9]{0,64}", re.ASCII)
_CPU = {"type": "cpu", "index": None}
_STRIDED = 7


class Graph:
    """Reader of one graph. Every method takes a piece of JSON and returns the same piece made only of known parts;
    what is not known is refused, and notes for debuggers are dropped."""

    def __init__(self, name: str):
        self.name = name
        self.nodes = 0

    def refuse(self, what: str) -> CheckpointError:
        """The error of a graph that does what no network does."""
        return CheckpointError(f"{self.name} {what}; nothing was run: export the network again with torch.export")

    def read(self, doc: Any, depth: int = 0) -> dict[str, Any]:
        """A graph; graphs may hold graphs, three deep."""
        if depth > 3:
            raise self.refuse("nests graphs too deeply")
        if doc.get("custom_obj_values"):
            raise self.refuse("holds custom objects, which are code")
        self.nodes += len(doc["nodes"])
        if self.nodes > NODES:
            raise self.refuse(f"holds more than {NODES} operations")
        return {
            "inputs": [self.argument(a, depth) for a in doc["inputs"]],
            "outputs": [self.argument(a, depth) for a in doc["outputs"]],
            "nodes": [self.node(n, depth) for n in doc["nodes"]],
            "tensor_values": {self.identifier(k): self.tensor_meta(v) for k, v in doc["tensor_values"].items()},
            "sym_int_values": {self.identifier(k): self.symbolic(v, int) for k, v in doc["sym_int_values"].items()},
            "sym_bool_values": {self.identifier(k): self.symbolic(v, bool) for k, v in doc["sym_bool_values"].items()},
            "sym_float_values": {
                self.identifier(k): self.symbolic(v, float) for k, v in (doc.get("sym_float_values") or {}).items()
            },
            "is_single_tensor_return": self.boolean(doc.get("is_single_tensor_return", False)),
            "custom_obj_values": {},
        }

    def node(self, doc: Any, depth: int) -> dict[str, Any]:
        """One call of an operator that is allowed."""
        target = check_operator(doc["target"], self.name)
        inputs: list[dict[str, Any]] = [
            {"name": self.argument_name(i["name"]), "arg": self.argument(i["arg"], depth), "kind": self.kind(i)}
            for i in doc["inputs"]
        ]
        if any(i["name"] in ("training", "train") and i["arg"] == {"as_bool": True} for i in inputs):
            raise self.refuse(
                "was exported in training mode, so its outputs depend on the batch; call model.eval() first"
            )
        if not is_nested(target) and any("as_graph" in i["arg"] for i in inputs):
            raise self.refuse(f"gives a graph to the operation {target}")
        kept: dict[str, Any] = {
            "target": target,
            "inputs": inputs,
            "outputs": [self.argument(o, depth) for o in doc["outputs"]],
            "metadata": {},
        }
        if doc.get("is_hop_single_tensor_return") is not None:
            kept["is_hop_single_tensor_return"] = self.boolean(doc["is_hop_single_tensor_return"])
        if doc.get("name") is not None:
            kept["name"] = self.identifier(doc["name"])
        return kept

    def argument(self, doc: Any, depth: int = 0) -> dict[str, Any]:
        """A value given to an operation: {kind: value} with exactly one kind."""
        if not isinstance(doc, dict) or len(doc) != 1:
            raise self.refuse("holds an argument that cannot be read")
        ((kind, value),) = doc.items()
        if kind == "as_graph":
            return {kind: {"name": self.identifier(value["name"]), "graph": self.read(value["graph"], depth + 1)}}
        readers = {
            "as_none": self.boolean,
            "as_tensor": self.named,
            "as_tensors": lambda v: [self.named(x) for x in v],
            "as_optional_tensor": self.optional,
            "as_optional_tensors": lambda v: [self.optional(x) for x in v],
            "as_nested_tensors": lambda v: [[self.named(x) for x in inner] for inner in v],
            "as_int": self.integer,
            "as_ints": lambda v: [self.integer(x) for x in v],
            "as_int_lists": lambda v: [[self.integer(x) for x in inner] for inner in v],
            "as_float": self.number,
            "as_floats": lambda v: [self.number(x) for x in v],
            "as_bool": self.boolean,
            "as_bools": lambda v: [self.boolean(x) for x in v],
            "as_string": self.text,
            "as_strings": lambda v: [self.text(x) for x in v],
            "as_sym_int": lambda v: self.size(v, "as_int", self.integer),
            "as_sym_ints": lambda v: [self.size(x, "as_int", self.integer) for x in v],
            "as_sym_bool": lambda v: self.size(v, "as_bool", self.boolean),
            "as_sym_bools": lambda v: [self.size(x, "as_bool", self.boolean) for x in v],
            "as_sym_float": lambda v: self.size(v, "as_float", self.number),
            "as_sym_floats": lambda v: [self.size(x, "as_float", self.number) for x in v],
            "as_scalar_type": self.dtype,
            "as_memory_format": self.integer,
            "as_layout": self.layout,
            "as_device": lambda v: _CPU,
            "as_complex": lambda v: {part: self.number(v[part]) for part in ("real", "imag")},
        }
        if kind not in readers:
            raise self.refuse(f"holds an argument of the kind {plain(kind, 40)!r}, which may be code")
        return {kind: readers[kind](value)}

    def tensor_meta(self, doc: Any) -> dict[str, Any]:
        """Shape and type of a tensor. The device becomes the CPU: a program exported on a GPU opens anywhere."""
        if max(len(doc["sizes"]), len(doc["strides"])) > RANK:
            raise self.refuse(f"holds a tensor with more than {RANK} axes")
        return {
            "dtype": self.dtype(doc["dtype"]),
            "sizes": [self.symbolic(s, int) for s in doc["sizes"]],
            "requires_grad": self.boolean(doc["requires_grad"]),
            "device": _CPU,
            "strides": [self.symbolic(s, int) for s in doc["strides"]],
            "storage_offset": self.symbolic(doc["storage_offset"], int),
            "layout": self.layout(doc["layout"]),
        }

    def symbolic(self, doc: Any, kind: type) -> dict[str, Any]:
        """A size: a number, or an expression of named sizes with the value it had when exported."""
        key = {int: "as_int", bool: "as_bool", float: "as_float"}[kind]
        read = {int: self.integer, bool: self.boolean, float: self.number}[kind]
        if not isinstance(doc, dict) or len(doc) != 1:
            raise self.refuse("holds a size that cannot be read")
        if key in doc:
            return {key: read(doc[key])}
        expression = doc["as_expr"]
        hint = expression.get("hint")
        if hint is not None:
            hint = {key: read(hint[key])} if key in hint else None
        return {"as_expr": {"expr_str": check_expression(expression["expr_str"], self.name), "hint": hint}}

    def size(self, doc: Any, key: str, read: Any) -> dict[str, Any]:
        """A size, known or named."""
        if not isinstance(doc, dict) or len(doc) != 1:
            raise self.refuse("holds a size that cannot be read")
        return {"as_name": self.identifier(doc["as_name"])} if "as_name" in doc else {key: read(doc[key])}

    def named(self, doc: Any) -> dict[str, str]:
        """A tensor by its name."""
        return {"name": self.identifier(doc["name"])}

    def optional(self, doc: Any) -> dict[str, Any]:
        """A tensor by its name, or none."""
        return {"as_tensor": self.named(doc["as_tensor"])} if "as_tensor" in doc else {"as_none": True}

    def identifier(self, value: Any) -> str:
        """Names become variables of generated Python, so they are plain identifiers."""
        if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value) or keyword.iskeyword(value):
            raise self.refuse(f"names a value {plain(value, 60)!r}, which is not a plain identifier")
        if value in ("self", "torch") or "__" in value[:2]:
            raise self.refuse(f"names a value {value!r}, which would hide another")
        return value

    def argument_name(self, value: Any) -> str:
        """The name of an argument of an operator."""
        if not isinstance(value, str) or not _ARGUMENT.fullmatch(value):
            raise self.refuse(f"names an argument {plain(value, 60)!r}")
        return value

    def kind(self, doc: Any) -> int | None:
        """Whether an argument goes by place or by name."""
        kind = doc.get("kind")
        if kind not in (None, 1, 2) or isinstance(kind, bool):
            raise self.refuse(f"holds an argument of kind {plain(kind, 20)}")
        return kind

    def integer(self, value: Any) -> int:
        """A whole number of 64 bits."""
        if type(value) is not int or abs(value) > 2**63:
            raise self.refuse(f"holds {plain(value, 40)!r} where a whole number belongs")
        return value

    def number(self, value: Any) -> float | str:
        """A number, or the word for one that JSON lacks."""
        if value in ("Infinity", "-Infinity", "NaN"):
            return str(value)
        if type(value) not in (int, float) or not math.isfinite(value):
            raise self.refuse(f"holds {plain(value, 40)!r} where a number belongs")
        return float(value)

    def boolean(self, value: Any) -> bool:
        """True or false."""
        if type(value) is not bool:
            raise self.refuse(f"holds {plain(value, 40)!r} where true or false belongs")
        return value

    def text(self, value: Any) -> str:
        """A short printable text."""
        if not isinstance(value, str) or len(value) > 256 or not value.isprintable():
            raise self.refuse(f"holds the text {plain(value, 40)!r} as an argument")
        return value

    def dtype(self, value: Any) -> int:
        """The number of a type that tensors have."""
        if type(value) is not int or value not in DTYPES:
            raise self.refuse(f"holds numbers of the unknown type {plain(value, 20)}")
        return value

    def layout(self, value: Any) -> int:
        """The layout of dense tensors, the only one allowed."""
        if value != _STRIDED:
            raise self.refuse("holds a sparse tensor")
        return _STRIDED
