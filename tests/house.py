"""The plan of the house as data, and the imports as they stand: what tests of the structure and its picture read."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]

FLOORS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "lmc_core": (
        ("__main__",),
        ("cli",),
        ("commands",),
        ("runs",),
        ("training",),
        ("figures",),
        ("words",),
        ("diagnostics",),
        ("methods", "fusion"),
        ("alignment",),
        ("paths",),
        ("symmetry",),
        ("graph",),
        ("networks",),
        ("data",),
        ("options", "operators"),
        ("errors", "report", "shown"),
    ),
    "lmc_core/runs": (
        ("service",),
        ("share",),
        ("engine",),
        ("work", "summary"),
        ("library",),
        ("keep",),
        ("kinds",),
        ("values",),
        ("settings",),
    ),
    # A network writes itself: files are written below it and read above it.
    "lmc_core/networks": (
        ("reading",),
        ("checkpoint",),
        ("fit", "scale", "untied", "pretrained"),
        ("race",),
        ("network",),
        ("families", "program"),
        ("statedict",),
        ("values", "outputs", "precision", "copies", "given", "original"),
        ("safety",),
    ),
    "lmc_core/graph": (
        ("untraced",),
        ("trace",),
        ("decompose", "recurrence", "stored"),
        ("export", "operation"),
        ("asked",),
    ),
    # A symmetry verifies itself: moving units and measuring need only the arrangement below it.
    "lmc_core/symmetry": (
        ("canonical",),
        ("infer", "declare"),
        ("branching",),
        ("walk", "evidence"),
        ("rules", "rotary", "siblings"),
        ("_solver", "move"),
        ("symmetry",),
        ("verify",),
        ("permute",),
        ("arrangement",),
        ("axis",),
        ("classes",),
    ),
    "lmc_core/alignment": (
        ("alignment", "passes", "relaxed", "kept", "branches"),
        ("sweeps", "soften", "structure", "heads", "distance", "learn", "levels"),
        ("objective",),
        ("wiring",),
        ("terms", "grams"),
        ("moments",),
        ("responses", "positions", "problem"),
        ("meetings", "template", "transport"),
        ("blocks", "method"),
        ("solve", "result"),
        ("coupling",),
    ),
    "lmc_core/fusion": (
        ("fuse",),
        ("after", "template", "widen"),
        (
            "wasserstein_barycenter",
            "gromov_wasserstein_barycenter",
            "ot_fusion",
            "vanilla_average",
            "merge_many",
            "full_symmetry_merge",
            "cycle_consistent",
            "zipit",
        ),
        ("start", "rounds", "frame", "universe", "gromov", "zipping", "partial"),
        ("barycenter", "_fusion", "outcome"),
    ),
    "pages": (
        ("_shell", "explore", "fuse", "compare", "landscape", "theory", "library", "gallery", "guide", "run"),
        ("_show",),
        ("_ask",),
        ("_jobs",),
        ("_frame",),
    ),
}
"""Folder → its floors from the top. A file imports from its own floor's package and from floors below, nothing else."""


def sources(*folders: str) -> list[Path]:
    """Python files below the folders, and the server's entry."""
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))] + [ROOT / "app.py"]


def module(path: Path) -> str:
    """Dotted name of a file: "lmc_core.paths.path"; a package's for its __init__."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def imported(path: Path, only_when_run: bool = False) -> frozenset[str]:
    """Every module a file imports, anywhere in it, with each imported name as if it were a module too.

    only_when_run   leave out what stands under TYPE_CHECKING
    """
    found: set[str] = set()
    for node in _nodes(ast.parse(path.read_text()), only_when_run):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def _nodes(tree: ast.AST, only_when_run: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if only_when_run and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from _nodes(node, only_when_run)


@cache
def edges() -> Mapping[str, frozenset[str]]:
    """File → files it imports when it is run, by dotted name. A package counts only where nothing in it is named."""
    files = {module(path): path for path in sources("lmc_core", "pages")}
    found = {}
    for name, path in files.items():
        taken = {target for target in imported(path, only_when_run=True) if target in files} - {name}
        packages = {t for t in taken if files[t].name == "__init__.py" and any(o.startswith(f"{t}.") for o in taken)}
        found[name] = frozenset(taken - packages)
    return found


def circles(graph: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Sets of files that import each other, directly or by way of others (Tarjan's components of two files or more)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        stack.append(node)
        for target in sorted(graph[node]):
            if target not in number:
                visit(target)
                lowest[node] = min(lowest[node], lowest[target])
            elif target in stack:
                lowest[node] = min(lowest[node], number[target])
        if lowest[node] == number[node]:
            part = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(part) > 1:
                found.append(sorted(part))

    for node in graph:
        if node not in number:
            visit(node)
    return found


def upward(folder: str) -> list[str]:
    """Imports of a folder's files that lead to a floor above, or to a neighbour on the same floor."""
    level = {name: number for number, names in enumerate(FLOORS[folder]) for name in names}
    home = folder.replace("/", ".")
    wrong = []
    for path in sources(folder):
        part = module(path).removeprefix(f"{home}.").split(".")[0]
        if not module(path).startswith(f"{home}.") or part not in level:
            continue
        for name in imported(path):
            other = name.removeprefix(f"{home}.").split(".")[0]
            if name.startswith(f"{home}.") and other in level and other != part and level[other] <= level[part]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    return sorted(wrong)
