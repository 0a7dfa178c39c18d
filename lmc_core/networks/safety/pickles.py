"""Pickles read as plain values: no class is looked up, no function called.

A pickle is a program for a small stack machine. This one runs the part of it that torch.save writes and keeps every
reference to code as a name, so that what the file would do is known before anything is done.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from lmc_core.errors import CheckpointError
from lmc_core.networks.safety.limits import ITEM_BYTES, plain
from lmc_core.networks.safety.reasons import NUMBERS, of_object, of_protocol

OPCODES = 5_000_000

STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
"""torch's storage classes → number type."""

_CALLS = frozenset(
    {
        "collections.OrderedDict",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter",
        "torch.Size",
        "torch.device",
        "collections.Counter",
        "__builtin__.set",
    }
)
_NAMES = _CALLS | {f"torch.{name}" for name in (*STORAGES, *ITEM_BYTES)}


@dataclass(frozen=True)
class Global:
    """A name that the pickle refers to."""

    name: str


@dataclass(frozen=True)
class Call:
    """What would be the result of calling `function`, one of the few that are allowed."""

    function: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Storage:
    """A reference to numbers that the file keeps outside the pickle.

    count  how many numbers; view: (key, offset, count) of a part of them, in files of the old format
    """

    dtype: str
    key: str
    count: int
    view: tuple[str, int, int] | None = None


@dataclass(frozen=True)
class Pickle:
    """What a pickle describes.

    value     dictionaries and OrderedDicts as dict, allowed calls as `Call`, numbers outside as `Storage`
    storages  every reference to numbers outside, also those the value does not keep
    """

    value: Any
    storages: tuple[Storage, ...]


def read_pickle(file: BinaryIO, name: str) -> Pickle:
    """What a pickle describes, up to its STOP; `file` is left behind it.

    Raises CheckpointError for a reference to any other class or function, for an operation torch.save does not use,
    and for a dictionary that names a key twice.
    """
    machine = _Machine(name)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if count > OPCODES:
                raise CheckpointError(f"{name} lists more than {OPCODES} values; a network's list of tensors is short")
            if machine.step(opcode.name, argument):
                return Pickle(machine.stack.pop(), tuple(machine.storages))
    except CheckpointError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise CheckpointError(
            f"{name} is not a checkpoint written by torch.save: its list of tensors is damaged or cut off "
            f"({plain(error, 80) or type(error).__name__}); copy or save it again"
        ) from None
    raise CheckpointError(f"{name} ends in the middle of its list of tensors; copy or save it again")


class _Machine:
    def __init__(self, name: str):
        self.name = name
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.storages: list[Storage] = []

    def step(self, opcode: str, argument: Any) -> bool:
        """True at STOP."""
        if opcode in _PUSHES:
            self.stack.append(argument)
        elif opcode in _MADE:
            self.stack.append(_MADE[opcode]())
        elif opcode in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif opcode in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        elif opcode == "STOP":
            return True
        elif opcode == "PROTO":
            if argument != 2:
                raise CheckpointError(of_protocol(self.name, argument))
        elif opcode == "MARK":
            self.marks.append(self.stack)
            self.stack = []
        elif opcode in ("TUPLE1", "TUPLE2", "TUPLE3"):
            n = int(opcode[-1])
            if len(self.stack) < n:
                raise ValueError("too few values")
            self.stack[-n:] = [tuple(self.stack[-n:])]
        elif opcode == "TUPLE":
            items = self.marked()
            self.stack.append(tuple(items))
        elif opcode in ("APPEND", "APPENDS"):
            items = self.marked() if opcode == "APPENDS" else [self.stack.pop()]
            self.target(list).extend(items)
        elif opcode in ("SETITEM", "SETITEMS"):
            items = self.marked() if opcode == "SETITEMS" else [self.stack.pop(-2), self.stack.pop()]
            self.set(items)
        elif opcode == "GLOBAL":
            self.refer(argument)
        elif opcode == "BINPERSID":
            self.storages.append(self.storage(self.stack.pop()))
            self.stack.append(self.storages[-1])
        elif opcode == "REDUCE":
            arguments = self.stack.pop()
            self.stack.append(self.call(self.stack.pop(), arguments))
        elif opcode == "BUILD":
            self.stack.pop()
            self.target(dict)  # an OrderedDict's attributes: module versions, which torch reads too
        else:
            raise CheckpointError(
                f"{self.name} holds Python objects (operation {opcode}), not only numbers; opening it could run code, "
                f"and nothing of it was run: {NUMBERS}"
            )
        return False

    def marked(self) -> list[Any]:
        items = self.stack
        self.stack = self.marks.pop()
        return items

    def target(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            raise ValueError(f"a {kind.__name__} was expected")
        return self.stack[-1]

    def set(self, items: list[Any]) -> None:
        target = self.target(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, (str, int, float, bytes, type(None))):
                raise ValueError("a dictionary whose keys are not plain")
            if key in target:
                raise CheckpointError(f"{self.name} holds {plain(key, 80)!r} twice; every name may appear once")
            target[key] = value

    def refer(self, argument: str) -> None:
        name = argument.replace(" ", ".", 1)
        if name not in _NAMES:
            raise CheckpointError(of_object(self.name, name))
        self.stack.append(Global(name))

    def call(self, function: Any, arguments: Any) -> Any:
        if not isinstance(function, Global) or function.name not in _CALLS or type(arguments) is not tuple:
            raise ValueError("a call of something that is not a function")
        if function.name == "collections.OrderedDict":
            if arguments == ():
                return {}
            kept = self.stack
            self.stack = [{}]
            self.set([part for pair in arguments[0] for part in pair])
            (made,), self.stack = self.stack, kept
            return made
        return Call(function.name, arguments)

    def storage(self, reference: Any) -> Storage:
        if type(reference) is not tuple or len(reference) not in (5, 6):
            raise ValueError("a reference that is not a storage")
        kind, storage_type, key, location, count, *rest = reference
        if kind == "module":
            raise CheckpointError(
                f"{self.name} holds a whole module, which is code; "
                "save its numbers: torch.save(model.state_dict(), 'model.pt')"
            )
        if kind != "storage" or not isinstance(storage_type, Global) or not isinstance(location, str):
            raise ValueError("a reference that is not a storage")
        dtype = STORAGES.get(storage_type.name.removeprefix("torch."))
        if dtype is None or type(count) is not int or count < 0 or not isinstance(key, str):
            raise ValueError("a storage of unknown type or size")
        view = rest[0] if rest else None
        if view is not None:
            view_key, offset, size = view
            if not isinstance(view_key, str) or not 0 <= offset <= offset + size <= count:
                raise ValueError("a view outside its storage")
        return Storage(dtype, key, count, view)


_PUSHES = frozenset({"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING"})
_MADE: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}
