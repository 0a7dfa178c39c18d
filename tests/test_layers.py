"""The house: imports point down, heavy libraries stay where they belong, public names are pinned."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import lmc_core

ROOT = Path(__file__).parents[1]

LAYERS = [
    {"cli", "commands", "__main__"},
    {"runs"},
    {"training"},
    {"figures"},
    {"words"},
    {"diagnostics"},
    {"methods", "fusion"},
    {"alignment"},
    {"paths"},
    {"symmetry"},
    {"graph"},
    {"networks"},
    {"data"},
    {"errors", "report"},
]
"""From the top: a layer imports only from itself and from layers below. Methods and fusion do not see each other."""

HEAVY = {
    "streamlit": ("app.py", "pages/"),
    "plotly": ("lmc_core/figures/",),
    "scipy": ("lmc_core/alignment/solve.py", "lmc_core/alignment/plans.py"),
    "ot": ("lmc_core/alignment/plans.py",),
    "sklearn": ("lmc_core/data/", "lmc_core/diagnostics/"),
    "multiprocessing": ("lmc_core/runs/",),
    "subprocess": ("lmc_core/runs/",),
    "sqlalchemy": ("lmc_core/runs/",),
    "fsspec": ("lmc_core/runs/",),
}
"""Library → the only places that import it."""

WITHOUT_TORCH = [
    "lmc_core",
    "lmc_core.alignment.coupling",
    "lmc_core.cli",
    "lmc_core.commands.path",
    "lmc_core.data.registry",
    "lmc_core.diagnostics.projection",
    "lmc_core.errors",
    "lmc_core.figures.experiment",
    "lmc_core.figures.explore",
    "lmc_core.words.path",
    "lmc_core.fusion",
    "lmc_core.methods",
    "lmc_core.paths.profile",
    "lmc_core.report",
    "lmc_core.runs",
    "lmc_core.runs.library.models",
    "lmc_core.runs.values.request",
    "lmc_core.runs.values.result",
    "lmc_core.symmetry",
    "lmc_core.symmetry.axis",
    "lmc_core.symmetry.symmetry",
]
"""What the web process and `--help` import."""


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [*found, *(p for p in [ROOT / "app.py"] if p.exists())]


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Every module a file imports, anywhere in it; "lmc_core.paths" also for `from lmc_core import paths`."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found.append(str(node.module))
            if node.module == "lmc_core":
                found += [f"lmc_core.{alias.name}" for alias in node.names]
    return tuple(found)


def layer(part: str) -> int:
    (found,) = (i for i, names in enumerate(LAYERS) if part in names)
    return found


@pytest.mark.parametrize("package", [p for names in LAYERS for p in sorted(names)])
def test_imports_point_down(package):
    home = ROOT / "lmc_core" / package
    wrong = []
    for path in sources(f"lmc_core/{package}") if home.is_dir() else [home.with_suffix(".py")]:
        if path.name == "app.py":
            continue
        for name in imported(path):
            parts = name.split(".")
            if parts[0] != "lmc_core" or len(parts) == 1 or parts[1] == package:
                continue
            face = name == "lmc_core.methods._method"  # what a method says about itself is the same for both
            if layer(parts[1]) < layer(package) or ({package, parts[1]} == {"methods", "fusion"} and not face):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_every_part_of_the_package_has_its_place_in_the_layers():
    parts = {p.stem for p in (ROOT / "lmc_core").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert parts - {"__init__"} == set().union(*LAYERS)


@pytest.mark.parametrize("library", HEAVY)
def test_a_heavy_library_is_imported_only_where_it_belongs(library):
    users = [
        path.relative_to(ROOT).as_posix()
        for path in sources("lmc_core", "pages")
        if any(name.split(".")[0] == library for name in imported(path))
    ]
    assert [user for user in users if not user.startswith(HEAVY[library])] == []


def test_what_the_web_process_imports_does_not_load_torch():
    code = (
        f"import sys\nfor name in {WITHOUT_TORCH!r}:\n    __import__(name)\n    assert 'torch' not in sys.modules, name"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_core_does_not_load_streamlit():
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sources("lmc_core")
        if path.name not in ("app.py", "__main__.py")
    ]
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
        "dataset",
        "evaluate",
        "fuse",
        "load",
        "network",
        "symmetry",
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
