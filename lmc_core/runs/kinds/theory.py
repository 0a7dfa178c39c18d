"""Runs that measure on one pair what the theory of linear mode connectivity speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmc_core.diagnostics.diagnose import Layer
from lmc_core.diagnostics.gap import Gap
from lmc_core.diagnostics.matching import Matching
from lmc_core.methods import METHODS
from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.kinds._pair import method_options, open_pair, pair_options
from lmc_core.runs.kinds._result import Measured
from lmc_core.words.theory import theory_finding

if TYPE_CHECKING:
    from lmc_core.report import Report
    from lmc_core.runs.values.request import Request

READ, ALIGN, GAP, COMPARE = STAGES = (
    "Reading the networks",
    "Aligning B to A",
    "Measuring the function gap",
    "Comparing the layers",
)


@dataclass(frozen=True, eq=False, kw_only=True)
class TheoryResult(Measured):
    """Function gaps along both paths, distances and dimensions of every layer.

    naive, aligned     Gap
    matching, layers   group → as in a path run
    """

    naive: Gap
    aligned: Gap
    matching: Mapping[str, Matching]
    layers: Mapping[str, Layer]

    @property
    def json(self) -> dict[str, Any]:
        """The measured numbers as one JSON object."""
        gaps = {
            name: {"gap": side.gap.tolist(), "bound": side.bound.tolist(), "excess": side.excess.tolist()}
            for name, side in (("naive", self.naive), ("aligned", self.aligned))
        }
        return super().json | {"t": self.naive.t.tolist(), **gaps, "layers": theory_rows(self)}


def theory_rows(result: TheoryResult) -> list[dict[str, Any]]:
    """One row per layer: W₂² in both metrics, dimensions, feature connectivity."""
    rows = []
    for group, match in result.matching.items():
        layer = result.layers[group]
        row: dict[str, Any] = {"layer": match.label, "units": match.units}
        for name, cost in (("W", match.plain), ("W Σ½", match.seen)):
            if cost is not None:
                row |= {f"{name}: naive": cost.before, f"{name}: aligned": cost.after, f"{name}: W₂²": cost.best}
        spectra = (
            ("of W", layer.dimension.weights),
            ("seen", layer.dimension.seen),
            ("seen, centred", layer.dimension.centred),
        )
        row |= {f"dimension {name}": None if s is None else s.dimension for name, s in spectra}
        for name, side in (("naive", layer.before), ("aligned", layer.after)):
            row[f"lowest cosine, {name}"] = None if side is None else float(side.cosine.min())
        rows.append(row)
    return rows


def options(
    a: str,
    b: str,
    data: str = "digits",
    method: str = "activation-matching",
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    train_examples: int = 1_000,
    device: str = "auto",
) -> dict[str, Any]:
    """A pair and how B is aligned."""
    return pair_options(a, b, data, seed, train_examples, device) | method_options(method, settings)


def work(request: Request, report: Report, folder: Path, device: str) -> TheoryResult:
    """Align, measure both function gaps, then every layer."""
    from lmc_core.diagnostics.diagnose import diagnose
    from lmc_core.diagnostics.gap import function_gap
    from lmc_core.paths.recalibrate import default_recalibration
    from lmc_core.runs.work.bench import Clock, device_name, within
    from lmc_core.runs.work.facts import versions

    asked, clock = request.options, Clock()
    pair = open_pair(request, report, READ, device)
    count, seed = asked["train_examples"], asked["seed"]
    with clock("align"):
        alignment, aligned = pair.aligned(asked["method"], asked["settings"], seed, within(report, ALIGN))
    recalibrate = default_recalibration(pair.a)
    gaps = []
    with clock("gap"):
        for end in (pair.b, aligned):
            inner = within(report, GAP, details=False)
            found = function_gap(
                pair.a, end, pair.data, recalibrate=recalibrate, examples=count, seed=seed, report=inner
            )
            gaps.append(found)
    with clock("diagnose"):
        seen = diagnose(
            pair.a,
            pair.b,
            aligned,
            alignment,
            data=pair.data,
            t=gaps[0].t,
            examples=count,
            seed=seed,
            report=within(report, COMPARE),
        )
    title = METHODS[asked["method"]].title
    return TheoryResult(
        request={"kind": "theory", **asked},
        models=pair.cards,
        data=pair.data.name,
        method=title,
        naive=gaps[0],
        aligned=gaps[1],
        matching=seen.matching,
        layers=seen.layers,
        seconds=clock.seconds,
        versions=versions(),
        device=device_name(device),
        finding=theory_finding(gaps[0], gaps[1], seen.layers, title).text,
        notes=(*pair.notes, *seen.notes),
    )


def proof(result: TheoryResult) -> str:
    """The finding of measurements that can be drawn and listed."""
    from lmc_core.figures.path.layers import layers_figure
    from lmc_core.figures.theory import theory_figure

    gaps = result.naive, result.aligned
    shape = gaps[0].t.shape
    assert all(len(shape) == 1 and values.shape == shape for g in gaps for values in (g.t, g.gap, g.excess))
    theory_figure(*gaps, result.matching, result.layers).to_json()
    if result.layers:
        layers_figure(result.layers).to_json()
    theory_rows(result)
    return theory_finding(*gaps, result.layers, result.method).text


THEORY = Kind(
    "theory",
    "Measuring what the theory speaks of",
    STAGES,
    options,
    work,
    (TheoryResult, Gap),
    proof=proof,
    example={"a": "digits-mlp-512/seed0", "b": "digits-mlp-512/seed1"},
)
