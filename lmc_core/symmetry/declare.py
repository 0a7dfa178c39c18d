"""A Symmetry written as text, for modules that cannot be traced.

One line per tensor, in the notation that `Symmetry.table` prints:

    fc1.weight (hidden, 64)                   the units of fc1 are one group, its inputs are fixed
    fc1.bias (hidden)
    fc2.weight (10, hidden)                   read by fc2
    conv.weight (channel, 3, 3, 3)
    fc.weight (10, channel·49)                a product: the outer factor varies slowest; `·` may be written ` * `
    rnn.weight_hh (h + h + h + h, h)          a sum: four gate blocks of the same units
    qkv.weight (head·(qk within head) + head·(qk within head) + head·(vo within head), stream)
    up (expert, stream, (unit within expert)) the units of each expert, which is another axis, have their own order
    embed.weight (1000, write stream)         a role before an axis, where it is not the usual one
    blocks.*.up.weight (blocks.*.up, stream)  a star stands for one part of a name; tensors without axes are skipped
    k.weight (head·(qk* within head), stream) a star more than that: a dual, moved by G⁻ᵀ where q is moved by G
    general: qk, blocks.*.vo                  the class of some groups (`symmetry/classes.py`); of others: permutation
    whole experts: up.0.weight, up.1.weight   tensors of the branches that are the units of a group, one per branch
    along experts: out.weight 1 experts·16    an axis on which branches lie one after the other, with units of their own

The first axis usually writes its units and the second reads them. Sizes follow from the tensors; where they do not,
write them once: `head:12`. Tensors that are not mentioned do not move.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from lmc_core.errors import SettingError
from lmc_core.networks.network import Network
from lmc_core.operators import Kind
from lmc_core.symmetry.arrangement import Branches
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, groups_in
from lmc_core.symmetry.branching import groups_within
from lmc_core.symmetry.classes import KINDS, has_dual
from lmc_core.symmetry.evidence import classified
from lmc_core.symmetry.symmetry import Pinned, Role, Symmetry, usual_role
from lmc_core.symmetry.verify import verify

_LINE = re.compile(r"^(?P<tensor>\S+)\s*\((?P<axes>.*)\)$")
_CLASS = re.compile(r"^(?P<kind>" + "|".join(KINDS) + r"):\s*(?P<groups>.+)$")
_WHOLE = re.compile(r"^whole\s+(?P<group>\S+):\s*(?P<tensors>.+)$")
_ALONG = re.compile(r"^along\s+(?P<group>\S+):\s*(?P<tensor>\S+)\s+(?P<axis>\d+)\s+(?P<text>.+)$")
_TOKEN = re.compile(r"[(),+·]|[^\s(),+·]+")
_ROLES: tuple[Role, ...] = ("write", "read", "both", "none")


def declare(network: Network, text: str) -> Symmetry:
    """The Symmetry that `text` describes, verified on the network.

    Raises SettingError, naming the line, if the text cannot be read, does not fit the tensors, or describes units that
    are not interchangeable.
    """
    shapes = {name: tuple(x.shape) for name, x in network.state.items()}
    text, kinds = _classes(text)
    text, wholes, parts = _branched(text, shapes)
    lines = _matched(text, shapes)
    parsed = {name: _Line(name, tokens).axes() for name, tokens in lines.items()}
    for name, axes in parsed.items():
        if len(axes) != len(shapes[name]):
            raise SettingError(f"{name!r} has shape {shapes[name]} and is declared with {len(axes)} axes")
    units = {name: Group(name, len(families[0])) for name, families in wholes.items()}
    groups = _of_classes({**_sized(parsed, shapes, units), **units}, kinds)
    sized = {
        name: tuple(_with_sizes(axis, groups) for _, axis in parsed[name])
        if name in parsed
        else tuple(map(Fixed, shape))
        for name, shape in shapes.items()
    }
    roles = {
        (name, number): parsed[name][number][0] or usual_role(number) if name in parsed else "none"
        for name, shape in shapes.items()
        for number in range(len(shape))
    }
    pinned = tuple(
        Pinned(name, number, axis.size, "declared as fixed" if name in parsed else "not declared")
        for name, some in sized.items()
        for number, axis in enumerate(some)
        if isinstance(axis, Fixed) and axis.size > 1
    )
    found = Symmetry(groups=groups, axes=sized, roles=roles, pinned=pinned)
    for name, families in wholes.items():
        along = {
            (tensor, number): _with_sizes(_Line(tensor, _TOKEN.findall(said)).axes()[0][1], groups)
            for tensor, number, said in parts.get(name, [])
        }
        found = _of_branches(found, name, families, along)
    report = verify(network, found)
    if not report.holds:
        culprits = ", ".join(report.broken) or "all groups together"
        worst = max([report.error, *report.groups.values()])
        raise SettingError(
            f"the declared symmetry does not hold: permuting {culprits} changes the output by {worst:.1e} (relative); "
            "check that every tensor these units touch is declared"
        )
    found = classified(network, replace(found, error=report.error))
    if found.notes:
        raise SettingError(f"the declared classes do not hold: {found.notes[0]}")
    return found


def _classes(text: str) -> tuple[str, list[tuple[str, Kind]]]:
    """The lines on tensors, and (pattern of group names, class) of the lines on classes."""
    others: list[str] = []
    kinds: list[tuple[str, Kind]] = []
    for line in text.splitlines():
        match = _CLASS.match(line.partition("#")[0].strip())
        if match is None:
            others.append(line)
        else:
            kind = next(kind for kind in KINDS if kind == match["kind"])
            kinds += [(pattern.strip(), kind) for pattern in match["groups"].split(",")]
    return "\n".join(others), kinds


def _branched(
    text: str, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[str, dict[str, list[tuple[str, ...]]], dict[str, list[tuple[str, int, str]]]]:
    """The other lines, group of branches → families of tensors, and → (tensor, axis, text) of axes along them."""
    others: list[str] = []
    wholes: dict[str, list[tuple[str, ...]]] = {}
    parts: dict[str, list[tuple[str, int, str]]] = {}
    for line in text.splitlines():
        said = line.partition("#")[0].strip()
        if match := _WHOLE.match(said):
            family = tuple(name.strip() for name in match["tensors"].split(","))
            if missing := [name for name in family if name not in shapes]:
                raise SettingError(f"no tensor is called {missing[0]!r}; there are {', '.join(list(shapes)[:6])}, …")
            first = wholes.setdefault(match["group"], [family])[0]
            if len(family) != len(first) or len({shapes[name] for name in family}) > 1:
                raise SettingError(f"{said!r} does not name one tensor of one shape for each of {len(first)} branches")
            wholes[match["group"]] += [family] if family is not first else []
        elif match := _ALONG.match(said):
            parts.setdefault(match["group"], []).append((match["tensor"], int(match["axis"]), match["text"]))
        else:
            others.append(line)
    if unknown := [name for name in parts if name not in wholes]:
        raise SettingError(
            f"{unknown[0]!r} has axes along it and no line 'whole {unknown[0]}: …' that names its tensors"
        )
    return "\n".join(others), wholes, parts


def _of_branches(
    found: Symmetry, name: str, families: Sequence[tuple[str, ...]], along: Mapping[tuple[str, int], Axis]
) -> Symmetry:
    """The Symmetry with what moves with a group of branches."""
    within = groups_within(found, families)
    if within is None:
        raise SettingError(f"the branches of {name!r} are not alike: declare the axes of each in the same way")
    shown = {(tensor, number): found.axes[tensor][number] for tensor, number in found.slots(name)}
    for tensor, number in along:
        if tensor not in found.axes or number >= len(found.axes[tensor]):
            raise SettingError(f"there is no axis {number} of a tensor {tensor!r}, which lies along {name!r}")
    branches = Branches(tuple(families), {**shown, **along}, within)
    return replace(found, branches={**found.branches, name: branches})


def _of_classes(groups: Mapping[str, Group], kinds: Sequence[tuple[str, Kind]]) -> dict[str, Group]:
    made = dict(groups)
    for pattern, kind in kinds:
        names = [name for name in groups if fnmatchcase(name, pattern)]
        if not names:
            raise SettingError(
                f"no group is called {pattern!r}, which is declared {kind}; there are {', '.join(groups)}"
            )
        made.update({name: replace(made[name], kind=kind) for name in names})
    return made


def _matched(text: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, list[str]]:
    """Tensor → tokens of its axes, from the first line that matches it."""
    found: dict[str, list[str]] = {}
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        match = _LINE.match(line)
        if match is None:
            raise SettingError(f"{raw.strip()!r} is not a line such as 'fc1.weight (hidden, 64)'")
        pattern = re.compile(re.escape(match["tensor"]).replace(r"\*", r"([^.]+)"))
        hits = [(name, hit) for name in shapes if (hit := pattern.fullmatch(name))]
        if not hits:
            raise SettingError(f"no tensor is called {match['tensor']!r}; there are {', '.join(list(shapes)[:6])}, …")
        for name, hit in hits:
            if hit.groups() and not shapes[name]:
                continue
            tokens = _TOKEN.findall(match["axes"])
            found.setdefault(name, [_filled(token, hit.groups()) for token in tokens])
    return found


def _filled(token: str, stars: tuple[str, ...]) -> str:
    if token == "*":
        return "·"
    for star in stars:
        token = token.replace("*", star, 1)
    return token  # a star that is left marks a dual


@dataclass
class _Line:
    """The axes of one tensor, read token by token; a Group has size 0 until sizes are known."""

    tensor: str
    tokens: list[str]

    def axes(self) -> list[tuple[Role | None, Axis]]:
        found = []
        while self.tokens:
            role = None
            if self.tokens[0] in _ROLES and len(self.tokens) > 1 and self.tokens[1] not in ",+·":
                role = next(r for r in _ROLES if r == self.tokens[0])
                self.tokens.pop(0)
            found.append((role, self._sum()))
            if self.tokens:
                self._expect(",")
        return found

    def _sum(self) -> Axis:
        parts = [self._product()]
        while self.tokens and self.tokens[0] == "+":
            self.tokens.pop(0)
            parts.append(self._product())
        return parts[0] if len(parts) == 1 else Sum(tuple(parts))

    def _product(self) -> Axis:
        factors = [self._factor()]
        while self.tokens and self.tokens[0] == "·":
            self.tokens.pop(0)
            factors.append(self._factor())
        return factors[0] if len(factors) == 1 else Product(tuple(factors))

    def _factor(self) -> Axis:
        token = self.tokens.pop(0) if self.tokens else ""
        if token == "(":
            inner = self._sum()
            if self.tokens[:1] == ["within"] and isinstance(inner, Group):
                self.tokens.pop(0)
                inner = replace(inner, within=self.tokens.pop(0) if self.tokens else "")
            self._expect(")")
            return inner
        if not token or token in "),+·":
            raise SettingError(f"an axis of {self.tensor!r} is incomplete before {token or 'the end of the line'!r}")
        if token.isdecimal():
            return Fixed(int(token))
        name, _, size = token.removesuffix("*").partition(":")
        if size and not size.isdecimal():
            raise SettingError(f"{token!r} in {self.tensor!r} has no whole number after the colon")
        return Group(name, int(size or 0), dual=token.endswith("*"))

    def _expect(self, token: str) -> None:
        if not self.tokens or self.tokens.pop(0) != token:
            raise SettingError(f"the axes of {self.tensor!r} lack a {token!r}")


def _sized(
    parsed: Mapping[str, list[tuple[Role | None, Axis]]],
    shapes: Mapping[str, tuple[int, ...]],
    known_units: Mapping[str, Group],
) -> dict[str, Group]:
    """Every group with its size, solved from the shapes of the tensors it sits on; of some it is known before."""
    groups: dict[str, Group] = {}
    for name, axes in parsed.items():
        for group in (g for _, axis in axes for g in groups_in(axis)):
            known = groups.setdefault(group.name, known_units.get(group.name, replace(group, dual=False)))
            if group.within != known.within or (group.size and known.size not in (0, group.size)):
                raise SettingError(f"group {group.name!r} is declared in two ways; {name!r} says {group}")
            groups[group.name] = replace(known, size=known.size or group.size)
    progress = True
    while progress:
        progress = False
        for name, number, axis in _places(parsed):
            for unknown in {g.name for g in groups_in(axis) if not groups[g.name].size}:
                size = _solved(axis, unknown, shapes[name][number], groups)
                if size:
                    groups[unknown] = replace(groups[unknown], size=size)
                    progress = True
    for group in groups.values():
        if not group.size:
            raise SettingError(f"the size of group {group.name!r} does not follow from the tensors: write it, as 'h:8'")
        if group.within is not None and group.within not in groups:
            raise SettingError(f"group {group.name!r} is within {group.within!r}, which is not declared")
    for name, number, axis in _places(parsed):
        size = _with_sizes(axis, groups).size
        if size != shapes[name][number]:
            raise SettingError(f"axis {number} of {name!r} has size {shapes[name][number]}; {axis} has size {size}")
    return groups


def _places(parsed: Mapping[str, list[tuple[Role | None, Axis]]]) -> Iterator[tuple[str, int, Axis]]:
    for name, axes in parsed.items():
        for number, (_, axis) in enumerate(axes):
            yield name, number, axis


def _solved(axis: Axis, unknown: str, size: int, groups: Mapping[str, Group]) -> int:
    """The size of one group that makes an axis fit; 0 if it does not follow."""
    for guess in range(1, size + 1):
        trial = {**groups, unknown: replace(groups[unknown], size=guess)}
        found = _with_sizes(axis, trial)
        if all(group.size for group in groups_in(found)) and found.size >= size:
            return guess if found.size == size else 0
    return 0


def _with_sizes(axis: Axis, groups: Mapping[str, Group]) -> Axis:
    match axis:
        case Group(name):
            return replace(groups[name], dual=axis.dual and has_dual(groups[name].kind))
        case Product(factors):
            return Product(tuple(_with_sizes(f, groups) for f in factors))
        case Sum(parts):
            return Sum(tuple(_with_sizes(p, groups) for p in parts))
        case Fixed():
            return axis
