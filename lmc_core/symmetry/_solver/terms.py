"""Terms: what a tensor axis is while symmetry is inferred — variables, products and sums that may still change.

A variable that is still free at the end is a group of symmetries, of the class that the operations which carry it have
left. Nothing outside this package sees these mutable terms.

A variable says where it lives by its *claims*: one entry per kind of place it was met in, an entry being the term it
was split under there. The units of a variable may be re-ordered separately for every index of the variables that *all*
its claims have in common: its `scope`. No claim at all (an empty tuple) is a value that is constant along the axis,
which restricts nothing; `None` is a free-standing place, which leaves an empty scope for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod

from lmc_core.operators import Kind
from lmc_core.symmetry.classes import meet, self_dual

Claims = tuple["Term", ...] | None

PAIRED = "rotary positions turn pairs of its units, which have a place of their own"


class Misfit(Exception):
    """Axes of different sizes stated to be the same."""


class Var:
    """An axis, or a factor or part of one.

    size
    why      None while free; else the reason why it is pinned
    link     None, or the term it was found to be
    claims   where it lives (see the module)
    copies   (outer variable, index) → this variable at that index of the outer one
    used     whether an operation other than a re-arrangement has read it
    hint     a word for its role, for naming
    kind     the class of matrices that every operation met so far commutes with
    """

    __slots__ = ("claims", "copies", "hint", "kind", "link", "other", "size", "used", "why")

    def __init__(
        self,
        size: int,
        why: str | None = None,
        claims: Claims = None,
        used: bool = False,
        hint: str = "",
        kind: Kind = "general",
    ) -> None:
        self.size = size
        self.why = why
        self.link: Term | None = None
        self.claims = claims
        self.copies: dict[tuple[Var, int], Var] = {}
        self.used = used
        self.hint = hint
        self.kind = kind
        self.other: Dual | None = None


class Dual:
    """A variable met from the other side: it moves by G⁻ᵀ where the variable moves by G. One per variable."""

    __slots__ = ("of", "size")

    def __init__(self, of: Var) -> None:
        self.of = of
        self.size = of.size


class Prod:
    """Factors of one axis, the first varying slowest."""

    __slots__ = ("factors", "size")

    def __init__(self, factors: tuple[Term, ...]) -> None:
        self.factors = factors
        self.size: int = prod(f.size for f in factors)


class Sum:
    """Parts of one axis, one after the other."""

    __slots__ = ("parts", "size")

    def __init__(self, parts: tuple[Term, ...]) -> None:
        self.parts = parts
        self.size: int = sum(p.size for p in parts)


Term = Var | Dual | Prod | Sum


def pinned(size: int, why: str) -> Var:
    """A new axis that cannot move."""
    return Var(size, why)


def uniform(size: int) -> Var:
    """A new axis along which all values are equal."""
    return Var(size, claims=())


def product(factors: Iterable[Term]) -> Term:
    """One axis of several factors."""
    return find(Prod(tuple(factors)))


def concatenation(parts: Iterable[Term]) -> Term:
    """One axis of several parts."""
    return find(Sum(tuple(parts)))


def dual(term: Term) -> Term:
    """A term met from the other side; dual of dual is the term itself, and what cannot move is its own."""
    match find(term):
        case Var() as var:
            if var.why is not None:
                return var
            if var.other is None:
                var.other = Dual(var)
            return var.other
        case Dual(of=var):
            return var
        case Prod(factors=factors):
            return Prod(tuple(map(dual, factors)))
        case Sum(parts=parts):
            return Sum(tuple(map(dual, parts)))
    raise AssertionError(term)


def bare(term: Term) -> Term:
    """What a term is by now, from whichever side it is met."""
    found = find(term)
    return found.of if isinstance(found, Dual) else found


def limit(term: Term, kind: Kind) -> None:
    """State that the variables of a term are moved by nothing outside a class."""
    for var in leaves(term):
        left = meet(var.kind, kind)
        if left is None:
            pin(var, PAIRED)
        elif left != var.kind:
            var.kind = left
            for copy in var.copies.values():
                limit(copy, left)


def limit_to_self_dual(term: Term) -> None:
    """State that the variables of a term are met from both sides at once."""
    for var in leaves(term):
        limit(var, self_dual(var.kind))


def find(term: Term) -> Term:
    """What a term is by now: a root variable or its dual, a product or a sum; nested products and sums are flat."""
    match term:
        case Var():
            if term.link is None:
                return term
            term.link = find(term.link)
            return term.link
        case Dual():
            return term if term.of.link is None and term.of.why is None else dual(term.of)
        case Prod():
            factors: list[Term] = []
            for factor in map(find, term.factors):
                if isinstance(factor, Prod):
                    factors.extend(factor.factors)
                elif factor.size != 1:
                    factors.append(factor)
            if not factors:
                return pinned(1, "a single position")
            return factors[0] if len(factors) == 1 else Prod(tuple(factors))
        case Sum():
            parts: list[Term] = []
            for part in map(find, term.parts):
                if isinstance(part, Sum):
                    parts.extend(part.parts)
                elif part.size:
                    parts.append(part)
            if not parts:
                return pinned(0, "no position")
            return parts[0] if len(parts) == 1 else Sum(tuple(parts))


def factors_of(term: Term) -> list[Term]:
    """The factors of a term, itself if it is no product; none if its size is 1."""
    term = find(term)
    if term.size == 1:
        return []
    return list(term.factors) if isinstance(term, Prod) else [term]


def sides(term: Term) -> Iterator[Var | Dual]:
    """The root variables of a term, in order, each from the side from which it is met."""
    match find(term):
        case (Var() | Dual()) as side:
            yield side
        case Prod(factors=children) | Sum(parts=children):
            for child in children:
                yield from sides(child)


def leaves(term: Term) -> Iterator[Var]:
    """The root variables of a term, in order."""
    for side in sides(term):
        yield side.of if isinstance(side, Dual) else side


def scope(var: Var) -> frozenset[Var]:
    """The variables under which `var` may be re-ordered separately per index.

    The least solution of S(v) = (⋂ over claims c of v of ⋃ over factors f of c of {f} ∪ S(f)) − {v}: claims may lead in
    circles, and the solution is reached by repeating the equations for all variables they lead to.
    """
    if not var.claims:
        return frozenset()
    claims = _claims_below(var)
    found: dict[Var, frozenset[Var]] = dict.fromkeys(claims, frozenset())
    while True:
        before = dict(found)
        for here, places in claims.items():
            reached = (place.union(*(found[outer] for outer in place)) for place in places)
            first = next(reached, None)
            found[here] = frozenset() if first is None else first.intersection(*reached) - {here}
        if found == before:
            return found[var]


def _claims_below(var: Var) -> dict[Var, frozenset[frozenset[Var]]]:
    """Variable → the factors of each of its claims, for all that the claims of `var` lead to, innermost first."""
    made: dict[Var, frozenset[frozenset[Var]]] = {}
    places: dict[Var, frozenset[frozenset[Var]]] = {}
    waiting = [var]
    while waiting:
        here = waiting[-1]
        if here not in places:
            places[here] = frozenset(frozenset(_outer(claim)) for claim in here.claims or ())
            waiting.extend(outer for place in places[here] for outer in place if outer not in places)
        else:
            waiting.pop()
            made.setdefault(here, places[here])
    return made


def _outer(claim: Term) -> Iterator[Var]:
    """The variables among the factors of a claim; an index into a sum belongs to one part or another: none."""
    match bare(claim):
        case Var() as var:
            yield var
        case Prod(factors=factors):
            for factor in factors:
                yield from _outer(factor)


def add_claim(var: Var, claims: Claims) -> None:
    """Record further places where a variable lives."""
    if var.claims is None or claims is None:
        var.claims = None
    else:
        var.claims += tuple(c for c in claims if not any(c is known for known in var.claims))


def restrict(var: Var, places: frozenset[Var]) -> None:
    """Leave `var` at most the given outer variables in its scope."""
    if not scope(var) <= places:
        confine(var, places)


def confine(var: Var, places: frozenset[Var]) -> None:
    """Leave `var` at most the given outer variables in its scope, whatever is found to be the same later."""
    add_claim(var, (Prod(tuple(places)),) if places else None)


def settle_into(term: Term, claims: Claims) -> None:
    """Record that a whole term lives where `claims` say; its later factors live under the earlier ones."""
    if claims == ():
        return
    match bare(term):
        case Var() as var:
            add_claim(var, claims)
        case Prod(factors=factors):
            settle_into(factors[0], claims)
            for number in range(1, len(factors)):
                settle_into(factors[number], (product(factors[:number]),))
        case Sum(parts=parts):
            for part in parts:
                settle_into(part, claims)


def pin(term: Term, why: str) -> None:
    """Forbid every variable of a term to move."""
    for var in leaves(term):
        if var.why is None:
            var.why = why
            for copy in var.copies.values():
                pin(copy, why)


def mark_used(term: Term) -> None:
    """Record that an operation has read a term."""
    for var in leaves(term):
        if not var.used:
            var.used = True
            for copy in var.copies.values():
                mark_used(copy)


def is_uniform(term: Term) -> bool:
    """Whether all values along an axis are equal, so that any re-ordering of it changes nothing."""
    return all(var.claims == () and var.why is None for var in leaves(term))


def release(mixed: Iterable[Term], survivors: Iterable[Term]) -> None:
    """State that values were mixed along some axes: what survives is no longer separate per index of those."""
    gone = {leaf for term in mixed for leaf in leaves(term)}
    for term in survivors:
        for var in list(leaves(term)):
            if var.claims and not gone.isdisjoint(_claims_below(var)):
                confine(var, scope(var) - gone)
