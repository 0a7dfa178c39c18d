"""Modules of any architecture as exported programs, .pt2."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import torch
from torch import Tensor, nn

from lmc_core.errors import CheckpointError, TraceError
from lmc_core.networks.copies import copied, refreshing
from lmc_core.networks.outputs import traceable
from lmc_core.networks.safety.limits import plain, readable
from lmc_core.networks.safety.programfile import NOTES, Program, read_program
from lmc_core.networks.statedict import check_finite


@dataclass(frozen=True, eq=False)
class OpenedProgram:
    """What a .pt2 file holds: a module that runs, its numbers in the order of the file, inputs, and notes as JSON."""

    module: nn.Module
    state: Mapping[str, Tensor]
    inputs: tuple[Tensor, ...]
    notes: Mapping[str, Any]


def export(
    module: nn.Module,
    state: Mapping[str, Tensor],
    inputs: tuple[Tensor, ...],
    notes: Mapping[str, Any],
    path: str | os.PathLike[str],
) -> None:
    """A .pt2 program: the traced computation with its numbers, readable without the class that made it.

    state    the numbers, in place of the module's own
    inputs   one batch, batch first; the batch may vary unless the module fixes it
    notes    as JSON: what travels along; traces of the exporting machine (paths, lines of source) do not

    Raises TraceError when torch.export cannot trace the module, CheckpointError when it uses an operation that
    `open_program` would refuse.
    """
    target = Path(path)
    if target.suffix != ".pt2":
        raise CheckpointError(f"programs are saved as .pt2, not as {target.name!r}; change the name")
    program = _traced(_with_state(module, state), inputs)
    with tempfile.TemporaryDirectory() as folder, readable(target, "a program"):
        draft = Path(folder) / target.name
        with _quiet():
            torch.export.save(program, draft, extra_files={NOTES: json.dumps(dict(notes))})
        write_program(read_program(draft), inputs, target)


def write_program(found: Program, inputs: tuple[Tensor, ...], path: str | os.PathLike[str]) -> None:
    """A .pt2 file with only what was understood of a program."""
    target = Path(path)
    sample = BytesIO()
    torch.save((tuple(x.detach().cpu() for x in inputs), {}), sample)
    temporary = target.with_name(target.name + ".part")
    temporary.write_bytes(found.rebuilt(sample.getvalue()).getbuffer())
    os.replace(temporary, target)


def open_program(path: str | os.PathLike[str]) -> OpenedProgram:
    """The computation in a .pt2 file. torch sees only a new archive of what `read_program` understood.

    Raises CheckpointError: code, pickles or operations that are not known to be harmless; a host that switched .pt2
    off with LMC_ALLOW_PT2=0.
    """
    name = plain(Path(path).name)
    if os.environ.get("LMC_ALLOW_PT2", "1").lower() in ("0", "false", "no", "off"):
        raise CheckpointError(f"{name} is a .pt2 program, and this host does not open them; give .safetensors instead")
    with readable(path, "a program"):
        found = read_program(path)
        with _quiet():
            module = _plain_module(torch.export.load(found.rebuilt()), found)
        module = module.eval()
        own = {
            **dict(module.named_parameters(remove_duplicate=False)),
            **dict(module.named_buffers(remove_duplicate=False)),
        }
        state = {name: own[name].detach() for name in found.payloads["weights"] if name not in found.tied}
        check_finite(Path(path).name, state)
        return OpenedProgram(module, MappingProxyType(state), _sample_inputs(found), dict(found.notes))


def _with_state(module: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """A copy of the module that holds these numbers; buffers outside the state become constants."""
    made = copied(module)
    own = {**dict(made.named_parameters()), **dict(made.named_buffers())}
    for name, tensor in state.items():
        own[name].data = tensor.detach().clone()
    for name, _ in list(made.named_buffers()):
        if name not in state:
            parent, _, leaf = name.rpartition(".")
            made.get_submodule(parent)._non_persistent_buffers_set.add(leaf)
    return made


def _traced(module: nn.Module, inputs: tuple[Tensor, ...]) -> torch.export.ExportedProgram:
    """The exported module, with a free batch size if it accepts one."""
    several = tuple(x if x.shape[0] > 1 else torch.cat([x, x]) for x in inputs)
    reason: Exception | None = None
    for given, shapes in ((several, tuple({0: torch.export.Dim.AUTO} for _ in inputs)), (inputs, None)):
        try:
            with _quiet(), torch.no_grad():
                return torch.export.export(refreshing(module, traceable), given, dynamic_shapes=shapes, strict=False)
        except Exception as error:  # noqa: BLE001 - tracing runs the user's module, which may raise anything
            reason = error
    raise TraceError(
        f"torch.export cannot trace this network ({plain(reason)}); save it as .safetensors "
        "if its architecture has a name"
    ) from reason


def traced_module(module: nn.Module, state: Mapping[str, Tensor], inputs: tuple[Tensor, ...]) -> torch.fx.GraphModule:
    """The traced computation as one graph of a module that holds these numbers, for any batch size if the module
    accepts one. Raises TraceError."""
    return _traced(_with_state(module, state), inputs).module()


def _sample_inputs(found: Program) -> tuple[Tensor, ...]:
    """The inputs the program was exported with; without them, inputs of the shapes it reads."""
    if found.sample:
        return tuple(torch.load(BytesIO(found.sample), map_location="cpu", weights_only=True)[0])
    generator = torch.Generator().manual_seed(0)
    made = []
    for spec in found.inputs:
        shape = tuple(2 if n is None else n for n in spec.shape)
        dtype = getattr(torch, spec.dtype)
        made.append(
            torch.randn(shape, generator=generator).to(dtype)
            if dtype.is_floating_point
            else torch.zeros(shape, dtype=dtype)
        )
    return tuple(made)


class Traced(torch.fx.GraphModule):
    """A traced computation as an ordinary module: tensors it makes on the way follow `.to(device, dtype)`."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Traced:
        super()._apply(fn, recurse)
        own = [*self.parameters(), *self.buffers()]
        floats = [x.dtype for x in own if x.is_floating_point()]
        for graph in (m for m in self.modules() if isinstance(m, torch.fx.GraphModule)):
            for node in graph.graph.nodes:
                options = dict(node.kwargs)
                if own and options.get("device") is not None:
                    options["device"] = own[0].device
                made = getattr(node.target, "_opname", "") in _MAKERS
                if (
                    floats
                    and made
                    and isinstance(dtype := options.get("dtype"), torch.dtype)
                    and dtype.is_floating_point
                ):
                    options["dtype"] = floats[0]
                node.kwargs = options
            graph.recompile()
        return self


_MAKERS = frozenset({"zeros", "ones", "full", "arange", "linspace", "eye", "scalar_tensor", "rand", "randn", "normal"})
"""Operations that make a tensor from nothing."""


def _plain_module(program: torch.export.ExportedProgram, found: Program) -> nn.Module:
    """The program as an ordinary module: eval(), deepcopy and tracing work, tied weights are one parameter, and
    constants stay outside the state."""
    unlifted = program.module()
    for inner in (m for m in unlifted.modules() if isinstance(m, torch.fx.GraphModule)):
        for node in inner.graph.find_nodes(op="call_function", target=torch.ops.aten._assert_tensor_metadata.default):
            inner.graph.erase_node(node)  # they would hold the module to the type and device of its export
        inner.recompile()
    graph = unlifted.graph
    graph.set_codegen(torch.fx.graph.CodeGen())
    output = graph.output_node()
    output.args = cast(tuple[torch.fx.Node], output.args[0])
    module = Traced(unlifted, graph)
    for name, tensor in program.state_dict.items():
        parent, _, leaf = name.rpartition(".")
        owner = _owner(module, parent)
        if name in found.tied:
            first_parent, _, first = found.tied[name].rpartition(".")
            setattr(owner, leaf, getattr(module.get_submodule(first_parent), first))
        elif not hasattr(owner, leaf):
            if isinstance(tensor, nn.Parameter):
                owner.register_parameter(leaf, tensor)
            else:
                owner.register_buffer(leaf, tensor)
    for name in found.constants:
        parent, _, leaf = name.rpartition(".")
        owner = _owner(module, parent)
        if leaf in owner._buffers:
            owner._non_persistent_buffers_set.add(leaf)
    return module


def _owner(module: nn.Module, path: str) -> nn.Module:
    """The submodule at `path`, made when the graph does not use it."""
    for part in filter(None, path.split(".")):
        if not isinstance(getattr(module, part, None), nn.Module):
            module.add_module(part, nn.Module())
        module = module.get_submodule(part)
    return module


@contextmanager
def _quiet() -> Iterator[None]:
    """torch.export warns of its own internals and logs errors it then raises; a user could act on none of it."""
    loggers = [logging.getLogger(name) for name in ("torch.export", "torch._export", "torch.fx")]
    before = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in before:
            logger.setLevel(level)
