"""Options of an architecture: the documented fields of a dataclass, each an `Option` that also takes words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from lmc_core.options import REQUIRED, Option, Options

T = TypeVar("T")


LARGEST = 2**24
"""Of any whole number: files may be hostile, and a module is built before its tensors are compared."""

DEEPEST = 2**11
"""Of a number of layers."""


@dataclass(frozen=True)
class Part(Option):
    """One option of an architecture: a value, a list of them or lists of lists, as JSON or as words of a command line.

    depth   how many lists each value lies in; a value where a list is wanted is a list of one, and "3x32x32" one of
            three
    """

    depth: int = 0

    def check(self, value: Any) -> Any:
        return self._nested(value, value, self.depth)

    @property
    def allowed(self) -> str:
        return (
            "a list of lists, each number " * (self.depth == 2)
            + "a list, each of it " * (self.depth == 1)
            + (self._one_allowed())
        )

    @property
    def schema(self) -> dict[str, Any]:
        found = self._one_schema()
        for _ in range(self.depth):
            found = {"type": "array", "items": found}
        about = {"title": self.title, "description": self.help}
        return {**about, **found, **({} if self.required else {"default": self.default})}

    def _nested(self, item: Any, value: Any, depth: int) -> Any:
        """A part of `value` that lies in `depth` lists fewer, as tuples."""
        if not depth:
            if self.choices and isinstance(item, str) and item not in self.choices:
                item = item.lower().replace("_", "-")  # leaky_relu, as torch writes it
            return self._one(item, value)
        try:
            parts = _parts(item)
        except (ValueError, RecursionError):
            raise self.refused(value) from None
        if not isinstance(parts, (list, tuple)):
            raise self.refused(value)
        return tuple(self._nested(part, value, depth - 1) for part in parts)


def option(
    help: str,
    default: Any = REQUIRED,
    *,
    choices: tuple[str, ...] = (),
    low: int = 1,
    high: int = LARGEST,
    since: int = 1,
) -> Any:
    """A documented field of an options dataclass; without a default it is required.

    low, high   inclusive range of a whole number, of a list: of each
    since       the version of its family that had it first: one that came later is written only where it is not the
                default, so that networks saved before and after are of one architecture
    """
    metadata = {"help": help, "choices": choices, "range": (low, high), "since": since}
    return field(metadata=metadata) if default is REQUIRED else field(default=default, metadata=metadata)


@cache
def declared(cls: type) -> Options:
    """The options that the fields of a dataclass declare."""
    kinds, found = get_type_hints(cls), []
    for each in fields(cls):
        kind, depth, about = kinds[each.name], 0, each.metadata
        while get_origin(kind) is tuple:
            kind, depth = get_args(kind)[0], depth + 1
        low, high = about["range"] if kind is int else (None, None)
        default = REQUIRED if each.default is each.default_factory else each.default
        found.append(Part(each.name, kind, default, about["help"], low, high, about["choices"], depth=depth))
    return Options("the architecture", tuple(found))


def read(cls: type[T], given: Mapping[str, Any]) -> T:
    """An options value from a mapping; values may be JSON values or the words of a command line ("3x32x32").

    Raises SettingError for an unknown or missing option and for a value of another kind.
    """
    assert is_dataclass(cls)
    return cls(**declared(cls).check(given))


def write(options: Any) -> dict[str, Any]:
    """All options as JSON values, defaults included, so that two equal architectures are written alike."""
    later = {each.name: each.default for each in fields(options) if each.metadata["since"] > 1}
    written = {name: value for name, value in asdict(options).items() if name not in later or value != later[name]}
    return json.loads(json.dumps(written))


def _parts(item: Any) -> Any:
    """ "[[32], [64]]", "3x32x32", "32,64", "" and single numbers as lists; what else it is, as it is."""
    if isinstance(item, str):
        if item.strip().startswith("["):
            return json.loads(item)
        return [part for part in item.replace("x", ",").split(",") if part.strip()]
    return [item] if isinstance(item, (bool, int, float)) else item
