"""Networks from files and to files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch
from torch import Tensor

from lmc_core.errors import CheckpointError, SettingError
from lmc_core.networks.families import build, example_inputs
from lmc_core.networks.network import Architecture, Assumption, Network, Normalize, network
from lmc_core.networks.safety.limits import FILE_BYTES, ITEM_BYTES, parse_json, plain, readable, size
from lmc_core.networks.safety.sniff import sniff
from lmc_core.networks.statedict import StateDict, read, shared_prefix

VERSION = 1
"""Of the metadata in our own .safetensors files."""

NormalizeLike = Normalize | tuple[float | Sequence[float], float | Sequence[float]]


def load(
    path: str | os.PathLike[str],
    *,
    arch: Mapping[str, Any] | None = None,
    normalize: NormalizeLike | None = None,
    like: Network | None = None,
) -> Network:
    """The network a file holds: .safetensors, .pt, .pth, .ckpt, .th or .pt2, told apart by content.

    Our own files say what they are; in others the architecture is recognised by the shapes of the tensors, and what
    shapes cannot tell is listed in `assumptions`. Files are taken for hostile: they are read as data first, and
    nothing in them is run. In a server use `lmc_core.runs.library.limited.load_limited`, which adds bounds on time and
    memory.

    arch        option → value, for what the file does not say; `entry` chooses among several state dicts
    normalize   (mean, std) the network expects its inputs in, instead of what the file says
    like        another network: where all shapes agree, its architecture is taken over

    Raises CheckpointError for a file that is damaged, unsafe or no network, RecogniseError if the shapes tell nothing,
    SettingError for options the architecture does not have.
    """
    wanted = read_normalize(normalize)
    kind = sniff(path)
    given = dict(arch or {})
    entry = given.pop("entry", None)
    if kind == "program":
        from lmc_core.networks.program import load_program

        if given:
            raise SettingError(f"{Path(path).name} is a program and fixes its architecture; leave out --arch")
        found = load_program(path)
    else:
        state = read(path, kind, entry=None if entry is None else str(entry))
        source = str(path)
        with readable(path):
            if "lmc" in state.metadata:
                found = _ours(state, state.metadata["lmc"], given, Path(path).name)
            elif like is not None and (taken := _taken_over(state, like)):
                found = taken
            else:
                found = _recognised(state, given)
            found = replace(found, source=source, assumptions=(*found.assumptions, *state.assumptions))
    if wanted is not None:
        kept = tuple(a for a in found.assumptions if a.option != "normalize")
        found = replace(found, normalize=wanted, assumptions=kept)
    return found


def save(network: Network, path: str | os.PathLike[str], *, names: Literal["ours", "original"] = "ours") -> None:
    """A .safetensors file that says what it holds, so that reading it back needs no guess.

    names   "original" writes the tensor names of the file the network came from

    Raises CheckpointError for a network whose architecture has no name: such a network is exported as .pt2.
    """
    target = Path(path)
    if target.suffix != ".safetensors":
        raise CheckpointError(f"networks are saved as .safetensors, not as {target.name!r}; change the name")
    if network.architecture is None:
        raise CheckpointError(
            "this network has no named architecture, so a file of tensors could not be read back; "
            f"export it: network.export({target.with_suffix('.pt2').name!r})"
        )
    details = {k: v for k, v in network.metadata.items() if k not in ("version", "architecture", "normalize", "naming")}
    original: Mapping[str, str] = network.metadata.get("names") or {}
    described = {
        **details,
        "version": VERSION,
        "architecture": {"family": network.architecture.family, "options": dict(network.architecture.options)},
        "normalize": write_normalize(network.normalize),
        "input_shape": list(network.example_inputs[0].shape[1:]),
        "assumptions": [[a.option, a.value, a.why] for a in network.assumptions],
        "naming": names,
    }
    written = (lambda name: original.get(name, name)) if names == "original" else (lambda name: name)
    tensors: dict[str, Tensor] = {}
    for name, tensor in network.state.items():
        tensors[written(name)] = tensor.detach().cpu().contiguous().clone()
    temporary = target.with_name(target.name + ".part")
    try:
        text = json.dumps(described, sort_keys=True)
    except TypeError as error:
        raise CheckpointError(f"the network's metadata cannot be written as JSON ({error}); remove it") from None
    safetensors.torch.save_file(tensors, temporary, {"lmc": text})
    os.replace(temporary, target)


def read_normalize(value: NormalizeLike | None) -> Normalize | None:
    """(mean, std) as a Normalize. Raises SettingError."""
    if value is None or isinstance(value, Normalize):
        return value
    try:
        mean, std = (tuple(map(float, v)) if isinstance(v, Sequence) else (float(v),) for v in value)
    except (TypeError, ValueError):
        raise SettingError(f"normalize={plain(value)} is not a mean and a standard deviation") from None
    if len(mean) != len(std) or not mean or not all(s > 0 for s in std):
        raise SettingError(f"normalize={plain(value)}: give as many positive standard deviations as means")
    return Normalize(mean, std)


def write_normalize(value: Normalize | None) -> dict[str, list[float]] | None:
    """As JSON."""
    return None if value is None else {"mean": list(value.mean), "std": list(value.std)}


def _ours(state: StateDict, text: str, given: dict[str, Any], name: str) -> Network:
    """A file of our own: the metadata is the truth, but no more trusted than any other file's."""
    about = parse_json(text.encode(), f"the description in {name}")
    try:
        family, options = about["architecture"]["family"], dict(about["architecture"]["options"])
        scale = about.get("normalize")
        normalize = read_normalize((scale["mean"], scale["std"])) if scale else None
        names = {str(k): str(v) for k, v in (about.get("names") or {}).items()}
        assumptions = tuple(Assumption(*a) for a in about.get("assumptions", ()) if a[0] not in given)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CheckpointError(
            f"the description in {name} is damaged ({plain(error)}); save the network again"
        ) from None
    stated = {key: value for key, value in given.items() if key not in ("family", "order")}  # for recognising others
    if given.get("family", family) != family:
        raise SettingError(f"{name} says it is of the family {plain(family, 40)!r}; leave out --arch family=")
    architecture = Architecture(str(family), {**options, **stated})
    tensors = {state.prefix + key: tensor for key, tensor in state.tensors.items()}
    if about.get("naming") == "original":
        back = {theirs: ours for ours, theirs in names.items()}
        tensors = {back.get(key, key): tensor for key, tensor in tensors.items()}
    known = ("version", "architecture", "normalize", "input_shape", "assumptions", "naming")
    metadata = {k: v for k, v in about.items() if k not in known}
    made = _assembled(architecture, tensors, normalize, metadata, name)
    return replace(made, assumptions=assumptions)


def _taken_over(state: StateDict, like: Network) -> Network | None:
    """The file's numbers in the other network's module, if all shapes agree under its names, under those of the file
    it came from, or in order."""
    theirs = {key: t for key, t in state.tensors.items() if not key.endswith("num_batches_tracked")}
    wanted = {key: t for key, t in like.state.items() if not key.endswith("num_batches_tracked")}
    if len(theirs) != len(wanted):
        return None
    original: Mapping[str, str] = like.metadata.get("names") or {}
    prefix = shared_prefix(list(original.values()))
    for candidates in (list(wanted), [original.get(k, k).removeprefix(prefix) for k in wanted], list(theirs)):
        names = dict(zip(wanted, candidates, strict=True))
        if all(their in theirs and theirs[their].shape == wanted[our].shape for our, their in names.items()):
            numbers = {k: theirs[names[k]].to(t.dtype).clone() if k in names else t for k, t in like.state.items()}
            return replace(
                like.with_state(numbers), metadata={"names": {k: state.prefix + t for k, t in names.items()}}
            )
    return None


def _recognised(state: StateDict, given: dict[str, Any]) -> Network:
    from lmc_core.networks.families.recognise import recognise

    weights = {
        key: tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
        for key, tensor in state.tensors.items()
        if not key.endswith("num_batches_tracked") and tensor.is_floating_point()
    }
    if not weights:
        raise CheckpointError("the file holds whole numbers only; a network's weights are floating-point numbers")
    found = recognise({key: tuple(tensor.shape) for key, tensor in weights.items()}, given=given)
    renames = {**found.renames, **_counters(state.tensors, found.renames)}
    tensors = {ours: weights.get(theirs, state.tensors[theirs]) for theirs, ours in renames.items()}
    metadata = {"names": {ours: state.prefix + theirs for theirs, ours in renames.items()}}
    made = _assembled(found.architecture, tensors, found.normalize, metadata, "the file")
    return replace(made, assumptions=tuple(found.assumptions))


def _counters(tensors: Mapping[str, Tensor], renames: Mapping[str, str]) -> dict[str, str]:
    """Names of BatchNorm's counters of batches, which are no weights, from those of the means beside them."""
    counter, mean = "num_batches_tracked", "running_mean"
    beside = {name: name.removesuffix(counter) + mean for name in tensors if name.endswith(counter)}
    return {name: renames[m].removesuffix(mean) + counter for name, m in beside.items() if m in renames}


def _assembled(
    architecture: Architecture,
    tensors: Mapping[str, Tensor],
    normalize: Normalize | None,
    metadata: Mapping[str, Any],
    name: str,
) -> Network:
    """A network of this architecture with these numbers; shapes are compared before anything is allocated."""
    _compare(architecture, tensors, name)
    with torch.random.fork_rng(devices=[]):
        module = build(architecture)
    inputs = example_inputs(architecture)
    floats = [t.dtype for t in tensors.values() if t.is_floating_point()]
    dtype = max(floats, key=lambda d: (ITEM_BYTES[str(d).removeprefix("torch.")], floats.count(d)))
    if dtype != torch.float32:
        module = module.to(dtype)
        inputs = tuple(x.to(dtype) if x.is_floating_point() else x for x in inputs)
    own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    with torch.no_grad():
        for key, tensor in tensors.items():
            if key in own:
                own[key].copy_(tensor)
    return network(module, inputs, architecture=architecture, normalize=normalize, metadata=metadata)


def _compare(architecture: Architecture, tensors: Mapping[str, Tensor], name: str) -> None:
    """Raises CheckpointError for a tensor the architecture lacks, needs, or has in another shape."""
    with torch.device("meta"):
        module = build(architecture)
    buffers = sum(b.numel() * b.element_size() for b in module.buffers())
    if buffers > FILE_BYTES:
        raise CheckpointError(f"the architecture of {name} keeps {size(buffers)} of tables; at most {size(FILE_BYTES)}")
    wanted = {key: tuple(t.shape) for key, t in module.state_dict().items()}
    tied = {
        key for key in wanted if key not in dict(module.named_parameters()) and key not in dict(module.named_buffers())
    }
    for key, shape in wanted.items():
        if key not in tensors:
            if key in tied or key.endswith("num_batches_tracked"):
                continue
            raise CheckpointError(f"{name} lacks the tensor {key!r} of shape {shape}, which its architecture needs")
        if tuple(tensors[key].shape) != shape:
            raise CheckpointError(
                f"tensor {key!r} in {name} has shape {tuple(tensors[key].shape)}; its architecture needs {shape}"
            )
    extra = next((key for key in tensors if key not in wanted), None)
    if extra is not None:
        raise CheckpointError(f"{name} holds the tensor {plain(extra, 80)!r}, which its architecture does not have")
