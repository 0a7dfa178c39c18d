"""How a module becomes an exported program: within a time limit, without noise, with errors that name the way out."""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.utils._python_dispatch import TorchDispatchMode

from lmc_core.errors import TraceError
from lmc_core.graph.asked import Answer, asked, told
from lmc_core.networks.copies import called, refreshing
from lmc_core.networks.given import PACKED
from lmc_core.networks.outputs import traceable

FALLBACK = "declare its symmetry as text instead: lmc_core.symmetry.declare.declare(network, patterns)"


class TooSlow(TraceError):
    """A module whose export did not end in time."""


_MAY_RETURN_THEIR_INPUT = {f"aten::{name}" for name in ("dropout", "feature_dropout", "alpha_dropout", "type_as")}


def export(module: nn.Module, inputs: tuple[Tensor, ...], *, seconds: float) -> ExportedProgram:
    """`torch.export` of a module in eval mode, functional, for exactly these input shapes.

    seconds   the export runs in a thread of its own and is abandoned after this long

    Raises TraceError when torch cannot export the module, TooSlow when it needs longer.
    """

    def work() -> ExportedProgram:
        try:
            program = torch.export.export(refreshing(module, traceable), inputs, strict=False)
        except Exception:
            answers = _answers(module, inputs)
            if not any(constant or isinstance(answer, bool) for constant, answer in answers):
                raise
            telling = refreshing(module, lambda run: traceable(told(run, answers)))
            program = torch.export.export(telling, inputs, strict=False)
        return program if is_functional(program) else program.run_decompositions({})

    with quiet():
        try:
            return within(work, seconds)
        except TimeoutError:
            raise TooSlow(f"tracing this network took longer than {seconds:g} s; {FALLBACK}") from None
        except Exception as error:
            if _packs(module, inputs):
                raise TraceError(f"the module {PACKED}, or {FALLBACK}") from error
            raise TraceError(f"torch.export cannot trace this module ({_cause(error)}); {FALLBACK}") from error


class _Packing(TorchDispatchMode):
    """Whether sequences are packed."""

    found = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found |= func.overloadpacket is torch.ops.aten._pack_padded_sequence
        return func(*args, **(kwargs or {}))


def _packs(module: nn.Module, inputs: tuple[Tensor, ...]) -> bool:
    """Whether a module packs sequences of several lengths; False where it does not even run."""
    with torch.no_grad(), _Packing() as packing, contextlib.suppress(Exception):
        called(module, {}, inputs)
    return packing.found


def _answers(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Answer, ...]:
    """What a module asks of numbers; nothing where it does not even run."""
    try:
        return asked(module, inputs)
    except Exception:  # noqa: BLE001 - a user's module may raise anything, and why it cannot be traced is already known
        return ()


_LOGGERS = ("torch.fx.experimental.symbolic_shapes", "torch._subclasses.fake_tensor")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the attention fast path, which is an opaque kernel, and without what torch says about its own tracing.

    A failing export prints its whole graph; what matters of it reaches the user as TraceError.
    """
    fastpath = torch.backends.mha.get_fastpath_enabled()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    detect = torch.nn.modules.transformer._detect_is_causal_mask
    levels = [logger.level for logger in loggers]
    nowhere = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        torch.backends.mha.set_fastpath_enabled(False)
        # torch's transformer layers read the numbers of a mask to choose a kernel; the mask itself is passed on
        torch.nn.modules.transformer._detect_is_causal_mask = lambda mask, is_causal=None, size=None: bool(is_causal)
        try:
            yield
        finally:
            torch.nn.modules.transformer._detect_is_causal_mask = detect
            torch.backends.mha.set_fastpath_enabled(fastpath)
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def is_functional(program: ExportedProgram) -> bool:
    """Whether no operation of the graph writes into its arguments, after rewriting the harmless ones in place.

    `relu_(x)` where nothing else sees x is `relu(x)`: these are replaced here, without the cost of a second trace.
    """
    graph = program.graph_module.graph
    for node in list(graph.nodes):
        if node.op == "get_attr" and isinstance(getattr(program.graph_module, node.target, None), nn.Module):
            return False
        if node.op != "call_function" or not isinstance(node.target, torch._ops.OpOverload):
            continue
        if not node.target._schema.is_mutable:
            continue
        functional = _functional_twin(node.target)
        source = node.args[0] if node.args else None
        private = (
            isinstance(source, torch.fx.Node)
            and source.op == "call_function"
            and list(source.users) == [node]
            and isinstance(source.target, torch._ops.OpOverload)
            and not any(result.alias_info for result in source.target._schema.returns)
            and source.target._schema.name not in _MAY_RETURN_THEIR_INPUT
        )
        if functional is None or not private:
            return False
        node.target = functional
    return True


def _functional_twin(target: Any) -> Any:
    """`aten.relu` for `aten.relu_`, in the overload with the same arguments; None if there is none."""
    name = target._schema.name.split("::")[1]
    if not name.endswith("_") or name.endswith("__") or not hasattr(torch.ops.aten, name[:-1]):
        return None
    packet = getattr(torch.ops.aten, name[:-1])
    if target._overloadname not in packet.overloads():
        return None
    twin = getattr(packet, target._overloadname)
    same = [a.name for a in twin._schema.arguments] == [a.name for a in target._schema.arguments]
    return twin if same and not twin._schema.is_mutable else None


def within(work: Any, seconds: float) -> Any:
    """The result of `work()`, or TimeoutError after `seconds`; a thread that overruns is told to stop."""
    box: dict[str, Any] = {}

    def target() -> None:
        try:
            box["result"] = work()
        except BaseException as error:  # noqa: BLE001 - handed to the caller below
            box["error"] = error

    thread = threading.Thread(target=target, daemon=True, name="trace")
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
        raise TimeoutError
    if "error" in box:
        raise box["error"]
    return box["result"]


def _cause(error: BaseException) -> str:
    """The first line of the innermost reason, at most 200 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= 200 else text[:199] + "…"
