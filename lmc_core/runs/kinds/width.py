"""Runs that align the shipped networks of several widths: how barrier and distance fall with the width."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmc_core.diagnostics.width import Scaling, scaling
from lmc_core.errors import InputError
from lmc_core.methods import METHODS
from lmc_core.paths.profile import Profile
from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.kinds._pair import method_options
from lmc_core.runs.kinds._result import Measured
from lmc_core.runs.values.request import SEEDS, TRAIN_EXAMPLES, checked_device, integer
from lmc_core.words.width import width_finding

if TYPE_CHECKING:
    from lmc_core.report import Report
    from lmc_core.runs.values.request import Request

FAMILY = ("digits-mlp-32", "digits-mlp-128", "digits-mlp-512")
DATA = "digits"
STAGES = tuple(f"Aligning networks of width {name.rpartition('-')[2]}" for name in FAMILY)


@dataclass(frozen=True, eq=False)
class WidthRow:
    """One pair of the family: its width and both paths."""

    width: int
    naive: Profile
    aligned: Profile


@dataclass(frozen=True, eq=False, kw_only=True)
class WidthResult(Measured):
    """Pairs of increasing width.

    plain, seen   layer → W₂² against width, of W and of W Σ^½
    """

    rows: tuple[WidthRow, ...]
    plain: Mapping[str, Scaling]
    seen: Mapping[str, Scaling]

    @property
    def title(self) -> str:
        return title({})

    @property
    def json(self) -> dict[str, Any]:
        """The measured numbers as one JSON object."""

        def told(scalings: Mapping[str, Scaling]) -> dict[str, Any]:
            return {
                name: {"costs": s.costs.tolist(), "slope": s.slope, "dimension": s.dimension}
                for name, s in scalings.items()
            }

        return super().json | {
            "widths": [row.width for row in self.rows],
            "barrier": {
                "naive": [row.naive.barrier() for row in self.rows],
                "aligned": [row.aligned.barrier() for row in self.rows],
            },
            "plain": told(self.plain),
            "seen": told(self.seen),
        }


def title(options: Mapping[str, Any]) -> str:
    return f"Digits MLPs of width {', '.join(name.rpartition('-')[2] for name in FAMILY)}"


def options(
    method: str = "activation-matching",
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    train_examples: int = 1_000,
    device: str = "auto",
    models: Any = None,
    data: str = DATA,
) -> dict[str, Any]:
    """How B is aligned to A in every pair; `models` and `data`, the shipped digits MLPs, are filled in."""
    from lmc_core.runs.library import models as library

    ids = [f"{name}/seed{number}" for name in FAMILY for number in (0, 1)]
    if data != DATA or (models is not None and list(models) != ids):
        raise InputError(f"the family of widths is {', '.join(FAMILY)}, on {DATA}")
    return {
        "models": ids,
        "fingerprints": [library.card(name).fingerprint for name in ids],
        "data": DATA,
        **method_options(method, settings),
        "seed": integer("seed", seed, *SEEDS),
        "train_examples": integer("train_examples", train_examples, *TRAIN_EXAMPLES),
        "device": checked_device(device),
    }


def work(request: Request, report: Report, folder: Path, device: str) -> WidthResult:
    """Align and evaluate every pair, and measure how far its layers are apart."""
    from lmc_core.runs.library import models as library
    from lmc_core.runs.work.bench import Clock, device_name
    from lmc_core.runs.work.facts import versions

    asked, clock = request.options, Clock()
    rows, plain, seen = [], {}, {}  # type: ignore[var-annotated]
    for number, stage in enumerate(STAGES):
        with clock(stage):
            row, near, far = _one(asked, number, report, stage, device)
        rows.append(row)
        for found, kept in ((near, plain), (far, seen)):
            for label, cost in found.items():
                kept.setdefault(label, []).append(cost)
    widths = [row.width for row in rows]
    lines = [
        {label: scaling(label, widths, costs) for label, costs in kept.items() if len(costs) == len(widths)}
        for kept in (plain, seen)
    ]
    name = METHODS[asked["method"]].title
    return WidthResult(
        request={"kind": "width", **asked},
        models=tuple(library.card(model) for model in asked["models"]),
        data=asked["data"],
        method=name,
        rows=tuple(rows),
        plain=lines[0],
        seen=lines[1],
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        finding=width_finding(
            widths, [r.naive.barrier() for r in rows], [r.aligned.barrier() for r in rows], lines[1] or lines[0], name
        ).text,
    )


def _one(
    asked: Mapping[str, Any], number: int, report: Report, stage: str, device: str
) -> tuple[WidthRow, dict[str, float], dict[str, float]]:
    """One pair: its paths, and layer → W₂² over the mean squared norm, plain and as the data sees it."""
    import numpy as np

    from lmc_core.alignment.moments import input_moments
    from lmc_core.diagnostics.cost import transport_cost
    from lmc_core.diagnostics.labels import labels
    from lmc_core.diagnostics.units import units_of
    from lmc_core.methods.align import align
    from lmc_core.paths.evaluate import evaluate_many
    from lmc_core.paths.path import LinearPath
    from lmc_core.runs.library import data as datasets
    from lmc_core.runs.library import models as library
    from lmc_core.runs.work import bench

    first, second = (library.card(name) for name in asked["models"][2 * number : 2 * number + 2])
    if [first.fingerprint, second.fingerprint] != list(asked["fingerprints"][2 * number : 2 * number + 2]):
        raise InputError(f"model {first.id!r} or {second.id!r} was replaced after this run was asked for; ask again")
    a, b, _ = bench.open_pair(first, second)
    a, b = bench.on_device(a, device), bench.on_device(b, device)
    b = replace(b, module=a.module)
    data, inner = datasets.read(asked["data"]), bench.within(report, stage)
    symmetry, _ = bench.verified_symmetry(a, inner)
    alignment = align(
        a, b, asked["method"], data, symmetry=symmetry, seed=asked["seed"], report=inner, **asked["settings"]
    )
    aligned = replace(alignment.transport(b), module=a.module)
    naive, after = evaluate_many(
        [LinearPath(a, b), LinearPath(a, aligned)],
        data,
        train_examples=asked["train_examples"],
        seed=asked["seed"],
        report=inner,
    )
    moments = input_moments(a, symmetry, data.x_train[: asked["train_examples"]], report=inner)
    costs: tuple[dict[str, float], dict[str, float]] = ({}, {})
    for group, label in labels(symmetry).items():
        for kept, weighted in zip(costs, (None, moments), strict=True):
            rows_a, _, rows_b = units_of((a, b, aligned), symmetry, group, weighted)
            size = float((rows_a**2).sum() + (rows_b**2).sum()) / (2 * len(rows_a))
            kept[label] = transport_cost(np.asarray(rows_a), np.asarray(rows_b)) / size if size else 0.0
    width = max(group.size for group in symmetry.groups.values())
    return WidthRow(width, naive, after), costs[0], costs[1]


def proof(result: WidthResult) -> str:
    """The finding of widths that can be drawn."""
    from lmc_core.figures.width import width_figure

    widths = [row.width for row in result.rows]
    naive, aligned = ([getattr(row, side).barrier() for row in result.rows] for side in ("naive", "aligned"))
    assert len(widths) > 1
    assert sorted(set(widths)) == widths
    for scalings in (result.plain, result.seen):
        assert all(s.widths.shape == s.costs.shape == (len(widths),) for s in scalings.values())
        width_figure(widths, naive, aligned, scalings).to_json()
    return width_finding(widths, naive, aligned, result.seen or result.plain, result.method).text


WIDTH = Kind(
    "width",
    "Aligning networks of three widths",
    STAGES,
    options,
    work,
    (WidthResult, WidthRow, Scaling),
    title,
    proof=proof,
    example={},
)
