"""A network as an immutable value: a module for its computation, a state for its numbers."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lmc_core.errors import CheckpointError, MismatchError
from lmc_core.networks.copies import called, copied, held_noise, snapshot, unwrapped
from lmc_core.networks.given import arranged, check
from lmc_core.networks.original import remembered, restored
from lmc_core.networks.precision import full_float32
from lmc_core.networks.program import export
from lmc_core.networks.statedict import write, write_torch
from lmc_core.networks.values import Architecture, Assumption, Normalize, write_normalize
from lmc_core.shown import page

VERSION = 1
"""Of what our own files say of themselves."""

State = Mapping[str, Tensor]
"""Name → tensor: the numbers of a network."""


@dataclass(frozen=True, eq=False)
class Network:
    """A module, its state, an example input, and where it came from. Operations return new networks.

    module          in eval mode; only its code and non-persistent buffers are used, never its own parameters; every
                    call runs on a copy of it, so that what it keeps for itself never meets another state
    state           canonical name → tensor: parameters and persistent buffers, tied tensors once
    example_inputs  tensors the module accepts, batch first
    architecture    how to rebuild the module, if it is one of ours or was recognised
    normalize       applied to data before the module sees it
    """

    module: nn.Module
    state: Mapping[str, Tensor]
    example_inputs: tuple[Tensor, ...]
    architecture: Architecture | None = None
    normalize: Normalize | None = None
    source: str = "module"
    assumptions: tuple[Assumption, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """What it is, in a few lines."""
        what = self.architecture.family if self.architecture else type(self.module).__name__
        reads = ", ".join(f"{tuple(x.shape)} {str(x.dtype).removeprefix('torch.')}" for x in self.example_inputs)
        shapes = [f"{name} {tuple(x.shape)}" for name, x in self.state.items()]
        shown = shapes if len(shapes) <= 6 else [*shapes[:3], "…", *shapes[-2:]]
        return (
            f"Network of {what}: {self.parameters:,} numbers in {len(self.state)} tensors, from {self.source}\n"
            f"  reads {reads}\n"
            f"  holds {', '.join(shown)}"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return page(self)

    @full_float32()
    def __call__(self, *inputs: Tensor) -> Tensor:
        """Outputs for prepared inputs (already normalised), no gradient; what the module keeps of it is dropped.

        A module that draws random numbers draws the same ones every time.
        """
        with torch.no_grad(), held_noise(self.device):
            return called(self.module, self._passed(), inputs)

    def _passed(self) -> dict[str, Tensor]:
        """The state for one call: buffers as copies, since a module may write into them."""
        written = {name for name, _ in self.module.named_buffers(remove_duplicate=False)}
        return {name: x.clone() if name in written else x for name, x in self.state.items()}

    def prepare(self, x: Tensor) -> Tensor:
        """Data (b, …) as this network reads it: reshaped to its input shape, then normalised."""
        wanted = tuple(self.example_inputs[0].shape[1:])
        if tuple(x.shape[1:]) != wanted:
            x = x.reshape(x.shape[0], *wanted)
        return self.normalize(x) if self.normalize else x

    def with_state(self, state: Mapping[str, Tensor]) -> Network:
        """The same computation with other numbers. Raises MismatchError naming the first tensor that differs."""
        for name, tensor in self.state.items():
            if name not in state:
                raise MismatchError(f"tensor {name!r} is missing from the new state")
            if state[name].shape != tensor.shape:
                raise MismatchError(
                    f"tensor {name!r} has shape {tuple(state[name].shape)}; this network needs {tuple(tensor.shape)}"
                )
        return replace(self, state=MappingProxyType({name: state[name] for name in self.state}))

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> Network:
        """The same network on another device or in another floating-point type."""

        def move(x: Tensor) -> Tensor:
            return x.to(device=device, dtype=dtype if x.is_floating_point() else None)

        return replace(
            self,
            module=copied(self.module).to(device=device, dtype=dtype),
            state=MappingProxyType({name: move(x) for name, x in self.state.items()}),
            example_inputs=tuple(move(x) for x in self.example_inputs),
        )

    @property
    def device(self) -> torch.device:
        """Where the numbers are; the CPU if there are none."""
        return next((x.device for x in self.state.values()), torch.device("cpu"))

    @property
    def parameters(self) -> int:
        """How many numbers the state holds."""
        return sum(x.numel() for x in self.state.values())

    @property
    def fingerprint(self) -> str:
        """sha256 over architecture, normalisation and every tensor's name, type, shape and bytes; 64 hex digits."""
        digest = hashlib.sha256()
        about = {
            "architecture": [self.architecture.family, dict(self.architecture.options)] if self.architecture else None,
            "normalize": [self.normalize.mean, self.normalize.std] if self.normalize else None,
        }
        digest.update(json.dumps(about, sort_keys=True, default=str).encode())
        for name in sorted(self.state):
            x = self.state[name].detach().cpu().contiguous()
            digest.update(f"{name}|{x.dtype}|{tuple(x.shape)}|".encode())
            digest.update(x.flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def save(self, path: str | os.PathLike[str], *, names: Literal["ours", "original"] = "original") -> None:
        """A .safetensors file, or a state dict as torch saves it: .pth or .pt.

        names   "original": tensors are called, and of the types, as in the file or the module that the network came
                from, so that its owner's module loads them with `load_state_dict`; "ours": canonical names

        A .safetensors file of a known architecture says what it holds, so that reading it back needs no guess.
        """
        target = Path(path)
        tensors = restored(self.state, self.metadata) if names == "original" else dict(self.state)
        if target.suffix in (".pth", ".pt"):
            write_torch(target, tensors)
        elif target.suffix == ".safetensors":
            write(target, tensors, {"lmc": _json(self._described(names))} if self.architecture else {})
        else:
            raise CheckpointError(
                f"networks are saved as .safetensors, .pth or .pt, not as {target.name!r}; change the name"
            )

    def _described(self, names: str) -> dict[str, Any]:
        assert self.architecture is not None
        return {
            **{k: v for k, v in self.metadata.items() if k not in ("version", "architecture", "normalize", "naming")},
            "version": VERSION,
            "architecture": {"family": self.architecture.family, "options": dict(self.architecture.options)},
            "normalize": write_normalize(self.normalize),
            "input_shape": list(self.example_inputs[0].shape[1:]),
            "assumptions": [[a.option, a.value, a.why] for a in self.assumptions],
            "naming": names,
        }

    def export(self, path: str | os.PathLike[str]) -> None:
        """A .pt2 program that any torch can run, whatever the architecture; normalisation and metadata travel along.

        Raises TraceError when torch.export cannot trace the module, CheckpointError when it uses an operation that
        `lmc_core.load` would refuse.
        """
        export(self.module, self.state, self.example_inputs, self.notes, path)

    @property
    def notes(self) -> dict[str, Any]:
        """What a graph does not say, as JSON: normalisation, training, names. Raises CheckpointError."""
        about = {**self.metadata, "version": VERSION, "normalize": write_normalize(self.normalize)}
        return dict(json.loads(_json(about)))


def _json(about: Mapping[str, Any]) -> str:
    try:
        return json.dumps(about, sort_keys=True)
    except TypeError as error:
        raise CheckpointError(f"the network's metadata cannot be written as JSON ({error}); remove it") from None


def network(module: nn.Module, example_inputs: Any, *, held: bool = True, **details: Any) -> Network:
    """Any nn.Module as a Network, in eval mode; tied tensors are kept once, under the name torch lists first.

    example_inputs   (b, …) one batch, batch first: a tensor, a tuple or list of arguments, or a mapping from names to
                     arguments; the Network reads its tensors in this order
    held             whether anybody else holds the module; one that nobody does is taken as it is
    details          architecture=, normalize=, source=, metadata=

    Returns a snapshot: a Network that shares no memory with the module, which stays as it is. Raises TraceError for a
    module without numbers of its own (meta, quantised, TorchScript), and for one that cannot be copied.
    """
    inner = unwrapped(module)
    check(inner)
    call, inputs = arranged(inner, example_inputs)
    if held:
        details["metadata"] = {**remembered(module, inner), **details.get("metadata", {})}
    made = snapshot(inner, inputs, call) if held else inner.eval()
    kept = made.state_dict(keep_vars=True)
    names = [name for name, _ in made.named_parameters()] + [n for n, _ in made.named_buffers() if n in kept]
    state = MappingProxyType({name: kept[name].detach() for name in names})
    return Network(made, state, inputs, **details)
