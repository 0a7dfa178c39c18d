"""The weights that make each unit of a group, and how the data sees them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmc_core.errors import InputError
from lmc_core.symmetry.axis import Axis, Fixed, Group, Product, Sum, groups_in, joint
from lmc_core.symmetry.symmetry import Contraction, Symmetry

if TYPE_CHECKING:
    from lmc_core.networks.network import Network

Rows = NDArray[Any]
"""Of floating-point numbers, one row per unit."""

_JITTERS = (0.0, 1e-13, 1e-11, 1e-9)
EXACT = 2**19
"""Units with more weights than that are measured in float32: half the memory, and half the time of every product."""


def unit_weights(
    network: Network,
    symmetry: Symmetry,
    group: str,
    moments: Sequence[Any] | None = None,
    *,
    centred: bool = False,
) -> Rows:
    """Incoming weights of each unit, over every contraction that writes the group.

    All gates of a recurrent cell, all taps of a convolution, all writers of a residual stream, side by side. A group
    nested within N outer units has its N·n units in the order outer·inner.

    moments    one per entry of `symmetry.contractions` (`alignment/moments.py`): each block W becomes W L with
               L Lᵀ = Σ, the second moment of what the block reads, so that the distance of two rows is the root
               mean squared difference of what they compute. Any root serves: no distance depends on its rotation
               A block whose input was not measured (None) stays W: ask `weighed` before calling it the data's metric
    centred    Σ without the mean (the covariance) instead

    Returns (units, features), float64, or float32 where they are more than `EXACT` numbers. Raises InputError for an
    unknown group or one that no weight writes.
    """
    return units_of((network,), symmetry, group, moments, centred=centred)[0]


def units_of(
    networks: Sequence[Network],
    symmetry: Symmetry,
    group: str,
    moments: Sequence[Any] | None = None,
    *,
    centred: bool = False,
    symmetric: bool = False,
) -> list[Rows]:
    """`unit_weights` of several networks in one metric, its roots taken once.

    symmetric   the root of Σ that keeps every feature what it is: column k of W Σ^½ still belongs to input k
    """
    if group not in symmetry.groups:
        raise InputError(f"there is no group {group!r}; the groups are {', '.join(symmetry.groups)}")
    blocks: list[list[Rows]] = [[] for _ in networks]
    dtype = _type(symmetry, group)

    def add(name: str, number: int, metric: Callable[[Rows], Rows]) -> None:
        dims, axis = joint(symmetry.axes[name], number)
        places = positions(axis, symmetry.groups, group)
        for network, own in zip(networks, blocks, strict=True):
            weight = array(network.state[name], dtype)
            if len(dims) > 1:
                weight = np.moveaxis(weight, dims, range(len(dims)))
                weight = weight.reshape(axis.size, *weight.shape[len(dims) :])
                number = 0
            own.append(metric(_placed(weight, number, places)).reshape(len(places), -1))

    for contraction, moment in zip(symmetry.contractions, moments or [None] * len(symmetry.contractions), strict=True):
        if _writes(symmetry, contraction, group):
            add(contraction.weight, contraction.write, _metric(contraction, moment, centred, symmetric, dtype))
    if not blocks[0]:  # a group made by bare parameters: nothing is contracted, so there is no input to weigh by
        for name, number in symmetry.slots(group):
            if symmetry.roles.get((name, number)) in ("write", "both"):
                add(name, number, lambda rows: rows)
    if not blocks[0]:
        raise InputError(f"no tensor writes the units of group {group!r}")
    return [own[0] if len(own) == 1 else np.concatenate(own, axis=1) for own in blocks]


def functions_of(networks: Sequence[Network], symmetry: Symmetry, group: str, moments: Sequence[Any]) -> list[Rows]:
    """Units as functions of the data: the squared distance of two rows is E (z_i − z_j)², z the pre-activations.

    z = w·φ + b with C the covariance and m the mean of what is read, so the rows are [W C^½, W m + b].

    moments    one per entry of `symmetry.contractions`, for a group that is `weighed` by them

    Returns one (units, features) per network. Raises InputError as `unit_weights` does.
    """
    spread = units_of(networks, symmetry, group, moments, centred=True)
    means = (mean_outputs(network, symmetry, group, moments, biased=True) for network in networks)
    return [np.concatenate([rows, own], axis=1) for rows, own in zip(spread, means, strict=True)]


def mean_outputs(
    network: Network, symmetry: Symmetry, group: str, moments: Sequence[Any], *, biased: bool = False
) -> Rows:
    """W m of each unit, over every contraction that writes the group, m the mean of what it reads: (units, writers).

    biased   W m + b instead
    """
    means: list[Rows] = []
    for contraction, moment in zip(symmetry.contractions, moments, strict=True):
        if not _writes(symmetry, contraction, group):
            continue
        places = positions(symmetry.axes[contraction.weight][contraction.write], symmetry.groups, group)
        weight = array(network.state[contraction.weight], _type(symmetry, group))
        mean = _placed(weight, contraction.write, places) @ array(moment.mean)
        if biased and contraction.bias is not None:
            at = positions(symmetry.axes[contraction.bias][0], symmetry.groups, group)
            mean = mean + array(network.state[contraction.bias])[at]
        means.append(mean)
    return np.concatenate(means, axis=1)


def reads_groups(symmetry: Symmetry, group: str) -> bool:
    """Whether what the units read can itself be re-ordered (false for a first layer)."""
    written = [(c.weight, c.write) for c in _writers(symmetry, group)] or symmetry.slots(group)
    return any(
        number != own and symmetry.roles.get((name, number)) in ("read", "both") and any(groups_in(axis))
        for name, own in written
        for number, axis in enumerate(symmetry.axes[name])
    )


def weighed(symmetry: Symmetry, group: str, moments: Sequence[Any] | None) -> bool:
    """Whether the inputs of every weight that writes the group were measured, so that the metric of the data exists."""
    if moments is None:
        return False
    known = [moment for c, moment in zip(symmetry.contractions, moments, strict=True) if _writes(symmetry, c, group)]
    return bool(known) and all(moment is not None for moment in known)


def positions(axis: Axis, groups: Mapping[str, Group], group: str) -> NDArray[np.int64]:
    """Where each unit of `group` sits on an axis: (units, times each unit appears)."""
    labels = _labels(axis, groups, group)
    found = np.flatnonzero(labels >= 0)
    order = found[np.argsort(labels[found], kind="stable")]
    return order.reshape(len(np.unique(labels[found])), -1)


def array(x: Any, dtype: Any = np.float64) -> Rows:
    """A tensor on any device, or an array, as float64, or of another type."""
    if hasattr(x, "detach"):
        x = x.detach().cpu().numpy()
    return np.asarray(x, dtype=dtype)


def root(second: NDArray[np.float64]) -> NDArray[np.float64]:
    """A matrix L (d, d) with L Lᵀ = second; Cholesky where it is definite enough, else by eigenvalues."""
    scale = float(np.trace(second)) / max(len(second), 1)
    diagonal = np.diagonal(second)
    for jitter in _JITTERS:
        raised = second.copy()
        np.fill_diagonal(raised, diagonal + jitter * scale)
        try:
            return np.asarray(np.linalg.cholesky(raised))
        except np.linalg.LinAlgError:
            continue
    values, vectors = np.linalg.eigh(second)
    return np.asarray(vectors * np.sqrt(values.clip(min=0)))


def middle_root(second: NDArray[np.float64]) -> NDArray[np.float64]:
    """The symmetric root Σ^½ (d, d)."""
    values, vectors = np.linalg.eigh(second)
    return np.asarray((vectors * np.sqrt(values.clip(min=0))) @ vectors.T)


def read_features(symmetry: Symmetry, group: str) -> int:
    """How many features the widest of the weights reads that write the group."""
    sizes = [
        math.prod(axis.size for k, axis in enumerate(symmetry.axes[c.weight]) if k != c.write)
        for c in _writers(symmetry, group)
    ]
    return max(sizes, default=0)


def _writes(symmetry: Symmetry, contraction: Contraction, group: str) -> bool:
    return _mentions(symmetry.axes[contraction.weight][contraction.write], group)


def _writers(symmetry: Symmetry, group: str) -> list[Contraction]:
    return [contraction for contraction in symmetry.contractions if _writes(symmetry, contraction, group)]


def _mentions(axis: Axis, group: str) -> bool:
    return any(g.name == group for g in groups_in(axis))


def _type(symmetry: Symmetry, group: str) -> type[np.floating]:
    """Of the rows of a group: float64 up to `EXACT` weights."""
    written = [(c.weight, c.write) for c in _writers(symmetry, group)] or symmetry.slots(group)
    total = sum(math.prod(axis.size for axis in symmetry.axes[name]) for name in {name for name, _ in written})
    return np.float64 if total <= EXACT else np.float32


def _placed(weight: Rows, write: int, places: NDArray[np.int64]) -> Rows:
    """(units, times, features): what the positions `places` (units, times) of the written axis hold."""
    moved = np.moveaxis(weight, write, 0)
    rows = moved.reshape(moved.shape[0], -1)
    if places.shape == (len(rows), 1) and (places[:, 0] == np.arange(len(rows))).all():
        return rows[:, None]  # every unit once, in order: nothing is copied
    return rows[places]


def _metric(
    contraction: Contraction, moment: Any, centred: bool, symmetric: bool, dtype: type[np.floating]
) -> Callable[[Rows], Rows]:
    """Rows (…, d) ↦ rows L, with L Lᵀ the second moment of what they read."""
    if moment is None:
        return lambda rows: rows
    second = array(moment.second)
    if centred:
        mean = array(moment.mean)
        second = second - (mean**2 if second.ndim == 1 else np.outer(mean, mean))
    factor = np.sqrt(second.clip(min=0)) if second.ndim == 1 else (middle_root if symmetric else root)(second)
    factor = factor.astype(dtype, copy=False)

    def seen(rows: Rows) -> Rows:
        if rows.shape[-1] != len(factor):
            raise InputError(
                f"the moment of {contraction.weight!r} has {len(factor)} features; its weight reads {rows.shape[-1]}"
            )
        return rows * factor if factor.ndim == 1 else np.matmul(rows.reshape(-1, len(factor)), factor)

    return seen


def _labels(axis: Axis, groups: Mapping[str, Group], group: str) -> NDArray[np.int64]:
    """For every place on the axis the number of the unit that sits there, or −1: (axis.size,)."""
    match axis:
        case Group(name=name, size=size):
            return np.arange(size) if name == group else np.full(size, -1)
        case Fixed(size):
            return np.full(size, -1)
        case Sum(parts):
            return np.concatenate([_labels(part, groups, group) for part in parts])
        case Product(factors):
            own = _spread(factors, groups, group)
            outer = groups[group].within
            if outer is not None and any(_mentions(f, outer) for f in factors):
                around = _labels(axis, groups, outer)  # counted through all outer groups
                return np.where((own >= 0) & (around >= 0), around * groups[group].size + own, -1)
            return own


def _spread(factors: tuple[Axis, ...], groups: Mapping[str, Group], group: str) -> NDArray[np.int64]:
    """Labels of one group over the whole product: the label of whichever factor mentions it."""
    sizes = [factor.size for factor in factors]
    result = np.full(sizes, -1)
    for place, factor in enumerate(factors):
        if _mentions(factor, group):
            shape = [1] * len(sizes)
            shape[place] = sizes[place]
            result = np.maximum(result, _labels(factor, groups, group).reshape(shape))
    return result.reshape(-1)
