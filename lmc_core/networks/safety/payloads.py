"""Where the weights and constants of an exported program lie, each checked against its bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from lmc_core.errors import CheckpointError
from lmc_core.networks.safety.archive import Archive
from lmc_core.networks.safety.graph import DTYPES, Graph
from lmc_core.networks.safety.limits import ITEM_BYTES, TENSORS, Spec, check_tensors, parse_json, plain, size

_PARAMETER = re.compile(r"[A-Za-z0-9_]+([.\-/][A-Za-z0-9_]+)*", re.ASCII)
_PAYLOAD = {"weights": re.compile(r"weight_[0-9]{1,6}"), "constants": re.compile(r"tensor_[0-9]{1,6}")}


def read_payloads(archive: Archive, kind: str, name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """What the archive says of its "weights" or "constants", and which of them are the same numbers as an earlier one.

    Raises CheckpointError for a pickled tensor and for one that reaches outside its bytes.
    """
    listed = parse_json(archive.read(f"data/{kind}/model_{kind}_config.json"), f"the list of {kind} in {name}")
    config = listed["config"]
    if len(config) > TENSORS:
        raise CheckpointError(f"{name} lists {len(config)} {kind}; at most {TENSORS} are read")
    reader = Graph(name)
    kept = {}
    specs: list[tuple[str, Spec]] = []
    places: dict[str, str] = {}
    tied: dict[str, str] = {}
    types: dict[str, int] = {}
    for key, meta in config.items():
        if not _PARAMETER.fullmatch(key) or any(part.startswith("__") for part in key.split(".")):
            raise CheckpointError(f"{name} names a tensor {plain(key, 80)!r}; names are letters, digits, '_' and '.'")
        if meta.get("use_pickle") is not False:
            raise CheckpointError(
                f"tensor {key!r} in {name} is pickled, which could run code, and nothing was run: "
                "export a network whose weights are plain tensors"
            )
        if not _PAYLOAD[kind].fullmatch(str(meta["path_name"])):
            raise CheckpointError(f"tensor {key!r} in {name} lies in {plain(meta['path_name'], 60)!r}; export it again")
        about = reader.tensor_meta(meta["tensor_meta"])
        specs.append((key, _fits(about, archive, f"data/{kind}/{meta['path_name']}", key, name)))
        if types.setdefault(meta["path_name"], about["dtype"]) != about["dtype"]:
            raise CheckpointError(f"tensor {key!r} in {name} shares bytes with one of another type; export it again")
        kept[key] = {
            "path_name": meta["path_name"],
            "is_param": reader.boolean(meta["is_param"]),
            "use_pickle": False,
            "tensor_meta": about,
        }
        place = json.dumps([meta["path_name"], {**about, "requires_grad": False}], sort_keys=True)
        if specs[-1][1].numbers and places.setdefault(place, key) != key:
            tied[key] = places[place]
    check_tensors(name, specs)
    return kept, tied


def _fits(about: Mapping[str, Any], archive: Archive, entry: str, key: str, name: str) -> Spec:
    """The tensor must lie inside its bytes, element by element, and not be larger than they are."""
    dtype = DTYPES[about["dtype"]]
    numbers = [[part.get("as_int", -1) for part in about[field]] for field in ("sizes", "strides")]
    shape, stride = numbers
    offset = about["storage_offset"].get("as_int", -1)
    if dtype not in ITEM_BYTES or min([*shape, *stride, offset]) < 0 or len(shape) != len(stride):
        raise CheckpointError(f"tensor {key!r} in {name} has an impossible type or shape; export the network again")
    spec = Spec(dtype, tuple(shape))
    if entry not in archive.entries:
        raise CheckpointError(f"{name} lacks the numbers of tensor {key!r}; export the network again")
    available, rest = divmod(archive.entries[entry].size, ITEM_BYTES[dtype])
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True)) if spec.numbers else -1
    if rest or last >= available or spec.numbers > available:
        raise CheckpointError(
            f"tensor {key!r} in {name} has shape {plain(spec.shape, 60)} but {size(archive.entries[entry].size)} of "
            "numbers; export the network again"
        )
    return spec
