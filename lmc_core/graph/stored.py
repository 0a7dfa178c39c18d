"""Traces on disk: a network of a family is traced once per machine and version, and read back as JSON afterwards.

To trace takes the export machinery of torch, whose import alone costs more than the rest of a short run. A file holds
names of operations, their arguments, and the shapes and types of their results; no numbers of a network, and nothing
that is run. What is damaged, of another version or names an operation that no uploaded program may hold is traced anew.
"""

from __future__ import annotations

import hashlib
import json
import operator
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Graph, Node
from torch.utils import _pytree as pytree

from lmc_core.data.files import home
from lmc_core.networks.network import Network
from lmc_core.networks.safety.operators import ATEN

FILES = 512
"""Traces that are kept; the oldest go first."""
LARGEST = 1 << 20  # bytes of one file: what visitors upload cannot fill a disk with traces
SMALL = 4096  # numbers of a constant that a graph may hold
_OWN = ("torch", "lmc_core")


@dataclass(frozen=True, eq=False)
class Parts:
    """What a trace is made of.

    graph       torch.fx graph, functional, each node with `meta["val"]`
    tensors     placeholder → state name
    inputs      placeholders that receive the network's inputs
    constants   placeholder → tensor that the state does not hold
    structure   of what the network returns
    """

    graph: Graph
    tensors: Mapping[str, str]
    inputs: tuple[str, ...]
    constants: Mapping[str, Tensor]
    structure: pytree.TreeSpec


class _Unwritable(Exception):
    """A graph holds what is not written: the trace stays in memory alone."""


def place(network: Network, batch: int) -> Path | None:
    """Where the trace of a network for inputs of `batch` rows is kept; None where it cannot be told by what is known.

    Told by: the code of the trace and of the families, the version of torch, the architecture with its options, the
    module as it prints itself, names, shapes and types of its numbers and of its inputs.
    """
    module, code = network.module, _code()
    if network.architecture is None or network.device.type != "cpu" or not code or not _untouched(module):
        return None
    about = {
        "code": code,
        "architecture": [network.architecture.family, dict(network.architecture.options)],
        "module": repr(module),
        "state": [[name, str(x.dtype), list(x.shape)] for name, x in network.state.items()],
        "inputs": [[str(x.dtype), list(x.shape), list(x.stride())] for x in network.example_inputs],
        "batch": batch,
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()
    return home() / "traces" / f"{digest}.json"


def _untouched(module: nn.Module) -> bool:
    """Whether it is a module of one of our families as it was built: without hooks, each with its own forward."""
    parts = list(module.modules())
    return type(module).__module__.startswith("lmc_core.networks.families.") and all(
        type(part).__module__.partition(".")[0] in _OWN
        and "forward" not in vars(part)
        and not (part._forward_hooks or part._forward_pre_hooks)
        for part in parts
    )


@lru_cache(maxsize=1)
def _code() -> str:
    """Fingerprint of what decides how a graph looks: torch and our own code; empty where that is not in files."""
    package = Path(__file__).parents[1]
    files = [
        *(package / "graph").rglob("*.py"),
        *(package / "networks" / "families").rglob("*.py"),
        *(package / "networks" / name for name in ("copies.py", "outputs.py")),
    ]
    digest = hashlib.sha256(f"{torch.__version__}|{torch.version.git_version}".encode())
    try:
        for file in sorted(files):
            digest.update(f"|{file.relative_to(package)}|".encode() + file.read_bytes())
    except OSError:
        return ""
    return digest.hexdigest()


def write(path: Path, parts: Parts) -> None:
    """Keep a trace; not if it holds more than names and shapes, or if nothing can be written there."""
    try:
        body = json.dumps(_said(parts)).encode()
    except _Unwritable:
        return
    if len(body) > LARGEST:
        return
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:  # nothing half-written stays
            new = Path(folder) / path.name
            new.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            os.replace(new, path)
        known = sorted(path.parent.glob("*.json"), key=lambda each: each.stat().st_mtime)
        for old in known[:-FILES]:
            old.unlink(missing_ok=True)


def read(path: Path) -> Parts | None:
    """The trace that was kept; None if there is none, or if it is not what was written."""
    try:
        if path.stat().st_size > LARGEST + 100:
            return None
        digest, _, body = path.read_bytes().partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != digest:
            return None
        return _made(json.loads(body))
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, AssertionError):
        return None


def _said(parts: Parts) -> dict[str, Any]:
    """A trace as JSON."""
    nodes = []
    for node in parts.graph.nodes:
        if node.op == "placeholder":
            nodes.append({"name": node.name, "val": _val(node.meta["val"])})
        elif node.op == "call_function":
            about = {"name": node.name, "op": _target(node.target), "val": _val(node.meta.get("val"))}
            nodes.append({**about, "args": _argument(node.args), "kwargs": _argument(dict(node.kwargs))})
        elif node.op == "output":
            nodes.append({"output": _argument(node.args[0])})
        else:
            raise _Unwritable
    leaves = parts.structure.num_leaves
    return {
        "nodes": nodes,
        "tensors": dict(parts.tensors),
        "inputs": list(parts.inputs),
        "constants": {name: _constant(x) for name, x in parts.constants.items()},
        "structure": _argument(pytree.tree_unflatten(list(range(leaves)), parts.structure)),
    }


def _made(said: Mapping[str, Any]) -> Parts:
    """A trace from JSON."""
    graph = Graph()
    nodes: dict[str, Node] = {}
    for about in said["nodes"]:
        if "output" in about:
            graph.output(_given(about["output"], nodes))
            continue
        if "op" in about:
            args, kwargs = _given(about["args"], nodes), _given(about["kwargs"], nodes)
            node = graph.create_node("call_function", _operation(about["op"]), args, kwargs, about["name"])
        else:
            node = graph.create_node("placeholder", about["name"], name=about["name"])
        assert node.name == about["name"]
        node.meta["val"] = _given(about["val"], nodes)
        nodes[node.name] = node
    return Parts(
        graph,
        {str(name): str(target) for name, target in said["tensors"].items()},
        tuple(map(str, said["inputs"])),
        {str(name): _given(x, nodes) for name, x in said["constants"].items()},
        pytree.tree_structure(_given(said["structure"], nodes)),
    )


def _target(target: Any) -> str:
    if target is operator.getitem:
        return "getitem"
    if isinstance(target, torch._ops.OpOverload) and target.namespace == "aten":
        name = target._schema.name.partition("::")[2]
        if name in ATEN:
            return f"{name}.{target._overloadname}"
    raise _Unwritable


def _operation(text: str) -> Callable[..., Any]:
    if text == "getitem":
        return operator.getitem
    name, _, overload = text.partition(".")
    if name not in ATEN or "__" in text:
        raise ValueError(f"{text[:80]!r} is not an operation that a trace may hold")
    found = getattr(getattr(torch.ops.aten, name), overload)
    assert isinstance(found, torch._ops.OpOverload)
    return found


_NAMED: Mapping[str, type] = {
    "dtype": torch.dtype,
    "layout": torch.layout,
    "memory_format": torch.memory_format,
}
"""What torch has constants for."""


def _argument(value: Any) -> Any:
    """An argument as JSON: plain values as themselves, what JSON lacks as a mapping with one key."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Node):
        return {"node": value.name}
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise _Unwritable
        return {"map": {key: _argument(item) for key, item in value.items()}}
    if type(value) is tuple:
        return {"tuple": [_argument(item) for item in value]}
    if isinstance(value, list):
        return [_argument(item) for item in value]
    if isinstance(value, torch.device) and value.type == "cpu":
        return {"device": "cpu"}
    for kind, known in _NAMED.items():
        if isinstance(value, known):
            return {kind: str(value).removeprefix("torch.")}
    raise _Unwritable


def _val(value: Any) -> Any:
    """The result of an operation without its numbers."""
    if isinstance(value, Tensor) and value.layout is torch.strided:
        sizes = [*value.shape, *value.stride()]
        if all(isinstance(size, int) for size in sizes):
            return {"shape": list(value.shape), "stride": list(value.stride()), "type": _argument(value.dtype)["dtype"]}
    elif isinstance(value, tuple):
        return {"tuple": [_val(part) for part in value]}
    elif isinstance(value, list):
        return [_val(part) for part in value]
    elif value is None or isinstance(value, bool | int | float):
        return value
    raise _Unwritable


def _constant(x: Tensor) -> Any:
    if x.numel() > SMALL or x.is_complex():
        raise _Unwritable
    return {"numbers": x.tolist(), "shape": list(x.shape), "type": _argument(x.dtype)["dtype"]}


def _given(said: Any, nodes: Mapping[str, Node]) -> Any:
    """What JSON says, as Python has it."""
    if isinstance(said, list):
        return [_given(item, nodes) for item in said]
    if not isinstance(said, dict):
        return said
    if "numbers" in said:
        return torch.tensor(said["numbers"], dtype=_known("dtype", said["type"])).reshape(_sizes(said["shape"]))
    if "shape" in said:
        shape, stride = _sizes(said["shape"]), _sizes(said["stride"])
        return torch.empty_strided(shape, stride, dtype=_known("dtype", said["type"]), device="meta")
    ((kind, of),) = said.items()
    if kind == "node":
        return nodes[of]
    if kind == "map":
        return {str(key): _given(item, nodes) for key, item in of.items()}
    if kind == "tuple":
        return tuple(_given(item, nodes) for item in of)
    if kind == "device":
        return torch.device("cpu")
    return _known(kind, of)


def _known(kind: str, name: str) -> Any:
    found = getattr(torch, name)
    assert isinstance(found, _NAMED[kind])
    return found


def _sizes(said: Iterable[Any]) -> tuple[int, ...]:
    return tuple(int(size) for size in said)
