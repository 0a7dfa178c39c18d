"""A path on a trace: what is shared between its points is computed at the ends and blended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.func import vmap

from lmc_core.graph.trace import Trace
from lmc_core.graph.untraced import Replace, Untraced
from lmc_core.networks.network import State
from lmc_core.paths.layout import Layout
from lmc_core.paths.path import LinearPath, Path, blend
from lmc_core.paths.prefix import Prefix, prefix

_UNBATCHED = ("lstm", "gru", "rnn_tanh", "rnn_relu")
"""Operations that torch cannot run on stacked weights."""

_SLOWER = ("conv",)
"""Operations that take longer on stacked weights where batches fill a GPU: convolutions then are one of many groups."""


class Ends(NamedTuple):
    """Output and shared values of the two ends of a path, for one batch."""

    outputs: tuple[Tensor, Tensor]
    values: tuple[Mapping[str, Tensor], Mapping[str, Tensor]]


@dataclass(frozen=True, eq=False)
class _Needed(Mapping[str, Tensor]):
    """A state of which only `names` will be read, some of them replaced by `over`; the other tensors are not made."""

    state: State
    over: State
    names: frozenset[str]
    unread: State

    def __getitem__(self, name: str) -> Tensor:
        if name in self.over:
            return self.over[name]
        return self.state[name] if name in self.names else self.unread[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.unread)

    def __len__(self) -> int:
        return len(self.unread)


@dataclass(frozen=True, eq=False)
class Correction:
    """What recalibration changes at one t.

    statistics   state name → tensor that replaces the one on the path
    affine       graph value → (scale, shift), each of the shape that broadcasts over the value
    """

    statistics: Mapping[str, Tensor] = field(default_factory=dict)
    affine: Mapping[str, tuple[Tensor, Tensor]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Line:
    """One path, ready to be computed batch by batch; see `line`."""

    path: Path
    trace: Trace | Untraced
    shared: Prefix
    a: State
    b: State
    layout: Layout = field(default_factory=Layout)

    @property
    def watched(self) -> tuple[str, ...]:
        """Values that `ends` must keep."""
        return self.shared.constant + self.shared.affine

    def run(
        self,
        t: float,
        inputs: Tensor,
        ends: Ends,
        *,
        instead: Mapping[str, Replace] | None = None,
        after: Mapping[str, Callable[[Tensor], Tensor]] | None = None,
        statistics: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Output at t for one batch.

        instead      graph value → how it is computed
        after        graph value → what is done to it before anything reads it
        statistics   tensors that replace those of the path's state
        """
        a, b = ends.values
        shared = {name: blend(a[name], b[name], t) for name in self.shared.affine}
        shared |= {name: a[name] for name in self.shared.constant}
        needed = _Needed(self.path(t), statistics or {}, self.shared.tensors, self.path.network.state)
        return self._rest(needed, inputs, shared, instead or {}, after or {})

    def corrected(self, t: float, inputs: Tensor, ends: Ends, correction: Correction) -> Tensor:
        """Output at t for one batch, recalibrated."""
        after = {name: _affine(scale, shift) for name, (scale, shift) in correction.affine.items()}
        return self.run(t, inputs, ends, after=after, statistics=correction.statistics)

    def stacked(self, ts: Sequence[float], inputs: Tensor, ends: Ends, corrections: Sequence[Correction]) -> Tensor:
        """Outputs at all ts in one batched call: (len(ts), rows, …)."""
        a, b = ends.values
        names = [name for name in self.shared.tensors if name not in corrections[0].statistics]
        states = [self.path(t) for t in ts]
        moving = {
            "state": {name: torch.stack([state[name] for state in states]) for name in names}
            | {name: torch.stack([c.statistics[name] for c in corrections]) for name in corrections[0].statistics},
            "shared": {name: torch.stack([blend(a[name], b[name], t) for t in ts]) for name in self.shared.affine},
            "scale": {n: torch.stack([c.affine[n][0] for c in corrections]) for n in corrections[0].affine},
            "shift": {n: torch.stack([c.affine[n][1] for c in corrections]) for n in corrections[0].affine},
        }
        constant = {name: a[name] for name in self.shared.constant}

        def one(at: dict[str, dict[str, Tensor]]) -> Tensor:
            after = {name: _affine(at["scale"][name], at["shift"][name]) for name in at["scale"]}
            needed = _Needed({}, at["state"], frozenset(), self.path.network.state)
            return self._rest(needed, inputs, at["shared"] | constant, {}, after)

        return vmap(one)(moving)

    @property
    def stackable(self) -> bool:
        """Whether many t can run as one batched call."""
        return self._without(_UNBATCHED)

    @property
    def faster_stacked(self) -> bool:
        """Whether one batched call for many t takes less time than a call for each."""
        return self._without(_UNBATCHED + _SLOWER)

    def _without(self, names: tuple[str, ...]) -> bool:
        return isinstance(self.trace, Trace) and not any(
            any(name in str(node.target) for name in names) for node in self.trace.graph.nodes
        )

    def _rest(
        self,
        state: State,
        inputs: Tensor,
        shared: Mapping[str, Tensor],
        instead: Mapping[str, Replace],
        after: Mapping[str, Callable[[Tensor], Tensor]],
    ) -> Tensor:
        override: dict[str, Replace] = dict(self.layout.reshape) | dict.fromkeys(self.shared.skipped, _nothing)
        override |= {name: _known(value) for name, value in shared.items()}
        override |= instead
        for name, alter in after.items():
            override[name] = _altered(override.get(name, _plain), alter)
        output, _ = self.trace.run(state, (inputs,), override=override)
        return output


def line(
    path: Path,
    traced: Trace | Untraced,
    *,
    cut: Collection[str] = (),
    moving: Collection[str] = (),
    layout: Layout | None = None,
) -> Line:
    """A path on a trace.

    cut      values that recalibration alters
    moving   state names that recalibration replaces
    """
    straight = isinstance(path, LinearPath)
    a, b = (path(0.0), path(1.0)) if straight else (dict(path(0.0)), dict(path(1.0)))
    if isinstance(traced, Untraced):
        return Line(path, traced, Prefix((), (), (), frozenset(a)), a, b)
    still: set[str] = set()
    if straight:
        still = {name for name in a if name not in moving and (a[name] is b[name] or torch.equal(a[name], b[name]))}
    shared = prefix(traced.graph, traced.tensors, traced.inputs, still=still, cut=cut, straight=straight)
    return Line(path, traced, shared, a, b, layout or Layout())


def at_ends(
    lines: Sequence[Line], inputs: Tensor, at: Callable[[State], Mapping[str, Replace]] | None = None
) -> Iterator[Ends]:
    """Outputs and shared values at both ends of every line, for one batch; an end in common is computed once.

    at   end state → graph values to compute in another way
    """
    watch = tuple(dict.fromkeys(name for each in lines for name in each.watched))
    known: dict[tuple[int, ...], tuple[Tensor, dict[str, Tensor]]] = {}
    for each in lines:
        for state in (each.a, each.b):
            if key(state) not in known:
                override = {**each.layout.reshape, **(at(state) if at else {})}
                known[key(state)] = each.trace.run(state, (inputs,), watch=watch, override=override)
        (first, at_a), (last, at_b) = known[key(each.a)], known[key(each.b)]
        yield Ends((first, last), (at_a, at_b))


def beyond(lines: Sequence[Line]) -> dict[str, Replace]:
    """What leaves out the values that none of the watched ones is made of, for ends whose output nobody reads."""
    traced = lines[0].trace
    if not isinstance(traced, Trace):
        return {}
    watched = {name for each in lines for name in each.watched}
    todo = [node for node in traced.graph.nodes if node.name in watched]
    needed = set(todo)
    while todo:
        new = [node for node in todo.pop().all_input_nodes if node not in needed]
        needed.update(new)
        todo += new
    return {node.name: _nothing for node in traced.graph.nodes if node.op == "call_function" and node not in needed}


def key(state: State) -> tuple[int, ...]:
    """The same for two states that hold the very same tensors."""
    return tuple(id(x) for x in state.values())


def _plain(op: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return op(*args, **kwargs)


def _nothing(op: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    return None


def _known(value: Any) -> Replace:
    return lambda op, args, kwargs: value


def _altered(make: Replace, alter: Callable[[Tensor], Tensor]) -> Replace:
    return lambda op, args, kwargs: alter(make(op, args, kwargs))


def scaled(scale: Tensor, shift: Tensor) -> Replace:
    """A graph value computed as it is, then scaled and shifted."""
    return _altered(_plain, _affine(scale, shift))


def _affine(scale: Tensor, shift: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda z: torch.addcmul(shift, z, scale)
