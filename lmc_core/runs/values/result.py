"""What a finished run knows, as values that are read and drawn without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from lmc_core.alignment.coupling import Coupling
from lmc_core.diagnostics.values import VALUES
from lmc_core.paths.profile import Profile
from lmc_core.runs.values.card import DataCard, ModelCard, models_json, pair_title
from lmc_core.runs.values.curve import CurveFacts
from lmc_core.runs.values.record import Record
from lmc_core.symmetry.symmetry import Pinned


@dataclass(frozen=True)
class DataFacts:
    """The data a run used: how many examples it has, and one example's shape."""

    name: str
    train: int
    test: int
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    digest: str


@dataclass(frozen=True)
class GroupRow:
    """One group of interchangeable units.

    written, read   the tensors that make and use its units, as "fc1.weight[0]"
    orderings       log10 of the number of orderings
    moved           how many units the alignment put somewhere else; None for a soft coupling
    """

    name: str
    size: int
    within: str | None
    written: tuple[str, ...]
    read: tuple[str, ...]
    orderings: float
    moved: int | None


@dataclass(frozen=True)
class TensorRow:
    """One tensor of the state: its shape, and each axis as text ("fc1", "channel·49", "10")."""

    name: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]


@dataclass(frozen=True)
class SymmetryFacts:
    """The symmetry as tables.

    error    relative output change when every group is re-ordered at random at once
    errors   the same for each group alone, where it was measured
    pinned   axes that do not move, and why
    """

    groups: tuple[GroupRow, ...]
    tensors: tuple[TensorRow, ...]
    pinned: tuple[Pinned, ...]
    unknown_ops: tuple[str, ...]
    unused: tuple[str, ...]
    error: float | None
    errors: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class AlignmentFacts:
    """How B was aligned; the fields are those of `alignment.Alignment`."""

    method: str
    title: str
    settings: Mapping[str, Any]
    seed: int
    history: tuple[float, ...]
    spread: tuple[float, ...]
    converged: bool
    notes: tuple[str, ...]
    seconds: float
    function_error: float | None
    couplings: Mapping[str, Coupling]


@dataclass(frozen=True, eq=False, kw_only=True)
class PathResult(Record):
    """The path from A to B before and after alignment, and everything the page shows of it.

    models          cards of A and B
    naive, aligned  Profiles over the same t
    clouds          (group, projection) → Cloud
    matching        group → how well the units fit, before and after (diagnostics)
    layers          group → feature connectivity, spread, spectrum, dimension (diagnostics)
    curve           a curved path from A to aligned B, where one was asked for
    """

    models: tuple[ModelCard, ModelCard]
    data: DataFacts
    naive: Profile
    aligned: Profile
    symmetry: SymmetryFacts
    alignment: AlignmentFacts
    clouds: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    matching: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, Any] = field(default_factory=dict)
    curve: CurveFacts | None = None

    @property
    def title(self) -> str:
        """Both models by name."""
        return pair_title(*self.models)

    @property
    def json(self) -> dict[str, Any]:
        """The object that `path --json` prints."""
        return {
            "method": self.alignment.method,
            "settings": dict(self.alignment.settings),
            "data": self.data.name,
            "models": models_json(self.models),
            **profile_json(self.aligned),
            "naive": profile_json(self.naive),
            "curve": None if self.curve is None else _curve_json(self.curve),
            "groups": {row.name: row.size for row in self.symmetry.groups},
            "verification_error": self.symmetry.error,
            "function_error": self.alignment.function_error,
            "converged": self.alignment.converged,
            "recalibrate": self.aligned.recalibrate,
            "seed": self.alignment.seed,
            **self.made,
            "notes": [*self.alignment.notes, *self.notes],
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class InspectResult(Record):
    """What an uploaded file turned out to be: its card and the tables of its symmetry."""

    model: ModelCard
    symmetry: SymmetryFacts

    @property
    def title(self) -> str:
        return self.model.title

    @property
    def json(self) -> dict[str, Any]:
        """The object that `inspect --json` prints."""
        return {
            "model": {"id": self.model.id, "title": self.model.title, "fingerprint": self.model.fingerprint},
            "family": self.model.family,
            "parameters": self.model.parameters,
            "assumptions": [{"option": o, "value": v, "why": w} for o, v, w in self.model.assumptions],
            "accuracy": dict(self.model.accuracy),
            "groups": {row.name: row.size for row in self.symmetry.groups},
            "axes": {row.name: list(row.axes) for row in self.symmetry.tensors},
            "pinned": [
                {"tensor": p.tensor, "axis": p.axis, "size": p.size, "why": p.why} for p in self.symmetry.pinned
            ],
            "unknown_ops": list(self.symmetry.unknown_ops),
            "unused": list(self.symmetry.unused),
            "verification_error": self.symmetry.error,
            **self.made,
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class DataResult(Record):
    """What an uploaded file of examples holds."""

    model: DataCard

    @property
    def title(self) -> str:
        return self.model.title

    @property
    def json(self) -> dict[str, Any]:
        """What `/api/runs/<id>` says."""
        card = self.model
        facts = {"id": card.id, "title": card.title, "train": card.train, "test": card.test, "digest": card.digest}
        return {"data": {**facts, "shape": list(card.shape), "classes": list(card.classes)}, "notes": list(self.notes)}


@runtime_checkable
class Result(Protocol):
    """What every kind of run has found: at least a title, a sentence, and itself as JSON."""

    @property
    def request(self) -> Mapping[str, Any]: ...
    @property
    def title(self) -> str: ...
    @property
    def finding(self) -> str: ...
    @property
    def json(self) -> dict[str, Any]: ...


def profile_json(profile: Profile) -> dict[str, Any]:
    """t, losses and accuracies, barriers and midpoints of a profile, as JSON."""
    splits = tuple(profile.values)
    return {
        "t": profile.t.tolist(),
        **{s: {metric: values.tolist() for metric, values in profile.values[s].items()} for s in splits},
        "barrier": {s: {m: profile.barrier(s, m) for m in profile.values[s]} for s in splits},  # type: ignore[arg-type]
        "midpoint": {s: {m: profile.midpoint(s, m) for m in profile.values[s]} for s in splits},  # type: ignore[arg-type]
    }


def _curve_json(curve: CurveFacts) -> dict[str, Any]:
    """What a curve is, how its training went, and its profile."""
    about = {"kind": curve.kind, "title": curve.title, "history": list(curve.history)}
    return {**about, **profile_json(curve.profile)}


def classes() -> dict[str, type]:
    """Name → class of everything a stored result may hold."""
    from lmc_core.runs.kinds import MORE

    more = tuple(c for kind in MORE.values() for c in kind.results)
    here = (
        CurveFacts,
        DataFacts,
        GroupRow,
        TensorRow,
        SymmetryFacts,
        AlignmentFacts,
        PathResult,
        InspectResult,
        DataResult,
    )
    return {c.__name__: c for c in (*here, *more, *VALUES, Coupling, ModelCard, DataCard, Pinned, Profile)}
