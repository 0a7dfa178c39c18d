"""One operation as a rule sees it: arguments by schema name, and the verbs with which a rule states what it knows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lmc_core.operators import Kind
from lmc_core.symmetry._solver.terms import (
    Term,
    confine,
    dual,
    find,
    is_uniform,
    leaves,
    limit,
    pin,
    pinned,
    release,
    restrict,
    scope,
)
from lmc_core.symmetry._solver.unify import unify
from lmc_core.symmetry._solver.values import Slot, Use, Value, merged

Result = Value | list[Value]
Rule = Callable[["Call"], Result]
Label = Hashable

Kept = Literal["product", "sum", ""]
"""What happens to the numbers of several operands along an axis that they share and that is kept: they are multiplied,
or added, or the rule says itself of which class that leaves the axis."""


class Unsupported(Exception):
    """A form of an operation that its rule does not know; it is then treated as unknown."""


@dataclass
class Facts:
    """What the walk over the graph collects.

    roles     state axis → [(time, "write" or "read"), …], times in the order in which rules spoke
    read      (value, axis) that were contracted
    uses      uses of weights
    unknown   operations without a rule
    time      counts what was said about roles
    even      tensors of the state that are used once and whose entries are all equal
    held      those of them that multiply units one by one: they are part of that operation and do not move
    """

    roles: dict[Slot, list[tuple[int, str]]] = field(default_factory=dict)
    read: list[tuple[str, int]] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    time: int = 0
    even: frozenset[str] = frozenset()
    held: set[str] = field(default_factory=set)

    def inside(self) -> Facts:
        """For the decomposition of one operation: its uses of weights are not those of the network."""
        return Facts(self.roles, time=self.time, even=self.even, held=self.held)

    def only_reads(self, tensor: str, axis: int) -> bool:
        """Whether an axis of the state uses units and makes none."""
        return {role for _, role in self.roles.get(Slot(tensor, axis), ())} == {"read"}

    def role(self, slots: Iterable[Slot], role: str) -> None:
        self.time += 1
        for slot in slots:
            self.roles.setdefault(slot, []).append((self.time, role))


@dataclass(frozen=True, eq=False)
class Reading:
    """What a graph says about axes, before the variables are frozen.

    tensors   state name → its axes
    values    node name → axes of the value, in order
    facts     roles, contractions, unknown operations
    """

    tensors: dict[str, tuple[Term, ...]]
    values: dict[str, tuple[Term, ...]]
    facts: Facts


class Call:
    """An operation of the graph with its arguments.

    op       name, such as "conv2d"
    name     of the node; names[k] of its k-th output, None if nothing reads that
    args     argument name → Value, list of Values, or a plain number, list, string …
    shapes   of the outputs
    readers  the operations that read its result
    memory   argument name → the tensors it holds, without numbers: how they lie in memory, and their types
    """

    def __init__(
        self,
        op: str,
        name: str,
        args: dict[str, Any],
        shapes: Sequence[tuple[int, ...]],
        facts: Facts,
        names: Sequence[str | None] = (),
        readers: Collection[str] = (),
        memory: Mapping[str, Any] | None = None,
    ) -> None:
        self.op = op
        self.name = name
        self.args = args
        self.shapes = shapes
        self.facts = facts
        self.names = names or (name,)
        self.readers = readers
        self.memory: Mapping[str, Any] = memory or {}
        self._taken: set[int] = set()
        self.followed: set[int] = set()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the first output."""
        return self.shapes[0]

    def __getitem__(self, argument: str) -> Any:
        """A plain argument."""
        return self.args[argument]

    def take(self, argument: str) -> Value | None:
        """A tensor argument, which the rule thereby accounts for; None if it is absent or a plain number."""
        value = self.args.get(argument)
        if not isinstance(value, Value):
            return None
        self._taken.add(id(value))
        return value

    def need(self, argument: str) -> Value:
        """A tensor argument that must be there."""
        value = self.take(argument)
        if value is None:
            raise Unsupported(f"{argument} is not a tensor")
        return value

    def take_list(self, argument: str) -> list[Value]:
        """A list of tensors."""
        values = [v for v in self.args[argument] if isinstance(v, Value)]
        self._taken.update(map(id, values))
        return values

    def tensors(self) -> list[Value]:
        """Every tensor argument."""
        found: list[Value] = []
        for value in self.args.values():
            found.extend(v for v in (value if isinstance(value, list | tuple) else [value]) if isinstance(v, Value))
        return found

    def left(self) -> list[Value]:
        """Tensor arguments that no rule has taken."""
        return [v for v in self.tensors() if id(v) not in self._taken]

    def follow(self, pointer: Value, axis: Term) -> None:
        """State that an axis is the one whose positions a value names: both move together."""
        assert pointer.points is not None
        unify(pointer.points, axis)
        self.followed.add(id(pointer))

    def pointers(self) -> list[Value]:
        """Tensor arguments that name positions of an axis and that no rule has followed there."""
        return [v for v in self.tensors() if v.points is not None and id(v) not in self.followed]

    def dim(self, value: Value, argument: str = "dim") -> int:
        """An axis number argument, counted from the front."""
        return int(self[argument]) % max(value.ndim, 1)

    def dims(self, value: Value, argument: str = "dim") -> list[int]:
        """An argument of axis numbers, counted from the front; None and the empty list mean all."""
        given = self.args.get(argument)
        if given is None or given == []:
            return list(range(value.ndim))
        listed = given if isinstance(given, list | tuple) else [given]
        return [int(d) % max(value.ndim, 1) for d in listed]

    def writes(self, value: Value, axis: int) -> None:
        """State that an axis of a tensor of the state makes units."""
        self.facts.role(value.slots[axis], "write")

    def reads(self, value: Value, axis: int) -> None:
        """State that an axis is contracted: a weight's axis that uses units, or the axis of a value that is fed in."""
        self.facts.role(value.slots[axis], "read")
        if value.data and value.name:
            self.facts.read.append((value.name, axis % value.ndim))

    def use(
        self,
        kind: str,
        weight: Value,
        read: int,
        write: int,
        value: Value,
        bias: Value | None = None,
        output: str | None = None,
        **options: Any,
    ) -> None:
        """Record the use of a weight, if `weight` is one tensor of the state, and what it is fed with is not.

        read, write   axes of the `weight` value
        """
        tensor, own_read, own_write = weight.whole, weight.own(read), weight.own(write)
        if tensor is None or own_read is None or own_write is None or value.whole is not None:
            return
        self.facts.uses.append(
            Use(
                tensor,
                bias.whole if bias is not None else None,
                kind,
                value.name,
                output or self.name,
                own_read,
                own_write,
                options,
            )
        )

    def limit(self, value: Value, axis: int, kind: Kind) -> None:
        """State that along an axis this operation commutes with nothing outside a class."""
        limit(value.axes[axis], kind)

    def limit_all(self, value: Value, kind: Kind) -> None:
        """The same of every axis."""
        for axis in value.axes:
            limit(axis, kind)

    def gain(self, value: Value) -> None:
        """State that a tensor multiplies units one by one: they only change places, unless all its entries are equal
        and it is held."""
        if value.whole in self.facts.even:
            self.facts.held.add(str(value.whole))
        else:
            self.limit_all(value, "permutation")

    def mix(self, value: Value, axes: Iterable[int], why: str) -> None:
        """State that positions along some axes are mixed in their order: they cannot move."""
        numbers = set(axes)
        for number in numbers:
            pin(value.axes[number], why)
        release([value.axes[n] for n in numbers], [a for n, a in enumerate(value.axes) if n not in numbers])

    def fixed(self, shape: Iterable[int], why: str) -> Value:
        """A value whose positions all have a meaning."""
        return Value(tuple(pinned(size, why) for size in shape))

    def pointwise(self, values: Sequence[Value], shape: Sequence[int] | None = None, kept: Kept = "") -> Value:
        """Values broadcast against each other."""
        shape = self.shape if shape is None else shape
        rank = len(shape)
        operands = [(v, range(rank - v.ndim, rank)) for v in values]
        return self.combine(operands, range(rank), kept)

    def combine(
        self, operands: Sequence[tuple[Value, Sequence[Label]]], out: Sequence[Label], kept: Kept = "product"
    ) -> Value:
        """Values multiplied or added with named axes, as in an einsum; labels that are not in `out` are contracted.

        operands   (value, one label per axis); axes of size 1 are broadcast
        out        labels of the result
        """
        rows = {label: _Row(label, operands, label not in out) for _, labels in operands for label in labels}
        for label, row in rows.items():
            row.unify()
            if label not in out:
                row.limit_contracted()
            elif kept == "product":
                row.limit_product(self._held(operands, row, out))
            elif kept == "sum":
                row.limit_sum(len(operands))
        gone = [row for label, row in rows.items() if label not in out]
        result = tuple(rows[label].term for label in out)
        release([row.term for row in gone], result)
        _disambiguate(result)
        data = any(value.data for value, _ in operands)
        for first, (value, labels) in enumerate(operands):
            for axis, label in enumerate(labels):
                if label not in out:
                    if not data and first:
                        self.writes(value, axis)
                    else:
                        self.reads(value, axis)
                elif data and not value.data:
                    self.writes(value, axis)
        slots = tuple(merged(v.slots[ls.index(w)] for v, ls in operands if w in ls) for w in out)
        return Value(result, slots if not data else (), data=data)

    def _held(self, operands: Sequence[tuple[Value, Sequence[Label]]], row: _Row, out: Sequence[Label]) -> set[str]:
        """Operands that multiply units one by one and whose entries are all equal: they are held."""
        if len(row.values) < 2:
            return set()
        names = {
            str(value.whole)
            for value, labels in operands
            if value.whole in self.facts.even and value in row.values and set(labels) <= set(out)
        }
        self.facts.held |= names
        return names


class _Row:
    """All axes with one label; of two that are contracted with each other the second is the dual of the first."""

    def __init__(self, label: Label, operands: Sequence[tuple[Value, Sequence[Label]]], contracted: bool) -> None:
        self.terms: list[Term] = []
        self.values: list[Value] = []
        self.places: list[set[Label]] = []
        self.outer: dict[Label, list[Term]] = {}
        for value, labels in operands:
            for axis, own in enumerate(labels):
                if own != label or value.axes[axis].size == 1:
                    continue
                self.terms.append(dual(value.axes[axis]) if contracted and self.terms else value.axes[axis])
                self.values.append(value)
                places = _places(value.axes[axis], axis, value, labels)
                if places is not None:
                    self.places.append(places)
                    for place in places:
                        self.outer.setdefault(place, []).append(value.axes[list(labels).index(place)])

    @property
    def term(self) -> Term:
        telling = [term for term in self.terms if not is_uniform(term)] or self.terms
        return find(telling[0]) if telling else pinned(1, "a single position")

    @property
    def telling(self) -> list[Value]:
        """Operands that are not constant along the axis."""
        return [v for v, term in zip(self.values, self.terms, strict=True) if not is_uniform(term)]

    def limit_product(self, held: Collection[str]) -> None:
        """A product of two that both carry the units sees each unit; one that is held is part of the operation."""
        if len([v for v in self.telling if v.whole not in held]) > 1:
            limit(self.term, "permutation")

    def limit_sum(self, count: int) -> None:
        """Of `count` operands one that is constant along the axis adds the same number to all its units."""
        if 0 < len(self.telling) < count:
            limit(self.term, "centred")

    def limit_contracted(self) -> None:
        """Units meet those of one other operand; with none they are summed, with two each is seen."""
        count = len(self.telling)
        if count != 2 and self.terms:
            limit(self.term, "centred" if count == 1 else "permutation")

    def unify(self) -> None:
        """Make the axes equal; units stay separate per index of another axis only if all operands agree on which."""
        first = self.term
        for term in self.terms:
            unify(first, term)
        if any(places != self.places[0] for places in self.places):
            common = set.intersection(*self.places)
            allowed = {leaf for place in common for term in self.outer[place] for leaf in leaves(term)}
            own = set(leaves(self.term))
            for var in own:
                confine(var, scope(var) & (allowed | own))


def _places(term: Term, axis: int, value: Value, labels: Sequence[Label]) -> set[Label] | None:
    """Labels of the other axes under which an axis is nested; None if the value is constant along it."""
    found: set[Label] = set()
    own = list(leaves(term))
    if all(var.claims == () for var in own):
        return None
    others = [k for k in range(value.ndim) if k != axis]
    for var in own:
        for outer in scope(var):
            at = [k for k in others if any(leaf is outer for leaf in leaves(value.axes[k]))]
            if len(at) == 1:
                found.add(labels[at[0]])
            elif at:
                restrict(var, scope(var) - {outer})
    return found


def _disambiguate(axes: Sequence[Term]) -> None:
    """Units separate per index of a variable that two axes of one value carry are separate no more: which is meant?"""
    found = [set(leaves(axis)) for axis in axes]
    for var in set().union(*found):
        for outer in scope(var):
            if sum(outer in some for some in found) > 1:
                restrict(var, scope(var) - {outer})


def plain(values: Any) -> list[int]:
    """A number or a list of numbers as a list."""
    return [int(v) for v in values] if isinstance(values, list | tuple) else [int(values)]
