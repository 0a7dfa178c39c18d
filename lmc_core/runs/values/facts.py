"""What results say of data, symmetries, alignments and curves, as tables that are read and drawn without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lmc_core.alignment.coupling import Coupling
from lmc_core.paths.profile import Profile
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
    kind            which maps leave the function as it is: one of `symmetry.classes.KINDS`
    """

    name: str
    size: int
    within: str | None
    written: tuple[str, ...]
    read: tuple[str, ...]
    orderings: float
    moved: int | None
    kind: str = "permutation"


@dataclass(frozen=True)
class TensorRow:
    """One tensor of the state: its shape, and each axis as text ("fc1", "channel·49", "10")."""

    name: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]


@dataclass(frozen=True)
class FormRow:
    """One step to a canonical form: what of a tensor or of a group was settled, or stays as it is, and where or why.

    part    "gain", "shift", "key bias", "value bias", "mean direction", "common part of gates", "frame" or
            "scales"
    into    the tensors that a part went into; of what was taken out none
    said    what became of it, in words
    of      the networks that it is true of, of several that were compared: "A", "B" or "A, B"
    """

    tensor: str
    part: str
    settled: bool
    into: tuple[str, ...]
    said: str
    of: str = ""


@dataclass(frozen=True)
class SymmetryFacts:
    """The symmetry as tables.

    error    relative output change when every group is re-ordered at random at once
    errors   the same for each group alone, where it was measured
    pinned   axes that do not move, and why
    moved_error   relative output change when every group is moved by a random element of its class at once
    form     steps to the canonical forms, where these were compared or asked for
    """

    groups: tuple[GroupRow, ...]
    tensors: tuple[TensorRow, ...]
    pinned: tuple[Pinned, ...]
    unknown_ops: tuple[str, ...]
    unused: tuple[str, ...]
    error: float | None
    errors: Mapping[str, float] = field(default_factory=dict)
    moved_error: float | None = None
    form: tuple[FormRow, ...] = ()


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
    canonical: bool = False


@dataclass(frozen=True, eq=False)
class CurveFacts:
    """A curve from A to aligned B.

    kind      "bezier", "chain" or "through";  title: what it is, with its settings
    history   mean training loss of every epoch; empty where nothing was trained
    """

    kind: str
    title: str
    profile: Profile
    history: tuple[float, ...] = field(default=())

    @property
    def json(self) -> dict[str, Any]:
        """What it is, how its training went, and its profile."""
        about = {"kind": self.kind, "title": self.title, "history": list(self.history)}
        return {**about, **profile_json(self.profile)}


def _sampled(profile: Profile, split: Any) -> dict[str, Any]:
    """How many of how many examples were measured, and what all of them leave open, with 95 %."""
    return {
        "examples": profile.examples[split],
        "of": profile.population[split],
        "standard_error": {metric: values.tolist() for metric, values in profile.errors[split].items()},
        "margin": {metric: values.tolist() for metric, values in profile.margins[split].items()},
        "interval": {metric: list(profile.interval(split, metric)) for metric in profile.margins[split]},  # type: ignore[arg-type]
    }


def profile_json(profile: Profile) -> dict[str, Any]:
    """t, losses and accuracies, barriers and midpoints of a profile, as JSON."""
    splits = tuple(profile.values)
    return {
        "t": profile.t.tolist(),
        **{s: {metric: values.tolist() for metric, values in profile.values[s].items()} for s in splits},
        "barrier": {s: {m: profile.barrier(s, m) for m in profile.values[s]} for s in splits},  # type: ignore[arg-type]
        "midpoint": {s: {m: profile.midpoint(s, m) for m in profile.values[s]} for s in splits},  # type: ignore[arg-type]
        **({"sampled": {s: _sampled(profile, s) for s in profile.margins}} if profile.margins else {}),
    }
