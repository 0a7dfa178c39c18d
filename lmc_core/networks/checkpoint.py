"""Networks from files of any format."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lmc_core.errors import CheckpointError, SettingError
from lmc_core.networks.families import architecture, build, example_inputs
from lmc_core.networks.families.recognise import recognise
from lmc_core.networks.network import Network, network
from lmc_core.networks.original import widened
from lmc_core.networks.pretrained import INSTALL, described, fetched, installed, opened
from lmc_core.networks.program import open_program
from lmc_core.networks.safety.limits import FILE_BYTES, ITEM_BYTES, parse_json, plain, readable, size
from lmc_core.networks.safety.shards import files_of
from lmc_core.networks.safety.sniff import sniff
from lmc_core.networks.statedict import StateDict, joined, read, shared_prefix
from lmc_core.networks.values import PLAIN, Architecture, Assumption, Normalize, NormalizeLike, read_normalize


def load(
    path: str | os.PathLike[str],
    *,
    arch: Mapping[str, Any] | None = None,
    normalize: NormalizeLike | None = None,
    like: Network | None = None,
) -> Network:
    """The network a file holds: .safetensors, .pt, .pth, .ckpt, .th or .pt2, told apart by content; or several files,
    given by their folder, their index or any of them; or a folder of the Hugging Face Hub, or its name there.

    Our own files say what they are; in others the architecture is recognised by the shapes of the tensors, and what
    shapes cannot tell is listed in `assumptions`. Files are taken for hostile: they are read as data first, and
    nothing in them is run. In a server use `lmc_core.runs.library.limited.load_limited`, which adds bounds on time and
    memory.

    arch        option → value, for what the file does not say; `entry` chooses among several state dicts
    normalize   (mean, std) the network expects its inputs in, or a text such as "0.1307/0.3081" or "none", instead of
                what the file says
    like        another network: where all shapes agree, its architecture is taken over

    Raises CheckpointError for a file that is damaged, unsafe or no network, RecogniseError if the shapes tell nothing,
    SettingError for options the architecture does not have.
    """
    wanted = read_normalize(normalize)
    path = path if Path(path).exists() else fetched(os.fspath(path)) or path
    if (package := described(path)) and installed(package):
        if arch:
            raise SettingError(f"{Path(path).name} says which architecture it is; leave out --arch")
        return opened(path, normalize=normalize)
    try:
        files, where = files_of(path)
    except CheckpointError as error:
        if package is None:
            raise
        raise CheckpointError(f"{error}; {package} would build it: {INSTALL}") from None
    path = path if where else files[0]
    kind = sniff(files[0])
    given = dict(arch or {})
    entry = given.pop("entry", None)
    if kind == "program":
        if given:
            raise SettingError(f"{Path(path).name} is a program and fixes its architecture; leave out --arch")
        found = _program(path)
    else:
        state = read(files[0], kind, entry=None if entry is None else str(entry))
        if where:
            others = (read(file, sniff(file)) for file in files[1:])
            state = joined([state, *others], where, Path(path).name)
        source = str(path)
        with readable(files[0]):
            if "lmc" in state.metadata:
                found = _ours(state, state.metadata["lmc"], given, Path(path).name)
            elif like is not None and (taken := _taken_over(state, like)):
                found = taken
            else:
                found = _recognised(state, given)
            found = replace(found, source=source, assumptions=(*found.assumptions, *state.assumptions))
    if wanted is not None:
        kept = tuple(a for a in found.assumptions if a.option != "normalize")
        found = replace(found, normalize=None if wanted == PLAIN else wanted, assumptions=kept)
    return found


def read_with(network: Network, option: str, value: Any) -> Network:
    """The same numbers read with another value of an architecture option. Raises SettingError, CheckpointError."""
    if network.architecture is None:
        raise SettingError(f"a network that carries its own program has no option {option!r}")
    made = architecture(network.architecture.family, **{**network.architecture.options, option: value})
    read = _assembled(made, network.state, network.normalize, network.metadata, "the network")
    return replace(read, assumptions=network.assumptions, source=network.source)


def _program(path: str | os.PathLike[str]) -> Network:
    """A .pt2 file, with what our own notes add."""
    opened = open_program(path)
    notes = dict(opened.notes)
    scale = notes.pop("normalize", None)
    notes.pop("version", None)
    return Network(
        opened.module,
        opened.state,
        opened.inputs,
        normalize=read_normalize((scale["mean"], scale["std"])) if scale else None,
        source=str(path),
        metadata=notes,
    )


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
        twins = about.get("twins") if isinstance(about.get("twins"), dict) else {}
        tensors = {back.get(key, key): _wide(tensor) for key, tensor in tensors.items() if key not in twins}
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
            about = {"names": {k: state.prefix + t for k, t in names.items()}}
            if types := widened({k: theirs[t] for k, t in names.items() if like.state[k].dtype != theirs[t].dtype}):
                about["types"] = types
            return replace(like.with_state(numbers), metadata=about)
    return None


def _recognised(state: StateDict, given: dict[str, Any]) -> Network:
    weights = {
        key: _wide(tensor)
        for key, tensor in state.tensors.items()
        if not key.endswith("num_batches_tracked") and tensor.is_floating_point()
    }
    if not weights:
        raise CheckpointError("the file holds whole numbers only; a network's weights are floating-point numbers")
    found = recognise({key: tuple(tensor.shape) for key, tensor in weights.items()}, given=given)
    renames = {**found.renames, **_counters(state.tensors, found.renames)}
    tensors = {ours: weights.get(theirs, state.tensors[theirs]) for theirs, ours in renames.items()}
    metadata = {"names": {ours: state.prefix + theirs for theirs, ours in renames.items()}}
    if types := widened({ours: state.tensors[theirs] for theirs, ours in renames.items()}):
        metadata["types"] = types
    made = _assembled(found.architecture, tensors, found.normalize, metadata, "the file")
    return replace(made, assumptions=tuple(found.assumptions))


def _wide(tensor: Tensor) -> Tensor:
    """In single precision at least."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


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
    return network(module, inputs, held=False, architecture=architecture, normalize=normalize, metadata=metadata)


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
