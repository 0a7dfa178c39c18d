"""Terms of alignment objectives: what it means that one tensor of the moved network resembles that of the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lmc_core.alignment.moments import Moment, pooled
from lmc_core.alignment.positions import matrix, unmatrix
from lmc_core.alignment.problem import State, constants, learned
from lmc_core.networks.network import Network
from lmc_core.symmetry.axis import names_in
from lmc_core.symmetry.symmetry import Contraction, Symmetry


@dataclass(frozen=True, eq=False)
class Term:
    """<A, T(B, P)> of one layer's tensors, or <A Σ, T(B, P)> in the inner product of what the layer reads.

    targets    tensor name → A, or A Σ: the gradient with respect to the moved tensor
    owners     the groups whose steps this term judges: all it touches, or in layer-wise methods those it writes
    """

    targets: Mapping[str, Tensor]
    owners: frozenset[str]

    def value(self, moved: State) -> float:
        """At the tensors of B in some order."""
        return sum(inner(target, moved[name]) for name, target in self.targets.items())

    def scale(self, moved: State) -> float:
        """‖A‖ ‖B‖, the size against which rounding errors of the value are judged."""
        return sum(float(target.norm()) * float(moved[name].norm()) for name, target in self.targets.items())


def weight_terms(reference: Network, symmetry: Symmetry) -> tuple[Term, ...]:
    """Every parameter that touches a group, weights, biases and norms, both the sides that write and that read.

    Without what is held: it does not move.
    """
    touched = {
        name: names_in(*symmetry.axes[name]) for name in learned(reference, symmetry) if name not in symmetry.held
    }
    return tuple(Term({name: real(reference.state[name])}, owners) for name, owners in touched.items() if owners)


CONSTANTS = 100.0
"""How much more constants weigh than all that was learned: they are given, and a plan that parts them is wrong."""


def constant_terms(reference: Network, moved: Network, symmetry: Symmetry, terms: Sequence[Term]) -> tuple[Term, ...]:
    """Tensors that nobody learned, that are the same in both networks up to order, and that carry groups.

    terms   of what was learned, whose size sets theirs
    """
    size = sum(float(target.norm()) ** 2 for term in terms for target in term.targets.values()) or 1.0
    made = []
    for name in constants(reference, moved, symmetry):
        target, owners = real(reference.state[name]), names_in(*symmetry.axes[name])
        target = target - target.mean()
        made.append(Term({name: target * (CONSTANTS * size / (float(target.norm()) ** 2 or 1.0))}, owners))
    return tuple(made)


def entering_terms(
    reference: Network, symmetry: Symmetry, moments: Sequence[Moment | None] | None = None, bias: bool = False
) -> tuple[Term, ...]:
    """For every layer only the weights that enter it, judged by the groups they write.

    moments   one per contraction: the metric of that layer (None: the plain inner product)
    bias      include the bias as the weight of a constant input; needs moments

    A layer that reads the very units it writes, as recurrent ones do, weighs them all alike, by their mean power:
    their order is what is being sought, so the covariance between them says nothing about B's yet.
    A group that no contraction writes is judged by all tensors that write it.
    """
    uses: dict[tuple[str, int, int], list[int]] = {}
    for number, contraction in enumerate(symmetry.contractions):
        if contraction.weight in symmetry.axes:
            uses.setdefault((contraction.weight, contraction.write, contraction.read), []).append(number)
    terms = []
    for (weight, write, read), numbers in uses.items():
        axes, contraction = symmetry.axes[weight], symmetry.contractions[numbers[0]]
        owners = names_in(axes[write])
        if not owners:
            continue
        known = [moment for n in numbers if moments is not None and (moment := moments[n]) is not None]
        if not known:
            terms.append(Term({weight: real(reference.state[weight])}, owners))
            continue
        moment = pooled([m for m in known if m.second.shape == known[0].second.shape])
        if owners & names_in(axes[read]):
            moment = moment.isotropic()
        terms.append(Term(weighed(contraction, moment, reference.state, bias), owners))
    judged = {group for term in terms for group in term.owners}
    for name, axes in symmetry.axes.items():
        written = [axis for n, axis in enumerate(axes) if symmetry.roles.get((name, n)) in ("write", "both")]
        owners = names_in(*written) - judged
        if owners and name not in symmetry.unused:
            terms.append(Term({name: real(reference.state[name])}, owners))
    return tuple(terms)


def weighed(contraction: Contraction, moment: Moment, state: State, bias: bool) -> dict[str, Tensor]:
    """W ↦ W Σ, which makes <W Σ, V> = E[(W φ)·(V φ)], the agreement of pre-activations.

    With `bias` also b, as the weight of a constant input: (W Σ + b m̄ᵀ, W m̄ + b) gives E[(W φ + b)·(V φ + c)].
    """
    weight = real(state[contraction.weight])
    rows = matrix(weight, contraction)
    weighed = moment.weigh(rows)
    if not bias or contraction.bias is None:
        return {contraction.weight: unmatrix(weighed, weight, contraction)}
    b, mean = real(state[contraction.bias]), moment.mean.to(weight.dtype)
    weighed = weighed + torch.outer(b, mean)
    return {contraction.weight: unmatrix(weighed, weight, contraction), contraction.bias: rows @ mean + b}


def real(tensor: Tensor) -> Tensor:
    """In a type that matrix products are accurate in."""
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def inner(x: Tensor, y: Tensor, chunk: int = 1 << 20) -> float:
    """Σ x·y in float64, in pieces, so that steps can be compared below the precision of the tensors."""
    x, y = x.reshape(-1), y.reshape(-1)
    if x.dtype == torch.float64:
        return float(torch.dot(x, y))
    if len(x) <= chunk:
        return float(torch.dot(x.double(), y.double()))
    pieces = zip(x.split(chunk), y.split(chunk), strict=True)
    return sum(float(torch.dot(a.double(), b.double())) for a, b in pieces)
