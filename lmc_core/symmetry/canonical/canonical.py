"""The canonical form of a network (classes.md §5): the same function in the same architecture, with nothing left open
that no data could tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from lmc_core.errors import TraceError
from lmc_core.graph.trace import trace, working_batch
from lmc_core.networks.network import Network
from lmc_core.networks.outputs import relative_error
from lmc_core.symmetry.canonical.attention import fold_attention
from lmc_core.symmetry.canonical.balance import balance
from lmc_core.symmetry.canonical.centre import centre
from lmc_core.symmetry.canonical.gains import fold_gains
from lmc_core.symmetry.canonical.gates import centre_gates
from lmc_core.symmetry.canonical.products import scale_products
from lmc_core.symmetry.canonical.record import Folded, Record, Refused
from lmc_core.symmetry.canonical.uses import Uses, states, uses, vector
from lmc_core.symmetry.evidence import classified
from lmc_core.symmetry.infer import symmetry as inferred
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.symmetry.verify import tolerance

Step = Callable[[Tensor, Uses], list[Record]]
"""Changes the numbers of a state in place, and says what it did and what not."""

STEPS: tuple[tuple[str, Step], ...] = (
    ("gains", fold_gains),
    ("attention", fold_attention),
    ("mean directions", centre),
    ("gates", centre_gates),
)
"""What is settled from the graph alone, in this order."""

ROUNDS = 50

_FORMS: WeakKeyDictionary[Network, tuple[tuple[int, ...], Canonical]] = WeakKeyDictionary()
"""Network → how often its numbers were written to in place, and the form found then."""


@dataclass(frozen=True, eq=False, repr=False)
class Canonical:
    """A network in canonical form.

    network    the same function, architecture and tensor names; other numbers
    symmetry   of these numbers: gains of equal entries are held, so that streams may rise above permutation
    folded     what was moved where
    refused    what was not, and why
    error      relative change of the outputs on the example inputs, max |Δ| / max |output|
    """

    network: Network
    symmetry: Symmetry
    folded: tuple[Folded, ...]
    refused: tuple[Refused, ...]
    error: float

    def __repr__(self) -> str:
        """What was done and what not, a line each."""
        kinds = Counter(group.kind for group in self.symmetry.groups.values())
        counted = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        lines = [f"The same function to {self.error:.1e} (relative); groups: {counted or 'none'}"]
        return "\n  ".join([*lines, *map(str, self.folded), *map(str, self.refused)])


def canonical(network: Network, symmetry: Symmetry | None = None) -> Canonical:
    """The canonical form of a network.

    symmetry   of the network, verified or declared; None: inferred here

    Every step is measured on the example inputs, and one that changed the function would be undone and refused. A
    module that cannot be traced keeps its gains and biases; its declared classes are balanced.

    Returns a Canonical, the same one for as long as the network is kept. Raises TraceError where `symmetry` is not
    given and the module cannot be traced.
    """
    if symmetry is not None:
        return _formed(network, symmetry)
    written = tuple(x._version for x in network.state.values())
    known = _FORMS.get(network)
    if known is None or known[0] != written:
        known = _FORMS[network] = written, _formed(network, inferred(network))
    return known[1]


def form(network: Network, declared: Symmetry | None = None) -> Canonical:
    """The canonical form of a network by what its graph says, and by what was declared of it where it has none.

    Raises TraceError where the module cannot be traced and nothing was declared.
    """
    try:
        return canonical(network)
    except TraceError:
        if declared is None:
            raise
        return canonical(network, declared)


def _formed(network: Network, symmetry: Symmetry) -> Canonical:
    exact, numbers = _Exact(network), vector(network)
    found, said = _uses(network), list[Record]()
    if found is not None:
        numbers, said = _folded(network, numbers, found, exact)
    folded = _as_before(network, states(numbers, network))
    if any(map(_changes, said)):
        symmetry = _again(folded, symmetry)
    state, records = _balanced(network, numbers, symmetry, found)
    error = exact.error(state) if any(map(_changes, records)) else 0.0
    if error and error > exact.tolerance:
        made, said = folded, [*said, *(_undone(r, "balance", error) for r in records)]
    else:
        made, said = _as_before(network, state), [*said, *records]
    return Canonical(
        made,
        symmetry,
        tuple(r for r in said if isinstance(r, Folded)),
        tuple(r for r in said if isinstance(r, Refused)),
        exact.error(made.state) if any(map(_changes, said)) else 0.0,
    )


def _folded(network: Network, numbers: Tensor, found: Uses, exact: _Exact) -> tuple[Tensor, list[Record]]:
    """The numbers after all steps; where these change the function, after those that do not."""
    together = numbers.clone()
    said = [record for _, step in STEPS for record in step(together, found)]
    if not any(map(_changes, said)) or exact.error(states(together, network)) <= exact.tolerance:
        return together, said
    said = []
    for name, step in STEPS:
        tried = numbers.clone()
        records = step(tried, found)
        error = exact.error(states(tried, network))
        if error > exact.tolerance:
            said += [_undone(r, name, error) for r in records]
        else:
            numbers, said = tried, [*said, *records]
    return numbers, said


def _balanced(
    network: Network, numbers: Tensor, symmetry: Symmetry, found: Uses | None
) -> tuple[dict[str, Tensor], list[Record]]:
    """The state with its groups balanced, and the scales that products leave open, in turn until neither moves."""
    said: dict[tuple[str, str], Record] = {}
    for _ in range(ROUNDS):
        state, records = balance(states(numbers, network), symmetry)
        numbers = vector(network.with_state(state))
        more = scale_products(numbers, found) if found is not None else []
        said |= {(r.part, r.tensor): r for r in (*records, *more)}
        if not more or not records:
            break
    return states(numbers, network), list(said.values())


def _uses(network: Network) -> Uses | None:
    """What reads the numbers of a network; None where it cannot be traced."""
    try:
        return uses(network, trace(network, working_batch(network, 2)))
    except TraceError:
        return None


def _changes(record: Record) -> bool:
    return isinstance(record, Folded)


def _undone(record: Record, step: str, error: float) -> Refused:
    why = f"the step ({step}) changed the output by {error:.1e}"
    return record if isinstance(record, Refused) else Refused(record.part, record.tensor, why)


def _again(network: Network, before: Symmetry) -> Symmetry:
    """The Symmetry of folded numbers: the same groups, which hold as they held, of classes that are measured anew."""
    found = inferred(network, verify=False)
    if set(found.groups) != set(before.groups):
        return inferred(network)
    return classified(network, replace(found, error=before.error))


def _as_before(network: Network, state: Mapping[str, Tensor]) -> Network:
    """The network with these numbers, in its own types and on its own device."""
    return network.with_state({name: state[name].to(x) for name, x in network.state.items()})


class _Exact:
    """The outputs of a network in float64, where that is cheap and possible."""

    LARGEST = 50_000_000
    """Numbers of a network that is run in float64."""

    def __init__(self, network: Network) -> None:
        self.given = network

    @cached_property
    def before(self) -> tuple[Network, Any]:
        """The network that is run, and what it gives."""
        given = self.given
        if given.parameters <= self.LARGEST and given.device.type == "cpu" and not _complex(given):
            try:
                exact = given.to(dtype=torch.float64)
                return exact, exact(*exact.example_inputs)
            except RuntimeError:  # a module with another type written into its code
                pass
        return given, given(*given.example_inputs)

    @property
    def tolerance(self) -> float:
        return tolerance(self.before[0])

    def error(self, state: Mapping[str, Tensor]) -> float:
        """The relative change of the outputs at another state."""
        network, outputs = self.before
        return relative_error(outputs, _as_before(network, state)(*network.example_inputs))


def _complex(network: Network) -> bool:
    """Whether the module holds complex numbers, which a change of type would make real."""
    return any(x.is_complex() for x in network.module.buffers())
