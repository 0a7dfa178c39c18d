"""One published architecture: which package it comes from, its name there, and how a small one is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Architecture:
    """`build` gives the module, with random weights, and an example of its inputs."""

    package: str
    name: str
    build: Callable[[], tuple[Any, Any]]

    @property
    def title(self) -> str:
        """Its name with that of its package before it: unique."""
        return f"{self.package}/{self.name}"
