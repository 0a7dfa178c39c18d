"""The list of shipped checkpoints, so that the web process can show them without reading a tensor."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from lmc_core.networks.network import Network


def entry(identity: str, net: Network) -> dict[str, Any]:
    """What index.json says of one checkpoint; `identity` is folder/file without its ending."""
    from lmc_core.symmetry.infer import symmetry

    about = net.metadata
    return {
        "id": identity,
        "title": about["title"],
        "family": net.architecture.family if net.architecture else None,
        "data": about["data"],
        "seed": about["seed"],
        "accuracy": dict(about["accuracy"]),
        "loss": dict(about["loss"]),
        "recipe": about["recipe"]["name"],
        "fingerprint": net.fingerprint,
        "parameters": net.parameters,
        "groups": {name: group.size for name, group in symmetry(net, verify=False).groups.items()},
        "input_shape": list(net.example_inputs[0].shape[1:]),
    }


def write_index(folder: Path) -> list[dict[str, Any]]:
    """Read every <recipe>/<seed>.safetensors below `folder` and write index.json beside them; returns its entries."""
    from lmc_core.networks.checkpoint import load

    files = sorted(folder.glob("*/*.safetensors"))
    entries = [entry(file.relative_to(folder).with_suffix("").as_posix(), load(str(file))) for file in files]
    temporary = folder / "index.json.part"
    temporary.write_text(json.dumps(entries, indent=1) + "\n")
    os.replace(temporary, folder / "index.json")
    return entries
