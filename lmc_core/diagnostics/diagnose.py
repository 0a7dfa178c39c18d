"""All diagnostics of one aligned pair, layer by layer: what a run stores for its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.diagnostics.cloud import Cloud
from lmc_core.diagnostics.connectivity import Connectivity, connectivity
from lmc_core.diagnostics.dimension import Dimension, dimensions
from lmc_core.diagnostics.inspector import Units, budget, inspect
from lmc_core.diagnostics.labels import labels
from lmc_core.diagnostics.matching import Matching, match
from lmc_core.diagnostics.preferred import Preferred, preferred
from lmc_core.diagnostics.projection import frame_times, partners, project
from lmc_core.diagnostics.units import mean_outputs, read_features, reads_groups, units_of, weighed
from lmc_core.report import Report, silent
from lmc_core.symmetry.axis import names_in
from lmc_core.symmetry.symmetry import Symmetry

if TYPE_CHECKING:
    from lmc_core.alignment.alignment import Alignment
    from lmc_core.alignment.coupling import Coupling, Perms
    from lmc_core.data.dataset import Dataset
    from lmc_core.networks.network import Network

Rows = NDArray[np.float64]

EXAMPLES = 10_000
"""Training examples from which Σ and correlations are measured."""
PICTURED = 1024
"""Units that read at most so many features are kept as the data sees them too: the root of Σ takes time."""


@dataclass(frozen=True, eq=False)
class Layer:
    """What the Layers tab shows of one group.

    before, after   feature connectivity along the naive and the aligned path; None where the network cannot be traced
    spread          kept half-way before and after, over all directions of the first projection measured
    dimension       of A's units
    """

    label: str
    before: Connectivity | None
    after: Connectivity | None
    spread: tuple[float, float]
    dimension: Dimension

    @property
    def signal(self) -> tuple[float, float] | None:
        """Variance of pre-activations half-way over that at the ends, before and after."""
        if self.before is None or self.after is None or self.before.signal is None or self.after.signal is None:
            return None
        return self.before.signal, self.after.signal


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """Everything measured about an aligned pair.

    clouds     (group, projection) → Cloud
    matching   group → Matching;  layers: group → Layer
    notes      sentences about what could not be measured
    units      (group, metric) → its units one by one, where that was asked for
    preferred  group → the classes its units respond to most, likewise, where every example has one class
    """

    clouds: Mapping[tuple[str, str], Cloud]
    matching: Mapping[str, Matching]
    layers: Mapping[str, Layer]
    notes: tuple[str, ...] = field(default=())
    units: Mapping[tuple[str, str], Units] = field(default_factory=dict)
    preferred: Mapping[str, Preferred] = field(default_factory=dict)


def diagnose(
    a: Network,
    b: Network,
    aligned: Network,
    alignment: Alignment,
    *,
    data: Dataset | None,
    t: NDArray[np.float64],
    moments: Sequence[Any] | None = None,
    examples: int = EXAMPLES,
    seed: int = 0,
    thorough: bool = False,
    report: Report = silent,
) -> Diagnosis:
    """Clouds, matchings and layers of every group.

    aligned    `alignment.transport(b)`
    data       without it distances are plain and nothing is said about features
    t          positions of the path; frames are at most 25 of them
    moments    of A's inputs, if they are already known; else measured on `examples` training examples
    thorough   also clouds along random directions and along those that set A and B apart, and the units one by one
    """
    symmetry, notes = alignment.within, []
    if alignment.symmetry.branches:
        b = alignment.branched(b)
        notes.append(f"B is drawn with its branches ({', '.join(alignment.symmetry.branches)}) in the order of A's")
    correlations: Mapping[str, Mapping[str, float]] = {}
    features: tuple[Mapping[str, Connectivity], ...] = ({}, {})
    classes: Mapping[str, Preferred] = {}
    if data is not None:
        from lmc_core.alignment.moments import input_moments, partner_correlations
        from lmc_core.errors import TraceError

        x = measured_on(data, examples, seed)
        try:
            if moments is None:
                moments = input_moments(a, symmetry, x, report=report)
            seen_by = x[: examples // 5]
            correlations = partner_correlations(a, b, symmetry, seen_by, _orders(symmetry, alignment), report=report)
            features = connectivity(a, (b, aligned), symmetry, data.x_test, report=report)
            if thorough:
                classes = preferred(a, b, aligned, symmetry, data, seed=seed, report=report)
        except TraceError as error:
            notes.append(f"Features were not compared: {error}")
    frames = frame_times(t)
    clouds: dict[tuple[str, str], Cloud] = {}
    matchings: dict[str, Matching] = {}
    layers: dict[str, Layer] = {}
    units: dict[tuple[str, str], Units] = {}
    image = data.shape if data is not None else tuple(a.example_inputs[0].shape[1:])
    left = None if moments is None else _Left(moments, symmetry)
    for number, (group, label) in enumerate(labels(symmetry).items()):
        report("drawing the layers", number, len(symmetry.groups))
        coupling = alignment.couplings.get(group)
        moments = None if left is None else left.of(group)
        plain = units_of((a, b, aligned), symmetry, group)
        measured = weighed(symmetry, group, moments)
        pictured = measured and thorough and read_features(symmetry, group) <= PICTURED
        seen = units_of((a, b, aligned), symmetry, group, moments, symmetric=pictured) if measured else None
        means = mean_outputs(a, symmetry, group, moments) if moments is not None and measured else None
        moved, partner = reads_groups(symmetry, group), partners(coupling)
        about = _about(symmetry, coupling, group, label)
        for projection, rows in _drawn(plain, seen, thorough).items():
            metric = "weights" if rows is plain else "data"
            clouds[group, projection] = project(
                *rows, t=frames, projection=projection, metric=metric, seed=seed, **about
            )
        if thorough:
            first = clouds[group, "pca-data" if measured else "pca-weights"]
            kept = [*first.drawn[first.links], *first.drawn]
            more: dict[str, Any] = {"label": label, "moved": moved, "partner": partner, "image": image, "first": kept}
            for rows in (plain, seen) if pictured and seen is not None else (plain,):
                metric = "weights" if rows is plain else "data"
                units[group, metric] = inspect(
                    rows, symmetry, group, metric=metric, numbers=budget(len(symmetry.groups)), **more
                )
        met = correlations.get(group, {})
        told: dict[str, Any] = {"label": label, "coupling": coupling, "seed": seed}
        matchings[group] = match(plain, seen, group=group, correlations=(met.get("before"), met.get("after")), **told)
        layers[group] = Layer(
            label=label,
            before=features[0].get(group),
            after=features[1].get(group),
            spread=clouds[group, "pca-weights" if seen is None else "pca-data"].halfway,
            dimension=dimensions(plain[0], None if seen is None else seen[0], means),
        )
    return Diagnosis(clouds, matchings, layers, tuple(notes), units, classes)


def first_cloud(
    a: Network, b: Network, aligned: Network, alignment: Alignment, *, t: NDArray[np.float64], seed: int = 0
) -> Mapping[tuple[str, str], Cloud]:
    """The first group by its raw weights alone, as `diagnose` of the same pair has it: (group, projection) → Cloud;
    nothing where the symmetry has no group.

    aligned    `alignment.transport(b)`
    t          positions of the path; frames are at most 25 of them
    """
    symmetry = alignment.within
    for group, label in labels(symmetry).items():
        a_rows, *moved = units_of((a, alignment.branched(b), aligned), symmetry, group)
        about = _about(symmetry, alignment.couplings.get(group), group, label)
        cloud = project(a_rows, moved[0], moved[1], t=frame_times(t), projection="pca-weights", seed=seed, **about)
        return {(group, cloud.projection): cloud}
    return {}


def _about(symmetry: Symmetry, coupling: Coupling | None, group: str, label: str) -> dict[str, Any]:
    """What a picture of a group is told beside its units."""
    moved, partner = reads_groups(symmetry, group), partners(coupling)
    return {"group": group, "label": label, "moved_inputs": moved, "partner": partner}


class _Left:
    """Moments that are let go of with the last group they are of: a second moment is larger than its weight."""

    def __init__(self, moments: Sequence[Any], symmetry: Symmetry) -> None:
        self._moments = list(moments)
        self._groups = [names_in(symmetry.axes[c.weight][c.write]) for c in symmetry.contractions]
        self._order = list(labels(symmetry))

    def of(self, group: str) -> Sequence[Any]:
        """Those of one group and of the groups after it."""
        after = set(self._order[self._order.index(group) :])
        self._moments = [m if names & after else None for m, names in zip(self._moments, self._groups, strict=True)]
        return self._moments


def _orders(symmetry: Symmetry, alignment: Alignment) -> dict[str, Perms]:
    """Who meets whom: units with the same numbers, and the partners of those groups that were re-ordered."""
    groups = symmetry.groups
    before = {}
    for name, group in groups.items():
        outer = 1 if group.within is None else groups[group.within].size
        before[name] = np.arange(outer * group.size)
    met = {name: partners(coupling) for name, coupling in alignment.couplings.items() if name in groups}
    return {"before": before, "after": {name: order for name, order in met.items() if order is not None}}


def measured_on(data: Dataset, examples: int, seed: int) -> NDArray[np.generic]:
    """The training examples (examples, …) from which moments are measured: as many, drawn by `seed`."""
    x = data.x_train
    return x if len(x) <= examples else x[np.sort(np.random.default_rng(seed).choice(len(x), examples, replace=False))]


def _drawn(plain: list[Rows], seen: list[Rows] | None, thorough: bool) -> dict[str, list[Rows]]:
    """Projection → the units it is of, the one shown first at the head."""
    found = ({} if seen is None else {"pca-data": seen}) | {"pca-weights": plain}
    return found | dict.fromkeys(("random", "sliced") if thorough else (), seen or plain)
