"""Second moments of activations, streamed over the data: what covariance-weighted and activation matching compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmc_core.alignment.blocks import BlockCost, blocks
from lmc_core.alignment.coupling import Perms
from lmc_core.alignment.meetings import Leaf
from lmc_core.alignment.positions import KINDS, choose, matrix, positions, vector_dims
from lmc_core.alignment.responses import Key, activations, batch_size, readings, watched
from lmc_core.networks.network import Network
from lmc_core.report import Report, silent
from lmc_core.symmetry.axis import Group, names_in
from lmc_core.symmetry.symmetry import Contraction, Symmetry

DENSE = 8192  # largest vector whose full second moment is kept (half a gigabyte); above it only the diagonal is
POSITIONS = 200_000  # vectors drawn per layer: more only repeat themselves, since images have a thousand places each

Compare = Literal["covariance", "correlation", "second-moment", "distance"]


@dataclass(frozen=True, eq=False)
class Moment:
    """Of the vectors φ that one weight reads, in the order of `positions.matrix`.

    second     (d, d) E[φ φᵀ], uncentred; (d,) its diagonal for embeddings and beyond 8192 features; float64
    mean       (d,) E[φ]
    count      how many vectors there were (a sample of them may have been used)
    """

    second: Tensor
    mean: Tensor
    count: int

    @property
    def diagonal(self) -> bool:
        """Whether only the variances of the units are known, not what they share."""
        return self.second.ndim == 1

    def weigh(self, rows: Tensor) -> Tensor:
        """rows · E[φ φᵀ], (units, d), in the type of `rows`."""
        second = self.second.to(rows.dtype)
        return rows * second if self.diagonal else rows @ second

    def isotropic(self) -> Moment:
        """White vectors of the same mean power and no mean: the same in every order of the features."""
        power = self.second if self.diagonal else self.second.diagonal()
        return Moment(torch.full_like(power, float(power.mean())), torch.zeros_like(self.mean), self.count)


@dataclass(frozen=True, eq=False)
class CrossMoment:
    """Of the units of one group in two networks at one activation: x (m,) of the reference, y (n,) of the moved.

    second     (m, n) E[x yᵀ]
    mean, mean_moved, power, power_moved    E[x], E[y], E[x²], E[y²]
    count      samples: examples × every other axis of the activation
    """

    second: Tensor
    mean: Tensor
    mean_moved: Tensor
    power: Tensor
    power_moved: Tensor
    count: int

    @property
    def covariance(self) -> Tensor:
        """(m, n) E[x yᵀ] − E[x] E[y]ᵀ."""
        return self.second - torch.outer(self.mean, self.mean_moved)

    @property
    def correlation(self) -> Tensor:
        """(m, n) covariance / (σ_x σ_y + 1e-4) (Jordan 2022): 0, not NaN, for units that never change."""
        spread = (self.power - self.mean**2).clamp(min=0).sqrt()
        spread_moved = (self.power_moved - self.mean_moved**2).clamp(min=0).sqrt()
        return self.covariance / (torch.outer(spread, spread_moved) + 1e-4)

    @property
    def distance(self) -> Tensor:
        """(m, n) E[(x − y)²]."""
        return (self.power[:, None] + self.power_moved - 2 * self.second).clamp(min=0)

    def compare(self, how: Compare) -> Tensor:
        """(m, n) a similarity, which an assignment maximises, or the distance."""
        match how:
            case "covariance":
                return self.covariance
            case "correlation":
                return self.correlation
            case "second-moment":
                return self.second
            case "distance":
                return self.distance


def pooled(moments: Sequence[Moment]) -> Moment:
    """The moment over all vectors of several, as when one weight is used several times."""
    count = max(1, sum(m.count for m in moments))
    shares = [m.count / count for m in moments]
    second = torch.stack([share * m.second for share, m in zip(shares, moments, strict=True)]).sum(0)
    mean = torch.stack([share * m.mean for share, m in zip(shares, moments, strict=True)]).sum(0)
    return Moment(second, mean, count)


def input_moments(
    network: Network,
    symmetry: Symmetry,
    x: NDArray[np.generic],
    *,
    batch: int | None = None,
    limit: int = POSITIONS,
    seed: int = 0,
    report: Report = silent,
) -> tuple[Moment | None, ...]:
    """Uncentred second moments E[φ φᵀ] of what every weight reads, one per entry of `symmetry.contractions`.

    d of a Moment: in (linear, recurrent-input), h (recurrent-hidden: the states one step earlier, zero at first),
    in / groups · taps (conv, groups pooled), in · taps (conv-transpose), vocabulary (embedding: token frequencies).

    x        raw data (examples, …); each is prepared (reshaped, normalised) by the network
    limit    at most this many vectors per contraction are drawn, at random

    None stands where the weight meets its input in a way that this does not know (a transposed grouped convolution).
    """
    batch = batch or batch_size(network, len(x))
    limit_per_batch = max(1, limit // max(1, len(x) // batch))
    keys = [_reading(contraction, network.state[contraction.weight]) for contraction in symmetry.contractions]
    sums: dict[str, _Sum] = {}
    for key, contraction in zip(keys, symmetry.contractions, strict=True):
        if key is not None and key not in sums:
            sums[key] = _Sum(contraction, network.state[contraction.weight])
    watch = sorted({s.contraction.input for s in sums.values()})
    rng = np.random.default_rng(seed)
    for done, values in enumerate(activations(network, x, watch, batch)):
        report("measuring what the layers read", done * batch, len(x))
        for total in sums.values():
            total.add(values[total.contraction.input], limit_per_batch, rng)
    finished = {key: total.moment() for key, total in sums.items()}
    return tuple(None if key is None else finished[key] for key in keys)


def _reading(contraction: Contraction, weight: Tensor) -> str | None:
    """What makes two contractions read the same vectors, as q, k and v do; None for what we cannot unfold."""
    groups = contraction.options.get("groups", 1)
    if contraction.kind not in KINDS or (contraction.kind == "conv-transpose" and groups != 1):
        return None
    shape = tuple(weight.shape[2:]) if contraction.kind.startswith("conv") else ()
    kind = "linear" if contraction.kind in ("matmul", "recurrent-input") else contraction.kind
    return f"{contraction.input} {kind} {shape} {sorted(contraction.options.items(), key=lambda kv: kv[0])}"


class _Sum:
    """Running sums of φ φᵀ and φ in float64."""

    def __init__(self, contraction: Contraction, weight: Tensor) -> None:
        self.contraction, self.weight = contraction, weight
        d = weight.shape[contraction.read] if contraction.kind == "embedding" else matrix(weight, contraction).shape[1]
        self.diagonal = contraction.kind == "embedding" or d > DENSE
        self.second = torch.zeros((d,) if self.diagonal else (d, d), dtype=torch.float64, device=weight.device)
        self.first = torch.zeros(d, dtype=torch.float64, device=weight.device)
        self.count = 0

    def add(self, value: Tensor, limit: int, rng: np.random.Generator) -> None:
        if self.contraction.kind == "embedding":
            tokens = torch.bincount(value.flatten(), minlength=len(self.first)).double()
            self.second += tokens
            self.first += tokens
            self.count += value.numel()
            return
        places = positions(value, self.contraction, self.weight)
        dims = vector_dims(self.contraction, self.weight)
        rows = choose(places, dims, limit, rng)
        total = places.shape[: places.ndim - dims].numel()
        share = total / max(1, len(rows))
        self.second.add_((rows * rows).sum(0) if self.diagonal else rows.T @ rows, alpha=share)
        self.first.add_(rows.sum(0), alpha=share)
        self.count += total
        if self.contraction.kind == "recurrent-hidden":  # the zero state before the first step
            self.count += value.numel() // value.shape[-1] - total

    def moment(self) -> Moment:
        n = max(1, self.count)
        return Moment(self.second.div_(n), self.first.div_(n), self.count)


def cross_moments(
    reference: Network,
    moved: Network,
    symmetry: Symmetry,
    x: NDArray[np.generic],
    *,
    known: Perms | None = None,
    batch: int | None = None,
    report: Report = silent,
) -> dict[str, tuple[CrossMoment, ...]]:
    """Joint moments of the units of both networks on the same data, per group, one for each activation compared.

    The activations are those that later weights read (`symmetry.reads`); units of a nested group are flattened,
    outer · inner, and an activation that carries a nested group is listed under that group only. Every other axis is
    samples; but where it carries another group, whose units do not correspond yet, its mean is taken instead.

    known    permutations by which other free groups are put in order, so that their units count as samples too
    """
    sums: dict[Key, _CrossSum] = {}
    for key, mine, theirs in _compared(reference, moved, symmetry, x, known or {}, batch, report):
        sums.setdefault(key, _CrossSum(mine.shape[1], mine.device)).add(mine, theirs)
    found: dict[str, tuple[CrossMoment, ...]] = dict.fromkeys(symmetry.groups, ())
    for (group, *_), total in sums.items():
        found[group] += (total.moment(),)
    return found


def partner_correlations(
    reference: Network,
    moved: Network,
    symmetry: Symmetry,
    x: NDArray[np.generic],
    perms: Mapping[str, Perms],
    *,
    report: Report = silent,
) -> dict[str, dict[str, float]]:
    """Mean correlation of partners' activations, where each group is read last: group → name of `perms` → value.

    The diagonal of `CrossMoment.correlation` in each order, without the pairs that are no partners.

    perms   name → group → which unit of `moved` each of `reference` meets; groups that are left out are not compared
    """
    sums: dict[Key, dict[str, _PairSum]] = {}
    for key, mine, theirs in _compared(reference, moved, symmetry, x, {}, None, report):
        orders = {name: torch.as_tensor(one[key[0]]) for name, one in perms.items() if key[0] in one}
        if key not in sums:
            sums[key] = {name: _PairSum(mine.shape[1], mine.device) for name in orders}
        for name, order in orders.items():
            sums[key][name].add(mine, theirs[:, order.to(theirs.device)])
    return {key[0]: {name: total.correlation() for name, total in of.items()} for key, of in sums.items()}


class _Compared(NamedTuple):
    """Samples (samples, units) of both networks of one batch at one place where later weights read a group."""

    key: Key
    mine: Tensor
    theirs: Tensor


def _compared(
    reference: Network,
    moved: Network,
    symmetry: Symmetry,
    x: NDArray[np.generic],
    known: Perms,
    batch: int | None,
    report: Report,
) -> Iterator[_Compared]:
    batch = batch or batch_size(reference, len(x))
    watch = watched(symmetry, symmetry.groups)
    nets = reference, reference.with_state(moved.state)  # one graph, so that values have the same names
    pairs = zip(*(activations(net, x, watch, batch) for net in nets), strict=True)
    for done, (a, b) in enumerate(pairs):
        report("comparing activations", done * batch, len(x))
        for value in watch:
            for key, (left, right), leaves, keep in readings([a[value], b[value]], value, symmetry, symmetry.groups):
                mine = _samples(left, leaves, keep, known, moved=False)
                yield _Compared(key, mine, _samples(right, leaves, keep, known, moved=True))


def entangled(symmetry: Symmetry) -> bool:
    """Whether a compared activation carries two free groups, so that each is seen better once the other is known."""
    return any(
        sum(symmetry.groups[name].within is None for name in names_in(*symmetry.values[value])) > 1
        for value in watched(symmetry, symmetry.groups)
    )


def _samples(x: Tensor, leaves: Sequence[Leaf], keep: Sequence[int], known: Perms, moved: bool) -> Tensor:
    """(samples, units): the kept dimensions flattened last; of the others, groups averaged or put in order."""
    own = {leaves[k].part for k in keep}
    for dim, leaf in enumerate(leaves):
        if dim in keep or not isinstance(leaf.part, Group):
            continue
        if leaf.part not in own and leaf.part.within is None and leaf.part.name in known:
            order = torch.as_tensor(known[leaf.part.name], device=x.device)
            x = x.index_select(dim, order) if moved else x
        else:
            x = x.mean(dim, keepdim=True)
    rest = [dim for dim in range(x.ndim) if dim not in keep]
    return x.permute(*rest, *keep).flatten(len(rest)).flatten(0, -2) if rest else x.flatten()[None]


class _CrossSum:
    """Running sums of x yᵀ, x, y, x², y² in float64."""

    def __init__(self, units: int, device: torch.device) -> None:
        self.xy = torch.zeros(units, units, dtype=torch.float64, device=device)
        self.sums = torch.zeros(4, units, dtype=torch.float64, device=device)
        self.count = 0

    def add(self, x: Tensor, y: Tensor) -> None:
        self.xy += (x.T @ y).double()
        self.sums += torch.stack([x.sum(0), y.sum(0), (x * x).sum(0), (y * y).sum(0)]).double()
        self.count += len(x)

    def moment(self) -> CrossMoment:
        n = max(1, self.count)
        x, y, xx, yy = self.sums / n
        return CrossMoment(self.xy / n, x, y, xx, yy, self.count)


class _PairSum:
    """Running sums of x, y, x², y², x y in float64, unit by unit."""

    def __init__(self, units: int, device: torch.device) -> None:
        self.sums = torch.zeros(5, units, dtype=torch.float64, device=device)
        self.count = 0

    def add(self, x: Tensor, y: Tensor) -> None:
        products = ((x * x).sum(0), (y * y).sum(0), (x * y).sum(0))
        self.sums += torch.stack([x.sum(0), y.sum(0), *products])
        self.count += len(x)

    def correlation(self) -> float:
        """The mean over units of covariance / (σ_x σ_y + 1e-4), as `CrossMoment.correlation` has it."""
        x, y, xx, yy, xy = self.sums / max(1, self.count)
        spreads = (xx - x**2).clamp(min=0).sqrt() * (yy - y**2).clamp(min=0).sqrt()
        return float(((xy - x * y) / (spreads + 1e-4)).mean())


def cross_costs(
    symmetry: Symmetry, moments: Mapping[str, tuple[CrossMoment, ...]], how: Compare
) -> dict[str, BlockCost]:
    """What pairs of units are worth by Σ <P, moment>, for every block that has an activation; several are summed."""
    costs = {}
    for block in blocks(symmetry):
        if not any(moments.get(name) for name in block.names):
            continue
        total = {name: np.zeros(shape) for name, shape in block.shapes().items()}
        for name, cost in total.items():
            for moment in moments.get(name, ()):
                cost += moment.compare(how).cpu().numpy().reshape(cost.shape)
        costs[block.name] = BlockCost.of(block, total)
    return costs
