"""Unification of tensor axes: what follows when two are the same, or one is split into factors, cut, or indexed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from lmc_core.symmetry._solver.terms import (
    PAIRED,
    Claims,
    Dual,
    Misfit,
    Prod,
    Sum,
    Term,
    Var,
    add_claim,
    bare,
    concatenation,
    dual,
    find,
    is_uniform,
    leaves,
    limit,
    limit_to_self_dual,
    mark_used,
    pin,
    pinned,
    product,
    release,
    scope,
    settle_into,
)
from lmc_core.symmetry.classes import reorders


def unify(x: Term, y: Term) -> None:
    """State that two axes are the same; an axis of equal values is the same as any other, and says nothing."""
    if not (is_uniform(x) or is_uniform(y)):
        _unify(x, y)


def _unify(x: Term, y: Term) -> None:
    x, y = find(x), find(y)
    if x is y or x.size == 1:
        return
    if x.size != y.size:
        raise Misfit(f"axes of size {x.size} and {y.size} cannot be the same")
    match x, y:
        case Var(), Var():
            _merge(x, y)
        case Var(), Dual():
            _merge(x, y.of, across=True)
        case Dual(), Var():
            _merge(x.of, y, across=True)
        case Dual(), _:
            _unify(x.of, dual(y))
        case _, Dual():
            _unify(dual(x), y.of)
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
                _unify(a, b)
        case Sum(), Prod():
            _unify_sum(x, y)
        case Prod(), Sum():
            _unify_sum(y, x)


def _unify_sum(x: Sum, y: Prod) -> None:
    for a, b in zip(x.parts, cut(y, [p.size for p in x.parts]), strict=True):
        _unify(a, b)


def _merge(x: Var, y: Var, across: bool = False) -> None:
    """`across`: one is the dual of the other."""
    if x is y:
        limit_to_self_dual(x)
        return
    why = x.why or y.why
    limit(x, y.kind)
    y.link = dual(x) if across else x
    add_claim(x, y.claims)
    used = x.used or y.used
    x.used = x.used and y.used
    x.hint = x.hint or y.hint
    if why:
        pin(x, why)
    moved = y.copies
    y.copies = {}
    for (outer, index), copy in moved.items():
        limit(copy, x.kind)
        _keep_copy(x, outer, index, dual(copy) if across else copy)
    if x.why:
        for copy in x.copies.values():
            pin(copy, x.why)
    if used:
        mark_used(x)


def _keep_copy(var: Var, outer: Var, index: int, copy: Term) -> None:
    known = _copy_at(var, outer, index)
    if known is not None:
        _unify(known, copy)
    else:
        holder = find(copy)
        var.copies[outer, index] = holder if isinstance(holder, Var) else _alias(copy)


def _alias(term: Term) -> Var:
    made = Var(term.size, claims=())
    made.link = term
    return made


def _copy_at(var: Var, outer: Var, index: int) -> Var | None:
    root = bare(outer)
    for (known, number), copy in var.copies.items():
        if number == index and bare(known) is root:
            return copy
    return None


def _bind(var: Var, term: Term) -> None:
    paired = not reorders(var.kind)
    if var.why or paired or any(leaf is var for leaf in leaves(term)):
        why = var.why or (PAIRED if paired else "an axis that would have to contain itself")
        pin(var, why)
        pin(term, why)
        return
    var.link = term
    limit(term, var.kind)
    if var.used:
        mark_used(term)
    settle_into(term, var.claims)
    for (outer, index), copy in var.copies.items():
        _unify(copy, select(term, outer, index))


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
            _unify(a, b)
        elif a.size % b.size == 0:
            outer, inner = split(a, b.size)
            _unify(outer, b)
            xs.insert(0, inner)
        elif b.size % a.size == 0:
            outer, inner = split(b, a.size)
            _unify(a, outer)
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
    keep_pairs(term)
    match term:
        case Var():
            outer = Var(size, term.why, term.claims, term.used, kind=term.kind)
            inner = Var(inner_size, term.why, () if term.claims == () else (outer,), term.used, kind=term.kind)
            copies, term.copies = term.copies, {}
            term.link = Prod((outer, inner))
            for (above, index), copy in copies.items():
                _unify(copy, select(term.link, above, index))
            return outer, inner
        case Dual():
            first, rest = split(term.of, size)
            return dual(first), dual(rest)
        case Prod():
            taken = take(list(term.factors), size)
            if taken is not None:
                return product(taken[0]), product(taken[1])
        case Sum():
            blocks = cut(term, [inner_size] * size)
            stacked = pinned(size, "the number of a block in a stacked axis")
            return stacked, nested(blocks, stacked)
    why = f"an axis of {term.size} that cannot be viewed as {size} × {inner_size}"
    pin(term, why)
    return pinned(size, why), pinned(inner_size, why)


def keep_pairs(term: Term) -> None:
    """State that a single axis is divided or joined with others: rotary pairs on it cannot move then."""
    root = bare(term)
    if isinstance(root, Var) and root.why is None and not reorders(root.kind):
        pin(root, PAIRED)


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
                isinstance(u, Var) and isinstance(o, Var) and o in scope(u)
                for u, o in zip(map(bare, row), map(bare, others), strict=True)
            )
        ]
        inner.claims = (Prod((outer, *above)),)
        for index, root in enumerate(row):
            _keep_copy(inner, outer, index, root)
    return made


def take(factors: list[Term], size: int) -> tuple[list[Term], list[Term]] | None:
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
    keep_pairs(term)
    match term:
        case Var():
            parts: list[Term] = [Var(s, term.why, term.claims, term.used, term.hint, term.kind) for s in sizes]
            copies, term.copies = term.copies, {}
            term.link = Sum(tuple(parts))
            for (outer, index), copy in copies.items():
                _unify(copy, select(term.link, outer, index))
            return parts
        case Dual():
            return [dual(piece) for piece in cut(term.of, sizes)]
        case Sum():
            return _regroup(list(term.parts), sizes)
        case Prod(factors=factors):
            first, rest = factors[0], product(factors[1:])
            if all(size % rest.size == 0 for size in sizes):
                return _cut_blocks(first, rest, [size // rest.size for size in sizes])
            around = {near for end in accumulate(sizes) for near in (end // rest.size, -(-end // rest.size))}
            return _regroup(_cut_blocks(first, rest, [b - a for a, b in pairwise(sorted({0, *around}))]), sizes)
    raise AssertionError(term)


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
    first = find(first)
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
        case Dual(of=var):
            return dual(select(var, outer, index))
        case Var() as var:
            root = bare(outer)
            if not isinstance(root, Var) or root not in scope(var):
                return var
            known = _copy_at(var, root, index)
            if known is not None:
                return find(known)
            copy = Var(var.size, var.why, None, var.used, var.hint, var.kind)
            others = [
                (other, number, known) for (other, number), known in var.copies.items() if bare(other) is not root
            ]
            var.copies[root, index] = copy
            copy.claims = _claims_at(var, root, index)  # which may lead in a circle to this copy
            for other, number, known in others:
                _close_square(copy, known, (root, index), (other, number))
            return find(copy)
    raise AssertionError(term)


def _close_square(copy: Var, known: Var, here: tuple[Var, int], there: tuple[Var, int]) -> None:
    """State that it does not matter at which of two outer variables a variable is taken first.

    copy, known   the variable at `here` and at `there`: (outer variable, index)
    """
    across, along = select(there[0], *here), select(here[0], *there)
    if isinstance(across, Var) and isinstance(along, Var) and isinstance(held := find(copy), Var):
        _keep_copy(held, across, there[1], _alias(select(known, along, here[1])))


def _claims_at(var: Var, outer: Var, index: int) -> Claims:
    """The claims of a variable's copy at one index of an outer variable."""
    claims: list[Term] = []
    for claim in var.claims or ():
        factors = claim.factors if isinstance(claim := find(claim), Prod) else (claim,)
        rest = [select(f, outer, index) for f in factors if bare(f) is not outer]
        if rest:
            claims.append(product(rest))
        elif not outer.claims:
            return None
        else:
            claims.extend(outer.claims)
    return tuple(claims)
