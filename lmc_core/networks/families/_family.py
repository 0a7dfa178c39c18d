"""What a family of networks says about itself, so that forms and cards know it without importing torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import nn

    from lmc_core.networks.families._parts import Match, Shape

Freedom = Literal["one", "each"]
"""One number for all hidden layers, or a number for each group of units."""


@dataclass(frozen=True)
class Family:
    """One family; its code lies in the folder of its name and is imported when it is used.

    name     as files and commands write it
    title    as a heading: "Residual network"
    brief    how people call it: "ResNet"
    phrase   within a sentence: "a residual network"
    module   the class in module.py that builds a network from `Options`; beside it `example`
    widths   what can be chosen where networks are fused; empty where other widths make no module
    attends  whether its units attend to each other
    chain    whether it is linear layers one after the other, so that many of one shape can be computed as a stack
    images   whether an input of 3 × h × w is a colour image
    unlike   pattern of names of tensors that belong to something else of the same shapes: such a state dict is read as
             this family only where somebody asks for it

    recognise.py holds `recognise(shapes, given)` and `likeness(shapes)`.
    """

    name: str
    title: str
    brief: str
    phrase: str
    module: str
    widths: tuple[Freedom, ...] = ()
    attends: bool = False
    chain: bool = False
    images: bool = False
    unlike: str = ""

    def foreign(self, names: Iterable[str]) -> str | None:
        """The first name that belongs to something else."""
        pattern = re.compile(self.unlike, re.IGNORECASE)
        return next((name for name in names if self.unlike and pattern.search(name)), None)

    @property
    def options(self) -> type:
        """Frozen dataclass; each field carries its help."""
        return self._file("module").Options

    def build(self, options: Any) -> nn.Module:
        """A freshly initialised module. Raises SettingError when options contradict each other."""
        return getattr(self._file("module"), self.module)(options)

    def example(self, options: Any) -> tuple[tuple[int, ...], int]:
        """Shape of one example, and of how many tokens it chooses; 0 = it is made of numbers."""
        return self._file("module").example(options)

    def recognise(self, shapes: Mapping[str, Shape], given: Mapping[str, Any]) -> Match:
        """Options and names that fit a state dict. Raises NotThis with the reason where none do."""
        return self._file("recognise").recognise(shapes, given)

    def likeness(self, shapes: Mapping[str, Shape]) -> int:
        """How much tensors look like this family to a reader, whether or not they fit; 0 = not at all."""
        return self._file("recognise").likeness(shapes)

    def _file(self, name: str) -> ModuleType:
        return import_module(f"lmc_core.networks.families.{self.name}.{name}")
