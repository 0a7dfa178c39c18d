"""What a kind of run says about itself, so that requests are checked and shown without importing torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lmc_core.options import Options
from lmc_core.runs.values.card import ModelCard

Chosen = Mapping[str, Any]
"""Name of an option → its value."""


class Known(Protocol):
    """What only a server knows: its models, its data, its runs. Each raises InputError for a name it does not know."""

    def card(self, model: str) -> ModelCard:
        """The card of a model."""
        ...

    def example(self, data: str) -> tuple[str, tuple[int, ...]]:
        """Title of the data, and the shape of one example."""
        ...

    def asked(self, run: str) -> Chosen:
        """The options of an earlier run."""
        ...


def no_models(options: Chosen) -> list[str]:
    """The models of a kind of run that names none."""
    return []


def as_they_are(options: Chosen) -> dict[str, Any]:
    """Options that mean together what each means alone."""
    return dict(options)


def with_fingerprints(options: Chosen, known: Known) -> dict[str, Any]:
    """The options and the fingerprints of the models "a" and "b", so that other weights make another request."""
    return {**options, "fingerprints": [known.card(options[name]).fingerprint for name in ("a", "b")]}


@dataclass(frozen=True)
class Kind:
    """One kind of run, without its work, its words and its pictures: other floors hold them under the same name.

    doing      what is being done, as a heading: "Measuring the plane"
    stages     its steps in order
    options    what can be asked for
    results    classes of what it stores, the whole result first
    models     options → ids of all models they name, in the order of their fingerprints
    settle     options, each checked → what they mean together; raises SettingError
    bind       options and what a server knows → the options of a request that can be carried out there
    facts      names that `bind` adds or fills in: a request that says them is refused where it is wrong. Where there
               are none, as of a visitor's file, nothing has to be bound
    title      options and cards of the models → what the run is called, where that is not the models' names
    example    options of the analysis that its page shows before anybody asks for one: cheap, of shipped models
    others     options of further ones, of other kinds of models, that a fresh server has finished
    command    what the command line calls it, where that is not its name
    reads_file the request is of a visitor's file, and nobody else's
    version    part of every run id: raise it when the same options give another result, or one stored otherwise
    """

    name: str
    doing: str
    stages: tuple[str, ...]
    options: Options
    results: tuple[type, ...]
    models: Callable[[Chosen], list[str]] = no_models
    settle: Callable[[Chosen], dict[str, Any]] = as_they_are
    bind: Callable[[Chosen, Known], dict[str, Any]] = with_fingerprints
    facts: tuple[str, ...] = ("fingerprints",)
    title: Callable[[Chosen, Sequence[ModelCard]], str] | None = None
    example: Chosen | None = None
    others: tuple[Chosen, ...] = ()
    command: str = ""
    reads_file: bool = False
    version: int = 2

    def check(self, given: Chosen) -> dict[str, Any]:
        """All options with defaults filled in, each checked and all together. Raises SettingError, or InputError."""
        return self.settle(self.options.check(given))

    def canonical(self, options: Chosen) -> dict[str, Any]:
        """The options as a request's text has them: without those that are left out at their default."""
        return self.options.brief(options)

    @property
    def schema(self) -> dict[str, Any]:
        """A JSON Schema of a request's options."""
        return {"title": self.name, "description": f"{self.doing}.", **self.options.schema}
