"""A stand-in for torchvision where it is not installed.

timm and segmentation-models-pytorch import it for image files, transforms and the ResNets of its own, none of which is
built here; every build of it asks for one build of torch, which a benchmark must not exchange.
"""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any, ClassVar

NAME = "torchvision"


class _Names(type):
    """A class whose attributes are their own names."""

    def __getattr__(cls, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class _Placeholder(ModuleType):
    """A module in which every name is a class of its own that nobody has an instance of."""

    __path__: ClassVar[list[str]] = []
    __version__ = "0"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = _Names(name, (), {})
        setattr(self, name, made)
        return made


class _Finder(MetaPathFinder, Loader):
    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if fullname.split(".")[0] == NAME else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Placeholder(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def without_torchvision() -> None:
    """Let `import torchvision` succeed where there is none."""
    if NAME not in sys.modules and find_spec(NAME) is None:
        sys.meta_path.append(_Finder())
