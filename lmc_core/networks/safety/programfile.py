"""What torch.export.save wrote, read as data and written out afresh, because torch's own loader is not safe.

torch.export.load unpickles sample inputs, weights and constants that ask for it, evaluates shape texts, runs the text
of guards, imports modules that tree descriptions name, and opens compiled libraries. Here the archive is read field by
field; torch is given a new archive that holds only what was understood.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from lmc_core.errors import CheckpointError
from lmc_core.networks.safety.archive import Archive, open_archive
from lmc_core.networks.safety.expressions import check_symbol
from lmc_core.networks.safety.graph import DTYPES, Graph
from lmc_core.networks.safety.limits import (
    FILE_BYTES,
    ITEM_BYTES,
    Spec,
    check_tensors,
    parse_json,
    plain,
)
from lmc_core.networks.safety.payloads import read_payloads
from lmc_core.networks.safety.torchfile import read_value, spec_of

NOTES = "lmc.json"
"""The extra file in which our own programs keep what a graph does not say."""

_SCHEMA = 8
_SAMPLE = "data/sample_inputs/model.pt"
_LEAF: dict[str, Any] = {"type": None, "context": None, "children_spec": []}


@dataclass(frozen=True)
class Input:
    """One tensor the program reads; a size of None follows the batch."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Program:
    """An exported program as data.

    document   the graph as JSON, only with fields and values that were understood
    payloads   "weights" and "constants": tensor name → {path_name, is_param, use_pickle: False, tensor_meta}
    tied       weight → the earlier weight it is the same numbers as
    inputs     what the program reads, in order
    sample     the inputs it was exported with, as torch.save wrote them and found to be plain tensors; or nothing
    notes      our own description, {} in programs of others
    """

    archive: Archive
    document: Mapping[str, Any]
    payloads: Mapping[str, Mapping[str, Any]]
    tied: Mapping[str, str]
    inputs: tuple[Input, ...]
    sample: bytes
    notes: Mapping[str, Any]

    @property
    def constants(self) -> tuple[str, ...]:
        """Tensors that are part of the computation and not of the state."""
        return tuple(self.payloads["constants"])

    def rebuilt(self, sample: bytes = b"") -> BytesIO:
        """A new archive for torch.export.load: the understood graph, raw numbers, and nothing else.

        sample   inputs as torch.save writes them; none are needed to open the archive
        """
        files = {
            "archive_format": b"pt2",
            "archive_version": self.archive.read("archive_version"),
            "byteorder": b"little",
            ".data/version": b"6\n",
            "models/model.json": json.dumps(self.document).encode(),
            _SAMPLE: sample,
        }
        if self.notes:
            files[f"extra/{NOTES}"] = json.dumps(self.notes).encode()
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as made:
            for kind, config in self.payloads.items():
                about = json.dumps({"config": config}).encode()
                files[f"data/{kind}/model_{kind}_config.json"] = about
                for entry in dict.fromkeys(f"data/{kind}/{meta['path_name']}" for meta in config.values()):
                    made.writestr(f"model/{entry}", self.archive.read(entry))
            for entry, data in files.items():
                made.writestr(f"model/{entry}", data)
        buffer.seek(0)
        return buffer


def read_program(path: str | os.PathLike[str]) -> Program:
    """A .pt2 archive as data. Raises CheckpointError for anything in it that is, or may hide, code."""
    archive = open_archive(path)
    name = plain(Path(path).name)
    _check_entries(archive, name)
    if archive.read("archive_format").strip() != b"pt2" or archive.read("archive_version").strip() != b"0":
        raise CheckpointError(f"{name} has an archive version that is not known; export it with torch 2.9 to 2.13")
    if "byteorder" in archive.entries and archive.read("byteorder").strip() != b"little":
        raise CheckpointError(f"{name} was written on a big-endian machine; export it again on a common one")
    payloads: dict[str, dict[str, Any]] = {}
    tied: dict[str, str] = {}
    for kind in ("weights", "constants"):
        payloads[kind], same = read_payloads(archive, kind, name)
        if kind == "weights":
            tied = same
    document = parse_json(archive.read("models/model.json"), f"the graph of {name}")
    reader = Graph(name)
    kept = _document(document, reader, {**payloads["weights"], **payloads["constants"]})
    notes = (
        parse_json(archive.read(f"extra/{NOTES}"), f"the description in {name}")
        if (f"extra/{NOTES}" in archive.entries)
        else {}
    )
    inputs = _inputs(kept, reader)
    if not isinstance(notes, dict):
        raise CheckpointError(f"the description in {name} is damaged; export the network again")
    return Program(
        archive,
        kept,
        payloads,
        tied,
        inputs,
        _sample(archive, inputs, name),
        notes,
    )


def _check_entries(archive: Archive, name: str) -> None:
    for entry in archive.entries:
        if entry.startswith("data/aotinductor/"):
            raise CheckpointError(
                f"{name} holds compiled code, which is never run; export with torch.export.save instead"
            )
        if entry.startswith("models/") and entry != "models/model.json":
            raise CheckpointError(
                f"{name} holds the model {plain(entry, 60)!r}; give a file with one model, named 'model'"
            )
        if re.fullmatch(r"data/(weights|constants)/[^/]*\.pt", entry):
            raise CheckpointError(f"{name} holds pickled tensors ({entry}); export it with torch 2.9 or newer")
        if entry.startswith("data/constants/") and "obj" in entry:
            raise CheckpointError(f"{name} holds custom objects, which are code; export a network of standard layers")


def _document(doc: Any, reader: Graph, payloads: Mapping[str, Any]) -> dict[str, Any]:
    """models/model.json with only the fields that matter, none of them free text."""
    version = doc["schema_version"]
    if version["major"] != _SCHEMA:
        raise reader.refuse(f"is written in version {plain(version['major'], 20)} of the export format, not {_SCHEMA}")
    module = doc["graph_module"]
    ranges = {
        check_symbol(symbol, reader.name): {
            bound: None if limits[bound] is None else reader.integer(limits[bound]) for bound in ("min_val", "max_val")
        }
        for symbol, limits in doc["range_constraints"].items()
    }
    signature = _signature(module["signature"], reader, payloads)
    count = sum("user_input" in spec for spec in signature["input_specs"])
    return {
        "graph_module": {
            "graph": reader.read(module["graph"]),
            "signature": signature,
            "module_call_graph": [_call(module["module_call_graph"][0], reader, count)],
            "metadata": {},
            "treespec_namedtuple_fields": {},
        },
        "opset_version": {"aten": reader.integer(doc["opset_version"]["aten"])},
        "range_constraints": ranges,
        "schema_version": {"major": _SCHEMA, "minor": reader.integer(version["minor"])},
        "verifiers": ["TRAINING"],
        "torch_version": "2.9",
        "guards_code": [],
    }


def _signature(doc: Any, reader: Graph, payloads: Mapping[str, Any]) -> dict[str, Any]:
    """Which graph inputs are weights and which are the user's; the output must be one tensor."""

    def known(key: Any) -> str:
        if not isinstance(key, str) or key not in payloads:
            raise reader.refuse(f"uses the tensor {plain(key, 60)!r}, which it does not hold")
        return key

    inputs: list[dict[str, Any]] = []
    for spec in doc["input_specs"]:
        ((kind, value),) = spec.items()
        if kind == "user_input" and "as_tensor" in value["arg"]:
            inputs.append({kind: {"arg": reader.argument(value["arg"])}})
        elif kind == "parameter":
            inputs.append({kind: {"arg": reader.named(value["arg"]), "parameter_name": known(value["parameter_name"])}})
        elif kind == "buffer":
            kept = {"arg": reader.named(value["arg"]), "buffer_name": known(value["buffer_name"])}
            inputs.append({kind: {**kept, "persistent": reader.boolean(value["persistent"])}})
        elif kind == "tensor_constant":
            kept = {"arg": reader.named(value["arg"]), "tensor_constant_name": known(value["tensor_constant_name"])}
            inputs.append({kind: kept})
        else:
            raise reader.refuse(f"reads something that is not a tensor ({plain(kind, 30)})")
    outputs = []
    for spec in doc["output_specs"]:
        ((kind, value),) = spec.items()
        if kind in ("buffer_mutation", "parameter_mutation", "user_input_mutation"):
            raise reader.refuse("changes its own tensors when it runs; call model.eval() first")
        if kind != "user_output" or "as_tensor" not in value["arg"]:
            raise reader.refuse(f"returns something that is not a tensor ({plain(kind, 30)})")
        outputs.append({kind: {"arg": reader.argument(value["arg"])}})
    if len(outputs) != 1:
        raise reader.refuse(f"returns {len(outputs)} tensors; a network here returns one, its class scores")
    return {"input_specs": inputs, "output_specs": outputs}


def _call(doc: Any, reader: Graph, count: int) -> dict[str, Any]:
    """How the program is called: `count` tensors by position, one tensor back. Only this form is written."""
    signature = doc["signature"]
    positional: dict[str, Any] = {"type": "builtins.tuple", "context": "null", "children_spec": [_LEAF] * count}
    named: dict[str, Any] = {"type": "builtins.dict", "context": "[]", "children_spec": []}
    wanted = {"type": "builtins.tuple", "context": "null", "children_spec": [positional, named]}
    for field, form in (("in_spec", wanted), ("out_spec", _LEAF)):
        if parse_json(str(signature[field]).encode(), f"the calling form in {reader.name}") != [1, form]:
            side = "reads" if field == "in_spec" else "returns"
            plainly = "tensors given by position" if field == "in_spec" else "one tensor"
            raise reader.refuse(f"{side} lists, dictionaries or keyword arguments instead of {plainly}")
    names = signature.get("forward_arg_names")
    return {
        "fqn": "",
        "signature": {
            "inputs": [],
            "outputs": [],
            "in_spec": json.dumps([1, wanted]),
            "out_spec": json.dumps([1, _LEAF]),
            "forward_arg_names": [reader.identifier(n) for n in names] if names else None,
        },
    }


def _inputs(document: Mapping[str, Any], reader: Graph) -> tuple[Input, ...]:
    module = document["graph_module"]
    found = []
    for spec in module["signature"]["input_specs"]:
        if "user_input" in spec:
            name = spec["user_input"]["arg"]["as_tensor"]["name"]
            meta = module["graph"]["tensor_values"][name]
            shape = tuple(part.get("as_int") for part in meta["sizes"])
            dtype = DTYPES[meta["dtype"]]
            static = Spec(dtype, tuple(2 if n is None else n for n in shape)) if dtype in ITEM_BYTES else None
            if static is None or min(static.shape, default=0) < 0 or static.bytes > FILE_BYTES:
                raise reader.refuse(f"reads an input of impossible shape {plain(shape, 60)}")
            found.append(Input(name, dtype, shape))
    if not found:
        raise reader.refuse("reads no input")
    return tuple(found)


def _sample(archive: Archive, inputs: tuple[Input, ...], name: str) -> bytes:
    """The bytes of the sample inputs after making sure that they are ((tensor, …), {}) of the shapes that are read."""
    if _SAMPLE not in archive.entries or not archive.entries[_SAMPLE].size:
        return b""
    data = archive.read(_SAMPLE)
    inner = f"the sample input of {name}"
    try:
        value = read_value(open_archive(data, inner))
    except CheckpointError as error:
        raise CheckpointError(
            f"{inner} is not made of plain tensors; opening it could run code, and nothing of it was run: "
            f"export the network again with tensors as inputs ({plain(error, 100)})"
        ) from None
    if type(value) is not tuple or len(value) != 2 or type(value[0]) is not tuple or value[1] != {}:
        raise CheckpointError(f"{inner} is not a tuple of tensors; export the network with tensors given by position")
    specs = [spec_of(call, f"number {i}", inner) for i, call in enumerate(value[0])]
    check_tensors(inner, ((str(i), spec) for i, spec in enumerate(specs)))
    for spec, wanted in zip(specs, inputs, strict=True):
        fits = len(spec.shape) == len(wanted.shape) and all(
            w is None or n == w for n, w in zip(spec.shape, wanted.shape, strict=True)
        )
        if not fits or spec.dtype != wanted.dtype:
            raise CheckpointError(
                f"{inner} has shape {plain(spec.shape, 60)}, not what the program reads; export it again"
            )
    return data
