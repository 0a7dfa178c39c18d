"""What a method says about itself, so that forms and commands can be made from it without importing torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lmc_core.options import Option, Options


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
    parameters: tuple[Option, ...] = ()
    needs_data: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def options(self) -> Options:
        """The parameters as a set that checks settings and is written as a form, a URL or a schema."""
        return Options(self.name, self.parameters, "setting")

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters with defaults filled in and values checked. Raises SettingError for unknown names."""
        return self.options.check(given)
