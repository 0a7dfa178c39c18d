"""Runs that align one pair by every method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmc_core.figures.compare_words import compare_finding
from lmc_core.methods import METHODS
from lmc_core.runs.card import ModelCard
from lmc_core.runs.comparison import CompareResult, MethodRow
from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.kinds._pair import open_pair, pair_options
from lmc_core.runs.request import POINTS, integer, one_of

if TYPE_CHECKING:
    from lmc_core.report import Report
    from lmc_core.runs.request import Request

READ, COMPARE = STAGES = ("Reading the networks", "Aligning and evaluating")


@dataclass(frozen=True, eq=False)
class ComparisonResult:
    """A comparison as it is kept: what was asked, and what was found."""

    request: Mapping[str, Any]
    found: CompareResult
    finding: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def models(self) -> tuple[ModelCard, ModelCard]:
        return self.found.models

    @property
    def title(self) -> str:
        """Both models by name."""
        return self.found.title

    @property
    def json(self) -> dict[str, Any]:
        """The object that `compare --json` prints, and the finding."""
        return {**self.found.json, "finding": self.finding}


def options(
    a: str,
    b: str,
    data: str = "digits",
    methods: Sequence[str] = (),
    points: int = 25,
    seed: int = 0,
    train_examples: int = 1_000,
    device: str = "auto",
) -> dict[str, Any]:
    """A pair, and the methods in the order of the list; all of them if none are named."""
    wanted = [one_of("methods", name, METHODS) for name in methods] or list(METHODS)
    pair = pair_options(a, b, data, seed, train_examples, device)
    return pair | {
        "methods": [name for name in METHODS if name in wanted],
        "points": integer("points", points, *POINTS),
    }


def work(request: Request, report: Report, folder: Path, device: str) -> ComparisonResult:
    """Every method in turn, then all paths together."""
    from lmc_core.runs.bench import within
    from lmc_core.runs.compare import compare

    asked = request.options
    pair = open_pair(request, report, READ, device)
    found = compare(
        pair.a,
        pair.b,
        pair.data,
        **{name: asked[name] for name in ("methods", "points", "seed", "train_examples")},
        device=device,
        models=pair.cards,
        report=within(report, COMPARE),
    )
    said = compare_finding({row.title: row.profile for row in found.rows if row.profile is not None}).text
    return ComparisonResult({"kind": "compare", **asked}, found, said, (*pair.notes, *found.notes))


COMPARISON = Kind(
    "compare",
    "Aligning B to A by every method",
    STAGES,
    options,
    work,
    (ComparisonResult, CompareResult, MethodRow),
    example={"a": "digits-mlp-128/seed0", "b": "digits-mlp-128/seed1"},
)
