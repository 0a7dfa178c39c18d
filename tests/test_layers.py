"""The house: imports point down, heavy libraries stay where they belong, public names are pinned."""

import re
import subprocess
import sys

import pytest
from house import FLOORS, ROOT, circles, edges, imported, module, sources, upward

import lmc_core
from lmc_core.cli import COMMANDS

HEAVY = {
    "streamlit": ("app.py", "pages/"),
    "plotly": ("lmc_core/figures/",),
    "scipy": ("lmc_core/alignment/solve.py",),
    "ot": ("lmc_core/alignment/solve.py",),
    "sklearn": ("lmc_core/data/", "lmc_core/diagnostics/"),
    "multiprocessing": ("lmc_core/runs/",),
    "subprocess": ("lmc_core/runs/",),
    "sqlalchemy": ("lmc_core/runs/",),
    "fsspec": ("lmc_core/runs/",),
}
"""Library → the only places that import it."""

WITHOUT_TORCH = ("commands", "figures", "runs/kinds", "runs/library", "runs/summary", "runs/values", "words")
"""Folders that the web process and `--help` import from, whole."""

READS_NETWORKS = {"lmc_core.figures.notebook"}
"""What only a person's own notebook imports, who has networks in hand."""


@pytest.mark.parametrize("folder", FLOORS)
def test_imports_point_down(folder):
    assert upward(folder) == []


def test_no_files_stand_in_a_circle():
    assert circles(edges()) == []


def test_a_circle_is_found_where_there_is_one():
    graph = {name: frozenset(targets) for name, targets in {"a": "b", "b": "cd", "c": "a", "d": "e", "e": ""}.items()}
    assert circles(graph) == [["a", "b", "c"]]


@pytest.mark.parametrize("folder", FLOORS)
def test_every_part_of_a_folder_has_its_place_in_the_layers(folder):
    parts = {p.stem for p in (ROOT / folder).iterdir() if p.suffix == ".py" or any(p.glob("*.py"))}
    assert parts - {"__init__"} == {name for names in FLOORS[folder] for name in names}


@pytest.mark.parametrize("library", HEAVY)
def test_a_heavy_library_is_imported_only_where_it_belongs(library):
    users = [
        path.relative_to(ROOT).as_posix()
        for path in sources("lmc_core", "pages")
        if any(name.split(".")[0] == library for name in imported(path))
    ]
    assert [user for user in users if not user.startswith(HEAVY[library])] == []


def test_what_the_web_process_imports_does_not_load_torch():
    folders = [module(path) for folder in WITHOUT_TORCH for path in sources(f"lmc_core/{folder}")]
    names = sorted({"lmc_core", "lmc_core.cli", "lmc_core.fusion", "lmc_core.methods", *folders} - READS_NETWORKS)
    code = f"import sys\nfor name in {names!r}:\n    __import__(name)\n    assert 'torch' not in sys.modules, name"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_core_does_not_load_streamlit():
    names = [module(path) for path in sources("lmc_core") if path.name not in ("app.py", "__main__.py")]
    code = f"import sys\nfor name in {names!r}: __import__(name)\nassert 'streamlit' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_public_names_are_these():
    assert sorted(lmc_core.__all__) == [
        "Alignment",
        "Coupling",
        "FUSIONS",
        "LinearPath",
        "METHODS",
        "Network",
        "Profile",
        "Symmetry",
        "align",
        "canonical",
        "dataset",
        "evaluate",
        "fuse",
        "load",
        "network",
        "symmetry",
        "untied",
    ]
    assert dir(lmc_core) == sorted(lmc_core.__all__)


def test_every_public_name_is_there_and_is_documented():
    for name in lmc_core.__all__:
        found = getattr(lmc_core, name)
        if name not in ("METHODS", "FUSIONS"):
            assert found.__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'merge'"):
        lmc_core.merge  # noqa: B018


def test_every_method_says_what_it_is_and_where_it_comes_from():
    for name, method in (*lmc_core.METHODS.items(), *lmc_core.FUSIONS.items()):
        assert method.name == name
        assert method.title
        assert method.paper.url.startswith("https://")
        assert len(method.summary) < 90
        for parameter in method.parameters:
            assert parameter.help
            assert parameter.check(parameter.default) == parameter.default


def test_the_readme_lists_every_method_fusion_and_command():
    text = (ROOT / "README.md").read_text()
    rows = {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")}
    assert {f"`{name}`" for name in (*lmc_core.METHODS, *lmc_core.FUSIONS)} <= rows
    written = re.findall(r"^python -m lmc_core ([a-z]+)", text, re.MULTILINE)
    assert set(written) == set(COMMANDS)
