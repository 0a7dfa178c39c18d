"""How the solver's variables become the immutable axes and groups of a Symmetry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lmc_core.operators import Kind
from lmc_core.symmetry._solver.call import Reading
from lmc_core.symmetry._solver.names import Seat, first_seat, name_groups
from lmc_core.symmetry._solver.terms import (
    PAIRED,
    Dual,
    Prod,
    Sum,
    Term,
    Var,
    bare,
    dual,
    find,
    leaves,
    pin,
    product,
    restrict,
    scope,
    sides,
)
from lmc_core.symmetry._solver.unify import select, unify
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product
from lmc_core.symmetry.axis import Sum as AxisSum
from lmc_core.symmetry.classes import has_dual, reorders

NEVER_READ = "no operation reads these positions (the trace sees inputs of one shape)"
ALONE = "each of these positions is used in a way of its own"


@dataclass(frozen=True, eq=False)
class Frozen:
    """Groups and axes; `pinned` lists (tensor, axis, size, why) of what cannot move."""

    groups: dict[str, Group]
    axes: dict[str, tuple[Axis, ...]]
    values: dict[str, tuple[Axis, ...]]
    pinned: list[tuple[str, int, int, str]]


def freeze(reading: Reading) -> Frozen:
    """Name every free variable that sits in the state, and write all axes with those names."""
    _settle(reading)
    _hold_pairs(reading)
    seats: dict[Var, list[Seat]] = {}
    for tensor, terms in reading.tensors.items():
        for number, term in enumerate(terms):
            for var in leaves(expanded(term)):
                if var.why is None and var.used and var.size > 1:
                    seats.setdefault(var, []).append((tensor, number))
    parents = {var: _parent(var) for var in seats}
    named = name_groups(seats, parents, reading.facts)
    groups = {
        name: Group(name, var.size, next((n for n, v in named.items() if v is parents[var]), None), _kind(var, parents))
        for name, var in named.items()
    }
    by_var = {var: groups[name] for name, var in named.items()}
    made = _met(by_var, seats, reading)
    used = {dual(side): group for side, group in made.items()}
    axes = {
        tensor: tuple(
            written(expanded(t), used if reading.facts.only_reads(tensor, number) else made)
            for number, t in enumerate(terms)
        )
        for tensor, terms in reading.tensors.items()
    }
    values = {
        name: tuple(written(expanded(t), made) for t in terms)
        for name, terms in reading.values.items()
        if not any(_elsewhere(v) for t in terms for v in leaves(expanded(t)))
    }
    return Frozen(groups, axes, values, list(_pins(reading, by_var)))


def _hold_pairs(reading: Reading) -> None:
    """Pin rotary pairs that hold other units or are nested more than once: no element says how they move."""
    free = [var for var in _variables(reading) if var.why is None]
    parents = {var: _parent(var) for var in free}
    for var in free:
        outer = parents[var]
        if not reorders(var.kind) and (var in parents.values() or (outer and parents.get(outer))):
            pin(var, PAIRED)


def _kind(var: Var, parents: Mapping[Var, Var | None]) -> Kind:
    """The class of a group: what is left of it, if its units hold no others and it is nested once at most."""
    outer = parents[var]
    return "permutation" if var in parents.values() or (outer and parents[outer]) else var.kind


def _met(groups: Mapping[Var, Group], seats: Mapping[Var, Sequence[Seat]], reading: Reading) -> dict[Term, Group]:
    """Every variable, from either side, as an axis that makes units writes it: the side first written is the group's
    own, the other its dual, which is the same where G⁻ᵀ = G."""
    met: dict[Term, Group] = {}
    for var, group in groups.items():
        tensor, number = first_seat(seats[var], reading.facts)
        met_as = next(side for side in sides(expanded(reading.tensors[tensor][number])) if bare(side) is var)
        own = dual(met_as) if reading.facts.only_reads(tensor, number) else met_as
        met[own] = group
        met[dual(own)] = replace(group, dual=True) if has_dual(group.kind) else group
    return met


def expanded(term: Term) -> Term:
    """A term with every pinned outer factor that has separate units below it written out, index by index.

    A sum that stands before other factors is distributed over them: (a + b)·c is a·c + b·c.
    """
    match find(term):
        case Prod(factors=factors):
            first, rest = factors[0], product(factors[1:])
            if isinstance(first, Var) and first.why and any(_nested_free(v, first) for v in leaves(rest)):
                return Sum(tuple(expanded(select(rest, first, index)) for index in range(first.size)))
            if isinstance(first, Sum):
                return Sum(tuple(expanded(product((part, rest))) for part in first.parts))
            return Prod((expanded(first), expanded(rest)))
        case Sum(parts=parts):
            return Sum(tuple(map(expanded, parts)))
        case (Var() | Dual()) as leaf:
            return leaf
    raise AssertionError(term)


def _elsewhere(var: Var) -> bool:
    """Whether units are separate per position of another axis that cannot move: no axis expression says that."""
    return var.why is None and var.used and any(outer.why for outer in scope(var))


def _nested_free(var: Var, outer: Var) -> bool:
    return var.why is None and outer in scope(var)


def _settle(reading: Reading) -> None:
    """Repeat until nothing changes: copies of units that are not separate any more are the same units, and units are
    separate only per index of factors that stand before them wherever they sit in the state."""
    changed = True
    while changed:
        changed = False
        for var in _variables(reading):
            changed |= _reunite(var) or _limit(var)
        for terms in reading.tensors.values():
            written_out = [expanded(term) for term in terms]
            met = Counter(var for term in written_out for var in set(leaves(term)))
            whole = [one for term in written_out if isinstance(one := bare(term), Var) and one.why is None]
            alone = frozenset(var for var in whole if met[var] == 1)  # of two axes none could say which is meant
            for term in written_out:
                changed |= _confine(term, alone - frozenset(leaves(term)))
        for var in _variables(reading):
            chain = _chain(var)
            if scope(var) != chain:
                restrict(var, chain)
                changed = True


def _variables(reading: Reading) -> dict[Var, None]:
    """Every root variable, in the order of the graph."""
    some = (*reading.tensors.values(), *reading.values.values())
    return dict.fromkeys(var for terms in some for term in terms for var in leaves(term))


def _reunite(var: Var) -> bool:
    """Make copies equal to their variable where it is no longer separate per index; whether there were any."""
    changed = False
    while isinstance(root := bare(var), Var):
        inside = scope(root)
        stale = next((key for key in root.copies if bare(key[0]) not in inside), None)
        if stale is None:
            break
        unify(root, root.copies.pop(stale))
        changed = True
    return changed


def _limit(var: Var) -> bool:
    """Keep copies at an index separate at most where their variable is; whether that changed anything."""
    changed = False
    inside = scope(var)
    for (outer, index), copy in list(var.copies.items()):
        own = set(leaves(copy))
        allowed = {leaf for v in inside if v is not bare(outer) for leaf in leaves(select(v, outer, index))} | own
        for leaf in own:
            if not scope(leaf) <= allowed:
                restrict(leaf, scope(leaf) & allowed)
                changed = True
    return changed


def _confine(term: Term, context: frozenset[Var]) -> bool:
    """Restrict every variable to the outer factors it is met under; whether that changed anything."""
    match term:
        case Var() as var:
            if var.why is None and not scope(var) <= context:
                restrict(var, scope(var) & context)
                return True
            return False
        case Dual(of=var):
            return _confine(var, context)
        case Prod(factors=factors):
            changed = False
            for factor in factors:
                changed |= _confine(factor, context)
                context |= frozenset(leaves(factor))
            return changed
        case Sum(parts=parts):
            return sum(_confine(part, context) for part in parts) > 0  # every part, not up to the first


def _chain(var: Var) -> frozenset[Var]:
    """The longest part of a scope that is one chain of groups, each within the next."""
    inside = scope(var)
    best: frozenset[Var] = frozenset()
    for outer in inside:
        chain = (scope(outer) | {outer}) & inside
        if chain == scope(outer) | {outer} and len(chain) > len(best):
            best = chain
    return best


def _parent(var: Var) -> Var | None:
    """The innermost outer variable of a nested one."""
    free = [outer for outer in scope(var) if outer.why is None]
    return max(free, key=lambda outer: len(scope(outer)), default=None)


def written(term: Term, groups: Mapping[Term, Group]) -> Axis:
    """A term as an immutable axis; whatever is in no group is fixed.

    groups   variable → its group; dual of a variable → the group as it is met from there, where that is another
    """
    match term:
        case Var() | Dual():
            return groups.get(term) or groups.get(bare(term)) or Fixed(term.size)
        case Prod(factors=factors):
            return _joined((written(f, groups) for f in factors), Product)
        case Sum(parts=parts):
            return _joined((written(p, groups) for p in parts), AxisSum)


def _joined(children: Iterable[Axis], kind: type[Product] | type[AxisSum]) -> Axis:
    """A flat product or sum with neighbouring fixed positions joined."""
    flat: list[Axis] = []
    for child in children:
        for item in (
            (child.factors if isinstance(child, Product) else child.parts) if isinstance(child, kind) else (child,)
        ):
            if kind is Product and item == Fixed(1):
                continue
            if flat and isinstance(item, Fixed) and isinstance(last := flat[-1], Fixed):
                flat[-1] = Fixed(last.size * item.size if kind is Product else last.size + item.size)
            else:
                flat.append(item)
    if not flat:
        return Fixed(1)
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def _pins(reading: Reading, groups: dict[Var, Group]) -> Iterator[tuple[str, int, int, str]]:
    for tensor, terms in reading.tensors.items():
        for number, term in enumerate(terms):
            for run in _runs(expanded(term), groups):
                if run is not None and run[0] > 1:
                    yield tensor, number, *run


def _runs(term: Term, groups: dict[Var, Group]) -> list[tuple[int, str] | None]:
    """The fixed stretches of an axis as (size, why), with None for each group between them."""
    match term:
        case Var() as var:
            return [None if var in groups else (var.size, var.why or (ALONE if var.used else NEVER_READ))]
        case Dual(of=var):
            return _runs(var, groups)
        case Prod(factors=children) | Sum(parts=children):
            joined: list[tuple[int, str] | None] = []
            for run in (run for child in children for run in _runs(child, groups)):
                last = joined[-1] if joined else None
                if run is None or last is None:
                    joined.append(run)
                elif isinstance(term, Prod):
                    joined[-1] = (last[0] * run[0], last[1] if last[0] > 1 else run[1])
                elif last[1] == run[1]:
                    joined[-1] = (last[0] + run[0], last[1])
                else:
                    joined.append(run)
            return joined
    raise AssertionError(term)
