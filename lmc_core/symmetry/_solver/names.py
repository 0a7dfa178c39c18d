"""Readable names for groups: the module that first writes the units, and a word for their role."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile

from lmc_core.symmetry._solver.call import Facts
from lmc_core.symmetry._solver.terms import Var
from lmc_core.symmetry._solver.values import Slot

Seat = tuple[str, int]

_RECURRENT = re.compile(r"^(?:weight|bias)_(?:ih|hh|hr)_(l\d+(?:_reverse)?)$")
_HEADS, _INSIDE_HEADS = {"head"}, {"qk", "vo"}


def name_groups(seats: Mapping[Var, Sequence[Seat]], parents: Mapping[Var, Var | None], facts: Facts) -> dict[str, Var]:
    """Name → variable, in the order in which the network first writes the units.

    seats     variable → the state axes it sits on, in the order of the state
    parents   variable → the variable it is nested in
    """
    order = sorted(seats, key=lambda var: _first(seats[var], facts)[0])
    named: dict[str, Var] = {}
    for var in order:
        name = _name(var, seats, parents, facts)
        number = 2
        unique = name
        while unique in named:
            unique = f"{name}.{number}"
            number += 1
        named[unique] = var
    return named


def first_seat(seats: Sequence[Seat], facts: Facts) -> Seat:
    """Where units are first written; read, if nothing writes them."""
    return _first(seats, facts)[1]


def _first(seats: Sequence[Seat], facts: Facts) -> tuple[float, Seat]:
    """When and where units are first written; read, if nothing writes them."""
    best: tuple[float, Seat] = (float("inf"), seats[0])
    for seat in seats:
        for time, role in facts.roles.get(Slot(*seat), ()):
            when = time + (0.0 if role == "write" else 1e9)
            if when < best[0]:
                best = (when, seat)
    return best


def _name(var: Var, seats: Mapping[Var, Sequence[Seat]], parents: Mapping[Var, Var | None], facts: Facts) -> str:
    inside = {inner.hint for inner, parent in parents.items() if parent is var}
    if (var.hint in _INSIDE_HEADS and parents[var]) or (var.hint in _HEADS and inside & _INSIDE_HEADS):
        outermost = var
        while (parent := parents[outermost]) is not None:
            outermost = parent
        return ".".join(filter(None, (_shared_module([tensor for tensor, _ in seats[outermost]]), var.hint)))
    stem = _stem(_first(seats[var], facts)[1][0])
    return f"{stem}.{var.hint}" if var.hint and var.hint not in _HEADS | _INSIDE_HEADS else stem


def _stem(tensor: str) -> str:
    """The module of a tensor, with layer and direction of a recurrent one; the tensor itself at the top level."""
    module, _, leaf = tensor.rpartition(".")
    if leaf.isdigit():
        return tensor if module else f"layer.{tensor}"
    found = _RECURRENT.match(leaf)
    if found:
        return f"{module}.{found[1]}" if module else found[1]
    name = module or tensor
    return f"layer.{name}" if name.isdigit() else name


def _shared_module(tensors: Sequence[str]) -> str:
    """The innermost module that holds all the tensors."""
    paths = [tensor.split(".")[:-1] for tensor in tensors]
    shared = takewhile(lambda parts: len(set(parts)) == 1, zip(*paths, strict=False))
    return ".".join(parts[0] for parts in shared)
