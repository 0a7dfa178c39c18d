"""Everything public says what it is; what takes or gives numbers says which, and methods name their paper."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lmc_core
from lmc_core.fusion import FUSIONS
from lmc_core.methods import METHODS

ROOT = Path(lmc_core.__file__).parent
ELSEWHERE = {
    ("lmc_core.commands", "configure"): "lmc_core.cli says what every command has",
    ("lmc_core.commands", "run"): "lmc_core.cli says what every command has",
    ("lmc_core.runs.keep.migrations.versions", "upgrade"): "Alembic says what every step has",
}
OBVIOUS = ("seed", "device", "report", "networks", "method", "name", "path", "data", "module")
"""Parameters that mean the same everywhere, or that the first line speaks of."""


def modules() -> list[str]:
    """Of the core, without programs and what only its neighbours see."""
    paths = (path.relative_to(ROOT.parent).with_suffix("") for path in ROOT.rglob("*.py"))
    named = (".".join(path.parts).removesuffix(".__init__") for path in paths)
    return sorted(name for name in named if not any(part.startswith("_") for part in name.split(".")))


def public(module: str) -> Iterator[tuple[str, Any]]:
    """Name and value of the functions, classes and methods that a module defines for others."""
    found = importlib.import_module(module)
    source = Path(inspect.getsourcefile(found) or "").read_text()
    for node in ast.parse(source).body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        value = getattr(found, node.name)
        yield node.name, value
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and not part.name.startswith("_"):
                    yield f"{node.name}.{part.name}", inspect.getattr_static(value, part.name)


@pytest.mark.parametrize("module", modules())
def test_everything_public_says_what_it_is(module: str) -> None:
    assert (importlib.import_module(module).__doc__ or "").strip()
    parent = module.rpartition(".")[0]
    silent = [
        name
        for name, value in public(module)
        if (parent, name) not in ELSEWHERE and not (inspect.getdoc(value) or _inherited(module, name))
    ]
    assert not silent, f"{module} has no docstring for {', '.join(silent)}"


def _inherited(module: str, name: str) -> bool:
    """Whether a class above, of ours or not, says what a method is."""
    owner, _, method = name.partition(".")
    above = getattr(importlib.import_module(module), owner).__mro__[1:] if method else ()
    return any(inspect.getdoc(inspect.getattr_static(base, method, None)) for base in above if hasattr(base, method))


def functions(name: str) -> list[str]:
    """Docstrings of a public name, if it is a function."""
    value = getattr(lmc_core, name)
    return [inspect.getdoc(value) or ""] if inspect.isfunction(value) else []


@pytest.mark.parametrize("declared", [*METHODS.values(), *FUSIONS.values()], ids=lambda declared: declared.name)
def test_a_method_says_what_it_solves_and_in_which_paper_that_stands(declared: Any) -> None:
    said = inspect.getdoc(declared.solve) or ""
    assert re.search(r"[=<‖∥]|\b(min|max)\b", said), "no equation"
    assert declared.paper.key in said
    assert declared.paper.url.startswith("https://")


@pytest.mark.parametrize("name", [name for name in lmc_core.__all__ if functions(name)])
def test_a_public_function_says_what_it_takes_what_it_gives_and_what_it_refuses(name: str) -> None:
    (said,) = functions(name)
    taken = [one for one in inspect.signature(getattr(lmc_core, name)).parameters if one not in OBVIOUS]
    assert not [one for one in taken if not re.search(rf"\b{one}\b", said)]
    assert "Raises" in said or name == "network"
