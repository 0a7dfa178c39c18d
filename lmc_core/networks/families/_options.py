"""Options of an architecture: typed fields with help, read from JSON or from `key=value` words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, field, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from lmc_core.errors import SettingError

T = TypeVar("T")


LARGEST = 2**24
"""Of any whole number: files may be hostile, and a module is built before its tensors are compared."""

DEEPEST = 2**11
"""Of a number of layers."""


def option(
    help: str,
    default: Any = ...,
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
    return field(metadata=metadata) if default is ... else field(default=default, metadata=metadata)


@cache
def _kinds(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def read(cls: type[T], given: Mapping[str, Any]) -> T:
    """An options value from a mapping; values may be JSON values or the words of a command line ("3x32x32").

    Raises SettingError for an unknown or missing option and for a value of another kind.
    """
    assert is_dataclass(cls)
    known = {f.name: f for f in fields(cls)}
    for name in given:
        if name not in known:
            raise SettingError(f"there is no architecture option {name!r}; it takes {', '.join(known)}")
    values = {}
    for name, value in given.items():
        try:
            values[name] = _value(_kinds(cls)[name], value)
        except (TypeError, ValueError):
            raise SettingError(f"architecture option {name}={value!r} is not {_spoken(_kinds(cls)[name])}") from None
        low, high = known[name].metadata["range"]
        if any(not low <= n <= high for n in _numbers(values[name])):
            raise SettingError(f"architecture option {name}={value!r} is outside {low}…{high}")
        choices = known[name].metadata["choices"]
        if choices and isinstance(values[name], str) and values[name] not in choices:
            values[name] = values[name].lower().replace("_", "-")  # leaky_relu, as torch writes it
        if choices and values[name] not in choices:
            raise SettingError(f"architecture option {name}={value!r} is not one of {', '.join(choices)}")
    missing = [name for name, f in known.items() if name not in values and f.default is f.default_factory]
    if missing:
        raise SettingError(f"architecture option {missing[0]!r} is missing ({known[missing[0]].metadata['help']})")
    return cls(**values)


def write(options: Any) -> dict[str, Any]:
    """All options as JSON values, defaults included, so that two equal architectures are written alike."""
    later = {f.name: f.default for f in fields(options) if f.metadata["since"] > 1}
    written = {name: value for name, value in asdict(options).items() if name not in later or value != later[name]}
    return json.loads(json.dumps(written))


def _value(kind: Any, value: Any) -> Any:
    """`value` as `kind`: bool, int, float, str or (nested) tuple of them."""
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        if isinstance(value, str):
            value = _parse(value)
        if isinstance(value, (bool, int, float)):
            value = (value,)
        return tuple(_value(inner, v) for v in value)
    if kind is bool:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        return (
            value if isinstance(value, bool) else words[str(value).lower()] if str(value).lower() in words else int("")
        )
    if kind is int:
        if isinstance(value, bool) or float(value) != int(float(value)):
            raise ValueError
        return int(float(value))
    if kind is float:
        return float(value)
    if not isinstance(value, str):
        raise TypeError
    return value


def _numbers(value: Any) -> Iterator[int]:
    """All whole numbers in a value."""
    if isinstance(value, tuple):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value


def _parse(text: str) -> Any:
    """ "[[32], [64]]", "3x32x32", "32,64" or "" as nested lists."""
    if text.strip().startswith("["):
        return json.loads(text)
    return [part for part in text.replace("x", ",").split(",") if part.strip()]


def _spoken(kind: Any) -> str:
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        return "a list of lists of whole numbers" if get_origin(inner) is tuple else f"a list ({inner.__name__})"
    return {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}[kind]
