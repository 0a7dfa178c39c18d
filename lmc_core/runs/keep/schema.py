"""Whether a value that came from a file is what its class says: every field, down to the numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from lmc_core.errors import InputError

TEXT = 4000
"""Characters of the longest text."""

_MARKUP = re.compile(r"\]\(|<[A-Za-z/!]|://|[\x00-\x08\x0b-\x1f]")
_KINDS = {"f": "f", "i": "iu", "u": "iu", "b": "b", "U": "U"}


def check(value: Any, kind: Any, where: str = "the result") -> None:
    """Raises InputError that names the first place where `value` is not of the annotated `kind`.

    Where the annotation is open (Any), plain values and dataclasses are allowed, and the latter checked by their own.
    Text is refused when it is long or holds markup: it will stand on a page.
    """
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return _check_open(value, where)
    if origin in (Union, UnionType):
        return _check_union(value, parts, where)
    if origin is Literal:
        return _demand(value in parts, where, value)
    if kind is np.ndarray or origin is np.ndarray:
        return _check_array(value, parts, where)
    if origin is tuple:
        return _check_tuple(value, parts, where)
    if isinstance(origin or kind, type) and issubclass(origin or kind, Mapping):
        _demand(isinstance(value, Mapping), where, value)
        key, item = parts or (Any, Any)
        for name, inner in value.items():
            check(name, key, f"a name in {where}")
            check(inner, item, f"{where}, {str(name)[:40]}")
        return None
    if is_dataclass(kind):
        _demand(type(value) is kind, where, value)
        hints = get_type_hints(kind)
        for field in fields(kind):
            check(getattr(value, field.name), hints[field.name], f"{where}.{field.name}")
        return None
    if kind is float:
        return _demand(isinstance(value, (int, float)) and not isinstance(value, bool), where, value)
    if kind is int:
        return _demand(isinstance(value, int) and not isinstance(value, bool), where, value)
    if kind is str:
        return _check_text(value, where)
    return _demand(isinstance(value, kind if isinstance(kind, type) else object), where, value)


def _check_open(value: Any, where: str) -> None:
    if is_dataclass(value) and not isinstance(value, type):
        check(value, type(value), where)
    elif isinstance(value, Mapping):
        check(value, Mapping[Any, Any], where)
    elif isinstance(value, tuple):
        check(value, tuple[Any, ...], where)
    elif isinstance(value, str):
        _check_text(value, where)
    elif not isinstance(value, np.ndarray):
        _demand(value is None or isinstance(value, (bool, int, float)), where, value)


def _check_union(value: Any, kinds: tuple[Any, ...], where: str) -> None:
    if value is None and NoneType in kinds:
        return None
    problem: InputError | None = None
    for kind in kinds:
        if kind is not NoneType:
            try:
                return check(value, kind, where)
            except InputError as error:
                problem = error
    raise problem or InputError(f"{where} should be nothing")


def _check_tuple(value: Any, kinds: tuple[Any, ...], where: str) -> None:
    _demand(isinstance(value, tuple), where, value)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        for item in value:
            check(item, kinds[0], where)
    elif kinds:
        _demand(len(value) == len(kinds), where, value)
        for item, kind in zip(value, kinds, strict=True):
            check(item, kind, where)


def _check_array(value: Any, parts: tuple[Any, ...], where: str) -> None:
    _demand(isinstance(value, np.ndarray), where, value)
    numbers = get_args(parts[1])[0] if len(parts) == 2 and get_args(parts[1]) else None
    if isinstance(numbers, type) and issubclass(numbers, np.generic):
        try:
            wanted = np.dtype(numbers).kind
        except TypeError:  # an abstract kind of number
            return
        _demand(value.dtype.kind in _KINDS.get(wanted, wanted), where, value.dtype)


def _check_text(value: Any, where: str) -> None:
    _demand(isinstance(value, str), where, value)
    if len(value) > TEXT:
        raise InputError(f"{where} is a text of {len(value)} characters; at most {TEXT} are read")
    if _MARKUP.search(value):
        raise InputError(f"{where} holds markup or an address: {value[:40]!r}")


def _demand(right: bool, where: str, value: Any) -> None:
    if not right:
        raise InputError(f"{where} cannot be {str(value)[:40]!r} ({type(value).__name__})")
