"""Unification of tensor axes: variables that operations make equal, split into factors, or cut into parts.

A variable that is still free at the end is a permutation group. The rules of `rules/` state equalities through the
functions below; nothing outside this package sees the mutable variables.

A variable says where it lives by its *claims*: one entry per kind of place it was met in, an entry being the term it
was split under there. The units of a variable may be re-ordered separately for every index of the variables that *all*
its claims have in common: its `scope`. No claim at all (an empty tuple) is a value that is constant along the axis,
which restricts nothing; `None` is a free-standing place, which leaves an empty scope for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from math import prod

Claims = tuple["Term", ...] | None


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
    """

    __slots__ = ("claims", "copies", "hint", "link", "size", "used", "why")

    def __init__(
        self, size: int, why: str | None = None, claims: Claims = None, used: bool = False, hint: str = ""
    ) -> None:
        self.size = size
        self.why = why
        self.link: Term | None = None
        self.claims = claims
        self.copies: dict[tuple[Var, int], Var] = {}
        self.used = used
        self.hint = hint


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


Term = Var | Prod | Sum


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


def find(term: Term) -> Term:
    """What a term is by now: a root variable, a product or a sum; nested products and sums are flat."""
    match term:
        case Var():
            if term.link is None:
                return term
            term.link = find(term.link)
            return term.link
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
                parts.extend(part.parts if isinstance(part, Sum) else (part,))
            return parts[0] if len(parts) == 1 else Sum(tuple(parts))


def factors_of(term: Term) -> list[Term]:
    """The factors of a term, itself if it is no product; none if its size is 1."""
    term = find(term)
    if term.size == 1:
        return []
    return list(term.factors) if isinstance(term, Prod) else [term]


def leaves(term: Term) -> Iterator[Var]:
    """The root variables of a term, in order."""
    match find(term):
        case Var() as var:
            yield var
        case Prod(factors=children) | Sum(parts=children):
            for child in children:
                yield from leaves(child)


def scope(var: Var, _busy: tuple[Var, ...] = ()) -> frozenset[Var]:
    """The variables under which `var` may be re-ordered separately per index."""
    if not var.claims or var in _busy:
        return frozenset()
    common: frozenset[Var] | None = None
    for claim in var.claims:
        reach = _reach(find(claim), (*_busy, var))
        common = reach if common is None else common & reach
        if not common:
            break
    return (common or frozenset()) - {var}


def _reach(term: Term, busy: tuple[Var, ...]) -> frozenset[Var]:
    match term:
        case Var():
            return frozenset((term,)) | scope(term, busy)
        case Prod():
            return frozenset().union(*(_reach(f, busy) for f in term.factors))
        case Sum():  # an index into a sum belongs to one part or another: nothing in common
            return frozenset()


def add_claim(var: Var, claims: Claims) -> None:
    """Record further places where a variable lives."""
    if var.claims is None or claims is None:
        var.claims = None
    else:
        var.claims += tuple(c for c in claims if not any(c is known for known in var.claims))


def restrict(var: Var, places: frozenset[Var]) -> None:
    """Leave `var` at most the given outer variables in its scope."""
    if not scope(var) <= places:
        add_claim(var, (Prod(tuple(places)),) if places else None)


def settle_into(term: Term, claims: Claims) -> None:
    """Record that a whole term lives where `claims` say; its later factors live under the earlier ones."""
    if claims == ():
        return
    match find(term):
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
    term = find(term)
    return isinstance(term, Var) and term.claims == () and term.why is None


def unify(x: Term, y: Term) -> None:
    """State that two axes are the same; an axis of equal values is the same as any other."""
    x, y = find(x), find(y)
    if x is y or x.size == 1:
        return
    if x.size != y.size:
        raise Misfit(f"axes of size {x.size} and {y.size} cannot be the same")
    if is_uniform(x) or is_uniform(y):
        return
    match x, y:
        case Var(), Var():
            _merge(x, y)
        case Var(), _:
            _bind(x, y)
        case _, Var():
            _bind(y, x)
        case Prod(), Prod():
            _unify_products(list(x.factors), list(y.factors))
        case Sum(), Sum():
            ends = sorted({*accumulate(p.size for p in x.parts), *accumulate(p.size for p in y.parts)})
            sizes = [b - a for a, b in pairwise([0, *ends])]
            for a, b in zip(cut(x, sizes), cut(y, sizes), strict=True):
                unify(a, b)
        case Sum(), Prod():
            _unify_sum(x, y)
        case Prod(), Sum():
            _unify_sum(y, x)


def _unify_sum(x: Sum, y: Prod) -> None:
    for a, b in zip(x.parts, cut(y, [p.size for p in x.parts]), strict=True):
        unify(a, b)


def _merge(x: Var, y: Var) -> None:
    why = x.why or y.why
    y.link = x
    add_claim(x, y.claims)
    used = x.used or y.used
    x.used = x.used and y.used
    x.hint = x.hint or y.hint
    if why:
        pin(x, why)
    moved = y.copies
    y.copies = {}
    for (outer, index), copy in moved.items():
        _keep_copy(x, outer, index, copy)
    if x.why:
        for copy in x.copies.values():
            pin(copy, x.why)
    if used:
        mark_used(x)


def _keep_copy(var: Var, outer: Var, index: int, copy: Term) -> None:
    known = _copy_at(var, outer, index)
    if known is not None:
        unify(known, copy)
    else:
        holder = find(copy)
        var.copies[outer, index] = holder if isinstance(holder, Var) else _alias(copy)


def _alias(term: Term) -> Var:
    made = Var(term.size, claims=())
    made.link = term
    return made


def _copy_at(var: Var, outer: Var, index: int) -> Var | None:
    root = find(outer)
    for (known, number), copy in var.copies.items():
        if number == index and find(known) is root:
            return copy
    return None


def _bind(var: Var, term: Term) -> None:
    if var.why or any(leaf is var for leaf in leaves(term)):
        why = var.why or "an axis that would have to contain itself"
        pin(var, why)
        pin(term, why)
        return
    var.link = term
    if var.used:
        mark_used(term)
    settle_into(term, var.claims)
    for (outer, index), copy in var.copies.items():
        unify(copy, select(term, outer, index))


def _unify_products(xs: list[Term], ys: list[Term]) -> None:
    while xs and ys:
        a, b = find(xs.pop(0)), find(ys.pop(0))
        if isinstance(a, Prod):
            xs[:0] = a.factors
            ys.insert(0, b)
        elif isinstance(b, Prod):
            ys[:0] = b.factors
            xs.insert(0, a)
        elif a.size == b.size:
            unify(a, b)
        elif a.size % b.size == 0:
            outer, inner = split(a, b.size)
            unify(outer, b)
            xs.insert(0, inner)
        elif b.size % a.size == 0:
            outer, inner = split(b, a.size)
            unify(a, outer)
            ys.insert(0, inner)
        else:
            for term in (a, b, *xs, *ys):
                pin(term, "axes that are divided in two ways that do not fit each other")
            return


def split(term: Term, size: int) -> tuple[Term, Term]:
    """View an axis as outer · inner, the outer factor of `size`."""
    term = find(term)
    if size == 1:
        return pinned(1, "a single position"), term
    if size == term.size:
        return term, pinned(1, "a single position")
    inner_size = term.size // size
    match term:
        case Var():
            outer = Var(size, term.why, term.claims, term.used)
            inner = Var(inner_size, term.why, () if term.claims == () else (outer,), term.used)
            copies, term.copies = term.copies, {}
            term.link = Prod((outer, inner))
            for (above, index), copy in copies.items():
                unify(copy, select(term.link, above, index))
            return outer, inner
        case Prod():
            taken = _take(list(term.factors), size)
            if taken is not None:
                return product(taken[0]), product(taken[1])
        case Sum():
            blocks = cut(term, [inner_size] * size)
            stacked = pinned(size, "the number of a block in a stacked axis")
            return stacked, nested(blocks, stacked)
    why = f"an axis of {term.size} that cannot be viewed as {size} × {inner_size}"
    pin(term, why)
    return pinned(size, why), pinned(inner_size, why)


def nested(terms: Sequence[Term], outer: Var) -> Term:
    """An axis that is another one at every index of a pinned outer variable: the inverse of `select`."""
    return nested_axes([[term] for term in terms], outer)[0]


def nested_axes(slices: Sequence[Sequence[Term]], outer: Var) -> list[Term]:
    """The axes of a value that has the axes `slices[i]` at index i of a pinned outer variable.

    Units stay separate per index of another axis where they are so in every slice.
    """
    rows = [[find(term) for term in row] for row in zip(*slices, strict=True)]
    made: list[Term] = []
    for row in rows:
        if all(root is row[0] for root in row):
            made.append(row[0])
        else:
            made.append(Var(row[0].size, None, (outer,), all(v.used for root in row for v in leaves(root))))
    for inner, row in zip(made, rows, strict=True):
        if inner is row[0] or not isinstance(inner, Var):
            continue
        above = [
            axis
            for axis, others in zip(made, rows, strict=True)
            if axis is not inner
            and all(
                isinstance(u, Var) and isinstance(o, Var) and o in scope(u) for u, o in zip(row, others, strict=True)
            )
        ]
        inner.claims = (Prod((outer, *above)),)
        for index, root in enumerate(row):
            _keep_copy(inner, outer, index, root)
    return made


def _take(factors: list[Term], size: int) -> tuple[list[Term], list[Term]] | None:
    """Leading factors that multiply to `size`, and the rest; None if no splitting can make it so."""
    taken: list[Term] = []
    while size > 1:
        if not factors:
            return None
        factor = find(factors.pop(0))
        if isinstance(factor, Prod):
            factors[:0] = factor.factors
        elif size % factor.size == 0:
            taken.append(factor)
            size //= factor.size
        elif factor.size % size == 0:
            outer, inner = split(factor, size)
            taken.append(outer)
            factors.insert(0, inner)
            size = 1
        else:
            return None
    return taken, factors


def cut(term: Term, sizes: Sequence[int]) -> list[Term]:
    """View an axis as a concatenation of parts of the given sizes."""
    term = find(term)
    if len(sizes) == 1:
        return [term]
    match term:
        case Var():
            parts: list[Term] = [Var(s, term.why, term.claims, term.used, term.hint) for s in sizes]
            copies, term.copies = term.copies, {}
            term.link = Sum(tuple(parts))
            for (outer, index), copy in copies.items():
                unify(copy, select(term.link, outer, index))
            return parts
        case Sum():
            return _regroup(list(term.parts), sizes)
        case Prod(factors=factors):
            first, rest = factors[0], product(factors[1:])
            if all(size % rest.size == 0 for size in sizes):
                return _cut_blocks(first, rest, [size // rest.size for size in sizes])
    why = f"an axis of {term.size} that cannot be cut into parts of {', '.join(map(str, sizes))}"
    pin(term, why)
    return [pinned(size, why) for size in sizes]


def _regroup(parts: list[Term], sizes: Sequence[int]) -> list[Term]:
    made = []
    for size in sizes:
        taken: list[Term] = []
        need = size
        while need:
            part = parts.pop(0)
            if part.size > need:
                head, tail = cut(part, [need, part.size - need])
                parts.insert(0, tail)
                part = head
            taken.append(part)
            need -= part.size
        made.append(concatenation(taken))
    return made


def _cut_blocks(first: Term, rest: Term, counts: Sequence[int]) -> list[Term]:
    """Cut first · rest between the indices of `first`: `counts` of them per part."""
    outers = list(leaves(first))
    if not any(scope(leaf) & set(outers) for leaf in leaves(rest)):
        return [product((part, rest)) for part in cut(first, counts)]
    pin(first, "an index into it selects different units")
    if isinstance(first, Var):
        blocks = [select(rest, first, index) for index in range(first.size)]
    else:
        release([first], [rest])
        blocks = [rest] * first.size
    ends = [0, *accumulate(counts)]
    return [concatenation(blocks[a:b]) for a, b in pairwise(ends)]


def select(term: Term, outer: Var, index: int) -> Term:
    """A term at one index of an outer variable: units that were separate per index become a variable of their own.

    Where a product holds the outer variable itself, the factors behind it belong to that occurrence and stay.
    """
    match find(term):
        case Prod(factors=factors):
            made: list[Term] = []
            for number, factor in enumerate(factors):
                if any(leaf is outer for leaf in leaves(factor)):
                    made.extend(factors[number:])
                    break
                made.append(select(factor, outer, index))
            return product(made)
        case Sum(parts=parts):
            return concatenation(select(p, outer, index) for p in parts)
        case Var() as var:
            root = find(outer)
            if not isinstance(root, Var) or root not in scope(var):
                return var
            known = _copy_at(var, root, index)
            if known is not None:
                return find(known)
            copy = Var(var.size, var.why, _claims_at(var, root, index), var.used, var.hint)
            var.copies[root, index] = copy
            return copy
    raise AssertionError(term)


def _claims_at(var: Var, outer: Var, index: int) -> Claims:
    """The claims of a variable's copy at one index of an outer variable."""
    claims: list[Term] = []
    for claim in var.claims or ():
        factors = claim.factors if isinstance(claim := find(claim), Prod) else (claim,)
        rest = [select(f, outer, index) for f in factors if f is not outer]
        if rest:
            claims.append(product(rest))
        elif not outer.claims:
            return None
        else:
            claims.extend(outer.claims)
    return tuple(claims)


def view(axes: Sequence[Term], shape: Sequence[int]) -> list[tuple[Term, tuple[int, ...]]]:
    """Axes of a tensor viewed in another shape, each with the numbers of the old axes it comes from.

    Runs of old and new axes with equal products are treated apart: what cannot be divided pins only its own run.
    """
    made: list[tuple[Term, tuple[int, ...]]] = []
    old = [(number, axis) for number, axis in enumerate(axes) if axis.size != 1]
    new = list(shape)
    while new:
        if new[0] == 1:
            made.append((pinned(1, "a single position"), ()))
            new.pop(0)
            continue
        run, sizes = [old.pop(0)], [new.pop(0)]
        while (have := prod(a.size for _, a in run)) != (want := prod(sizes)):
            if have < want:
                run.append(old.pop(0))
            else:
                sizes.append(new.pop(0))
        numbers = tuple(number for number, _ in run)
        made.extend((term, numbers) for term in _view_run([axis for _, axis in run], sizes))
    return made


def _view_run(axes: list[Term], sizes: list[int]) -> list[Term]:
    rest = [factor for axis in axes for factor in factors_of(axis)]
    made: list[Term] = []
    for size in sizes:
        taken = _take(rest, size)
        if taken is None:
            why = "axes that a view divides across the grain"
            for axis in axes:
                pin(axis, why)
            return [pinned(s, why) for s in sizes]
        made.append(product(taken[0]))
        rest = taken[1]
    return made


def release(mixed: Iterable[Term], survivors: Iterable[Term]) -> None:
    """State that values were mixed along some axes: what survives is no longer separate per index of those."""
    gone = {leaf for term in mixed for leaf in leaves(term)}
    for term in survivors:
        for var in list(leaves(term)):
            inside = scope(var)
            if inside & gone:
                restrict(var, inside - gone)
