"""What can be chosen, declared once: the check of a request, a form, a URL, a command and a schema follow from it.

A type of our own, and not a model of a validation library: labels, help, the texts of URLs and commands and the
sentence of every refusal belong to the declaration, and canonical JSON, which names runs, stays byte for byte.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lmc_core.errors import SettingError

LARGEST: Final = 2**53 - 1
"""Whole numbers up to here mean the same in JSON, in a browser and in NumPy."""

NONE, LIST = "none", ","
TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
SHOWN = 80  # characters of a value that an error repeats


class _Required:
    """The default of an option that has none."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()


@dataclass(frozen=True)
class Option:
    """One thing that can be chosen.

    kind       bool, int, float or str
    default    REQUIRED where there is none
    help       a sentence or two for forms and commands
    low, high  inclusive range of a number, or of the length of a text; None = open (whole numbers end at ±LARGEST)
    choices    the only allowed values
    optional   None is allowed, written "none"
    many       a list of such values
    label      how a form calls it; the name by default
    unit       "examples", "epochs", …
    pattern    regular expression that a text has to match as a whole
    wording    what is allowed, in words, where it does not follow from the rest
    url        its name in a URL, where that is another one
    left_out   at its default it is no part of a request's text: requests from before it existed keep their names

    For every value v that `check` returns, check(v) == check(parse(text(v))) == v.
    """

    name: str
    kind: type
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    optional: bool = False
    many: bool = False
    label: str = ""
    unit: str = ""
    pattern: str = ""
    wording: str = ""
    url: str = ""
    left_out: bool = False

    @property
    def required(self) -> bool:
        """True if it has no default."""
        return self.default is REQUIRED

    @property
    def title(self) -> str:
        """What a form or a table calls it."""
        return self.label or self.name.replace("_", " ").capitalize()

    @property
    def allowed(self) -> str:
        """What may be chosen, in words: "a whole number from 2 to 201"."""
        if self.wording:
            return self.wording
        one = self._one_allowed()
        found = f"a list, each of it {one}" if self.many else one
        return f"{found}, or none" if self.optional and not self.choices else found

    def check(self, value: Any) -> Any:
        """The value in this option's type. Raises SettingError with the name, the value and what is allowed."""
        if value is None or (self.optional and isinstance(value, str) and value.lower() in ("", NONE)):
            if self.optional:
                return None
            raise self.refused(value)
        if not self.many:
            return self._one(value, value)
        if not isinstance(value, (list, tuple)):
            raise self.refused(value)
        return [self._one(item, value) for item in value]

    def parse(self, text: str) -> Any:
        """The value that a URL or a command line spells. Raises SettingError."""
        if not self.many or (self.optional and text.lower() in ("", NONE)):
            return self.check(text)
        if text.startswith("["):
            try:
                return self.check(json.loads(text))
            except (ValueError, RecursionError):
                raise self.refused(text) from None
        return self.check([part.strip() for part in text.split(LIST) if part.strip()])

    def text(self, value: Any) -> str:
        """A checked value as a URL or a command line spells it."""
        if value is None:
            return NONE
        if not self.many:
            return _text(value)
        parts = [_text(item) for item in value]
        plain = all(part and part == part.strip() and LIST not in part and part[0] != "[" for part in parts)
        return (
            LIST.join(parts)
            if parts and plain and [part.lower() for part in parts] != [NONE]
            else json.dumps(list(value))
        )

    @property
    def schema(self) -> dict[str, Any]:
        """The option as JSON Schema (draft 2020-12)."""
        one = self._one_schema()
        if self.many:
            one = {"type": "array", "items": one}
        if self.optional:
            one = {**one, "type": [one["type"], "null"], **({"enum": [*one["enum"], None]} if "enum" in one else {})}
        about = {"title": self.title, "description": self.help}
        return {**about, **one, **({} if self.required else {"default": self.default})}

    def spread(self, values: Mapping[str, Any]) -> dict[str, str]:
        """What a URL says of this option: name → text; `values` are those of all options."""
        return {self.url or self.name: self.text(values[self.name])}

    def gather(self, query: Mapping[str, str]) -> dict[str, Any]:
        """This option's name → value, from what a URL says; empty if it says nothing. Raises SettingError."""
        text = query.get(self.url or self.name)
        return {} if text is None else {self.name: self.parse(text)}

    def refused(self, value: Any) -> SettingError:
        """The error for a value: the name, the value, what is allowed."""
        return SettingError(f"{self.name}={_shown(value)} is not {self.allowed}")

    def _one(self, item: Any, value: Any) -> Any:
        """One value of this kind; `value` is the whole, for the error."""
        try:
            typed = _READERS[self.kind](item)
        except (TypeError, ValueError, OverflowError):
            raise self.refused(value) from None
        size = len(typed) if self.kind is str else typed
        if self.choices and not any(typed == choice and type(typed) is type(choice) for choice in self.choices):
            raise self.refused(value)
        if self.kind is not bool and not self._low <= size <= self._high:
            raise self.refused(value)
        if self.pattern and not re.fullmatch(self.pattern, typed):
            raise self.refused(value)
        return typed

    @property
    def _low(self) -> float:
        return self.low if self.low is not None else -LARGEST if self.kind is int else -math.inf

    @property
    def _high(self) -> float:
        return self.high if self.high is not None else LARGEST if self.kind is int else math.inf

    def _one_allowed(self) -> str:
        if self.choices:
            return f"one of {', '.join([*map(_text, self.choices), *([NONE] if self.optional else [])])}"
        if self.kind is bool:
            return "true or false"
        noun = {int: "a whole number", float: "a number", str: "a text"}[self.kind]
        if self.kind is str:
            return noun if self.high is None else f"{noun} of at most {self.high:g} characters"
        if self.low is not None and self.high is not None:
            return f"{noun} from {_number(self.low)} to {_number(self.high)}"
        if self.low is not None:
            return f"{noun} of at least {_number(self.low)}"
        return noun if self.high is None else f"{noun} of at most {_number(self.high)}"

    def _one_schema(self) -> dict[str, Any]:
        found: dict[str, Any] = {"type": {bool: "boolean", int: "integer", float: "number", str: "string"}[self.kind]}
        names = ("minLength", "maxLength") if self.kind is str else ("minimum", "maximum")
        bounds = (self._low, self._high) if self.kind is int else (self.low, self.high)
        if self.kind is not bool:
            found |= {name: bound for name, bound in zip(names, bounds, strict=True) if bound is not None}
        if self.choices:
            found["enum"] = list(self.choices)
        if self.pattern:
            found["pattern"] = f"^(?:{self.pattern})$"
        return found


@dataclass(frozen=True)
class Nested(Option):
    """An option whose value is a JSON object or list of its own; `check` and `schema` are those of its kind.

    Its text is its JSON.
    """

    def parse(self, text: str) -> Any:
        if self.optional and text.lower() in ("", NONE):
            return self.check(None)
        try:
            return self.check(json.loads(text))
        except (ValueError, RecursionError) as error:
            if isinstance(error, SettingError):
                raise
            raise self.refused(text) from None

    def text(self, value: Any) -> str:
        return NONE if value is None else json.dumps(value, separators=(",", ":"), sort_keys=True)


@dataclass(frozen=True)
class Options:
    """Options that belong together, in the order in which forms list them.

    owner   whose they are, as an error says it: "weight-matching"
    noun    what an error calls one of them: "setting"
    """

    owner: str
    options: tuple[Option, ...] = ()
    noun: str = "option"

    def __iter__(self) -> Iterator[Option]:
        return iter(self.options)

    def __getitem__(self, name: str) -> Option:
        """The option of that name. Raises SettingError that lists the names there are."""
        for option in self.options:
            if option.name == name:
                return option
        raise self.unknown(name)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(option.name for option in self.options)

    @property
    def defaults(self) -> dict[str, Any]:
        """Name → default, of those that have one."""
        return {option.name: option.default for option in self.options if not option.required}

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every option: checked where it is given, at its default where not. Raises SettingError."""
        for name in given:
            self[name]
        for option in self.options:
            if option.required and option.name not in given:
                raise SettingError(f"{self.owner} needs {option.name}: {option.help}")
        return {option.name: option.check(given.get(option.name, option.default)) for option in self.options}

    def brief(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values without those that are left out at their default."""
        spare = {option.name: option.default for option in self.options if option.left_out}
        return {name: value for name, value in values.items() if name not in spare or value != spare[name]}

    def query(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Name → text as a URL spells it, of checked values that are not at their default."""
        found: dict[str, str] = {}
        for option in self.options:
            if option.name in values and (option.required or values[option.name] != option.default):
                found |= option.spread(values)
        return found

    def read(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Every option, from the texts of a URL; what else stands there is not theirs. Raises SettingError."""
        given: dict[str, Any] = {}
        for option in self.options:
            given |= option.gather(query)
        return self.check(given)

    @property
    def schema(self) -> dict[str, Any]:
        """A JSON Schema of an object that has these and no others."""
        return {
            "type": "object",
            "properties": {option.name: option.schema for option in self.options},
            "required": [option.name for option in self.options if option.required],
            "additionalProperties": False,
        }

    def unknown(self, name: object) -> SettingError:
        """The error for a name that none of them has."""
        return SettingError(
            f"{self.owner} has no {self.noun} {str(name)[:SHOWN]!r}; it has {', '.join(self.names) or NONE}"
        )


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word not in (*TRUE, *FALSE):
        raise ValueError
    return word in TRUE


def _int(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            value = float(value)  # "1e3"
    number = int(value)
    if number != value:
        raise ValueError
    return number


def _float(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


_READERS: Mapping[type, Any] = {bool: _bool, int: _int, float: _float, str: _str}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return TRUE[0] if value else FALSE[0]
    return value if isinstance(value, str) else repr(value)


def _number(bound: float) -> str:
    return f"{bound:g}" if abs(bound) < 1e-3 or bound != int(bound) else f"{int(bound)}"


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, lists in lists
        text = f"a {type(value).__name__} too long to show"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
