"""A contraction of a value with weights of the state, whatever operation it is written as."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor
from torch.fx import Node

from lmc_core.graph.operation import arguments, operator_name
from lmc_core.symmetry.canonical.flow import constant, shape


@dataclass(frozen=True)
class Contraction:
    """y = x · W + b, where x depends on the data.

    node          of the operation
    value         argument that is x; contracted are its axes `reads`
    weight        argument that is W; contracted are its axes `read`, in the same order
    bias          argument that is b; None where the operation has none
    write, out    the axis of W, and that of y, along which units are made; None where there are several or none
    groups        of a convolution
    pure          whether adding a constant to x adds a constant to y: no zeros are padded
    stacked       whether the argument is W once for every row of a batch
    """

    node: Node
    value: str
    weight: str
    bias: str | None
    reads: tuple[int, ...]
    read: tuple[int, ...]
    write: int | None
    out: int | None
    groups: int = 1
    pure: bool = True
    stacked: bool = False

    def spread(self, labels: Tensor, weight: tuple[int, ...]) -> Tensor | None:
        """Labels of x as labels of W: which of them each weight multiplies; None where that is not one for all."""
        others = tuple(k for k in range(labels.ndim) if k not in self.reads)
        if not constant(labels, others):
            return None
        row = labels[tuple(slice(None) if k in self.reads else 0 for k in range(labels.ndim))]
        order = sorted(range(len(self.reads)), key=lambda k: self.reads[k])  # of `row`
        place = [order.index(k) for k in sorted(range(len(self.read)), key=lambda k: self.read[k])]
        row = row.permute(place)
        if self.groups > 1:
            inside = row.view(self.groups, -1).repeat_interleave(weight[0] // self.groups, 0)
            return inside.view(*inside.shape, *[1] * (len(weight) - 2)).expand(weight)
        return row.reshape([n if k in self.read else 1 for k, n in enumerate(weight)]).expand(weight)

    def summed(self, products: Tensor) -> Tensor:
        """Products of weights with what they multiply, summed for every unit that is made."""
        return products.sum(tuple(k for k in range(products.ndim) if k != self.write))


def contraction(node: Node) -> Contraction | None:
    """How an operation contracts a value with weights, if it is one that can be rewritten."""
    if node.op != "call_function":
        return None
    name, given = operator_name(node), arguments(node)
    rank = len(shape(node)) if isinstance(node.meta.get("val"), Tensor) else 0
    if name == "linear":
        bias = "bias" if given.get("bias") is not None else None
        return Contraction(node, "input", "weight", bias, (len(shape(given["input"])) - 1,), (1,), 0, rank - 1)
    if name == "addmm" and given.get("beta", 1) == 1 and given.get("alpha", 1) == 1:
        return Contraction(node, "mat1", "mat2", "self", (1,), (0,), 1, 1)
    if name in ("mm", "matmul"):
        weight = "mat2" if name == "mm" else "other"
        if len(shape(given[weight])) == 2 and len(shape(given["self"])) > 1:
            return Contraction(node, "self", weight, None, (len(shape(given["self"])) - 1,), (0,), 1, rank - 1)
    if name == "bmm":
        return Contraction(node, "self", "mat2", None, (2,), (0,), 1, 2, stacked=True)
    if name in ("conv1d", "conv2d", "conv3d") or (name == "convolution" and not given["transposed"]):
        channel = rank - len(shape(given["weight"])) + 1
        padding = given.get("padding", 0)
        pure = padding == "valid" or (not isinstance(padding, str) and not any(_listed(padding)))
        bias = "bias" if given.get("bias") is not None else None
        groups = int(given.get("groups", 1))
        return Contraction(node, "input", "weight", bias, (channel,), (1,), 0, channel, groups, pure)
    if name == "einsum":
        return _einsum(node, given["equation"].replace(" ", ""), given["tensors"])
    return None


def _listed(value: int | list[int]) -> list[int]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _einsum(node: Node, equation: str, operands: list[Node]) -> Contraction | None:
    """A product of two, the second of which has no axis beside those of the state."""
    inputs, arrow, output = equation.partition("->")
    if not arrow or "." in equation or len(operands) != 2:
        return None
    letters = inputs.split(",")
    for x, w in ((0, 1), (1, 0)):
        gone = [c for c in letters[x] if c in letters[w] and c not in output]
        made = [c for c in letters[w] if c not in gone]
        if gone and not set(made) & set(letters[x]) and len(set(letters[w])) == len(letters[w]):
            if "placeholder" not in {n.op for n in _origin(operands[w])}:
                continue
            reads = tuple(letters[x].index(c) for c in gone)
            read = tuple(letters[w].index(c) for c in gone)
            one = made[0] if len(made) == 1 else None
            write, out = (letters[w].index(one), output.index(one)) if one and one in output else (None, None)
            return Contraction(node, f"tensors.{x}", f"tensors.{w}", None, reads, read, write, out)
    return None


def _origin(node: Node) -> list[Node]:
    """A node and what it is made from, while that is one."""
    chain = [node]
    while len(chain[-1].all_input_nodes) == 1:
        chain.append(chain[-1].all_input_nodes[0])
    return chain


def positions(node: Node, axis: int) -> Tensor:
    """Labels of a value: the position along one axis."""
    size = shape(node)
    one = torch.arange(size[axis]).view([-1 if k == axis else 1 for k in range(len(size))])
    return one.expand(size)


def across(ids: Tensor, node: Node) -> Tensor:
    """Labels of a value that a vector of the state is broadcast to: the position in the vector."""
    return torch.arange(prod(ids.shape)).view(ids.shape).expand(shape(node))
