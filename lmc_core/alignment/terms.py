"""Terms of alignment objectives: what it means that one tensor of the moved network resembles that of the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lmc_core.alignment.features import matrix, unmatrix
from lmc_core.alignment.moments import Moment
from lmc_core.networks.network import Network
from lmc_core.symmetry.axis import Axis, groups_in
from lmc_core.symmetry.symmetry import Contraction, Symmetry

State = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Metric:
    """The inner product <W, V>_Σ = tr(W Σ Vᵀ) of the weights of one layer: E[(W φ)·(V φ)] over what the layer reads.

    With `bias` the bias is the weight of a constant input: E[(W φ + b)·(V φ + c)].
    """

    contraction: Contraction
    moment: Moment
    bias: bool = False

    def weigh(self, state: State) -> dict[str, Tensor]:
        """W ↦ W Σ, tensor by tensor: with `bias` (W Σ + b m̄ᵀ, W m̄ + b)."""
        weight = state[self.contraction.weight]
        rows = matrix(weight, self.contraction)
        weighed = self.moment.weigh(rows)
        if not self.bias or self.contraction.bias is None:
            return {self.contraction.weight: unmatrix(weighed, weight, self.contraction)}
        b, mean = state[self.contraction.bias], self.moment.mean.to(weight.dtype)
        weighed = weighed + torch.outer(b, mean)
        return {
            self.contraction.weight: unmatrix(weighed, weight, self.contraction),
            self.contraction.bias: rows @ mean + b,
        }


@dataclass(frozen=True, eq=False)
class Term:
    """<A, B'>, or with a metric −½ ‖A − B'‖²_Σ up to a constant, where B' is the moved tensor in its current order.

    targets    tensor name → A, or A Σ: the gradient of the term at every axis it does not read through Σ
    owners     the groups whose steps this term judges: all it touches, or in layer-wise methods those it writes
    metric     None for the plain inner product
    """

    targets: Mapping[str, Tensor]
    owners: frozenset[str]
    metric: Metric | None = None

    def value(self, moved: State, still: State) -> float:
        """<A, B'>_Σ − ½ (‖B'‖²_Σ − ‖B‖²_Σ): without metric, the second part is always zero.

        moved, still   the tensors of B in their current and in their first order
        """
        found = sum(inner(target, moved[name]) for name, target in self.targets.items())
        if self.metric is None:
            return found
        return found - 0.5 * (self._power(moved) - self._power(still))

    def gradient(self, tensor: str, axis: int, moved: State) -> Tensor:
        """∂/∂B' as it counts for the units on one axis.

        ‖B'‖²_Σ is the same for every order of the units that a layer writes and of its bias, so that part matters
        only where a group sits on an axis read through Σ, as hidden states do in a recurrent matrix.
        """
        target = self.targets[tensor]
        if self.metric is None or tensor != self.metric.contraction.weight or axis == self.metric.contraction.write:
            return target
        return target - self.metric.weigh(moved)[tensor]

    def scale(self, still: State) -> float:
        """‖A‖ ‖B‖, the size against which rounding errors of the value are judged."""
        return sum(float(target.norm()) * float(still[name].norm()) for name, target in self.targets.items())

    def _power(self, state: State) -> float:
        assert self.metric is not None
        return sum(inner(weighed, state[name]) for name, weighed in self.metric.weigh(state).items())


def weight_terms(reference: Network, symmetry: Symmetry) -> tuple[Term, ...]:
    """Every parameter that touches a group, weights, biases and norms, both the sides that write and that read.

    Running statistics are left out, as in the paper: a variance of a thousand would outvote all weights.
    """
    parameters = {name for name, _ in reference.module.named_parameters(remove_duplicate=False)}
    names = [name for name in symmetry.axes if name not in symmetry.unused and _touches(symmetry.axes[name])]
    chosen = [name for name in names if name in parameters] or names
    return tuple(Term({n: _real(reference.state[n])}, _touches(symmetry.axes[n])) for n in chosen)


def entering_terms(
    reference: Network, symmetry: Symmetry, moments: Sequence[Moment | None] | None = None, bias: bool = False
) -> tuple[Term, ...]:
    """For every layer only the weights that enter it, judged by the groups they write.

    moments   one per contraction: the metric of that layer (None: the plain inner product)
    bias      include the bias as the weight of a constant input; needs moments

    A group that no contraction writes is judged by all tensors that write it.
    """
    found: dict[tuple[str, int, int], list[tuple[Contraction, Moment | None]]] = {}
    for number, contraction in enumerate(symmetry.contractions):
        if symmetry.axes.get(contraction.weight) and _touches(
            symmetry.axes[contraction.weight][contraction.write : contraction.write + 1]
        ):
            key = (contraction.weight, contraction.write, contraction.read)
            found.setdefault(key, []).append((contraction, moments[number] if moments else None))
    terms = []
    for (weight, write, _), uses in found.items():
        owners = _touches(symmetry.axes[weight][write : write + 1])
        contraction, moment = uses[0][0], _pooled([moment for _, moment in uses])
        state = {n: _real(reference.state[n]) for n in (weight, contraction.bias) if n is not None}
        if moment is None:
            terms.append(Term({weight: state[weight]}, owners))
        else:
            metric = Metric(contraction, moment, bias)
            terms.append(Term(metric.weigh(state), owners, metric))
    judged = {group for term in terms for group in term.owners}
    for name, axes in symmetry.axes.items():
        written = [axis for n, axis in enumerate(axes) if symmetry.roles.get((name, n)) in ("write", "both")]
        owners = _touches(written) - judged
        if owners and name not in symmetry.unused:
            terms.append(Term({name: _real(reference.state[name])}, owners))
    return tuple(terms)


def _pooled(moments: Sequence[Moment | None]) -> Moment | None:
    """The moments of one weight that is used several times: the mean over all vectors it reads."""
    known = [m for m in moments if m is not None and m.count]
    if not known:
        return None
    count = sum(m.count for m in known)
    second = sum((m.second * (m.count / count) for m in known[1:]), start=known[0].second * (known[0].count / count))
    mean = sum((m.mean * (m.count / count) for m in known[1:]), start=known[0].mean * (known[0].count / count))
    return Moment(second, mean, count)


def _touches(axes: Sequence[Axis]) -> frozenset[str]:
    return frozenset(group.name for axis in axes for group in groups_in(axis))


def _real(tensor: Tensor) -> Tensor:
    """In a type that matrix products are accurate in."""
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def inner(x: Tensor, y: Tensor, chunk: int = 1 << 20) -> float:
    """Σ x·y in float64, in pieces, so that steps can be compared below the precision of the tensors."""
    x, y = x.reshape(-1), y.reshape(-1)
    if x.dtype == torch.float64:
        return float(torch.dot(x, y))
    pieces = zip(x.split(chunk), y.split(chunk), strict=True)
    return sum(float(torch.dot(a.double(), b.double())) for a, b in pieces)
