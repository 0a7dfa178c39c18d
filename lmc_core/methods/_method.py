"""What a method says about itself, so that forms and commands can be made from it without importing torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lmc_core.errors import SettingError


@dataclass(frozen=True)
class Parameter:
    """One setting of a method.

    kind       bool, int, float or str
    low, high  inclusive range of a number; None = open
    choices    allowed values of a str
    """

    name: str
    kind: type
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    def check(self, value: Any) -> Any:
        """The value in this parameter's type. Raises SettingError with the allowed range."""
        if self.kind is bool:
            words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
            if isinstance(value, bool):
                return value
            if str(value).lower() in words:
                return words[str(value).lower()]
            raise SettingError(f"{self.name}={value!r} is not true or false")
        try:
            if self.kind is int and float(value) != int(float(value)):
                raise ValueError
            typed = self.kind(float(value)) if self.kind is int else self.kind(value)
        except (TypeError, ValueError):
            raise SettingError(f"{self.name}={value!r} is not of type {self.kind.__name__}") from None
        if self.choices and typed not in self.choices:
            raise SettingError(f"{self.name}={value!r} is not one of {', '.join(self.choices)}")
        if self.kind is not str:
            if not typed == typed:
                raise SettingError(f"{self.name} is not a number")
            if (self.low is not None and typed < self.low) or (self.high is not None and typed > self.high):
                raise SettingError(f"{self.name}={value!r} is outside {self.low}…{self.high}")
        return typed


@dataclass(frozen=True)
class Paper:
    """Where a method comes from."""

    key: str  # as cited in the README's bibliography: "Ainsworth 2022"
    title: str
    url: str


@dataclass(frozen=True)
class Method:
    """An alignment method: its face (title, paper, parameters, requirements) and its function.

    solve(problem, **settings) returns an alignment.schedule.Outcome; it imports what computes when it is called.
    summary      one sentence for the form, under 80 characters
    needs_data   it reads activations
    """

    name: str
    title: str
    summary: str
    paper: Paper
    solve: Callable[..., Any]
    parameters: tuple[Parameter, ...] = ()
    needs_data: bool = False
    notes: tuple[str, ...] = field(default=())

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters with defaults filled in and values checked. Raises SettingError for unknown names."""
        known = {p.name: p for p in self.parameters}
        for name in given:
            if name not in known:
                raise SettingError(
                    f"{self.name} has no setting {name!r}; it has {', '.join(known) if known else 'none'}"
                )
        return {p.name: p.check(given.get(p.name, p.default)) for p in self.parameters}
