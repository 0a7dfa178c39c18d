"""Tables of a result, made from the values that the computation works with."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from lmc_core.alignment.coupling import Coupling
from lmc_core.data.dataset import Dataset
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.facts import DataFacts, FormRow, GroupRow, SymmetryFacts, TensorRow
from lmc_core.symmetry.axis import Group
from lmc_core.symmetry.canonical.record import Folded, Record
from lmc_core.symmetry.symmetry import Role, Symmetry

if TYPE_CHECKING:
    from lmc_core.networks.network import Network
    from lmc_core.symmetry.canonical.canonical import Canonical

PACKAGES = ("mode-connectivity-explorer", "torch", "numpy", "scipy", "scikit-learn", "POT")


def symmetry_facts(
    symmetry: Symmetry, errors: Mapping[str, float] | None = None, couplings: Mapping[str, Coupling] | None = None
) -> SymmetryFacts:
    """A symmetry as tables; `couplings`, if given, say how many units of each group move."""
    chosen = couplings or {}
    return SymmetryFacts(
        tuple(_group_row(symmetry, group, chosen.get(name)) for name, group in symmetry.groups.items()),
        tuple(TensorRow(n, tuple(a.size for a in axes), tuple(map(str, axes))) for n, axes in symmetry.axes.items()),
        symmetry.pinned,
        symmetry.unknown_ops,
        symmetry.unused,
        symmetry.error,
        dict(errors or {}),
        symmetry.element_error,
    )


def form_rows(forms: Mapping[str, Canonical]) -> tuple[FormRow, ...]:
    """Steps to the canonical forms of networks by name, what was settled first; each once, with all it is true of."""
    of: dict[Record, list[str]] = {}
    for name, form in forms.items():
        records: tuple[Record, ...] = (*form.folded, *form.refused)
        for record in records:
            of.setdefault(record, []).append(name)
    rows = []
    for record, names in of.items():
        settled = isinstance(record, Folded)
        into = record.into if isinstance(record, Folded) else ()
        rows.append(FormRow(record.tensor, record.part, settled, into, record.said, ", ".join(names)))
    return tuple(sorted(rows, key=lambda row: not row.settled))


def _group_row(symmetry: Symmetry, group: Group, coupling: Coupling | None) -> GroupRow:
    branches = symmetry.branches.get(group.name)
    slots = symmetry.slots(group.name) if branches is None else tuple(branches.axes)
    whole = () if branches is None else tuple(name for family in branches.tensors for name in family)

    def places(*roles: Role) -> tuple[str, ...]:
        return tuple(f"{name}[{axis}]" for name, axis in slots if symmetry.roles.get((name, axis)) in roles)

    around = copies(symmetry, group)
    orderings = around * math.lgamma(group.size + 1) / math.log(10)
    moved = coupling.moved if coupling is not None and coupling.is_hard else None
    written, read = (*whole, *places("write", "both")), places("read", "both")
    return GroupRow(group.name, group.size, group.within, written, read, orderings, moved, group.kind)


def copies(symmetry: Symmetry, group: Group) -> int:
    """How often a group's units are re-ordered separately: once, or once in every unit of the groups around it."""
    number = 1
    while group.within is not None:
        group = symmetry.groups[group.within]
        number *= group.size
    return number


def card_of(network: Network, *, id: str | None = None, title: str | None = None, **more: Any) -> ModelCard:
    """The card of a network that is not in the library, such as a file named on the command line."""
    known = network.metadata
    return ModelCard(
        id=id or network.fingerprint[:16],
        title=title or str(known.get("title") or network.source),
        family=network.architecture.family if network.architecture else "",
        fingerprint=network.fingerprint,
        parameters=network.parameters,
        input_shape=tuple(network.example_inputs[0].shape[1:]),
        assumptions=tuple((a.option, a.value, a.why) for a in network.assumptions),
        **more,
    )


def data_facts(data: Dataset) -> DataFacts:
    """What a result keeps of its data."""
    return DataFacts(data.name, len(data.y_train), len(data.y_test), data.shape, data.classes, data.digest)


def versions() -> dict[str, str]:
    """Package → version, of everything that could change a result."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a checkout, or an optional package
            continue
    return found
