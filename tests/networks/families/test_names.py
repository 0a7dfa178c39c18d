"""What a family is lies in its folder: elsewhere no code names one."""

import ast
import re
from pathlib import Path

import pytest
from house import ROOT, sources

from lmc_core.networks.families import FAMILIES, brief, widths

HOME = "lmc_core/networks/families/"
NAMES_FAMILIES = (
    f"{HOME}__init__.py",  # the one list
    f"{HOME}_stack.py",  # "mlp" is also what the feed-forward part of a block is called
    "lmc_core/training/recipes.py",  # which networks are shipped is data: a recipe says which family it trains
    "lmc_core/training/reproduce/",  # an experiment of a paper is about the networks of that paper
)
"""Where a family is named, and why it may be."""

FOLDERS = sorted(path.parent.name for path in (ROOT / HOME).glob("*/__init__.py"))


def named(path: Path, families: set[str], sentences: bool = True) -> list[str]:
    """Families that a file names in a text or by an import.

    Prose may: docstrings, "recurrent" as an adjective, and ids of shipped networks such as "digits-mlp-128".
    """
    tree = ast.parse(path.read_text())
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            words = {node.value}
            if sentences:
                words |= set(re.findall(r"(?<![-\w])\w+(?![-\w])", node.value)) - {"recurrent"}
            found += [f"{path.name}:{node.lineno} {node.value!r}" for name in sorted(families & words)]
        elif isinstance(node, ast.ImportFrom):
            parts = str(node.module).split(".")
            found += [f"{path.name}:{node.lineno} {node.module}" for n in families if parts[2:4] == ["families", n]]
    return found


@pytest.mark.parametrize("folder", ["lmc_core", "pages"])
def test_no_family_is_named_outside_its_folder(folder: str) -> None:
    files = [p for p in sources(folder) if not re.match("|".join(NAMES_FAMILIES), p.relative_to(ROOT).as_posix())]
    files = [p for p in files if p.parent.name not in FAMILIES or not p.as_posix().startswith(f"{ROOT}/{HOME}")]
    assert [name for path in files for name in named(path, set(FAMILIES))] == []


def test_no_family_reads_another() -> None:
    """A sentence may point to one: "a plain chain of convolutions (family=cnn) has the same tensors"."""
    for folder in FOLDERS:
        for path in sorted((ROOT / HOME / folder).glob("*.py")):
            assert named(path, set(FAMILIES) - {folder}, sentences=False) == []


def test_a_name_is_found_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text('"""The cnn."""\nif family == "cnn":\n    print("digits-cnn, a cnn")\n')
    assert named(tmp_path / "page.py", {"cnn"}) == ["page.py:2 'cnn'", "page.py:3 'digits-cnn, a cnn'"]


def test_every_folder_is_a_family_of_that_name() -> None:
    assert sorted(FAMILIES) == FOLDERS
    assert {name: family.name for name, family in FAMILIES.items()} == {name: name for name in FAMILIES}


def test_what_is_no_family_is_called_by_its_name_and_has_no_widths() -> None:
    assert (brief(""), brief("diffusion"), brief("mlp")) == ("program", "diffusion", "MLP")
    assert widths("diffusion") == widths("") == ()
